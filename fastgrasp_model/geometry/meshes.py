"""Triangle meshes from files: one mesh in metres, checked, and points sampled on it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import trimesh

# An object with a longer bounding box than this (metres) is most likely in millimetres.
_LARGEST_OBJECT = 3.0


class MeshError(ValueError):
    """A mesh file is missing, unreadable, or holds no surface. The message names the file and the remedy."""


def load_mesh(path: str | Path) -> trimesh.Trimesh:
    """Read .ply, .obj, .stl, .off or .glb as one mesh in metres; its parts are joined.

    Warns (UserWarning) where the size looks like millimetres. Raises MeshError: no file, not readable, no
    faces, vertices that are not finite.
    """
    import trimesh

    path = Path(path).expanduser()
    if not path.is_file():
        raise MeshError(f"No mesh at {path}. Give a .ply, .obj, .stl, .off or .glb file.")
    try:
        mesh = trimesh.load(path, force="mesh", process=True)
    except Exception as error:  # trimesh lets the errors of many parsers through
        raise MeshError(
            f"{path} cannot be read as a mesh ({error}). Give a .ply, .obj, .stl, .off or .glb file."
        ) from error
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise MeshError(f"{path} holds no faces. Give a triangle mesh; point clouds go through `read_cloud`.")
    if not np.isfinite(mesh.vertices).all():
        raise MeshError(f"{path} has vertices that are not finite. Repair the mesh first.")
    extent = float(mesh.extents.max())
    if extent > _LARGEST_OBJECT:
        warnings.warn(f"{path} is {extent:.3g} m long; it looks like millimetres. Scale it by 0.001.", stacklevel=2)
    return mesh


def make_watertight(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """A closed copy with outward faces: duplicates dropped, small holes filled, winding repaired.

    Raises MeshError where that does not close it; such a mesh needs remeshing by hand.
    """
    import trimesh

    closed = mesh.copy()
    closed.update_faces(closed.unique_faces() & closed.nondegenerate_faces())
    closed.merge_vertices(merge_tex=True, merge_norm=True)
    closed.remove_unreferenced_vertices()
    if not closed.is_watertight:
        trimesh.repair.fill_holes(closed)
    trimesh.repair.fix_normals(closed, multibody=True)
    if not closed.is_watertight:
        raise MeshError("The mesh has holes too large to fill. Close it in a mesh editor, or remesh it.")
    return closed


def sample_surface(mesh: trimesh.Trimesh, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`count` points, uniform by area, and the unit normals of their faces: two (count, 3) float32 arrays.

    The same seed gives the same points. Raises MeshError for a mesh without area.
    """
    corners = np.asarray(mesh.triangles, dtype=np.float64)  # (F, 3, 3)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    if not areas.sum() > 0:
        raise MeshError("The mesh has no area to sample points on.")
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(areas), count, p=areas / areas.sum())
    # Folding the unit square onto the triangle keeps the density uniform.
    u, v = rng.random((2, count, 1))
    outside = u + v > 1
    u, v = np.where(outside, 1 - u, u), np.where(outside, 1 - v, v)
    first, second, third = corners[chosen].transpose(1, 0, 2)
    points = first + u * (second - first) + v * (third - first)
    return points.astype(np.float32), (normals[chosen] / areas[chosen, None]).astype(np.float32)
