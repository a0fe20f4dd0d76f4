"""Grasp sets and data sets as the benchmark takes them: objects to generate for, and their own grasps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_training.sources.object_source import ObjectSource
from fastgrasp_training.sources.resolve import TrainingGrasps, resolve

if TYPE_CHECKING:
    from fastgrasp_model.grasps import Grasps
    from fastgrasp_model.hand import ManoLayer


@lru_cache(maxsize=2)
def read_measured(items: tuple[str, ...], mano: Path | None = None) -> TrainingGrasps:
    """The grasps of one or several `--data`, of the test split where one names none and has one.

    Raises as `resolve`.
    """
    return resolve(items, split="test", hand=mano)


def targets_of(grasps: TrainingGrasps) -> list[ObjectSource]:
    """Its objects, sorted by name, each with the `name` and `load` of `metrics.parallel.MeshFile`."""
    return sorted(grasps.objects, key=lambda target: target.name)


def draw(
    parameters: np.ndarray, owner: np.ndarray, objects: Sequence[ObjectSource], count: int, seed: int, layer: ManoLayer
) -> list[tuple[ObjectSource, Grasps]]:
    """`count` random ones of grasps (N, 61) on objects[owner] (N,), posed by `layer`.

    Returns (object, `Grasps` on it) pairs, sorted by name; objects are drawn with their grasps, so most have few.
    """
    from fastgrasp_model.grasps import Grasps

    rows = np.random.default_rng(seed).choice(len(owner), size=min(count, len(owner)), replace=False)
    drawn = []
    for number in np.unique(owner[rows]):
        mine = np.sort(rows[owner[rows] == number])
        drawn.append((objects[number], Grasps.from_parameters(parameters[mine], layer)))
    return sorted(drawn, key=lambda pair: pair[0].name)
