"""Mesh files: unchanged vertices and faces, and file names in natural order."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.formats.errors import HandProblem
from fastgrasp_model.geometry.mesh_files import MeshFileError, read_parts
from fastgrasp_model.geometry.meshes import joined

SUFFIXES = (".obj", ".ply", ".stl", ".off")


def natural(path: Path) -> list[tuple[int, int, str]]:
    """Return a key that sorts grasp_2 before grasp_10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", path.name) if part]


def mesh_files(folder: Path) -> list[Path]:
    """List the mesh files of a folder, sorted by `natural`."""
    return sorted((p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES), key=natural)


def read_mesh(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read vertices (V, 3) float64 in the file's unit and faces (F, 3) int64, neither merged nor reordered.

    An .obj with textures gets a vertex for each pair of vertex and texture coordinate. Raises HandProblem.
    """
    if not os.path.isfile(path):  # False, not an error, for names that no file can have
        raise HandProblem(f"there is no mesh file {path.name[:80]}")
    try:
        parts, _ = read_parts(path)
    except MeshFileError as error:
        raise HandProblem(f"{path.name} cannot be read as a mesh ({error})") from error
    if not parts:
        raise HandProblem(f"{path.name} holds no faces")
    mesh = joined(parts)
    return np.array(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)
