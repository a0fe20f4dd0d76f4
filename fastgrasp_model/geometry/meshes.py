"""Triangle meshes from files, in metres, and points sampled on them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_model.geometry.mesh_files import MeshFileError, read_parts
from fastgrasp_model.geometry.units import UNITS, unit_remedy

if TYPE_CHECKING:
    import trimesh

LARGEST_OBJECT = 3.0  # metres, longest side; what is longer is most likely in another unit
MESH_SUFFIXES = (".ply", ".obj", ".stl", ".off", ".glb")


class MeshError(ValueError):
    """A mesh file is missing, unreadable, or holds no surface; the message names the file and the remedy."""


def load_mesh(path: str | Path, unit: str = "m") -> trimesh.Trimesh:
    """Read .ply, .obj, .stl, .off or .glb, in a unit of `units.UNITS`, as one mesh in metres; its parts are joined.

    Warns (UserWarning) where the size looks like another unit. Raises MeshError: no file, not readable, no faces,
    vertices that are not finite.
    """
    path = Path(path).expanduser()
    remedy = f"Give a file that ends in {', '.join(MESH_SUFFIXES)}."
    if not path.is_file():
        raise MeshError(f"No mesh at {path}. {remedy}")
    try:
        parts, _ = read_parts(path)
    except MeshFileError as error:
        raise MeshError(f"{path} cannot be read as a mesh ({error}). {remedy}") from error
    if not parts:
        raise MeshError(f"{path} holds no faces. Give a triangle mesh; point clouds go through `read_cloud`.")
    if not all(np.isfinite(part.vertices).all() for part in parts):  # processing drops them silently
        raise MeshError(f"{path} has vertices that are not finite. Repair the mesh first.")
    mesh = joined(parts)
    mesh.process()
    if not len(mesh.faces):
        raise MeshError(f"{path} holds no faces with three corners of their own. Repair the mesh first.")
    if unit != "m":
        mesh.apply_scale(UNITS[unit])
    extent = float(mesh.extents.max())
    if extent > LARGEST_OBJECT:
        warnings.warn(f"{path} is {extent:.3g} m long; {unit_remedy(extent)}", stacklevel=2)
    return mesh


def joined(parts: list[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Return one mesh of several, without colours and textures."""
    import trimesh

    bare = [trimesh.Trimesh(part.vertices, part.faces, process=False) for part in parts]
    return bare[0] if len(bare) == 1 else trimesh.util.concatenate(bare)


def sample_surface(mesh: trimesh.Trimesh, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw `count` points, uniform by area, and the unit normals of their faces: two (count, 3) float32 arrays.

    The same seed gives the same points. Raises MeshError for a mesh without area.
    """
    corners = np.asarray(mesh.triangles, dtype=np.float64)  # (F, 3, 3)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    if not 0 < areas.sum() < np.inf:
        raise MeshError("The mesh has no area, or no finite one, to sample points on.")
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(areas), count, p=areas / areas.sum())
    # Folding the unit square onto the triangle keeps the density uniform.
    u, v = rng.random((2, count, 1))
    outside = u + v > 1
    u, v = np.where(outside, 1 - u, u), np.where(outside, 1 - v, v)
    first, second, third = corners[chosen].transpose(1, 0, 2)
    points = first + u * (second - first) + v * (third - first)
    return points.astype(np.float32), (normals[chosen] / areas[chosen, None]).astype(np.float32)
