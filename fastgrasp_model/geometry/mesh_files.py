"""The parts of a mesh or point file, read by trimesh and checked.

trimesh takes files that end early and faces of vertices that are not there, and prints what it then refuses.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import trimesh

_HEADER = 1 << 16  # bytes in which a header ends


class MeshFileError(ValueError):
    """A file is no readable mesh; the message is the reason alone."""


def read_parts(path: Path) -> tuple[list[trimesh.Trimesh], np.ndarray]:
    """Return the meshes with faces in a file, unprocessed, and the vertices (N, 3) of its parts without faces.

    In the file's unit and its own frame. Raises MeshFileError for whatever cannot be read: damaged, cut short, faces of
    vertices that are not there. Vertices need not be finite.
    """
    import trimesh

    try:
        with silent():
            loaded = trimesh.load(path, process=False)
            parts = list(loaded.dump()) if isinstance(loaded, trimesh.Scene) else [loaded]
    except MemoryError as error:
        raise MeshFileError("it asks for more memory than there is") from error
    except ImportError as error:  # for text that is not UTF-8 trimesh asks for a package that guesses encodings
        raise MeshFileError("its text is not UTF-8") from error
    except Exception as error:  # trimesh lets the errors of many parsers through
        raise MeshFileError(" ".join(str(error).split())[:300] or type(error).__name__) from error
    meshes = [part for part in parts if isinstance(part, trimesh.Trimesh) and np.size(part.faces)]
    for mesh in meshes:
        _check_mesh(mesh)
    others = [_points(part) for part in parts if not any(part is mesh for mesh in meshes)]
    points = np.concatenate([np.zeros((0, 3)), *others])
    _check_complete(path, sum(len(mesh.vertices) for mesh in meshes) + len(points), sum(len(m.faces) for m in meshes))
    return meshes, points


@contextmanager
def silent() -> Iterator[None]:
    """Keep trimesh from printing its own tracebacks of files that it then refuses."""
    logger = logging.getLogger("trimesh")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)  # its modules have loggers below this one
    try:
        yield
    finally:
        logger.setLevel(before)


def _check_mesh(mesh: trimesh.Trimesh) -> None:
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
        raise MeshFileError(f"vertices {vertices.shape} and faces {faces.shape}, expected (V, 3) and (F, 3)")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise MeshFileError(f"faces name vertices {faces.min()} to {faces.max()}, but there are {len(vertices)}")


def _points(part: object) -> np.ndarray:
    """Return the vertices of a part without faces, none where they are not (N, 3) numbers."""
    points = np.asarray(getattr(part, "vertices", ()))
    return points.astype(np.float64) if points.ndim == 2 and points.shape[1] == 3 and points.dtype.kind in "fiu" else (
        np.zeros((0, 3)))  # fmt: skip


def _check_complete(path: Path, vertices: int, faces: int) -> None:
    """Compare what was read with what the header of a text file promises, where it does."""
    suffix = path.suffix.lower()
    if suffix not in _PROMISES:
        return
    promised = _PROMISES[suffix](path)
    for name, found, count in zip(("vertices", "faces"), (vertices, faces), promised, strict=True):
        if found < count:
            raise MeshFileError(f"it ends early: {found} of {count} {name}")


def _of_ply(path: Path) -> tuple[int, int]:
    with open(path, "rb") as file:
        header = file.read(_HEADER).partition(b"end_header")[0]
    found = [re.search(rb"element %s (\d+)" % name, header) for name in (b"vertex", b"face")]
    return tuple(int(match[1]) if match else 0 for match in found)


def _of_off(path: Path) -> tuple[int, int]:
    with open(path, "rb") as file:
        lines = (line.partition(b"#")[0].split() for line in file.read(_HEADER).splitlines())
    words = [word for line in lines for word in line if word.upper() != b"OFF"]
    return (int(words[0]), int(words[1])) if len(words) > 1 and words[0].isdigit() and words[1].isdigit() else (0, 0)


def _of_stl(path: Path) -> tuple[int, int]:
    """Binary files promise by their length, which trimesh checks; texts by their last word."""
    with open(path, "rb") as file:
        start = file.read(512).lstrip().lower()
        file.seek(max(path.stat().st_size - _HEADER, 0))
        end = file.read().lower()
    if start.startswith(b"solid") and b"facet" in start and b"endsolid" not in end:
        raise MeshFileError("it ends early: no endsolid")
    return 0, 0


_PROMISES = {".ply": _of_ply, ".off": _of_off, ".stl": _of_stl}
