"""From a body of the source to the flat rest hand: place joints, lay the palm, straighten, widen, scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from .bodies import BodyParameters
from .skeleton import (
    BONE_DIRECTIONS,
    FINGER_ROOTS,
    KNUCKLE_DIRECTIONS,
    PARENTS,
    TIP_ROWS,
    WRIST_AT_REST,
    WRIST_TO_MIDDLE_TIP,
    swing,
    unit,
)
from .source import SourceHand

# Metres in the rest frame: the source's joints sit elsewhere than the turning points of a hand. With these shifts the
# bones are as long as measured ones (docs/open_hand_provenance.md).
JOINT_SHIFTS = {
    1: (0.013, 0.0, -0.0015),
    4: (0.009, 0.0, 0.003),
    7: (0.0095, 0.001, 0.0055),
    10: (0.0088, 0.0, 0.0036),
    13: (0.0195, -0.0125, -0.0055),
    14: (-0.0025, 0.0, -0.0035),
    15: (-0.0025, 0.0, -0.0035),
    TIP_ROWS["thumb"]: (-0.0025, 0.0, -0.0035),
}
# From the wrist to the source's middle knuckle in the neutral hand, metres: the shifts go with the palm's size.
SOURCE_PALM = 0.1006
# Part of its own bone by which a joint slides toward the tip.
JOINT_SLIDES = {2: 0.176, 3: 0.215, 5: 0.147, 6: 0.175, 8: 0.065, 9: 0.094, 11: 0.16, 12: 0.197, 14: 0.098, 15: 0.035}
PALM_WIDENING = 1.02
# Growth of the cross-section round the bones of each finger; the source's are slim for their length.
THICKENING = {"index": 1.02, "middle": 1.02, "pinky": 1.05, "ring": 1.02, "thumb": 1.12}


@dataclass(frozen=True)
class RestHand:
    """One hand in the source's resolution: vertices (V, 3), landmarks (21, 3: 16 joints, 5 tips), metres."""

    vertices: np.ndarray
    landmarks: np.ndarray


