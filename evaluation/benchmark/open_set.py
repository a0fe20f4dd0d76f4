"""The open grasp set measured as if it had been generated: the ceiling for what is trained on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fastgrasp_evaluation.metrics.summary import BenchmarkError

if TYPE_CHECKING:
    from fastgrasp_model.grasps import Grasps
    from fastgrasp_training.sources import ObjectSource


def draw_grasps(file: Path | None, count: int, split: str, seed: int) -> list[tuple[ObjectSource, Grasps]]:
    """`count` random grasps of the set with the objects they hold, as `sources.measured.draw` gives them.

    Args:
        file: a packed set or a folder of shards; the shipped set by default.
        split: "train", "validation" or "all".

    Raises:
        GraspSetError: no such set, or its hand is not here. BenchmarkError: no grasps in that split.
    """
    from fastgrasp_synthesis.grasp_set import PACKED_GRASPS, load_grasp_set
    from fastgrasp_synthesis.packing import hand_layer
    from fastgrasp_training.sources.measured import draw
    from fastgrasp_training.sources.resolve import set_objects

    path = Path(file or PACKED_GRASPS)
    grasps = load_grasp_set(path)
    if split != "all":
        grasps = grasps.split(split)
    if not len(grasps):
        raise BenchmarkError(f"The grasp set has no grasps in the split '{split}'; choose another, or --split all.")
    objects = set_objects(grasps.objects, path)
    return draw(grasps.parameters(), grasps.object, objects, count, seed, hand_layer(grasps.hand))
