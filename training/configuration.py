"""What a training run is told: one YAML file, read into validated dataclasses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from fastgrasp_model.weights import model_config

STAGES = ("autoencoder", "diffusion", "adaptation")
FURTHER = ("self_training", "refinement", "iterated_self_training")  # after those; a configuration may leave them out
SAMPLING = ("adaptation", *FURTHER)  # stages that learn from hands that the model makes itself
MOST_LAYERS = 8  # configurations below one another


class TrainingConfigError(ValueError):
    """A training configuration that cannot be run; the message names file, key and what was expected."""


@dataclass(frozen=True)
class DataConfig:
    """Where the grasps come from and how each object is seen.

    `sources` are texts such as "grab:/path" and "open" (`sources/request.py`); if given, they replace `grasps`.
    `grasps` is a folder of shards or a packed file (empty: the open grasp set of the package). `views` clouds are made
    of each object, the first whole, the others seen from one side by a noisy sensor. `repeats` is how often a grasp
    comes back with another view, anchor and rotation. A view holds `view_points` points. `objects`: only the grasps on
    so many objects, of many families (0: all). `range_views`: range images of each object that the completion learns
    from; `range_objects`: further objects for it alone, of the families of the open set's training objects.
    """

    grasps: str = ""
    sources: tuple[str, ...] = ()
    cache: str = "out/training_cache"
    views: int = 6
    repeats: int = 8
    cells: int = 64
    workers: int = 2
    view_points: int = 1024
    objects: int = 0
    range_views: int = 12
    range_objects: int = 0

    def __post_init__(self):
        sources = [self.sources] if isinstance(self.sources, str) else list(self.sources)
        if not all(isinstance(source, str) for source in sources):
            raise ValueError(f"sources: expected texts such as grab:/path, got {self.sources!r}")
        object.__setattr__(self, "sources", tuple(sources))
        if self.view_points < 64:
            raise ValueError(f"view_points: expected 64 or more, got {self.view_points!r}")
        if self.range_views < 1 or self.range_objects < 0:
            raise ValueError(
                f"expected range_views >= 1 and range_objects >= 0, got {self.range_views!r} and {self.range_objects!r}"
            )

    @property
    def wanted(self) -> tuple[str, ...]:
        """What `sources.resolve` is asked for."""
        return self.sources or (f"set:{self.grasps}" if self.grasps else "open",)


@dataclass(frozen=True)
class StageConfig:
    """One stage: optimiser steps, batch, Adam's learning rate, loss weights by name.

    `decay` is "cosine" (to zero, after a short warm-up) or "constant" (as the paper).
    `form` says how the five losses of the paper are written: "grid" asks signed distance grids, in centimetres;
    "points" is the published form, object points against hand vertices in metres, with its factors, for the paper's
    weights (see `paper_losses.py`). `without` names losses of `weights` that are left out (for ablations).

    A loss that `weights` does not name is not used; without any weights all count once. `latents` says what the
    adaptation module is trained on: "sampled" latents, as it will meet them, or "denoised" ones (the published code:
    the one-step estimate from a noised true latent). `augmented` is the share of its samples that are random places of
    objects made smaller or larger, beyond what the grasp set holds (adaptation and later). `top_fraction`: a selection
    learns from this share of the firm hands on each object, those that sink in least. `rounds`: a reselection is done
    over so many times, each from hands made anew.
    """

    steps: int = 1000
    batch: int = 256
    learning_rate: float = 1e-4
    weights: dict[str, float] = field(default_factory=dict)
    augmented: float = 0.0
    top_fraction: float = 1.0
    rounds: int = 1
    decay: str = "cosine"
    without: tuple[str, ...] = ()

    def __post_init__(self):
        unnamed = sorted(set(self.without) - set(self.weights))
        if unnamed:
            raise ValueError(f"without: {unnamed} have no weight to lose; weights names {sorted(self.weights)}")
        object.__setattr__(self, "weights", {k: v for k, v in self.weights.items() if k not in self.without})
        object.__setattr__(self, "without", ())
        if self.decay not in ("cosine", "constant"):
            raise ValueError(f"decay: expected 'cosine' or 'constant', got {self.decay!r}")
        if not 0 <= self.augmented <= 1:
            raise ValueError(f"augmented: expected a share from 0 to 1, got {self.augmented!r}")
        if not 0 < self.top_fraction <= 1:
            raise ValueError(f"top_fraction: expected a share above 0, up to 1, got {self.top_fraction!r}")
        if self.rounds < 1:
            raise ValueError(f"rounds: expected 1 or more, got {self.rounds!r}")
        if self.steps < 1 or self.batch < 2 or self.learning_rate <= 0:
            raise ValueError("expected steps >= 1, batch >= 2 and learning_rate > 0")


@dataclass(frozen=True)
class MonitorConfig:
    """What is looked at while a stage trains: `times` in it (0: never), on `objects` of held-out families, `grasps` on
    each, of which `pictures` are drawn."""

    times: int = 5
    objects: int = 8
    grasps: int = 4
    pictures: int = 4

    def __post_init__(self):
        if min(self.times, self.objects - 1, self.grasps - 1, self.pictures) < 0:
            raise ValueError(f"expected times and pictures >= 0, objects and grasps >= 1, got {self}")


@dataclass(frozen=True)
class TrainingConfig:
    """A whole run: model, data and the stages; `completion`, before the three, and `FURTHER` ones after them, or none;
    `cvae` is the one stage of the baseline."""

    model: Any  # ModelConfig or PaperConfig
    data: DataConfig
    autoencoder: StageConfig
    diffusion: StageConfig
    adaptation: StageConfig
    self_training: StageConfig | None = None
    refinement: StageConfig | None = None
    iterated_self_training: StageConfig | None = None
    completion: StageConfig | None = None
    cvae: StageConfig = field(default_factory=StageConfig)
    seed: int = 0
    monitor: MonitorConfig = field(default_factory=MonitorConfig)

    def __post_init__(self):
        further = [name for name in FURTHER if getattr(self, name)]
        if further and (self.model.variant == "cvae" or not self.model.rounds):
            raise ValueError(f"{further[0]}: it follows an adaptation; expected a diffusion with rounds, or no section")
        if self.model.method == "paper" and any(self.stage(name).augmented for name in self.stages):
            raise ValueError("augmented: the paper's losses compare with true hands; expected 0 with method paper")
        again = [name for name in self.stages if self.stage(name).rounds > 1 and kind_of(name) != "iterated_self_training"]
        if again:
            raise ValueError(f"{again[0]}.rounds: only a reselection is done over; expected 1")
        if self.completion and self.model.variant == "cvae":
            raise ValueError("completion: the baseline has one stage; expected no such section with a CVAE")
        if bool(self.completion) != bool(getattr(self.model, "completion_width", 0)):
            raise ValueError(
                "completion: it trains the network of model.completion_width; expected both, or neither (width 0)"
            )

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that this model has, in order: a CVAE has one, a model of 0 rounds no adaptation."""
        if self.model.variant == "cvae":
            return ("cvae",)
        stages = STAGES if self.model.rounds else STAGES[:2]
        stages = ("completion", *stages) if self.completion else stages
        further = [name for name in FURTHER if getattr(self, name)]
        return (*stages, *(turn for name in further for turn in _turns(name, getattr(self, name).rounds)))

    def stage(self, name: str) -> StageConfig:
        """The section of one of `stages`."""
        return getattr(self, kind_of(name))

    def with_sources(self, sources: Sequence[str]) -> TrainingConfig:
        """The same on other data, as `--data` names them; none: the same configuration."""
        return replace(self, data=replace(self.data, sources=tuple(sources))) if sources else self

    @classmethod
    def from_yaml(cls, path: str | Path, base: str | Path | None = None) -> TrainingConfig:
        """Read a configuration file; `base` takes the place of the file that it names as its base.

        Raises TrainingConfigError.
        """
        content = read_layers(path, base)
        try:
            return cls.from_dict(content)
        except (ValueError, TypeError) as error:
            raise TrainingConfigError(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> TrainingConfig:
        """From parsed YAML; unknown keys and wrong types raise ValueError."""
        _refuse_unknown("the configuration", content, {f.name for f in fields(cls)})
        parts: dict[str, Any] = {"model": model_config(content.get("model") or {}, quiet=False)}
        parts["data"] = _section(DataConfig, "data", content)
        for stage in (*STAGES, "cvae", *(name for name in ("completion", *FURTHER) if content.get(name))):
            parts[stage] = _section(StageConfig, stage, content)
        parts["monitor"] = _section(MonitorConfig, "monitor", content)
        return cls(**parts, seed=int(content.get("seed", 0)))


def kind_of(stage: str) -> str:
    """The section that a stage belongs to: "iterated_self_training" for "iterated_self_training_2", its second turn."""
    return re.sub(r"_\d+$", "", stage)


def _turns(name: str, count: int) -> list[str]:
    return [name, *(f"{name}_{number}" for number in range(2, count + 1))]


def read_layers(path: str | Path, base: str | Path | None = None, depth: int = 0) -> dict[str, Any]:
    """The mapping in a YAML file, laid over that of the file it names under `base` (relative to it), and so on.

    Mappings merge key by key, except `weights`, which replace those below: a loss that is not named is not used.
    `base` takes the place of the named one. Raises TrainingConfigError.
    """
    content = _read_yaml(path)
    below = content.pop("base", None)
    if below is not None and not isinstance(below, str):
        raise TrainingConfigError(f"{path}: base: expected the path of a configuration, got {below!r}")
    if below is None and base is None:
        return content
    if depth == MOST_LAYERS:
        raise TrainingConfigError(f"{path}: more than {depth} files lie below one another; does a base name itself?")
    return merge(read_layers(base or Path(path).parent / below, depth=depth + 1), content)


def merge(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """`upper` laid over `lower`, key by key; `weights` are replaced whole."""
    merged = dict(lower)
    for key, value in upper.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both and key != "weights" else value
    return merged


def _read_yaml(path: str | Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(Path(path).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TrainingConfigError(f"{path}: cannot be read as YAML ({error})") from error
    if not isinstance(content, dict):
        raise TrainingConfigError(f"{path}: expected a mapping with model, data and the three stages")
    return content


def _section(kind: type, name: str, content: dict[str, Any]) -> Any:
    values = content.get(name) or {}
    _refuse_unknown(name, values, {f.name for f in fields(kind)})
    try:
        return kind(**values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: {error}") from error


def _refuse_unknown(name: str, values: Any, known: set[str]) -> None:
    if not isinstance(values, dict):
        raise ValueError(f"{name}: expected a mapping, got {type(values).__name__}")
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"{name}: unknown keys {unknown}; known are {sorted(known)}")
