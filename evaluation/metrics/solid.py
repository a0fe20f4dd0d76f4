"""Meshes as solids: inside tests, signed distances, and the volume that two solids share.

Volume is counted in columns of 1 mm x 1 mm, and along a column by its exact crossings with both surfaces, which is the
mean of counting cells of 1 mm over all shifts along the column. The grid is rotated against the object's axes, since a
cylinder of radius 8 mm along a grid of cells counts up to 3.4 % too many of them. Winding numbers are summed, so that
overlapping fingers stay inside and count once. Points are tested by the fast winding number (Barill et al., "Fast
Winding Numbers for Soups and Clouds", SIGGRAPH 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import igl
import numpy as np

from fastgrasp_evaluation.physics.signed_distance import is_closed
from fastgrasp_model.geometry.meshes import MeshError

# Radians about z, x and z. Of sixty random triples these have the least error (0.4 %) for capsules, slabs and boxes
# that share 0.5 to 24 mm, along the axes and the diagonals of the object's frame.
_GRID_ANGLES = (0.8733, 0.5428, 0.3369)


def _grid_rotation() -> np.ndarray:
    """Return the rotation from the object's frame to the frame of the grid."""
    (a, b), (c, d), (e, f) = ((np.cos(angle), np.sin(angle)) for angle in _GRID_ANGLES)
    about_z = np.array([[a, -b, 0], [b, a, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, c, -d], [0, d, c]])
    return np.array([[e, -f, 0], [f, e, 0], [0, 0, 1]]) @ about_x @ about_z


GRID_ROTATION = _grid_rotation()


@dataclass(frozen=True)
class Solid:
    """A triangle mesh whose faces point outwards: vertices (V, 3) float64 metres, faces (F, 3) int64, closed or not.

    Its search trees are built on first use and kept, so use one `Solid` for all queries of an object.
    """

    vertices: np.ndarray
    faces: np.ndarray
    closed: bool

    @property
    def bounds(self) -> np.ndarray:
        """(2, 3) lower and upper corner, metres."""
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])

    @cached_property
    def rotated(self) -> np.ndarray:
        """Vertices (V, 3) in the frame of the grid of `shared_volume`, metres."""
        return self.vertices @ GRID_ROTATION.T

    @cached_property
    def _winding_tree(self):
        tree = igl.FastWindingNumberBVH()
        tree.init(self.vertices, self.faces)
        return tree

    @cached_property
    def _distance_tree(self):
        tree = igl.AABB()
        tree.init(self.vertices, self.faces)
        return tree


def solid_of(mesh) -> Solid:
    """Return the solid of a `trimesh.Trimesh` in metres; the faces of an inverted mesh are flipped.

    Raises MeshError if the mesh has no faces, or values that are not finite.
    """
    vertices = np.ascontiguousarray(mesh.vertices, dtype=np.float64)
    faces = np.ascontiguousarray(mesh.faces, dtype=np.int64)
    if len(faces) == 0:
        raise MeshError("The object has no faces; measuring grasps needs a surface mesh, not a point cloud.")
    if not np.isfinite(vertices).all():
        raise MeshError("The object mesh has vertices that are not finite; repair or re-export it.")
    return Solid(vertices, _outwards(vertices, faces), is_closed(faces))


def hand_solid(vertices: np.ndarray, faces: np.ndarray) -> Solid:
    """Return the solid of one hand: vertices (V, 3), metres, faces (F, 3) closed at the wrist, flipped if inward.

    Raises ValueError for faces with a hole or with inconsistent orientation.
    """
    faces = np.ascontiguousarray(faces, dtype=np.int64)
    if not is_closed(faces):
        raise ValueError(
            "the hand's faces are not closed: expected every edge in two faces, once in each direction; "
            "close the wrist with `metrics.solid.closed_hand`"
        )
    vertices = np.ascontiguousarray(vertices, dtype=np.float64)
    return Solid(vertices, _outwards(vertices, faces), True)


def closed_hand(faces: np.ndarray) -> np.ndarray:
    """Return hand faces (F, 3) closed at the wrist, int64; closed faces are returned as they are."""
    from fastgrasp_model.hand.topology import close_wrist

    faces = np.ascontiguousarray(faces, dtype=np.int64)
    return faces if is_closed(faces) else close_wrist(faces)


def winding_number(solid: Solid, points: np.ndarray) -> np.ndarray:
    """Return the winding number (N,) of the surface around `points` (N, 3), metres.

    It is about 1 inside, 0 outside, 2 where two parts of the solid overlap.
    """
    return solid._winding_tree.winding_number(np.ascontiguousarray(points, dtype=np.float64))


def inside(solid: Solid, points: np.ndarray) -> np.ndarray:
    """Return which of `points` (N, 3), metres, lie inside, bool (N,)."""
    return winding_number(solid, points) > 0.5


