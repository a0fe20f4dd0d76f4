"""Small training runs as files, and weights compared: shared by the tests of resuming, processes and the monitor."""

import dataclasses
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file


def write_config(config, path: Path) -> Path:
    """A configuration as the YAML file it would be read from."""
    content = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    content = {
        name: dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value for name, value in content.items()
    }
    content["data"]["sources"] = list(content["data"]["sources"])
    for value in content.values():
        if isinstance(value, dict):
            value.pop("without", None)
    path.write_text(yaml.safe_dump(content))
    return path


def weights_of(out: Path, stage: str) -> dict[str, torch.Tensor]:
    return load_file(out / stage / "weights" / "model.safetensors")


def assert_same_weights(one: Path, two: Path, stage: str) -> None:
    """Bit by bit."""
    first, second = weights_of(one, stage), weights_of(two, stage)
    assert first.keys() == second.keys()
    different = [name for name in first if not torch.equal(first[name], second[name])]
    assert not different, f"{stage}: {different[:4]}"
