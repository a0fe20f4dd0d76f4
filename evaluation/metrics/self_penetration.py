"""Self-penetration: how deep one part of a hand lies inside another part of the same hand.

A closed surface that intersects itself encloses the common part twice. So a vertex is buried if the point just outside
of it has a winding number of one instead of zero (fast winding number: Barill et al., "Fast Winding Numbers for Soups
and Clouds", SIGGRAPH 2018). Skin also folds at a bent joint, which is no error of a grasp: the part of the surface
within `NEIGHBOURHOOD` along the skin does not count. The rest is an open surface, and its generalised winding number
(Jacobson et al., "Robust Inside-Outside Segmentation", SIGGRAPH 2013) tells whether it alone encloses the vertex: it is
1/2 or less for a free vertex, even in a fold, and 1 to 3/2 for one buried in another part.

The depth of a buried vertex is its distance to that rest of the surface; the figure of a hand is that of its deepest
vertex. It saturates at about 15 mm, the thickness of a finger.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastgrasp_evaluation.metrics.solid import Solid, hand_solid, winding_number

# Metres along the edges of the mesh. The deepest fold of the open hand within its joint limits, at the middle finger's
# PIP joint bent by 105 degrees, reaches over 33 mm of skin; grasps have the same figures from 30 to 40 mm.
NEIGHBOURHOOD = 0.035
_STEP = 1e-4  # metres: "just outside"
_ENCLOSED = 0.75  # between 1/2 (free) and 1 (buried)


def self_penetration_cm(vertices: Sequence[np.ndarray], faces: Sequence[np.ndarray]) -> np.ndarray:
    """Return the depth, cm (B,), of the deepest vertex of each hand inside another part of it, 0 if there is none.

    vertices: B arrays (V, 3), metres; faces: B arrays (F, 3), outward. Raises ValueError for faces that are not closed.
    """
    hands = (hand_solid(hand, triangles) for hand, triangles in zip(vertices, faces, strict=True))
    return np.array([_deepest(hand) * 100.0 for hand in hands])


def _deepest(hand: Solid) -> float:
    """Return the greatest depth, metres, of a vertex of the hand in another part of it.

    Vertices are taken in the order of an upper bound, the distance to the nearest counted vertex, until none of the
    others can be deeper.
    """
    points = hand.vertices + _STEP * _vertex_normals(hand)
    twice = np.flatnonzero(winding_number(hand, points) > 0.5)
    if not len(twice):
        return 0.0
    near = _neighbourhood(hand, twice)
    bound = np.array([_nearest_corner(hand, twice[row], near[row]) for row in range(len(twice))])
    deepest = 0.0
    for row in np.argsort(-bound):
        if bound[row] <= deepest:
            break
        rest = hand.faces[~near[row][hand.faces].any(axis=1)]
        if _enclosure(points[twice[row]], hand.vertices, rest) > _ENCLOSED:
            deepest = max(deepest, _distance(hand.vertices[twice[row]], hand.vertices, rest))
    return deepest


def _nearest_corner(hand: Solid, vertex: int, near: np.ndarray) -> float:
    """Return the distance, metres, from a vertex to the nearest outside its neighbourhood (V,) bool; 0 without one."""
    away = hand.vertices[~near] - hand.vertices[vertex]
    return float(np.sqrt((away**2).sum(axis=1).min())) if len(away) else 0.0


def _vertex_normals(hand: Solid) -> np.ndarray:
    """Return outward unit normals (V, 3), weighted by the area of the faces."""
    corners = hand.vertices[hand.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    weights = np.repeat(normals, 3, axis=0).T
    total = np.stack([np.bincount(hand.faces.ravel(), weight, len(hand.vertices)) for weight in weights], axis=1)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-30)


def _neighbourhood(hand: Solid, sources: np.ndarray) -> np.ndarray:
    """Return which vertices lie within `NEIGHBOURHOOD` of each source along the edges, bool (N, V)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    edges = hand.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)  # every edge once in each direction
    length = np.linalg.norm(hand.vertices[edges[:, 0]] - hand.vertices[edges[:, 1]], axis=1)
    graph = coo_matrix((np.maximum(length, 1e-12), edges.T), shape=(len(hand.vertices),) * 2).tocsr()
    return np.isfinite(dijkstra(graph, indices=sources, limit=NEIGHBOURHOOD))


def _enclosure(point: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> float:
    """Return the generalised winding number of faces (F, 3) around one point.

    Van Oosterom and Strackee, "The Solid Angle of a Plane Triangle", IEEE Trans. Biomed. Eng. 30(2), 1983.
    """
    seen = vertices - point
    norm = np.linalg.norm(seen, axis=1)
    (a, b, c), (la, lb, lc) = seen[faces.T], norm[faces.T]
    above = (a * np.cross(b, c)).sum(axis=1)
    below = la * lb * lc + (a * b).sum(axis=1) * lc + (b * c).sum(axis=1) * la + (c * a).sum(axis=1) * lb
    return float(np.arctan2(above, below).sum() / (2 * np.pi))


def _distance(point: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> float:
    """Return the distance, metres, from one point (3,) to faces (F, 3)."""
    import igl

    faces = np.ascontiguousarray(faces)
    return float(np.sqrt(igl.point_mesh_squared_distance(point[None], vertices, faces)[0][0]))
