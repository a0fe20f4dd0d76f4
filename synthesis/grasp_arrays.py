"""A grasp set in memory: verified grasps in their objects' frames; and the arrays of its files (docs/grasp_set.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fastgrasp_model.files import write_atomically
from fastgrasp_model.numpy_files import NumpyFileError, read_npz

FORMAT_VERSION = 1  # of a shard
ROWS = {  # per-grasp arrays: stored type and the shape behind N
    "betas": (np.float32, (10,)),
    "global_orient": (np.float32, (3,)),
    "hand_pose": (np.float32, (45,)),
    "transl": (np.float32, (3,)),
    "object": (np.int32, ()),
    "grasp_type": (np.int8, ()),
    "depth": (np.float16, ()),
    "displacement": (np.float16, (6,)),
}
DIRECTIONS = ("+x", "-x", "+y", "-y", "+z", "-z")  # of gravity, in the order of `displacement`
MOST_BYTES = 2 << 30  # a file that unfolds to more is no grasp set


class GraspSetError(ValueError):
    """A folder or file that holds no readable grasp set."""


@dataclass
class GraspSet:
    """N verified right-hand grasps on M objects; arrays as in docs/grasp_set.md, floats as float32 once loaded.

    Lengths in metres, angles in radians, hands in the frame of their object (origin at the centre of mass).
    """

    betas: np.ndarray
    global_orient: np.ndarray
    hand_pose: np.ndarray
    transl: np.ndarray
    object: np.ndarray
    grasp_type: np.ndarray
    depth: np.ndarray
    displacement: np.ndarray
    objects: list[str]
    grasp_types: list[str]
    hand: str = ""
    candidates: int = 0

    def __len__(self) -> int:
        return len(self.betas)

    def __getitem__(self, rows) -> GraspSet:
        """The chosen rows (slice, mask or indices); the list of objects stays whole."""
        picked = {name: getattr(self, name)[rows] for name in ROWS}
        return GraspSet(**picked, objects=self.objects, grasp_types=self.grasp_types, hand=self.hand,
                        candidates=self.candidates)

    def parameters(self) -> np.ndarray:
        """(N,61) float32: betas, global_orient, hand_pose, transl."""
        return np.concatenate([self.betas, self.global_orient, self.hand_pose, self.transl], axis=1).astype(np.float32)

    def split(self, name: str) -> GraspSet:
        """The grasps on the objects of one split, "train" or "validation"."""
        from fastgrasp_synthesis.object_specs import split_of

        belongs = np.array([split_of(spec) == name for spec in self.objects], dtype=bool)
        return self[belongs[self.object]] if len(self) else self

    def counts(self) -> dict[str, int]:
        """How many grasps of each type."""
        numbers = np.bincount(self.grasp_type, minlength=len(self.grasp_types))
        return {name: int(n) for name, n in zip(self.grasp_types, numbers, strict=True)}

    def check_rows(self) -> None:
        """Raises GraspSetError: an array of another shape, an index that points nowhere, an object without family."""
        for name, (_, shape) in ROWS.items():
            found = np.shape(getattr(self, name))
            if found != (len(self), *shape):
                raise GraspSetError(f"{name} has shape {found}, expected {(len(self), *shape)}")
        for name, table in (("object", self.objects), ("grasp_type", self.grasp_types)):
            index = getattr(self, name)
            if len(self) and (index.dtype.kind not in "iu" or index.min() < 0 or index.max() >= len(table)):
                raise GraspSetError(f"{name} goes from {index.min()} to {index.max()}, but there are {len(table)}")
        for spec in self.objects:
            family, _, number = spec.partition(":")
            if not family or not number or (family == "urdf" and not number.isdecimal()):
                raise GraspSetError(f"{spec[:80]!r} is no object; expected a family and a number, such as mug:1234")

    def save(self, path: str | Path) -> Path:
        """Write one shard, atomically: an interrupted write leaves no half file. `packing.pack` writes smaller ones."""
        path = Path(path)
        arrays = {name: np.asarray(getattr(self, name)).astype(kind) for name, (kind, _) in ROWS.items()}
        arrays |= {"objects": np.array(self.objects, dtype=np.str_), "hand": np.str_(self.hand),
                   "grasp_types": np.array(self.grasp_types, dtype=np.str_), "candidates": np.int64(self.candidates),
                   "version": np.int64(FORMAT_VERSION)}
        return write_arrays(path, arrays)


def without_repeats(grasps: GraspSet) -> GraspSet:
    """The set with every object once in `objects`, where it first stood."""
    first = {spec: row for row, spec in enumerate(dict.fromkeys(grasps.objects))}
    if len(first) == len(grasps.objects):
        return grasps
    rows = np.array([first[spec] for spec in grasps.objects], dtype=np.int32)
    return replace(grasps, object=rows[grasps.object], objects=list(first))


def write_arrays(path: Path, arrays: dict[str, np.ndarray], check: Callable[[int], None] | None = None) -> Path:
    """Write a compressed .npz in one step; `check` is told its bytes before it stands there, and may raise."""

    def write(stream: BinaryIO) -> None:
        np.savez_compressed(stream, **arrays)
        if check is not None:
            check(stream.tell())

    return write_atomically(path, write)


def read_arrays(path: Path, names: Iterable[str], remedy: str) -> dict[str, np.ndarray]:
    """The named arrays of an .npz, nothing unpickled. Raises GraspSetError for whatever is no such file."""
    if not path.is_file():
        raise GraspSetError(
            f"{path}: no such file; give a packed set (.npz) or a folder of shards, made by `fastgrasp synthesize`")
    try:
        arrays = read_npz(path, names := list(names), MOST_BYTES)
    except (NumpyFileError, OSError) as error:
        raise GraspSetError(f"{path}: not a readable grasp set ({error}); {remedy}") from error
    if missing := [name for name in names if name not in arrays]:
        raise GraspSetError(f"{path}: not a readable grasp set (it lacks {', '.join(missing)}); {remedy}")
    return arrays
