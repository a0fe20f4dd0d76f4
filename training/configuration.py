"""The configuration of a training run: a YAML file, read into validated dataclasses."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from fastgrasp_model.configuration import ModelConfig
from fastgrasp_model.paper.configuration import PaperConfig
from fastgrasp_model.weights import model_config
from fastgrasp_model.yaml_file import STRICT, ConfigurationError, nearest, read_yaml, renamed, validated

STAGES = ("autoencoder", "diffusion", "adaptation")  # of the paper
FURTHER = ("self_training", "refinement", "iterated_self_training")  # after those, where a configuration has them
SAMPLING = ("adaptation", *FURTHER)  # stages that learn from hands which the model samples
HAND_LOSSES = ("parameters", "mesh", "contact", "penetration", "consistency")
_ADAPTATION = (
    *HAND_LOSSES, "stability", "limits", "self_penetration", "step", "wrench", "seen_penetration", "implicit_shape",
    "evaluator", "graspability",
)  # fmt: skip
LOSSES = {
    "completion": ("front", "back", "slope", "shape", "inside"),
    "autoencoder": HAND_LOSSES,
    "diffusion": ("denoising", "grasp_point", *HAND_LOSSES),
    "adaptation": _ADAPTATION,
    "self_training": ("denoising",),
    "refinement": _ADAPTATION,
    "iterated_self_training": ("denoising",),
    "cvae": (*HAND_LOSSES, "divergence", "grasp_point"),
}
"""Section of a configuration -> the losses that its `weights` may name."""
_PAPER_ADAPTATION = (*HAND_LOSSES, "step")  # of the method "paper"

# Loss -> the width, a key of the model, that must not be 0 for it.
_NETWORK_OF = {
    "implicit_shape": "implicit_shape_width", "evaluator": "evaluator_width", "graspability": "evaluator_width",
}  # fmt: skip

RETIRED = {"form", "latents"}  # keys of stages in earlier versions
MOST_LAYERS = 8  # configurations below one another
Share = Annotated[float, Field(ge=0, le=1)]
Sources = Annotated[tuple[str, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


@dataclass(frozen=True, config=STRICT)
class DataConfig:
    """Where the grasps come from and how each object is seen.

    Attributes:
        grasps: a folder of shards or a packed file; empty for the open grasp set of the package.
        sources: texts such as "grab:/path" and "open" (`sources/request.py`); they replace `grasps`.
        views: clouds of each object: the first whole, the others seen from one side by a noisy sensor.
        repeats: samples of each grasp, with another view, grasp point and rotation each.
        cells: of a signed distance grid along an edge.
        view_points: points of a cloud.
        objects: use the grasps on so many objects only, of as many families as possible; 0 for all.
        range_views: range images of each object for the shape completion.
        range_objects: further objects for the shape completion alone, of the training families of the open set.
    """

    grasps: str = ""
    sources: Sources = ()
    cache: str = "out/training_cache"
    views: PositiveInt = 6
    repeats: PositiveInt = 8
    cells: PositiveInt = 64
    workers: NonNegativeInt = 2
    view_points: Annotated[int, Field(ge=64)] = 1024
    objects: NonNegativeInt = 0
    range_views: PositiveInt = 12
    range_objects: NonNegativeInt = 0

    @property
    def wanted(self) -> tuple[str, ...]:
        """What `sources.resolve` is asked for."""
        return self.sources or (f"set:{self.grasps}" if self.grasps else "open",)


@dataclass(frozen=True, config=STRICT)
class StageConfig:
    """One stage.

    Attributes:
        steps, batch, learning_rate: of Adam.
        weights: loss -> weight, see LOSSES. A loss that is not named is not used; without any weights all count once.
        without: losses of `weights` that are left out (for ablations).
        decay: of the learning rate: "cosine" to zero after a short warm-up, or "constant" as in the paper.
        augmented: share of the samples that are random grasp points on objects made smaller or larger (adaptation and
            later).
        top_fraction: self-training learns from this share of the stable hands on each object, by penetration.
        rounds: of an iterated self-training, each from newly sampled hands.
    """

    steps: PositiveInt = 1000
    batch: Annotated[int, Field(ge=2)] = 256
    learning_rate: PositiveFloat = 1e-4
    weights: dict[str, NonNegativeFloat] = field(default_factory=dict)
    augmented: Share = 0.0
    top_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    rounds: PositiveInt = 1
    decay: Literal["cosine", "constant"] = "cosine"
    without: tuple[str, ...] = ()

    def __post_init__(self):
        for name in self.without:
            if name not in self.weights:
                raise ValueError(f"without: no loss {name} in weights; {nearest(name, self.weights)}")
        object.__setattr__(self, "weights", {k: v for k, v in self.weights.items() if k not in self.without})
        object.__setattr__(self, "without", ())


@dataclass(frozen=True, config=STRICT)
class MonitorConfig:
    """What is measured while a stage trains: `times` in it (0: never), on `objects` of held-out families, `grasps` on
    each; `pictures` of them are drawn."""

    times: NonNegativeInt = 5
    objects: PositiveInt = 8
    grasps: PositiveInt = 4
    pictures: NonNegativeInt = 4


@dataclass(frozen=True, config=STRICT)
class TrainingConfig:
    """A whole run: model, data and a section for each stage.

    `completion`, before the paper's three stages, and those of FURTHER, after them, may be left out; `cvae` is the one
    stage of the baseline.
    """

    model: ModelConfig | PaperConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    autoencoder: StageConfig = field(default_factory=StageConfig)
    diffusion: StageConfig = field(default_factory=StageConfig)
    adaptation: StageConfig = field(default_factory=StageConfig)
    self_training: StageConfig | None = None
    refinement: StageConfig | None = None
    iterated_self_training: StageConfig | None = None
    completion: StageConfig | None = None
    cvae: StageConfig = field(default_factory=StageConfig)
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    monitor: MonitorConfig = field(default_factory=MonitorConfig)

    def __post_init__(self):
        paper = self.model.method == "paper"
        for name in LOSSES:
            if section := getattr(self, name):
                self._check_section(name, section, paper)
        for name in FURTHER:
            if getattr(self, name) and (paper or "adaptation" not in self.stages):
                raise ValueError(f"{name}: it follows the default method's adaptation; expected that, or no section")
        if self.completion and self.stages == ("cvae",):
            raise ValueError("completion: the CVAE has one stage; expected no such section")
        if bool(self.completion) != bool(getattr(self.model, "completion_width", 0)):
            raise ValueError("completion: it trains the network of model.completion_width; expected both or neither")

    def _check_section(self, name: str, section: StageConfig, paper: bool) -> None:
        known = _PAPER_ADAPTATION if paper and name == "adaptation" else LOSSES[name]
        for loss in section.weights:
            if loss not in known:
                raise ValueError(f"{name}.weights: no loss {loss}; {nearest(loss, known)}")
        for loss, width in _NETWORK_OF.items():
            if section.weights.get(loss) and not getattr(self.model, width, 1):
                raise ValueError(f"{name}.weights.{loss}: it trains the network of model.{width}, which is 0")
        if section.rounds > 1 and name != "iterated_self_training":
            raise ValueError(f"{name}.rounds: only an iterated self-training has several; expected 1")
        if section.augmented and paper:
            raise ValueError(f"{name}.augmented: the paper's losses compare with true hands; expected 0")

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of this model in order; rounds of an iterated self-training after the first have a number."""
        if self.model.variant == "cvae":
            return ("cvae",)
        names = ["completion"] if self.completion else []
        names += STAGES if self.model.rounds else STAGES[:2]
        for name in FURTHER:
            if section := getattr(self, name):
                names += [name, *(f"{name}_{number}" for number in range(2, section.rounds + 1))]
        return tuple(names)

    def stage(self, name: str) -> StageConfig:
        """Return the section of one of `stages`."""
        return getattr(self, section_of(name))

    def with_sources(self, sources: Sequence[str]) -> TrainingConfig:
        """Return the same on other data, as `--data` names them; on its own where none are named."""
        return replace(self, data=replace(self.data, sources=tuple(sources))) if sources else self

    @classmethod
    def from_yaml(cls, path: str | Path) -> TrainingConfig:
        """Read a configuration file and those it lies on. Raises ConfigurationError."""
        content = read_layers(path)
        try:
            return cls.from_dict(content)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> TrainingConfig:
        """Return parsed YAML, validated; a section without content has its defaults. Raises ConfigurationError."""
        content = {key: value for key, value in content.items() if value is not None}
        if isinstance(content.get("model"), dict):
            content["model"] = model_config(content["model"], quiet=False)
        return validated(cls, content)


