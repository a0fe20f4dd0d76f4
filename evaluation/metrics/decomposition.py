"""Convex decomposition of an object for pybullet by V-HACD, with the constants that papers copy from ObMan.

ObMan's code (hassony2/obman_train, mano_train/simulation/simulate.py), and GraspTTA's and FastGrasp's copies of it,
call an external V-HACD with these constants; `maxhulls 1024` is not listed because pybullet's V-HACD (2.2) has no
such limit. 1000 voxels for a whole object are coarse: on YCB objects the pieces bulge 2 to 4 mm out of the mesh
(median), which is part of what the legacy displacement measures.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.metrics.disk_cache import cached_file
from fastgrasp_model.commands.extras import require
from fastgrasp_model.files import write_bytes

PIECES_VERSION = 2  # of the cached files
VHACD = dict(
    resolution=1000, concavity=0.001, planeDownsampling=4, convexhullDownsampling=4, alpha=0.05, beta=0.0,
    maxNumVerticesPerCH=64, minVolumePerCH=0.0001, pca=0, mode=0,
)  # fmt: skip
_SEAL = b"\n# sha256 "


class SimulationError(RuntimeError):
    """The object or the hand cannot be simulated."""


def decomposition(vertices: np.ndarray, faces: np.ndarray, arguments: dict = VHACD) -> Path:
    """Return the .obj of the convex pieces of a mesh (V, 3), (F, 3), cached by content. Raises SimulationError."""
    vertices, faces = np.asarray(vertices, dtype=np.float64), np.asarray(faces, dtype=np.int64)
    path = cached_file("vhacd", "obj", (vertices, faces), (PIECES_VERSION, sorted(arguments.items())))
    if _intact(path):
        return path
    pieces = _vhacd(vertices, faces, arguments)
    try:
        return write_bytes(path, pieces + _SEAL + hashlib.sha256(pieces).hexdigest().encode() + b"\n")
    except OSError as error:
        raise SimulationError(
            f"the object's convex pieces cannot be kept in {path.parent} ({error}); "
            "set FASTGRASP_CACHE to a folder that can be written"
        ) from error


def _intact(path: Path) -> bool:
    try:
        pieces, seal, digest = path.read_bytes().rpartition(_SEAL)
    except OSError:
        return False
    return bool(seal) and digest.strip().decode("ascii", "replace") == hashlib.sha256(pieces).hexdigest()


def _vhacd(vertices: np.ndarray, faces: np.ndarray, arguments: dict) -> bytes:
    pybullet = import_pybullet()
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "in.obj", Path(folder) / "out.obj"
        source.write_text(obj_text(vertices, faces))
        with silenced():
            pybullet.vhacd(str(source), str(result), str(Path(folder) / "log.txt"), **arguments)
        pieces = result.read_bytes() if result.is_file() else b""
    if b"\nf " not in pieces:
        raise SimulationError(f"V-HACD found no convex pieces in a mesh of {len(vertices)} vertices; is it closed?")
    return pieces


def obj_text(vertices: np.ndarray, faces: np.ndarray) -> str:
    """Format a mesh as Wavefront text with six decimals, as the published code writes it."""
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in np.asarray(vertices).tolist()]
    lines += [f"f {a} {b} {c}\n" for a, b, c in (np.asarray(faces, dtype=np.int64) + 1).tolist()]
    return "".join(lines)


def import_pybullet():
    """Import pybullet without its banner. Raises MissingExtraError."""
    with silenced():
        return require("pybullet", "the simulator of the published protocol", "legacy")


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Discard what C++ code prints on stdout and stderr; Python's own output is flushed before."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    saved = {}
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        stream.flush()
        saved[number] = os.dup(number)
        os.dup2(nowhere, number)
    try:
        yield
    finally:
        for number, copy in saved.items():
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)
