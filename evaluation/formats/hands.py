"""Single hands of the readers, and `hand_sets`, which makes `HandSet`s of them, one for each object and side.

The hands are checked, closed, oriented outwards and given keypoints. A defect of one hand becomes its problem; a defect
of all hands is an error.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_evaluation.formats.errors import HandProblem
from fastgrasp_evaluation.formats.joints_from_mesh import keypoints_of, posed_joint_regressor
from fastgrasp_evaluation.formats.request import UNITS, ReadRequest
from fastgrasp_evaluation.formats.surface import closed_faces, numbering, outward, without_duplicates
from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_model.hand import SIDES, VERTICES

if TYPE_CHECKING:
    from fastgrasp_model.hand.mano_layer import ManoLayer

# Diagonal of a hand's bounding box, metres: 0.08 for a child's fist, 0.3 for a large open hand with some forearm.
SMALLEST_HAND, LARGEST_HAND = 0.04, 0.5
# Hands farther than this (metres) from the origin of an object's frame have another unit.
_FARTHEST = 10.0
# Keypoints farther than this (metres) from the nearest vertex of the hand have another frame or unit.
_OFF_THE_HAND = 0.04
_CAP_VERTICES = 2  # that other projects add to close the wrist
_UNIT_NAMES = {"m": "metres", "cm": "centimetres", "mm": "millimetres"}


@dataclass(frozen=True)
class Hand:
    """One hand of a reader: vertices (V, 3) in metres, faces (F, 3), and where known keypoints (21, 3), hand_pose (45,)
    relative to the flat hand, betas (10,). `whole`: the faces are a layer's own, closed and outward.
    """

    object_name: str
    side: str
    vertices: np.ndarray
    faces: np.ndarray
    keypoints: np.ndarray | None = None
    hand_pose: np.ndarray | None = None
    betas: np.ndarray | None = None
    problem: str | None = None
    whole: bool = False


def hand_sets(hands: list[Hand], request: ReadRequest) -> list[HandSet]:
    """Return one set for each object and side, in the order of their first hand. Raises HandFileError if there is no
    hand, or none of plausible size."""
    if not hands:
        raise request.error("it holds no grasps. Save at least one.")
    models: dict[str, _Model] = {}
    hands = _plausible([_checked(hand, request, models) for hand in hands], request)
    groups: dict[tuple[str, str], list[Hand]] = {}
    numbers: dict[tuple[str, str], list[int]] = {}
    counts: Counter[str] = Counter()
    for hand in hands:
        groups.setdefault((hand.object_name, hand.side), []).append(hand)
        numbers.setdefault((hand.object_name, hand.side), []).append(counts[hand.object_name])
        counts[hand.object_name] += 1
    return [_hand_set(*key, group, numbers[key]) for key, group in groups.items()]


def _hand_set(name: str, side: str, hands: list[Hand], numbers: list[int]) -> HandSet:
    def column(key: str, shape: tuple[int, ...]) -> np.ndarray | None:
        rows = [getattr(hand, key) for hand in hands]
        if any(row is None for row, hand in zip(rows, hands, strict=True) if hand.problem is None) or all(
            row is None for row in rows
        ):
            return None
        return np.stack([np.full(shape, np.nan) if row is None else row for row in rows]).astype(np.float32)

    return HandSet(
        name, side,
        [np.asarray(hand.vertices, dtype=np.float32) for hand in hands],
        [np.asarray(hand.faces, dtype=np.int32) for hand in hands],
        column("keypoints", (21, 3)), column("hand_pose", (45,)), column("betas", (10,)),
        [hand.problem for hand in hands], numbers,
    )  # fmt: skip


class _Model:
    """Topology and joint regressor of the hand layer of one side, to recognize its mesh and to compute keypoints."""

    def __init__(self, layer: ManoLayer) -> None:
        self.layer = layer
        self.faces = layer.faces.cpu().numpy()
        self.closed_faces = layer.closed_faces.cpu().numpy()
        self._regressor: np.ndarray | None = None
        self._known: dict[bytes, np.ndarray | None] = {}

    def completed(self, hand: Hand) -> Hand:
        """Return a closed, outward hand renumbered as this model, with keypoints; unchanged if its mesh is another.

        Raises HandProblem if its mesh is that of the other side.
        """
        key = hand.faces.tobytes()
        if key not in self._known:
            self._known[key] = self._numbering(hand)
        ids = self._known[key]
        if ids is None:
            return hand
        vertices = hand.vertices[ids]
        keypoints = self._keypoints(vertices) if hand.keypoints is None else hand.keypoints
        return replace(hand, vertices=vertices, faces=self.closed_faces, keypoints=keypoints)

    def _numbering(self, hand: Hand) -> np.ndarray | None:
        ids = numbering(hand.faces, self.faces)
        if ids is None and numbering(hand.faces, self.faces[:, ::-1]) is not None:
            other = SIDES[1 - SIDES.index(hand.side)]
            raise HandProblem(f"its mesh is that of a {other} hand, but its side is {hand.side!r}: give side {other!r}")
        return ids

    def _keypoints(self, vertices: np.ndarray) -> np.ndarray:
        if self._regressor is None:
            self._regressor = posed_joint_regressor(self.layer)
        return keypoints_of(vertices[None], self._regressor, self.layer)[0]


def _checked(hand: Hand, request: ReadRequest, models: dict[str, _Model]) -> Hand:
    """Return the hand with a closed, outward surface and, if its mesh is the hand model's, that model's numbering and
    keypoints; or with the problem that prevents it."""
    if hand.problem is not None:
        return hand
    numbers = (hand.vertices, hand.keypoints, hand.hand_pose, hand.betas)
    if not all(np.isfinite(array).all() for array in numbers if array is not None):
        return replace(hand, problem="values that are not finite (NaN)")
    if hand.keypoints is not None:
        nearest = np.linalg.norm(hand.keypoints[:, None] - hand.vertices[None], axis=2).min(axis=1).max()
        size = np.ptp(hand.vertices, axis=0).max()
        if nearest > _OFF_THE_HAND and size <= LARGEST_HAND:
            return replace(hand, problem=f"a keypoint lies {nearest:.3g} m off the hand: other frame, unit or object?")
    if hand.whole:
        return hand
    try:
        return _completed(hand, request, models)
    except HandProblem as problem:
        return replace(hand, problem=str(problem))


def _completed(hand: Hand, request: ReadRequest, models: dict[str, _Model]) -> Hand:
    """Close, orient and renumber a hand. Raises HandProblem."""
    vertices, faces = np.asarray(hand.vertices), np.asarray(hand.faces, dtype=np.int64)
    try:
        closed = closed_faces(faces)
    except HandProblem:  # .stl repeats its vertices for every face
        vertices, faces = without_duplicates(vertices, faces)
        closed = closed_faces(faces)
    closed = outward(vertices, closed)
    hand = replace(hand, vertices=vertices, faces=closed)
    if not VERTICES <= len(vertices) <= VERTICES + _CAP_VERTICES:
        return hand
    if hand.side not in models:
        models[hand.side] = _Model(request.layer(hand.side))
    return models[hand.side].completed(hand)


def _plausible(hands: list[Hand], request: ReadRequest) -> list[Hand]:
    """Add a problem to hands of implausible size or distance. Raises HandFileError if all are."""
    good = [hand for hand in hands if hand.problem is None]
    wrong = {id(hand): reason for hand in good if (reason := _size_problem(hand.vertices))}
    if good and len(wrong) == len(good):
        reason = next(iter(wrong.values()))
        raise request.error(f"{reason}, in all {len(good)} hands. {_unit_remedy(good[0].vertices, request.unit)}")
    return [replace(hand, problem=wrong[id(hand)]) if id(hand) in wrong else hand for hand in hands]


def _size_problem(vertices: np.ndarray) -> str | None:
    size = float(np.linalg.norm(np.ptp(vertices, axis=0)))
    if not SMALLEST_HAND <= size <= LARGEST_HAND:
        return f"the hand measures {size:.3g} m across, expected {SMALLEST_HAND} to {LARGEST_HAND} m"
    far = float(np.linalg.norm(vertices.mean(axis=0)))
    if far > _FARTHEST:
        return f"the hand lies {far:.3g} m from the object's origin, expected below {_FARTHEST:g} m"
    return None


def _unit_remedy(vertices: np.ndarray, unit: str) -> str:
    size = float(np.linalg.norm(np.ptp(vertices, axis=0)))
    for other, scale in UNITS.items():
        if other != unit and SMALLEST_HAND <= size * scale / UNITS[unit] <= LARGEST_HAND:
            looks = f"they look like {_UNIT_NAMES[other]}: give --unit {other} (unit={other!r})"
            return f"Read as {_UNIT_NAMES[unit]}; {looks}."
    return f"Read as {_UNIT_NAMES[unit]}; give the right --unit ({', '.join(UNITS)}), or scale the hands."
