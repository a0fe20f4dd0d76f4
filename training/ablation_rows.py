"""The paper's ablations (Tables 1 and 4): the command's options, the rows, their budgets and configurations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import UseAppendAction, arg

from fastgrasp_model.commands.shared import AtLeastOne, NotNegative
from fastgrasp_model.weights import model_config
from fastgrasp_model.yaml_file import ConfigurationError
from fastgrasp_training.configuration import FURTHER, STAGES, TrainingConfig, merge, read_layers

CONFIGS = Path("config/training/ablations")
BASE = Path("config/training/paper.yaml")


@dataclass(frozen=True)
class Ablation:
    """One row: its file in `CONFIGS`, its name in the tables, and the paper's tables it stands in."""

    name: str
    label: str
    tables: tuple[int, ...]


ROWS = (
    Ablation("cvae", "CVAE", (1,)),
    Ablation("diffusion", "diffusion", (1,)),
    Ablation("diffusion_physical", "diffusion + physical loss", (1,)),
    Ablation("whole", "whole pipeline; autoencoder: vertices in", (1, 4)),
    Ablation("autoencoder_plain", "autoencoder without physical losses", (4,)),
    Ablation("autoencoder_parameters", "autoencoder, hand parameters in", (4,)),
)


@dataclass(frozen=True)
class Budget:
    """What every row may spend: steps of the three stages (the CVAE has their sum), the largest batch and cloud."""

    steps: tuple[int, int, int]
    batch: int
    points: int
    views: int
    repeats: int
    cells: int = 64


BUDGETS = {
    "toy": Budget((12, 12, 6), 8, 64, 2, 1, 32),
    "small": Budget((800, 2000, 800), 64, 256, 6, 4),
    "medium": Budget((4000, 10_000, 4000), 128, 1024, 6, 8),
    "full": None,  # as the configuration says
}


@dataclass
class AblationOptions:
    budget: Literal["toy", "small", "medium", "full"] = "small"
    """what every row may spend"""
    out: Annotated[Path, arg(metavar="DIR")] = Path("out/ablations")
    """folder for stages, weights, figures and tables"""
    base: Annotated[Path, arg(metavar="FILE")] = BASE
    """the configuration that the rows change"""
    configs: Annotated[Path, arg(metavar="DIR")] = CONFIGS
    """folder of the rows' files"""
    only: Annotated[tuple[Literal[tuple(row.name for row in ROWS)], ...], arg(metavar="ROW...")] = ()
    """some rows only"""
    data: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="SOURCE")]] = ()
    """other data to train on (docs/datasets.md); may be repeated"""
    cache: Annotated[Path | None, arg(metavar="DIR")] = None
    """folder of prepared objects"""
    ho3d: Annotated[Path | None, arg(metavar="DIR")] = None
    """YCB meshes: measure on the ten objects of HO-3D as well"""
    held_out: AtLeastOne = 20
    """objects of held-out families"""
    split: Literal["validation", "train"] = "validation"
    """where those objects come from"""
    samples: AtLeastOne = 10
    """grasps for each object and seed"""
    seeds: AtLeastOne = 1
    """seeds of the measurement"""
    reconstructed: AtLeastOne = 200
    """grasps to reconstruct"""
    workers: AtLeastOne = 1
    """processes that measure"""
    simulation: bool = True
    """leave out the columns of the simulator"""
    seed: NotNegative = 0
    """of training"""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """where to train"""
    quiet: bool = False
    """no progress"""


def row_config(row: Path, base: Path) -> TrainingConfig:
    """Return the file of a row laid over the configuration `base`, with the paper's three stages alone.

    `methods` in the row's file names what it changes for a base of one method only. Raises ConfigurationError.
    """
    lower, upper = read_layers(base), read_layers(row)
    method = model_config(lower.get("model") or {}).method
    upper = merge(upper, (upper.pop("methods", None) or {}).get(method, {}))
    try:
        return TrainingConfig.from_dict(of_three_stages(merge(lower, upper)))
    except ConfigurationError as error:
        raise ConfigurationError(f"{row} on {base}: {error}") from error


def of_three_stages(content: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration's mapping without the stages that the paper does not have."""
    kept = {key: value for key, value in content.items() if key not in ("completion", *FURTHER)}
    kept["model"] = {key: value for key, value in (kept.get("model") or {}).items() if key != "completion_width"}
    return kept


def budgeted(config: TrainingConfig, budget: Budget | None) -> TrainingConfig:
    """Return a configuration of the three stages within a budget; a CVAE has as many steps as those together."""
    if budget is None:
        return replace(config, cvae=replace(config.cvae, steps=sum(getattr(config, name).steps for name in STAGES)))
    stages = {}
    for name, steps in zip((*STAGES, "cvae"), (*budget.steps, sum(budget.steps)), strict=True):
        stage = getattr(config, name)
        stages[name] = replace(stage, steps=steps, batch=min(budget.batch, stage.batch))
    model = replace(config.model, points=min(config.model.points, budget.points))
    most = {"views": budget.views, "repeats": budget.repeats, "cells": budget.cells,
            "view_points": max(1024, model.points)}  # fmt: skip
    data = replace(config.data, **{name: min(getattr(config.data, name), value) for name, value in most.items()})
    return replace(config, model=model, data=data, **stages)


def with_data(config: TrainingConfig, options: AblationOptions) -> TrainingConfig:
    """Return the configuration with the sources, cache and seed that the command names."""
    config = replace(config.with_sources(options.data), seed=options.seed)
    return replace(config, data=replace(config.data, cache=str(options.cache))) if options.cache else config


def stages_of(row: Ablation, config: TrainingConfig) -> tuple[str, ...]:
    """Return the stages that a row trains: only the first for the rows of Table 4 alone."""
    return config.stages[:1] if row.tables == (4,) else config.stages
