"""Hand meshes from files, vertices and faces exactly as they stand there; and names sorted as people count."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.formats.errors import HandProblem

SUFFIXES = (".obj", ".ply", ".stl", ".off")


def natural(path: Path) -> list[tuple[int, int, str]]:
    """A key that sorts grasp_2 before grasp_10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", path.name) if part]


def mesh_files(folder: Path) -> list[Path]:
    """The mesh files of a folder, sorted by `natural`."""
    return sorted((p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES), key=natural)


def read_mesh(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) float64 in the file's unit and faces (F, 3) int64, neither merged nor put in another order.

    (An .obj with textures gets a vertex for each pair of a vertex and a texture place.)

    Raises HandProblem: no file, no mesh, no faces.
    """
    import trimesh

    if not path.is_file():
        raise HandProblem(f"there is no mesh file {path.name}")
    try:
        mesh = trimesh.load(path, force="mesh", process=False)
    except Exception as error:  # trimesh lets the errors of many parsers through
        raise HandProblem(f"{path.name} cannot be read as a mesh ({' '.join(str(error).split())})") from error
    faces = np.asarray(getattr(mesh, "faces", ()), dtype=np.int64)
    if not len(faces):
        raise HandProblem(f"{path.name} holds no faces")
    return np.array(mesh.vertices, dtype=np.float64), faces
