"""Even out a decimated mesh: edge flips, tangential smoothing, and reprojection onto the fine surface.

Written in plain NumPy: the last bits decide which edges flip, and with them the bytes of the built file.
"""

from __future__ import annotations

import numpy as np

from fastgrasp_model.hand.topology import boundary_loop

from .surface import project


def edge_table(faces: np.ndarray) -> dict[tuple[int, int], list[int]]:
    """List the faces at every undirected edge."""
    table: dict[tuple[int, int], list[int]] = {}
    for k, face in enumerate(faces.tolist()):
        for i, j in zip(face, face[1:] + face[:1], strict=True):
            table.setdefault((min(i, j), max(i, j)), []).append(k)
    return table


def rim_loop(faces: np.ndarray) -> list[int]:
    """Return the boundary vertices in order, walking as the boundary edges of the faces do."""
    first, *others = boundary_loop(faces)  # runs as faces that fill the hole
    return [first, *others[::-1]]


def corner_angles(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Compute the angles (F, 3) of the faces in radians."""
    corners = points[faces]
    edge = np.roll(corners, -1, 1) - corners
    edge /= np.maximum(np.linalg.norm(edge, axis=2, keepdims=True), 1e-20)
    return np.arccos(np.clip(-(edge * np.roll(edge, 1, 1)).sum(2), -1, 1))


def _least_angle(points: np.ndarray, *triangles: tuple[int, int, int]) -> float:
    return float(corner_angles(points, np.array(triangles)).min())


def _unit_normal(points: np.ndarray, i: int, j: int, k: int) -> np.ndarray:
    normal = np.cross(points[j] - points[i], points[k] - points[i])
    return normal / max(float(np.linalg.norm(normal)), 1e-20)


def flip_edges(points: np.ndarray, faces: np.ndarray, bend: float = 0.5) -> np.ndarray:
    """Flip edges in one sweep where that raises the least angle of both triangles and does not fold the surface."""
    faces = faces.copy()
    table = edge_table(faces)
    valence = np.bincount(np.array(list(table)).ravel(), minlength=len(points))
    touched = set()
    for (i, j), pair in sorted(table.items()):
        if len(pair) != 2 or pair[0] in touched or pair[1] in touched or min(valence[i], valence[j]) <= 4:
            continue
        first, second = (faces[k].tolist() for k in pair)
        place = first.index(i)
        if first[(place + 1) % 3] != j:
            i, j = j, i
        a, b = (next(v for v in face if v not in (i, j)) for face in (first, second))
        if (min(a, b), max(a, b)) in table or max(valence[a], valence[b]) >= 9:
            continue
        normals = [_unit_normal(points, i, j, a), _unit_normal(points, j, i, b)]
        new = [(i, b, a), (b, j, a)]
        after = [_unit_normal(points, *t) for t in new]
        if min(n @ m for n in normals for m in after) < bend:
            continue
        if _least_angle(points, *new) > _least_angle(points, (i, j, a), (j, i, b)) + 1e-6:
            faces[pair[0]], faces[pair[1]] = new
            touched.update(pair)
            valence[[i, j]] -= 1
            valence[[a, b]] += 1
    return faces


def vertex_normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Compute area-weighted unit normals (V, 3)."""
    a, b, c = points[faces].transpose(1, 0, 2)
    face_normal = np.cross(b - a, c - a)
    total = np.zeros_like(points)
    for k in range(3):
        np.add.at(total, faces[:, k], face_normal)
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-20)


def smooth_tangentially(points, faces, sizing, fixed, step: float = 0.5) -> np.ndarray:
    """Draw free vertices towards the size-weighted centroid of their triangles, within the tangent plane."""
    a, b, c = points[faces].transpose(1, 0, 2)
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1) / sizing[faces].mean(1) ** 2
    centre = (a + b + c) / 3
    total, weight = np.zeros_like(points), np.zeros(len(points))
    for k in range(3):
        np.add.at(total, faces[:, k], area[:, None] * centre)
        np.add.at(weight, faces[:, k], area)
    move = total / weight[:, None] - points
    normal = vertex_normals(points, faces)
    move -= (move * normal).sum(1, keepdims=True) * normal
    move[fixed] = 0
    return points + step * move


def even_out(points, faces, fine_points, fine_faces, size_at, fixed, rounds: int = 40):
    """Repeat flips, smoothing and reprojection: (points, faces).

    size_at(points) gives wanted edge lengths; `fixed` vertices must lie on the fine surface and stay.
    """
    for _ in range(rounds):
        faces = flip_edges(points, faces)
        smooth = smooth_tangentially(points, faces, size_at(points), fixed)
        new = project(smooth, fine_points, fine_faces, normals=vertex_normals(points, faces)) @ fine_points
        new[fixed] = points[fixed]
        points = new
    return points, faces
