"""Does the hand touch the object: three published definitions and a stricter one.

All but one take signed distances in metres, negative inside the object: (B, V), or B arrays (V,) where hands differ in
size, from `penetration.hand_distances`. Every function answers (B,) bool; the contact ratio of a set is the mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FINGER_NAMES = ("thumb", "index", "middle", "ring", "pinky")
# MediaPipe numbering of the 21 keypoints: the chain of each finger from its root joint to the tip.
_CHAINS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))

Distances = Sequence[np.ndarray] | np.ndarray


def contact_within_5mm(distances: Distances) -> np.ndarray:
    """Any hand vertex inside the object or within 5 mm of it (GraspTTA, and FastGrasp on HO-3D)."""
    return _nearest(distances) <= 0.005


def contact_inside(distances: Distances) -> np.ndarray:
    """Any hand vertex strictly inside the object (HALO)."""
    return _nearest(distances) < 0


def contact_legacy_volume(legacy_volume_cm3: np.ndarray) -> np.ndarray:
    """Legacy surface volume (B,) not zero (FastGrasp on GRAB and OakInk)."""
    return np.asarray(legacy_volume_cm3) > 0


def contact_thumb_and_two_fingers(
    distances: Distances, fingers: dict[str, np.ndarray], margin: float = 0.002
) -> np.ndarray:
    """Strict: the thumb and at least two other fingers inside or within `margin` metres of the object.

    Args:
        distances: of hands of one topology.
        fingers: vertex numbers of each finger, from `finger_vertices`.
    """
    distances = np.asarray(distances)
    touching = {name: distances[:, ids].min(axis=1) <= margin for name, ids in fingers.items()}
    others = sum(touching[name].astype(int) for name in FINGER_NAMES[1:])
    return touching["thumb"] & (others >= 2)


def finger_vertices(vertices: np.ndarray, faces: np.ndarray, keypoints: np.ndarray) -> dict[str, np.ndarray]:
    """Vertex numbers of the two outer phalanges of each finger, found from one posed hand.

    A vertex belongs to a finger when its way along the surface to that fingertip is shorter than the finger's
    outer two bones (and half of the third, for the four long fingers) and shorter than to every other
    fingertip. Ways along the surface hardly change with the pose, so any hand of MANO's topology may be
    given.

    Args:
        vertices: (778, 3), metres.
        faces: (F, 3).
        keypoints: (21, 3) in MediaPipe order, fingertips lying on vertices.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    edges = np.unique(
        np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0
    )
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    graph = coo_matrix((length, edges.T), shape=(len(vertices), len(vertices)))
    tips = [int(np.linalg.norm(vertices - keypoints[chain[-1]], axis=1).argmin()) for chain in _CHAINS]
    ways = dijkstra(graph, directed=False, indices=tips)  # (5, 778)
    answer = {}
    for name, chain, way in zip(FINGER_NAMES, _CHAINS, ways, strict=True):
        bones = np.linalg.norm(np.diff(keypoints[list(chain)], axis=0), axis=1)
        reach = bones[1] + bones[2] + (0.0 if name == "thumb" else 0.5 * bones[0])
        answer[name] = np.flatnonzero((way < reach) & (way <= ways.min(axis=0)))
    return answer


def _nearest(distances: Distances) -> np.ndarray:
    return np.array([np.min(distance) for distance in distances])