def _lay_palm(points: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn everything so that the knuckles lie in their rest directions, the wrist at the origin."""
    knuckles = [FINGER_ROOTS[name] for name in KNUCKLE_DIRECTIONS]
    source = unit(landmarks[knuckles] - landmarks[0])
    turn = Rotation.align_vectors(unit(np.array(list(KNUCKLE_DIRECTIONS.values()))), source)[0].as_matrix()
    origin = landmarks[0]
    return (points - origin) @ turn.T, (landmarks - origin) @ turn.T


def bone_length(landmarks: np.ndarray) -> float:
    """Length from the wrist to the tip of the middle finger, along the bones."""
    chain = landmarks[[0, 4, 5, 6, TIP_ROWS["middle"]]]
    return float(np.linalg.norm(np.diff(chain, axis=0), axis=1).sum())


def flat_palm(hand: SourceHand, body: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and landmarks laid on the palm, joints moved, metres, wrist at the origin; fingers bent."""
    landmarks = body[hand.cubes].mean(1)
    vertices, landmarks = _lay_palm(body[hand.body_ids], landmarks)
    vertices, landmarks = 0.1 * vertices, 0.1 * landmarks
    factor = np.linalg.norm(landmarks[4] - landmarks[0]) / SOURCE_PALM
    for joint, shift in JOINT_SHIFTS.items():
        landmarks[joint] += factor * np.array(shift)
    bones = {j: landmarks[_child(j)] - landmarks[j] for j in JOINT_SLIDES}
    for joint, slide in JOINT_SLIDES.items():
        landmarks[joint] += slide * bones[joint]
    return vertices, landmarks


def _child(joint: int) -> int:
    """The row of the landmark that follows a finger joint: the next joint or the fingertip."""
    tips = {root + 2: TIP_ROWS[name] for name, root in FINGER_ROOTS.items()}
    return tips.get(joint, joint + 1)


def straighten(vertices: np.ndarray, landmarks: np.ndarray, weights: np.ndarray) -> RestHand:
    """Turn every bone by the least swing onto its rest direction, skinning the surface along."""
    turn = np.tile(np.eye(3), (16, 1, 1))
    place = landmarks.copy()
    for name, root in FINGER_ROOTS.items():
        chain = [root, root + 1, root + 2, TIP_ROWS[name]]
        for k, target in enumerate(BONE_DIRECTIONS[name]):
            joint, child = chain[k], chain[k + 1]
            before = turn[PARENTS[joint]]
            bone = landmarks[child] - landmarks[joint]
            turn[joint] = swing(before @ bone, np.array(target)) @ before
            place[child] = place[joint] + turn[joint] @ bone
    shift = place[:16] - np.einsum("jab,jb->ja", turn, landmarks[:16])
    posed = np.einsum("vj,jab,vb->va", weights, turn, vertices, optimize=True) + weights @ shift
    return RestHand(posed, place)


def widen_palm(hand: RestHand, weights: np.ndarray, factor: float = PALM_WIDENING) -> RestHand:
    """Stretch palm and wrist sideways (z) about the line from wrist to middle knuckle; fingers move whole."""
    marks = hand.landmarks.copy()

    def shift(points: np.ndarray) -> np.ndarray:
        along = np.clip((points[:, 0] - marks[0, 0]) / (marks[4, 0] - marks[0, 0]), 0, 1)
        return (factor - 1) * (points[:, 2] - (marks[0, 2] + along * (marks[4, 2] - marks[0, 2])))

    moves = np.repeat(shift(marks[list(FINGER_ROOTS.values())]), 3)
    vertices = hand.vertices.copy()
    vertices[:, 2] += weights[:, 0] * shift(hand.vertices) + weights[:, 1:] @ moves
    landmarks = marks.copy()
    landmarks[1:16, 2] += moves
    for name, root in FINGER_ROOTS.items():
        landmarks[TIP_ROWS[name], 2] += moves[root - 1]
    return RestHand(vertices, landmarks)


def thicken_fingers(hand: RestHand, weights: np.ndarray, thumb: float = 0.0) -> RestHand:
    """Grow each finger's cross-section round its bones; `thumb` is added to the thumb's growth."""
    vertices = hand.vertices.copy()
    for name, root in FINGER_ROOTS.items():
        growth = THICKENING[name] - 1 + (thumb if name == "thumb" else 0.0)
        chain = hand.landmarks[[root, root + 1, root + 2, TIP_ROWS[name]]]
        for k in range(3):
            share = weights[:, root + k]
            if name == "thumb" and k == 0:
                share = 0.5 * share
            start, bone = chain[k], unit(chain[k + 1] - chain[k])
            radial = hand.vertices - start
            radial = radial - (radial @ bone)[:, None] * bone
            vertices += growth * share[:, None] * radial
    return RestHand(vertices, hand.landmarks)


def rest_hand(
    hand: SourceHand, mesh: np.ndarray, weights: np.ndarray, scale: float | None, body: BodyParameters
) -> RestHand:
    """The whole way for one body: metres, MANO's rest pose, the wrist joint at its rest place.

    `scale` is the neutral body's; None makes the hand `body.size` times as long as the mean one.
    """
    vertices, landmarks = flat_palm(hand, mesh)
    rest = straighten(vertices, landmarks, weights)
    rest = widen_palm(rest, weights, PALM_WIDENING + body.palm)
    rest = thicken_fingers(rest, weights, body.thumb)
    if scale is None:
        scale = body.size * WRIST_TO_MIDDLE_TIP / bone_length(rest.landmarks)
    return RestHand(rest.vertices * scale + WRIST_AT_REST, rest.landmarks * scale + WRIST_AT_REST)


def neutral_scale(hand: SourceHand, body: np.ndarray, weights: np.ndarray) -> float:
    """The factor that makes the neutral hand's bones as long as they shall be."""
    vertices, landmarks = flat_palm(hand, body)
    rest = widen_palm(straighten(vertices, landmarks, weights), weights)
    return WRIST_TO_MIDDLE_TIP / bone_length(rest.landmarks)
