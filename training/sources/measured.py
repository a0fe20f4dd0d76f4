"""`--data` in `fastgrasp benchmark`: objects of data sets to generate grasps for, and their own grasps."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from fastgrasp_evaluation.benchmark.sources import Selection, draw
from fastgrasp_training.sources.object_source import ObjectSource
from fastgrasp_training.sources.resolve import TrainingGrasps, resolve


@lru_cache(maxsize=2)
def read_measured(items: tuple[str, ...], mano: Path | None = None) -> TrainingGrasps:
    """Read one or several `--data`, by default their test split. Raises as `resolve`."""
    return resolve(items, split="test", hand=mano)


def objects(selection: Selection) -> list[ObjectSource]:
    """Return the objects of `--data`, sorted by name."""
    return sorted(read_measured(selection.data, selection.mano).objects, key=lambda source: source.name)


def grasps(selection: Selection, count: int, seed: int) -> list:
    """Return `count` random grasps of `--data` as `benchmark.sources.draw` does."""
    from fastgrasp_model.hand import ManoLayer

    read = read_measured(selection.data, selection.mano)
    return draw(read.parameters, read.object, read.objects, count, seed, ManoLayer.from_file(selection.mano))
