"""`HandSet`: hands of anybody's method on one object, as much of them as the metrics can use.

Our own generator gives parameters, meshes and keypoints; other methods save only some of these, and not always on
MANO's mesh. A metric takes what it needs and is left out where that is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastgrasp_model.grasps import Grasps


@dataclass(frozen=True)
class HandSet:
    """B hands of one side in the frame of one object; metres and radians, float32.

    object_name: stem of the object's mesh file, "" where the source does not tell.
    side: "right" or "left".
    vertices: B arrays (V, 3); faces: B arrays (F, 3) int32 with outward faces, closed at the wrist. The hands may
        differ in V and F.
    keypoints: (B, 21, 3) in MediaPipe order, or None where unknown.
    hand_pose: (B, 45) axis-angle relative to the flat hand, parameters of a layer of this side, or None.
    betas: (B, 10), or None.
    problems: for each hand why it cannot be measured (such as "NaN in the parameters"), or None. The arrays of such
        a hand may hold anything.
    numbers: for each hand its number among all of the source on this object, where right and left hands of one
        object are two sets; 0, 1, 2, ... by default. Reports call the hands by it.

    Raises ValueError where the lengths or shapes do not fit.
    """

    object_name: str
    side: str
    vertices: list[np.ndarray]
    faces: list[np.ndarray]
    keypoints: np.ndarray | None
    hand_pose: np.ndarray | None
    betas: np.ndarray | None
    problems: list[str | None]
    numbers: list[int] | None = None

    def __post_init__(self) -> None:
        if self.side not in ("right", "left"):
            raise ValueError(f"side must be 'right' or 'left', got {self.side!r}")
        count = len(self.vertices)
        if self.numbers is None:
            object.__setattr__(self, "numbers", list(range(count)))
        for name in ("faces", "problems", "numbers"):
            if len(getattr(self, name)) != count:
                raise ValueError(f"{name}: expected {count} entries, one for each hand, got {len(getattr(self, name))}")
        for name, shape in (("keypoints", (21, 3)), ("hand_pose", (45,)), ("betas", (10,))):
            array = getattr(self, name)
            if array is not None and array.shape != (count, *shape):
                raise ValueError(f"{name}: expected shape {(count, *shape)}, got {array.shape}")

    def __len__(self) -> int:
        return len(self.vertices)

    def __getitem__(self, rows: slice) -> HandSet:
        """Some of the hands, in order."""

        def some(array):
            return None if array is None else array[rows]

        return HandSet(
            self.object_name, self.side, self.vertices[rows], self.faces[rows], some(self.keypoints),
            some(self.hand_pose), some(self.betas), self.problems[rows], self.numbers[rows],
        )  # fmt: skip

    def with_other_side(self, other: HandSet) -> HandSet:
        """These hands and the others on the same object, as pictures need them, in the order of their numbers. The
        side stays that of the first set, and parameters, which mean nothing without it, are left out."""
        order = np.argsort([*self.numbers, *other.numbers], kind="stable")

        def merged(name: str) -> list:
            both = [*getattr(self, name), *getattr(other, name)]
            return [both[i] for i in order]

        known = self.keypoints is not None and other.keypoints is not None
        return replace(
            self, vertices=merged("vertices"), faces=merged("faces"), hand_pose=None, betas=None,
            keypoints=np.stack(merged("keypoints")) if known else None,
            problems=merged("problems"), numbers=merged("numbers"),
        )  # fmt: skip

    @staticmethod
    def from_grasps(grasps: Grasps, object_name: str = "") -> HandSet:
        """The hands of `Grasps`; a hand with a value that is not finite gets a problem."""
        from fastgrasp_evaluation.metrics.solid import closed_hand

        faces = closed_hand(grasps.faces).astype(np.int32)
        rows = np.concatenate(
            [grasps.parameters, grasps.vertices.reshape(len(grasps), -1), grasps.keypoints.reshape(len(grasps), -1)], 1
        )
        problems = [None if good else "values that are not finite (NaN)" for good in np.isfinite(rows).all(axis=1)]
        return HandSet(
            object_name, grasps.side, list(grasps.vertices), [faces] * len(grasps), grasps.keypoints,
            grasps.hand_pose, grasps.betas, problems,
        )  # fmt: skip
