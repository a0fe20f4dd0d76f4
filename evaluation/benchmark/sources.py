"""Sources of objects and grasps that packages above this one register for `fastgrasp benchmark`.

A source is a module named by an entry point of the group `fastgrasp.benchmarks`: "open-set" reads packed grasp sets,
"data" reads what `--data` names. Its functions are those of `Source`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fastgrasp_evaluation.metrics.summary import BenchmarkError

if TYPE_CHECKING:
    from fastgrasp_evaluation.metrics.parallel import Target
    from fastgrasp_model.grasps import Grasps
    from fastgrasp_model.hand import ManoLayer

SOURCES_GROUP = "fastgrasp.benchmarks"


@dataclass(frozen=True)
class Selection:
    """What to read. data: texts of `--data`; set: a grasp set, the shipped one if None; split: "train", "validation"
    or "all"; mano: the hand file, the open hand if None."""

    data: tuple[str, ...] = ()
    set: Path | None = None
    split: str = "all"
    mano: Path | None = None


class Source(Protocol):
    """Functions of a registered module. Both raise ValueErrors with the remedy."""

    def objects(self, selection: Selection) -> list[Target]:
        """Return the objects to generate grasps for, sorted by name."""

    def grasps(self, selection: Selection, count: int, seed: int) -> list[tuple[Target, Grasps]]:
        """Return `count` random grasps as `draw` does."""


def source(name: str) -> Source:
    """Load the registered source `name`. Raises BenchmarkError if no installed package registers it."""
    from importlib.metadata import entry_points

    for point in entry_points(group=SOURCES_GROUP, name=name):
        return point.load()
    raise BenchmarkError(
        f"No installed package registers the benchmark source '{name}' (entry points {SOURCES_GROUP}); install this "
        "package again: pip install 'fastgrasp-ros2[training,eval]', or `make env`."
    )


def draw(
    parameters: np.ndarray, owner: np.ndarray, objects: Sequence[Target], count: int, seed: int, layer: ManoLayer
) -> list[tuple[Target, Grasps]]:
    """Draw `count` of the grasps (N, 61) on objects[owner] (N,) without replacement and pose them with `layer`.

    Returns (object, `Grasps` on it) pairs sorted by name. Grasps are drawn, not objects, so most objects have few.
    """
    from fastgrasp_model.grasps import Grasps

    rows = np.random.default_rng(seed).choice(len(owner), size=min(count, len(owner)), replace=False)
    drawn = []
    for number in np.unique(owner[rows]):
        mine = np.sort(rows[owner[rows] == number])
        drawn.append((objects[number], Grasps.from_parameters(parameters[mine], layer)))
    return sorted(drawn, key=lambda pair: pair[0].name)
