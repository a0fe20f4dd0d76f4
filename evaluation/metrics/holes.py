"""Holes of a triangle mesh: found as loops of boundary edges, measured, and closed with a flat cap where that is safe.

Safe holes are small ones of any shape, and flat ones that are a small share of the surface (the open end of a bottle's
neck, the ground that a scanner did not see). The open top of a bowl of a single sheet is neither. The fillers of
trimesh and igl close every hole they can, and neither measures it nor keeps a cap from using an edge a third time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_SMALL = 0.06  # of the mesh's longest side: such a hole is closed whatever its shape
_FLAT = 0.25  # deviation from the plane, as a share of the hole's width
_SHARE = 0.05  # greatest area of one cap, as a share of the surface


@dataclass(frozen=True)
class Hole:
    """A loop of vertices around a hole, in the order in which the faces of a cap run.

    loop (N,): vertex numbers; width: greatest distance between two of them, metres; flatness: greatest distance from
    their plane, metres; cap (N - 2, 3): triangles that close it, None where its outline crosses itself; area: that of
    the cap, square metres.
    """

    loop: np.ndarray
    width: float
    flatness: float
    cap: np.ndarray | None
    area: float

    def refusal(self, size: float, surface: float) -> str | None:
        """Say why a mesh of longest side `size` (metres) and area `surface` must not get this cap, else None."""
        name = f"a hole {1000 * self.width:.0f} mm across"
        if self.cap is None:
            return f"{name} whose edge crosses itself"
        if self.width <= _SMALL * size:
            return None
        if self.flatness > _FLAT * self.width:
            return f"{name} that is not flat (it bends by {1000 * self.flatness:.0f} mm)"
        if self.area > _SHARE * surface:
            return f"{name}, {100 * self.area / surface:.1f} % of the surface (at most {100 * _SHARE:.0f} % are closed)"
        return None


def find_holes(vertices: np.ndarray, faces: np.ndarray) -> list[Hole]:
    """Find the holes of a mesh: vertices (V, 3) in metres, faces (F, 3) that agree in their orientation.

    Raises ValueError where holes touch in a vertex, so that their loops cannot be told apart.
    """
    edges = faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
    forward, backward = edges @ [len(vertices), 1], edges @ [1, len(vertices)]
    boundary = edges[~np.isin(forward, backward)]
    following = {int(b): int(a) for a, b in boundary}  # a cap runs along each edge the other way
    if len(following) != len(boundary):
        raise ValueError(f"{len(boundary) - len(following)} places where two holes touch")
    holes = []
    while following:
        start, vertex = following.popitem()
        loop = [start]
        while vertex != start:
            loop.append(vertex)
            vertex = following.pop(vertex)
        holes.append(_hole(np.array(loop), vertices, edges))
    return holes


def _hole(loop: np.ndarray, vertices: np.ndarray, edges: np.ndarray) -> Hole:
    points = vertices[loop]
    middle, width = points.mean(axis=0), float(max(np.linalg.norm(points - p, axis=1).max() for p in points))
    normal = np.cross(points - middle, np.roll(points, -1, axis=0) - middle).sum(axis=0)
    length = np.linalg.norm(normal)
    normal = normal / length if length > 0 else np.array([0.0, 0.0, 1.0])
    across = np.linalg.svd(normal[None])[2][1:]  # (2, 3): two axes of the plane
    if np.linalg.det(np.stack([*across, normal])) < 0:
        across = across[::-1]
    local = _clip_ears((points - middle) @ across.T, _chords(loop, edges))
    cap = None if local is None else loop[local]
    return Hole(loop, width, float(np.abs((points - middle) @ normal).max()), cap, 0.5 * float(length))


def _chords(loop: np.ndarray, edges: np.ndarray) -> set[tuple[int, int]]:
    """Return the mesh's own edges between two places of the loop, which a cap must not use again."""
    place = {int(vertex): number for number, vertex in enumerate(loop)}
    among = edges[np.isin(edges, loop).all(axis=1)]
    return {(place[int(a)], place[int(b)]) for a, b in among} | {(place[int(b)], place[int(a)]) for a, b in among}


def _clip_ears(polygon: np.ndarray, chords: set[tuple[int, int]]) -> np.ndarray | None:
    """Triangulate a counter-clockwise polygon (N, 2) into (N - 2, 3) without `chords` as inner edges.

    None where the polygon crosses itself.
    """
    left = list(range(len(polygon)))
    triangles = []
    while len(left) > 2:
        ear = next((place for place in range(len(left)) if _is_ear(polygon, left, place, chords)), None)
        if ear is None:
            return None
        triangles.append((left[ear - 1], left[ear], left[(ear + 1) % len(left)]))
        del left[ear]
    return np.array(triangles)


def _is_ear(polygon: np.ndarray, left: list[int], place: int, chords: set[tuple[int, int]]) -> bool:
    """Tell whether the corner at `place` can be cut off: convex or straight, with no other corner inside."""
    corners = [left[place - 1], left[place], left[(place + 1) % len(left)]]
    a, b, c = polygon[corners]
    if len(left) == 3:
        return _cross(b - a, c - a) >= -1e-12 * np.abs(polygon).max() ** 2
    if _cross(b - a, c - a) < 0 or (corners[0], corners[2]) in chords:
        return False
    rest = polygon[[vertex for vertex in left if vertex not in corners]]
    sides = [_cross(q - p, rest - p) for p, q in ((a, b), (b, c), (c, a))]
    return not ((sides[0] > 0) & (sides[1] > 0) & (sides[2] >= 0)).any()


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
