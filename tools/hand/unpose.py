"""From a body of the source to the flat rest hand: place joints, lay the palm, straighten, widen, thicken, scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from . import skeleton
from .bodies import BodyParameters
from .source import SourceHand

# Metres in the rest frame: the source's joints sit elsewhere than the turning points of a hand. With these shifts the
# bones are as long as measured ones (docs/open_hand_provenance.md).
JOINT_SHIFTS = {
    1: (0.013, 0.0, -0.0015), 4: (0.009, 0.0, 0.003), 7: (0.0095, 0.001, 0.0055), 10: (0.0088, 0.0, 0.0036),
    13: (0.0195, -0.0125, -0.0055), **dict.fromkeys((14, 15, skeleton.TIP_ROWS["thumb"]), (-0.0025, 0.0, -0.0035)),
}  # fmt: skip
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


def flat_palm(hand: SourceHand, body: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay vertices and landmarks on the palm and shift the joints; metres, wrist at the origin, fingers bent."""
    landmarks = body[hand.cubes].mean(1)
    roots = [skeleton.FINGER_ROOTS[name] for name in skeleton.KNUCKLE_DIRECTIONS]
    knuckles = skeleton.unit(landmarks[roots] - landmarks[0])
    wanted = skeleton.unit(np.array(list(skeleton.KNUCKLE_DIRECTIONS.values())))
    turn = Rotation.align_vectors(wanted, knuckles)[0].as_matrix()
    vertices, landmarks = (0.1 * (points - landmarks[0]) @ turn.T for points in (body[hand.body_ids], landmarks))
    factor = np.linalg.norm(landmarks[4] - landmarks[0]) / SOURCE_PALM
    for joint, shift in JOINT_SHIFTS.items():
        landmarks[joint] += factor * np.array(shift)
    chains = [skeleton.finger_chain(name) for name in skeleton.FINGER_ROOTS]
    after = {joint: child for chain in chains for joint, child in zip(chain, chain[1:], strict=False)}
    bones = {j: landmarks[after[j]] - landmarks[j] for j in JOINT_SLIDES}
    for joint, slide in JOINT_SLIDES.items():
        landmarks[joint] += slide * bones[joint]
    return vertices, landmarks


def straighten(vertices: np.ndarray, landmarks: np.ndarray, weights: np.ndarray) -> RestHand:
    """Turn every bone by the least swing onto its rest direction, skinning the surface along."""
    turn, place = np.tile(np.eye(3), (16, 1, 1)), landmarks.copy()
    for name in skeleton.FINGER_ROOTS:
        chain = skeleton.finger_chain(name)
        for joint, child, target in zip(chain, chain[1:], skeleton.BONE_DIRECTIONS[name], strict=False):
            before, bone = turn[skeleton.PARENTS[joint]], landmarks[child] - landmarks[joint]
            turn[joint] = skeleton.swing(before @ bone, np.array(target)) @ before
            place[child] = place[joint] + turn[joint] @ bone
    shift = place[:16] - np.einsum("jab,jb->ja", turn, landmarks[:16])
    posed = np.einsum("vj,jab,vb->va", weights, turn, vertices, optimize=True) + weights @ shift
    return RestHand(posed, place)


def widen_palm(hand: RestHand, weights: np.ndarray, factor: float = PALM_WIDENING) -> RestHand:
    """Stretch palm and wrist sideways (z) about the line from wrist to middle knuckle; fingers are shifted whole."""
    vertices, landmarks = hand.vertices.copy(), hand.landmarks.copy()
    wrist, middle = hand.landmarks[0], hand.landmarks[4]

    def shift(points: np.ndarray) -> np.ndarray:
        along = np.clip((points[:, 0] - wrist[0]) / (middle[0] - wrist[0]), 0, 1)
        return (factor - 1) * (points[:, 2] - (wrist[2] + along * (middle[2] - wrist[2])))

    roots = list(skeleton.FINGER_ROOTS.values())
    shifts = np.repeat(shift(hand.landmarks[roots]), 3)
    vertices[:, 2] += weights[:, 0] * shift(hand.vertices) + weights[:, 1:] @ shifts
    landmarks[1:16, 2] += shifts
    landmarks[list(skeleton.TIP_ROWS.values()), 2] += shifts[np.array(roots) - 1]
    return RestHand(vertices, landmarks)


def thicken_fingers(hand: RestHand, weights: np.ndarray, thumb: float = 0.0) -> RestHand:
    """Grow each finger's cross-section round its bones; `thumb` is added to the thumb's growth."""
    vertices = hand.vertices.copy()
    for name, root in skeleton.FINGER_ROOTS.items():
        growth = THICKENING[name] - 1 + (thumb if name == "thumb" else 0.0)
        chain = hand.landmarks[skeleton.finger_chain(name)]
        for k in range(3):
            share = (0.5 if name == "thumb" and k == 0 else 1.0) * weights[:, root + k]
            start, bone = chain[k], skeleton.unit(chain[k + 1] - chain[k])
            radial = hand.vertices - start
            vertices += growth * share[:, None] * (radial - (radial @ bone)[:, None] * bone)
    return RestHand(vertices, hand.landmarks)


def rest_hand(
    hand: SourceHand, mesh: np.ndarray, weights: np.ndarray, scale: float | None, body: BodyParameters
) -> RestHand:
    """Take one body the whole way: metres, MANO's rest pose, the wrist joint at its rest place.

    `scale` is the neutral body's; None makes the hand `body.size` times as long as the mean one.
    """
    rest = straighten(*flat_palm(hand, mesh), weights)
    rest = widen_palm(rest, weights, PALM_WIDENING + body.palm)
    rest = thicken_fingers(rest, weights, body.thumb)
    if scale is None:
        scale = body.size * skeleton.WRIST_TO_MIDDLE_TIP / _bone_length(rest.landmarks)
    return RestHand(rest.vertices * scale + skeleton.WRIST_AT_REST, rest.landmarks * scale + skeleton.WRIST_AT_REST)


def neutral_scale(hand: SourceHand, body: np.ndarray, weights: np.ndarray) -> float:
    """Compute the factor that makes the neutral hand's bones as long as WRIST_TO_MIDDLE_TIP."""
    rest = widen_palm(straighten(*flat_palm(hand, body), weights), weights)
    return skeleton.WRIST_TO_MIDDLE_TIP / _bone_length(rest.landmarks)


def _bone_length(landmarks: np.ndarray) -> float:
    """Measure from the wrist to the tip of the middle finger, along the bones."""
    chain = landmarks[[0, *skeleton.finger_chain("middle")]]
    return float(np.linalg.norm(np.diff(chain, axis=0), axis=1).sum())