def signed_distance(solid: Solid, points: np.ndarray) -> np.ndarray:
    """Return the distance, metres (...), from `points` (..., 3) to the surface, negative inside."""
    points = np.asarray(points, dtype=np.float64)
    flat = np.ascontiguousarray(points.reshape(-1, 3))
    distance = np.sqrt(solid._distance_tree.squared_distance(solid.vertices, solid.faces, flat)[0])
    return np.where(inside(solid, flat), -distance, distance).reshape(points.shape[:-1])


def shared_volume(first: Solid, second: Solid, pitch: float = 0.001) -> float:
    """Return the volume inside both of two closed solids, cubic metres, in columns of `pitch` x `pitch` metres.

    Columns stand at ((i + 1/2) pitch, (j + 1/2) pitch) of the grid's frame, which is fixed to the solids' frame
    (`GRID_ROTATION`), and run along its z.
    """
    low = np.maximum(first.rotated.min(axis=0), second.rotated.min(axis=0))
    high = np.minimum(first.rotated.max(axis=0), second.rotated.max(axis=0))
    corner = np.ceil(low[:2] / pitch - 0.5).astype(np.int64)  # number of the first column along x and y
    shape = np.floor(high[:2] / pitch - 0.5).astype(np.int64) - corner + 1
    if not (high > low).all() or not (shape > 0).all():
        return 0.0
    parts = [_crossings(solid.rotated, solid.faces, corner, shape, pitch) for solid in (first, second)]
    column, height, sign = (np.concatenate(pair) for pair in zip(*parts, strict=True))
    if not len(column):
        return 0.0
    of_first = np.arange(len(column)) < len(parts[0][0])
    order = np.lexsort((height, column))
    column, height, sign, of_first = column[order], height[order], sign[order], of_first[order]
    both = (_winding(column, np.where(of_first, sign, 0)) > 0) & (_winding(column, np.where(of_first, 0, sign)) > 0)
    lengths = np.diff(height)[both[:-1] & (column[1:] == column[:-1])]
    return float(lengths.sum() * pitch**2)


def _winding(column: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Return the winding number above each crossing, counted from the lower end of its own column, int (N,)."""
    total = np.cumsum(sign)
    starts = np.flatnonzero(np.concatenate([[True], column[1:] != column[:-1]]))
    below = np.concatenate([[0], total[starts[1:] - 1]])
    return total - np.repeat(below, np.diff(np.append(starts, len(column))))


def _crossings(
    vertices: np.ndarray, faces: np.ndarray, corner: np.ndarray, shape: np.ndarray, pitch: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where columns along z cross the faces: column number, height in metres, +1 entering or -1 leaving.

    Columns are numbered row by row from `corner`, `shape` of them along x and y.
    """
    plane = vertices[:, :2] / pitch - 0.5 - corner  # columns stand at integers
    x, y = plane[:, 0][faces], plane[:, 1][faces]  # (F, 3 corners)
    first = np.stack([np.ceil(x.min(axis=1)), np.ceil(y.min(axis=1))], axis=1).clip(0).astype(np.int64)
    last = np.stack([np.floor(x.max(axis=1)), np.floor(y.max(axis=1))], axis=1).astype(np.int64)
    width = np.minimum(last, shape - 1) - first + 1
    near = np.flatnonzero((width > 0).all(axis=1))  # the faces whose bounding rectangle holds a column
    x, y, first, width = x[near], y[near], first[near], width[near]
    count = width[:, 0] * width[:, 1]
    face = np.repeat(np.arange(len(near)), count)
    rank = np.arange(len(face)) - np.repeat(np.cumsum(count) - count, count)
    i, j = first[face, 0] + rank // width[face, 1], first[face, 1] + rank % width[face, 1]
    dx, dy = x[face] - i[:, None], y[face] - j[:, None]  # corners seen from the column
    u = dx[:, 1] * dy[:, 2] - dx[:, 2] * dy[:, 1]  # twice the signed areas of column and two corners
    v = dx[:, 2] * dy[:, 0] - dx[:, 0] * dy[:, 2]
    w = dx[:, 0] * dy[:, 1] - dx[:, 1] * dy[:, 0]
    up = (u > 0) & (v > 0) & (w > 0)
    hit = np.flatnonzero(up | ((u < 0) & (v < 0) & (w < 0)))
    corners = vertices[faces[near[face[hit]]], 2]
    shares = np.stack([u[hit], v[hit], w[hit]], axis=1)
    height = (shares * corners).sum(axis=1) / shares.sum(axis=1)
    return i[hit] * shape[1] + j[hit], height, np.where(up[hit], -1, 1)


def _outwards(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return the faces oriented so that the signed volume is positive."""
    corners = vertices[faces] - vertices.mean(axis=0)
    volume = np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    return faces if volume >= 0 else np.ascontiguousarray(faces[:, ::-1])