def section_of(stage: str) -> str:
    """Return the section of a stage: "iterated_self_training" for "iterated_self_training_2", its second round."""
    return re.sub(r"_\d+$", "", stage)


def read_layers(path: str | Path, depth: int = 0) -> dict[str, Any]:
    """Return the mapping in a YAML file, laid over that of the file it names under `base` (relative to it), and so on.

    Keys of earlier versions get today's names, with a warning. Raises ConfigurationError.
    """
    content = _present_names(read_yaml(path), path)
    base = content.pop("base", None)
    if base is None:
        return content
    if not isinstance(base, str):
        raise ConfigurationError(f"{path}: base: expected the path of a configuration, got {base!r}")
    if depth == MOST_LAYERS:
        raise ConfigurationError(f"{path}: more than {depth} files lie below one another; does a base name itself?")
    return merge(read_layers(Path(path).parent / base, depth + 1), content)


def merge(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """Return `upper` laid over `lower`, key by key; `weights` are replaced: a loss that is not named is not used."""
    merged = dict(lower)
    for key, value in upper.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both and key != "weights" else value
    return merged


def _present_names(content: dict[str, Any], path: str | Path) -> dict[str, Any]:
    """Return a file's mapping with the names of sections, keys and losses of earlier versions replaced."""
    content = renamed(content, "training", f"{path}: ", quiet=False)
    for name, section in content.items():
        if isinstance(section, dict) and name in (*LOSSES, "model"):
            where = f"{path}: {name}."
            section = renamed(section, "model" if name == "model" else "stage", where, quiet=False)
            for key in RETIRED & set(section):
                warnings.warn(f"{where}{key} is ignored: it follows from model.method", stacklevel=2)
                del section[key]
            if isinstance(section.get("weights"), dict):
                section["weights"] = renamed(section["weights"], "loss", f"{where}weights.", quiet=False)
            content[name] = section
    return content
