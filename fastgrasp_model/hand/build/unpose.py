"""From a body of the source to the flat rest hand: place joints, lay the palm, straighten, widen, scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from .bodies import BodyParameters
from .skeleton import (
    BONE_DIRECTIONS,
    FINGER_ROOTS,
    KNUCKLE_DIRECTIONS,
    PARENTS,
    TIP_ROWS,
    WRIST_AT_REST,
    WRIST_TO_MIDDLE_TIP,
    kabsch,
    swing,
    unit,
)
from .source import SourceHand

# Metres in the rest frame: the source's joints sit elsewhere than the turning points of a hand.
JOINT_SHIFTS = {1: (0.009, 0.0, 0.0035), 13: (0.009, -0.0115, 0.0055)}
# Half the length over which the index finger takes over from the palm, round its moved knuckle.
INDEX_BLEND = 0.011
PALM_WIDENING = 1.10
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
    turn = kabsch(source, unit(np.array(list(KNUCKLE_DIRECTIONS.values()))))
    origin = landmarks[0]
    return (points - origin) @ turn.T, (landmarks - origin) @ turn.T


def bone_length(landmarks: np.ndarray) -> float:
    """Length from the wrist to the tip of the middle finger, along the bones."""
    chain = landmarks[[0, 4, 5, 6, TIP_ROWS["middle"]]]
    return float(np.linalg.norm(np.diff(chain, axis=0), axis=1).sum())


def rest_weights(hand: SourceHand, vertices: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Skin weights (V, 16) for the moved joints: the index knuckle blended anew, then three smoothing rounds.

    vertices and landmarks are the neutral hand on its palm, not yet straightened, wrist at the origin.
    """
    weights = hand.weights.copy()
    along = (vertices - landmarks[1]) @ unit(landmarks[2] - landmarks[1])
    t = np.clip((along / INDEX_BLEND + 1) / 2, 0, 1)
    near = hand.index_ray * (weights[:, 2] + weights[:, 3] < 1e-6)
    palm_share = weights[:, 0] + weights[:, 1] - near
    weights[:, 1] = np.where(near > 0, near * t * t * (3 - 2 * t), weights[:, 1])
    weights[:, 0] = np.where(near > 0, palm_share + near - weights[:, 1], weights[:, 0])
    size = len(vertices)
    pairs = np.concatenate([hand.quads[:, [i, (i + 1) % 4]] for i in range(4)])
    pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    mean = sparse.csr_matrix((np.ones(len(pairs)), tuple(pairs.T)), (size, size))
    mean = sparse.diags(1 / np.asarray(mean.sum(1)).ravel()) @ mean
    for _ in range(3):
        weights = 0.5 * weights + 0.5 * (mean @ weights)
    return weights / weights.sum(1, keepdims=True)


def flat_palm(hand: SourceHand, body: np.ndarray, size: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and landmarks laid on the palm, joints moved, metres, wrist at the origin; fingers bent."""
    landmarks = body[hand.cubes].mean(1)
    vertices, landmarks = _lay_palm(body[hand.body_ids], landmarks)
    vertices, landmarks = vertices * (0.1 * size), landmarks * (0.1 * size)
    factor = bone_length(landmarks) / WRIST_TO_MIDDLE_TIP
    for joint, shift in JOINT_SHIFTS.items():
        landmarks[joint] += factor * np.array(shift)
    return vertices, landmarks


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
    hand: SourceHand, mesh: np.ndarray, weights: np.ndarray, scale: float, body: BodyParameters
) -> RestHand:
    """The whole way for one body: metres, MANO's rest pose, the wrist joint at its rest place."""
    vertices, landmarks = flat_palm(hand, mesh, body.size)
    rest = straighten(vertices, landmarks, weights)
    rest = widen_palm(rest, weights, PALM_WIDENING + body.palm)
    rest = thicken_fingers(rest, weights, body.thumb)
    return RestHand(rest.vertices * scale + WRIST_AT_REST, rest.landmarks * scale + WRIST_AT_REST)


def neutral_scale(hand: SourceHand, body: np.ndarray, weights: np.ndarray) -> float:
    """The factor that makes the neutral hand's bones as long as they shall be."""
    vertices, landmarks = flat_palm(hand, body)
    rest = widen_palm(straighten(vertices, landmarks, weights), weights)
    return WRIST_TO_MIDDLE_TIP / bone_length(rest.landmarks)
