"""Hand surfaces: outward orientation, closing at the wrist, and recovery of a hand model's vertex numbering.

Tools renumber vertices (trimesh merges and sorts them, .stl has none), so a mesh is recognized as the hand model's by
its triangles, not by its vertex numbers.
"""

from __future__ import annotations

from collections import Counter, deque

import numpy as np

from fastgrasp_evaluation.formats.errors import HandProblem
from fastgrasp_evaluation.physics.signed_distance import is_closed
from fastgrasp_model.hand.mano_file import HandModelError
from fastgrasp_model.hand.topology import close_wrist


def outward(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return faces (F, 3), reversed if the volume they enclose with vertices (V, 3) is negative."""
    return faces if signed_volume(vertices, faces) >= 0 else np.ascontiguousarray(faces[:, ::-1])


def signed_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Compute the volume inside outward faces, in the vertices' unit cubed; an open surface is closed to its centre."""
    vertices = np.asarray(vertices, dtype=np.float64)
    a, b, c = (vertices - vertices.mean(axis=0))[faces].transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6)


def closed_faces(faces: np.ndarray) -> np.ndarray:
    """Close faces (F, 3) at one open wrist by a fan. Raises HandProblem for any other hole."""
    if len(faces) == 0:
        raise HandProblem("its mesh has no faces")
    if is_closed(faces):
        return faces
    try:
        closed = close_wrist(faces)
    except HandModelError:
        raise HandProblem("its mesh is neither closed nor open at the wrist alone; repair or remesh it") from None
    if not is_closed(closed):
        raise HandProblem("its mesh cannot be closed at the wrist; repair or remesh it")
    return closed


def without_duplicates(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merge vertices at exactly the same position, in the order of their first use."""
    _, first, inverse = np.unique(vertices, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return vertices[first[order]], rank[inverse.reshape(-1)][faces]


def numbering(faces: np.ndarray, model_faces: np.ndarray) -> np.ndarray | None:
    """Return the mesh's vertex for each of the model's (V,) int64, or None if the mesh is not the model's.

    faces (F, 3) may hold more than model_faces (M, 3), such as a closed wrist; both have the same orientation. One
    matched edge determines all vertices, so each edge whose vertices have the right numbers of faces is tried.
    """
    if len(faces) < len(model_faces):
        return None
    count = int(model_faces.max()) + 1
    if _oriented(model_faces) <= _oriented(faces):
        return np.arange(count)
    opposite = {(a, b): c for a, b, c in _corners(faces)}
    valence = Counter(np.asarray(faces).reshape(-1).tolist())
    start, signature = _rarest_corner(model_faces)
    steps = _walk(model_faces, start)
    for (a, b), c in opposite.items():
        if (valence[a], valence[b], valence[c]) == signature:
            found = _follow(steps, opposite, start, (a, b), count)
            if found is not None:
                return found
    return None


def _corners(faces: np.ndarray) -> list[tuple[int, int, int]]:
    """Return each face three times, once from each of its vertices."""
    return [corner for x, y, z in faces.tolist() for corner in ((x, y, z), (y, z, x), (z, x, y))]


def _oriented(faces: np.ndarray) -> set[tuple[int, int, int]]:
    """Return each face with its least vertex first, in the same orientation."""
    return {min((x, y, z), (y, z, x), (z, x, y)) for x, y, z in np.asarray(faces).tolist()}


def _rarest_corner(faces: np.ndarray) -> tuple[tuple[int, int], tuple[int, int, int]]:
    """Find an edge (a, b) off the boundary whose face (a, b, c) has the rarest numbers of faces at its vertices."""
    edges = {tuple(edge) for edge in faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).tolist()}
    boundary = {a for a, b in edges if (b, a) not in edges}
    valence = Counter(faces.reshape(-1).tolist())
    corners = [corner for corner in _corners(faces) if not boundary & set(corner)]
    signatures = [tuple(valence[vertex] for vertex in corner) for corner in corners]
    counts = Counter(signatures)
    signature, corner = min(zip(signatures, corners, strict=True), key=lambda pair: counts[pair[0]])
    return corner[:2], signature


def _walk(faces: np.ndarray, start: tuple[int, int]) -> list[tuple[int, int, int]]:
    """Order the faces (a, b, c) of a connected surface so that a and b are known before c; `start` is known."""
    opposite = {(a, b): c for a, b, c in _corners(faces)}
    steps, seen, waiting = [], set(), deque([start])
    while waiting:
        a, b = waiting.popleft()
        if (a, b) in seen or (a, b) not in opposite:
            continue
        c = opposite[a, b]
        seen |= {(a, b), (b, c), (c, a)}
        steps.append((a, b, c))
        waiting.extend([(b, a), (c, b), (a, c)])
    return steps


def _follow(steps, opposite, start, candidate, count: int) -> np.ndarray | None:
    """Return the vertices (count,) implied by mapping `start` to `candidate`, or None at a contradiction."""
    found = dict(zip(start, candidate, strict=True))
    taken = set(candidate)
    for a, b, c in steps:
        vertex = opposite.get((found[a], found[b]))
        if vertex is None or found.get(c, vertex) != vertex or (c not in found and vertex in taken):
            return None
        found[c] = vertex
        taken.add(vertex)
    return np.array([found[vertex] for vertex in range(count)]) if len(found) == count else None
