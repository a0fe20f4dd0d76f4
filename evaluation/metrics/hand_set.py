"""`HandSet`: the hands of any method on one object, with as much as is known of them.

Our generator gives parameters, meshes and keypoints; other methods save only some of these, and not always on MANO's
mesh. A metric whose input is unknown is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_model.hand import checked_side

if TYPE_CHECKING:
    from fastgrasp_model.grasps import Grasps


@dataclass(frozen=True)
class HandSet:
    """B hands of one side in the frame of one object; metres and radians, float32.

    object_name: stem of the object's mesh file, "" where the source does not tell.
    side: "right" or "left".
    vertices: B arrays (V, 3); faces: B arrays (F, 3) int32 with outward faces, closed at the wrist. V and F may differ
        between hands.
    keypoints: (B, 21, 3) in MediaPipe order, or None where unknown.
    hand_pose: (B, 45) axis-angle relative to the flat hand, parameters of a layer of this side, or None.
    betas: (B, 10), or None.
    problems: for each hand why it cannot be measured (such as "NaN in the parameters"), or None. The arrays of such
        a hand may hold anything.
    numbers: for each hand its number among all hands of the source on this object, where right and left hands are two
        sets; 0, 1, 2, ... by default. Reports use it.

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
        checked_side(self.side)
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
        """Return some of the hands, in order."""
        names = ("vertices", "faces", "keypoints", "hand_pose", "betas", "problems", "numbers")
        values = {name: getattr(self, name) for name in names}
        return replace(self, **{name: None if value is None else value[rows] for name, value in values.items()})

    def with_other_side(self, other: HandSet) -> HandSet:
        """Merge with the hands of the other side on the same object, in the order of their numbers, for pictures.

        `side` stays that of this set; parameters, which depend on the side, become None.
        """
        order = np.argsort([*self.numbers, *other.numbers], kind="stable")

        def merged(name: str) -> list:
            both = [*getattr(self, name), *getattr(other, name)]
            return [both[i] for i in order]

        known = self.keypoints is not None and other.keypoints is not None
        lists = {name: merged(name) for name in ("vertices", "faces", "problems", "numbers")}
        keypoints = np.stack(merged("keypoints")) if known else None
        return replace(self, **lists, keypoints=keypoints, hand_pose=None, betas=None)

    @staticmethod
    def from_grasps(grasps: Grasps, object_name: str = "") -> HandSet:
        """Return the hands of `Grasps`; a hand with a value that is not finite gets a problem."""
        from fastgrasp_evaluation.metrics.solid import closed_hand

        count = len(grasps)
        faces = [closed_hand(grasps.faces).astype(np.int32)] * count
        rows = [grasps.parameters, grasps.vertices.reshape(count, -1), grasps.keypoints.reshape(count, -1)]
        finite = np.isfinite(np.concatenate(rows, 1)).all(axis=1)
        problems = [None if good else "values that are not finite (NaN)" for good in finite]
        return HandSet(
            object_name, grasps.side, list(grasps.vertices), faces, grasps.keypoints, grasps.hand_pose, grasps.betas,
            problems,
        )  # fmt: skip
