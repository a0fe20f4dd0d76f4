"""Weights: a folder with `model.safetensors` and `config.json`, never a pickle; and the classes that they belong to."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fastgrasp_model.files import write_bytes, write_json
from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.yaml_file import RENAMED, ConfigurationError, renamed, validated

WEIGHTS_FILE, CONFIG_FILE = "model.safetensors", "config.json"
PRETRAINED = Path(__file__).parent / "weights" / "default"

METHODS = {  # method -> its configuration, and a class for each variant
    "default": ("configuration:ModelConfig", {
        "": "model:FastGraspModel",
        "cvae": "paper.ablations:CvaeModel", "parameters": "paper.ablations:ParameterModel",
    }),
    "paper": ("paper.configuration:PaperConfig", {
        "": "paper.model:PaperModel",
        "cvae": "paper.ablations:PaperCvaeModel", "parameters": "paper.ablations:PaperParameterModel",
    }),
}  # fmt: skip
# Keys of configurations before methods had classes, and the values that the two methods have for them.
SWITCHES = {
    "layers": ("residual", "plain"), "frame": ("anchor", "object"), "object_encoder": ("basis", "pointnet"),
    "vertex_encoder": ("ordered", "pointnet"), "prediction": ("v", "epsilon"), "schedule": ("cosine", "linear"),
}  # fmt: skip


class WeightsError(ValueError):
    """Weights that are missing, damaged, or made for another configuration."""


def model_config(content: dict[str, Any], where: str = "model", quiet: bool = True) -> Any:
    """Return the configuration (`ModelConfig` or `PaperConfig`) in a parsed YAML or JSON mapping.

    Keys of earlier versions are read under today's names, with a warning unless `quiet`. Raises ConfigurationError.
    """
    content = _without_switches(renamed(content, "model", f"{where}.", quiet), where)
    method = content.get("method", "default")
    if not isinstance(method, str) or method not in METHODS:
        raise ConfigurationError(f"{where}.method: expected {' or '.join(METHODS)}, got {method!r}")
    return validated(_named(METHODS[method][0]), content, where)


def build_model(config, hand: ManoLayer) -> GraspModel:
    """Return an untrained model of the class that a configuration belongs to."""
    return _named(METHODS[config.method][1][config.variant])(config, hand)


def save_model(model: GraspModel, folder: str | Path, notes: dict | None = None, half: bool = False) -> None:
    """Write the weights of a model; each file appears whole or not at all.

    `half` stores half precision, for shipping: half the size, and hands that differ by hundredths of a millimetre.
    """
    from safetensors.torch import save

    folder = Path(folder)
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    if half:
        tensors = {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}
    write_bytes(folder / WEIGHTS_FILE, save(tensors))
    write_json(folder / CONFIG_FILE, {"model": model.config.to_dict(), "notes": notes or {}})


def load_model(folder: str | Path | None = None, hand: ManoLayer | None = None) -> GraspModel:
    """Return the model in a folder (the shipped weights by default), in evaluation mode. Raises WeightsError."""
    folder = Path(folder) if folder else PRETRAINED
    config, hand = _read_config(folder), hand or ManoLayer.from_file()
    with torch.device("meta"):  # shapes alone: a damaged configuration may ask for more memory than there is
        shapes = build_model(config, hand)
    tensors = _read_tensors(folder / WEIGHTS_FILE, shapes)
    model = build_model(config, hand)
    model.load_state_dict(tensors)
    return model.eval().requires_grad_(False)


def _read_config(folder: Path) -> Any:
    path = folder / CONFIG_FILE
    try:
        return model_config(json.loads(path.read_text())["model"])
    except FileNotFoundError:
        raise WeightsError(
            f"no weights at {folder}: expected a folder with {CONFIG_FILE} and {WEIGHTS_FILE}; leave the path out to "
            "use the shipped weights, or make some with `fastgrasp train all`"
        ) from None
    except (OSError, UnicodeDecodeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(f"{path} is damaged or of another version ({error}); install or train it again") from error


def _read_tensors(path: Path, model: GraspModel) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = {_todays_name(name): value for name, value in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is missing or damaged ({error}); install or train it again") from error
    tensors = {name: value for name, value in tensors.items() if not name.startswith(model.retired)}
    expected = model.state_dict()
    wrong = [name for name in expected if name not in tensors or tensors[name].shape != expected[name].shape]
    if wrong or len(tensors) != len(expected):
        raise WeightsError(
            f"{path} does not fit its {CONFIG_FILE} ({len(wrong)} of {len(expected)} tensors differ, first "
            f"{wrong[:3]}); the two files must come from one training run"
        )
    if any(not torch.isfinite(value).all() for value in tensors.values() if value.is_floating_point()):
        raise WeightsError(f"{path} holds numbers that are not finite; train it again")
    return tensors


def _todays_name(tensor: str) -> str:
    """Return the name that a tensor of weights written by an earlier version has today."""
    head, *parts = tensor.split(".")
    names = RENAMED["tensor_parts"]
    return ".".join([RENAMED["tensors"].get(head, head), *(names.get(part, part) for part in parts)])


def _without_switches(content: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the mapping with method and variant in place of the switches that configurations had before."""
    if not {"generator", *SWITCHES} & set(content):
        return content
    content = dict(content)
    paper = content.get("layers") == "plain"
    variant = "cvae" if content.pop("generator", "diffusion") == "cvae" else ""
    if content.get("vertex_encoder") == "parameters":
        variant, content["vertex_encoder"] = variant or "parameters", SWITCHES["vertex_encoder"][paper]
    for key, values in SWITCHES.items():
        value = content.pop(key, values[paper])
        if value != values[paper]:
            raise ConfigurationError(
                f"{where}.{key}: {value!r} no longer goes with layers {SWITCHES['layers'][paper]!r}, only "
                f"{values[paper]!r}; the two methods have configurations of their own, default.yaml and paper.yaml"
            )
    known = _named(METHODS["paper" if paper else "default"][0]).__dataclass_fields__
    if variant == "cvae":
        content.pop("query_points", None)
    kept = {key: value for key, value in content.items() if key in known or key not in _FORMER_SIZES}
    return {**kept, "method": "paper" if paper else "default", "variant": variant}


# Sizes that every configuration had before, and that only one of the two methods has now.
_FORMER_SIZES = frozenset(
    "radius object_width latent_noise sampler query_points adaptation_width adaptation_depth implicit_shape_width "
    "bone_frames evaluator_width completion_width".split()
)


def _named(path: str) -> Any:
    module, name = path.split(":")
    return getattr(import_module(f"fastgrasp_model.{module}"), name)
