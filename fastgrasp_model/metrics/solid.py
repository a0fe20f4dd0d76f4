"""Meshes as solids: inside tests, occupancy grids, signed distances.

Two inside tests serve two kinds of mesh. A closed mesh is filled column by column from its exact crossings,
with the winding number counted, so that fingers that overlap stay inside (about 10 ms for a hand at 1 mm). An
open mesh gets libigl's fast winding number (Barill et al. 2018), which degrades gracefully at holes, where
columns would leak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastgrasp_model.geometry.meshes import MeshError
from fastgrasp_model.geometry.signed_distance import is_closed

# Grid lines are moved by this share of a cell, so that no column runs exactly through an edge of an aligned
# box.
_JITTER = np.array([3.1415e-5, 2.7182e-5, 1.4142e-5])


@dataclass(frozen=True)
class Solid:
    """A triangle mesh whose faces point outwards: vertices (V, 3) float64 metres, faces (F, 3) int64, closed
    or not."""

    vertices: np.ndarray
    faces: np.ndarray
    closed: bool

    @property
    def bounds(self) -> np.ndarray:
        """(2, 3) lower and upper corner, metres."""
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])


def solid_of(mesh) -> Solid:
    """The solid of a `trimesh.Trimesh` in metres; faces of an inverted mesh are turned.

    Raises:
        MeshError: the mesh has no faces, or holds values that are not finite.
    """
    vertices = np.ascontiguousarray(mesh.vertices, dtype=np.float64)
    faces = np.ascontiguousarray(mesh.faces, dtype=np.int64)
    if len(faces) == 0:
        raise MeshError("The object has no faces; measuring grasps needs a surface mesh, not a point cloud.")
    if not np.isfinite(vertices).all():
        raise MeshError("The object mesh has vertices that are not finite; repair or re-export it.")
    return Solid(vertices, _outwards(vertices, faces), is_closed(faces))


def closed_hand(faces: np.ndarray) -> np.ndarray:
    """Hand faces (F, 3) closed at the wrist, int64; faces that are closed already come back as they are."""
    from fastgrasp_model.hand.topology import close_wrist

    faces = np.ascontiguousarray(faces, dtype=np.int64)
    return faces if is_closed(faces) else close_wrist(faces)


def occupancy(solid: Solid, low: np.ndarray, shape: tuple[int, int, int], pitch: float) -> np.ndarray:
    """Which cells of a grid have their centre inside the solid.

    Args:
        low: (3,) lower corner of the grid, metres; centres lie half a pitch further in.
        shape: cells along x, y, z.
        pitch: edge of a cell, metres.

    Returns:
        bool array of `shape`.
    """
    if not solid.closed:
        axes = [low[i] + pitch * (np.arange(shape[i]) + 0.5) for i in range(3)]
        centres = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        return inside(solid, centres).reshape(shape)
    column, level, sign = _crossings((solid.vertices - low) / pitch - 0.5 - _JITTER, solid.faces, shape)
    cells = column * (shape[2] + 1) + level
    steps = np.bincount(cells, weights=sign, minlength=shape[0] * shape[1] * (shape[2] + 1))
    winding = np.cumsum(steps.reshape(shape[0], shape[1], shape[2] + 1), axis=2)
    return winding[:, :, : shape[2]] > 0.5


def inside(solid: Solid, points: np.ndarray) -> np.ndarray:
    """Which of `points` (N, 3), metres, lie inside, by the fast winding number: bool (N,)."""
    igl = _igl()
    winding = igl.fast_winding_number(
        solid.vertices, solid.faces, np.ascontiguousarray(points, dtype=np.float64)
    )
    return winding > 0.5


def signed_distance(solid: Solid, points: np.ndarray) -> np.ndarray:
    """Distance in metres from `points` (..., 3) to the surface, negative inside: float64 (...)."""
    igl = _igl()
    points = np.asarray(points, dtype=np.float64)
    flat = np.ascontiguousarray(points.reshape(-1, 3))
    kind = igl.SIGNED_DISTANCE_TYPE_FAST_WINDING_NUMBER
    distance = igl.signed_distance(flat, solid.vertices, solid.faces, kind)[0]
    return np.asarray(distance).reshape(points.shape[:-1])


def _crossings(vertices: np.ndarray, faces: np.ndarray, shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where vertical lines through integer (x, y) cross the faces: column number, first level above, +1 in or
    -1 out."""
    corners = vertices[faces]  # (F, 3 corners, 3)
    flat = corners[:, :, :2]
    limit = np.array(shape[:2]) - 1
    first = np.clip(np.ceil(flat.min(axis=1)), 0, limit + 1).astype(np.int64)
    last = np.clip(np.floor(flat.max(axis=1)), -1, limit).astype(np.int64)
    width = np.maximum(last - first + 1, 0)
    count = width[:, 0] * width[:, 1]  # lines to try for each face: those through its bounding rectangle
    face = np.repeat(np.arange(len(faces)), count)
    rank = np.arange(len(face)) - (np.cumsum(count) - count)[face]
    x = first[face, 0] + rank // width[face, 1]
    y = first[face, 1] + rank % width[face, 1]
    a, b, c = (corners[:, i] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])

    def share(
        p: np.ndarray, q: np.ndarray
    ) -> np.ndarray:  # signed area of (p, q, sample), as a share of the face's
        p, q = p[face], q[face]
        return ((q[:, 0] - p[:, 0]) * (y - p[:, 1]) - (q[:, 1] - p[:, 1]) * (x - p[:, 0])) / area[face]

    with np.errstate(divide="ignore", invalid="ignore"):
        u, v, w = share(b, c), share(c, a), share(a, b)
        hit = np.flatnonzero((u > 0) & (v > 0) & (w > 0))
    face, x, y = face[hit], x[hit], y[hit]
    height = u[hit] * a[face, 2] + v[hit] * b[face, 2] + w[hit] * c[face, 2]
    level = np.clip(np.floor(height) + 1, 0, shape[2]).astype(np.int64)
    return x * shape[1] + y, level, np.where(area[face] < 0, 1.0, -1.0)


def _outwards(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Faces turned so that the signed volume is positive."""
    corners = vertices[faces] - vertices.mean(axis=0)
    volume = np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    return faces if volume >= 0 else np.ascontiguousarray(faces[:, ::-1])


def _igl():
    try:
        import igl
    except ImportError as error:
        raise ImportError("Measuring grasps needs libigl: pip install libigl") from error
    return igl
