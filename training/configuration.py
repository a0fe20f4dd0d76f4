"""What a training run is told: one YAML file, read into validated dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from fastgrasp_model.configuration import ModelConfig

PACKED_GRASPS = Path(__file__).parent / "data" / "open_grasps.npz"
STAGES = ("autoencoder", "diffusion", "adaptation")


class TrainingConfigError(ValueError):
    """A training configuration that cannot be run; the message names file, key and what was expected."""


@dataclass(frozen=True)
class DataConfig:
    """Where the grasps come from and how each object is seen.

    `grasps` is a folder of shards or a packed file (empty: the open grasp set of the package). `views` clouds are made
    of each object, the first whole, the others seen from one side by a noisy sensor. `repeats` is how often a grasp
    comes back with another view, anchor and rotation.
    """

    grasps: str = ""
    cache: str = "out/training_cache"
    views: int = 6
    repeats: int = 8
    cells: int = 64
    workers: int = 2


@dataclass(frozen=True)
class StageConfig:
    """One stage: optimiser steps, batch, Adam's learning rate (cosine decay to zero), loss weights by name.

    A loss that `weights` does not name is not used; without any weights all count once. `latents` says what the
    adaptation module is trained on: "sampled" latents, as it will meet them, or "denoised" ones (the published code:
    the one-step estimate from a noised true latent). `explored` is the share of its samples that are random places of
    objects made smaller or larger, beyond what the grasp set holds.
    """

    steps: int = 1000
    batch: int = 256
    learning_rate: float = 1e-4
    weights: dict[str, float] = field(default_factory=dict)
    latents: str = "sampled"
    explored: float = 0.0

    def __post_init__(self):
        if self.latents not in ("sampled", "denoised"):
            raise ValueError(f"latents: expected 'sampled' or 'denoised', got {self.latents!r}")
        if not 0 <= self.explored <= 1:
            raise ValueError(f"explored: expected a share from 0 to 1, got {self.explored!r}")
        if self.steps < 1 or self.batch < 2 or self.learning_rate <= 0:
            raise ValueError("expected steps >= 1, batch >= 2 and learning_rate > 0")


@dataclass(frozen=True)
class TrainingConfig:
    """A whole run: model, data and the three stages."""

    model: ModelConfig
    data: DataConfig
    autoencoder: StageConfig
    diffusion: StageConfig
    adaptation: StageConfig
    seed: int = 0

    @classmethod
    def from_yaml(cls, path: str | Path) -> TrainingConfig:
        """Read a configuration file. Raises TrainingConfigError."""
        try:
            content = yaml.safe_load(Path(path).read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise TrainingConfigError(f"{path}: cannot be read as YAML ({error})") from error
        if not isinstance(content, dict):
            raise TrainingConfigError(f"{path}: expected a mapping with model, data and the three stages")
        try:
            return cls.from_dict(content)
        except (ValueError, TypeError) as error:
            raise TrainingConfigError(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> TrainingConfig:
        """From parsed YAML; unknown keys and wrong types raise ValueError."""
        _refuse_unknown("the configuration", content, {f.name for f in fields(cls)})
        parts: dict[str, Any] = {"model": ModelConfig.from_dict(content.get("model") or {})}
        parts["data"] = _section(DataConfig, "data", content)
        for stage in STAGES:
            parts[stage] = _section(StageConfig, stage, content)
        return cls(**parts, seed=int(content.get("seed", 0)))


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
