"""Point clouds from files: .ply, .obj, .stl, .off, .glb, .pcd, .npy and .npz. Nothing is unpickled."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastgrasp_model.geometry.clouds import CloudError
from fastgrasp_model.geometry.mesh_files import read_parts
from fastgrasp_model.geometry.meshes import MESH_SUFFIXES, MeshError, joined, sample_surface
from fastgrasp_model.geometry.pcd_file import read_pcd
from fastgrasp_model.geometry.units import UNITS
from fastgrasp_model.numpy_files import read_npy, read_npz

CLOUD_SUFFIXES = (*MESH_SUFFIXES, ".pcd", ".npy", ".npz")
NPZ_KEYS = ("points", "object_pc", "xyz")


def read_cloud(path: str | Path, samples: int = 20000, seed: int = 0, unit: str = "m") -> np.ndarray:
    """Read a cloud in a unit of `units.UNITS` as (N, 3) float32, metres, with its NaN rows; see `validate_cloud`.

    From files with faces `samples` points are drawn on the surface, the same ones for the same seed. Raises
    CloudError: no file, unknown ending, damaged, no points.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise CloudError(f"No point cloud at {path}. Give a file that ends in {', '.join(CLOUD_SUFFIXES)}.")
    suffix = path.suffix.lower()
    if suffix not in CLOUD_SUFFIXES:
        raise CloudError(f"{path}: clouds end in {', '.join(CLOUD_SUFFIXES)}, got '{path.suffix}'.")
    try:
        if suffix == ".pcd":
            points = read_pcd(path)
        elif suffix in (".npy", ".npz"):
            points = _read_numpy(path)
        else:
            points = _read_geometry(path, samples, seed)
    except (CloudError, MemoryError):
        raise
    except Exception as error:  # parsers raise many kinds of error for a damaged file
        raise CloudError(f"{path} is damaged or no {suffix} file ({error}). Export it again.") from error
    if not len(points):
        raise CloudError(f"{path} holds no points.")
    return np.ascontiguousarray(points * UNITS[unit] if unit != "m" else points, dtype=np.float32)


def _read_numpy(path: Path) -> np.ndarray:
    """Read an array (N, 3) or (H, W, 3), or with more columns, of which the first three are x, y, z."""
    if path.suffix.lower() == ".npz":
        arrays = read_npz(path)
        key = next((key for key in NPZ_KEYS if key in arrays), None)
        if key is None:
            raise CloudError(f"{path} has the arrays {list(arrays)[:20]}, expected one of {', '.join(NPZ_KEYS)}.")
        content = arrays[key]
    else:
        content = read_npy(path)
    if content.ndim not in (2, 3) or content.shape[-1] < 3 or content.dtype.kind not in "fiu":
        found = f"{path} holds {content.dtype} of shape {content.shape}"
        raise CloudError(f"{found}, expected numbers (N, 3) or (H, W, 3).")
    return content[..., :3].reshape(-1, 3)


def _read_geometry(path: Path, samples: int, seed: int) -> np.ndarray:
    """Sample the faces of a mesh file, or read its vertices where it has no faces."""
    meshes, points = read_parts(path)
    if not meshes:
        return points
    if not all(np.isfinite(mesh.vertices).all() for mesh in meshes):
        raise CloudError(f"{path} has vertices that are not finite. Repair the mesh first.")
    try:
        return sample_surface(joined(meshes), samples, seed)[0]
    except MeshError as error:
        raise CloudError(f"{path}: {error}") from error
