"""The open grasp set measured as if it had been generated: the ceiling for what is trained on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastgrasp_model.metrics.summary import BenchmarkError


@dataclass(frozen=True)
class SetObject:
    """An object of the grasp set, made from its specification."""

    spec: str

    @property
    def name(self) -> str:
        """The specification as a name that is fit for files."""
        return self.spec.replace(":", "_")

    def load(self):
        """The watertight mesh in metres, origin at the centre of mass, and no notes."""
        from fastgrasp_training.synthesis.objects import make_object

        return make_object(self.spec), []


def draw_grasps(file: Path | None, count: int, split: str, seed: int) -> list[tuple[SetObject, object]]:
    """`count` random grasps of the set with the objects they hold.

    Args:
        file: a packed set or a folder of shards; the shipped set by default.
        split: "train", "validation" or "all".

    Returns:
        (object, `Grasps` on it) pairs, sorted by name; objects are drawn with their grasps, so most have few.

    Raises:
        GraspSetError: no such set, or its hand is not here. BenchmarkError: no grasps in that split.
    """
    from fastgrasp_model.grasps import Grasps
    from fastgrasp_training.configuration import PACKED_GRASPS
    from fastgrasp_training.synthesis.grasp_set import load_grasp_set
    from fastgrasp_training.synthesis.packing import hand_layer

    grasps = load_grasp_set(file or PACKED_GRASPS)
    if split != "all":
        grasps = grasps.split(split)
    if not len(grasps):
        raise BenchmarkError(f"The grasp set has no grasps in the split '{split}'; choose another, or --split all.")
    rows = np.random.default_rng(seed).choice(len(grasps), size=min(count, len(grasps)), replace=False)
    layer = hand_layer(grasps.hand)
    drawn = []
    for number in np.unique(grasps.object[rows]):
        mine = np.sort(rows[grasps.object[rows] == number])
        drawn.append((SetObject(grasps.objects[number]), Grasps.from_parameters(grasps.parameters()[mine], layer)))
    return sorted(drawn, key=lambda pair: pair[0].name)
