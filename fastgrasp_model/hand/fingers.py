"""The vertices of each finger of any posed hand mesh with MANO's topology."""

from __future__ import annotations

import numpy as np

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
# MediaPipe numbering of the 21 keypoints: the chain of each finger from its root joint to the tip.
_CHAINS = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))


def finger_vertices(vertices: np.ndarray, faces: np.ndarray, keypoints: np.ndarray) -> dict[str, np.ndarray]:
    """Return the vertex indices of the two distal phalanges of each finger, of any pose.

    vertices (778, 3), metres; faces (F, 3); keypoints (21, 3) in MediaPipe order, fingertips on vertices. A vertex
    belongs to a finger if its geodesic distance, which hardly changes with the pose, to that fingertip is shorter than
    the two distal bones (and half of the third for the four long fingers) and than to every other fingertip.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    edges = np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    graph = coo_matrix((length, edges.T), shape=(len(vertices), len(vertices)))
    tips = [int(np.linalg.norm(vertices - keypoints[chain[-1]], axis=1).argmin()) for chain in _CHAINS]
    ways = dijkstra(graph, directed=False, indices=tips)  # (5, 778)
    answer = {}
    for name, chain, way in zip(FINGERS, _CHAINS, ways, strict=True):
        bones = np.linalg.norm(np.diff(keypoints[list(chain)], axis=0), axis=1)
        reach = bones[1] + bones[2] + (0.0 if name == "thumb" else 0.5 * bones[0])
        answer[name] = np.flatnonzero((way < reach) & (way <= ways.min(axis=0)))
    return answer
