"""Common form of all data sets: right hands in our parameters, in the frame of the object they hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_evaluation.datasets.plain_files import PickleRefused
from fastgrasp_model.hand.conventions import rest_wrist
from fastgrasp_model.hand.mano_file import load_hand_file
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer
from fastgrasp_model.hand.topology import mirrored_model, side_of

if TYPE_CHECKING:
    import trimesh

CENTRINGS = ("none", "vertex mean", "bounding box")
_ROWS = {"betas": 10, "global_orient": 3, "hand_pose": 45, "transl": 3}


class DatasetError(ValueError):
    """A data set cannot be read; the message names the file, the expected content and its source."""


@dataclass(frozen=True)
class ObjectMesh:
    """Object of a data set: its mesh file, in metres, and the origin of the grasps' frame.

    centring: the mean of the file's vertices, the middle of their bounding box, or "none": the file's own origin.
    """

    name: str
    path: Path
    centring: str = "none"

    def __post_init__(self) -> None:
        if self.centring not in CENTRINGS:
            raise ValueError(f"centring must be one of {', '.join(CENTRINGS)}, got {self.centring!r}")

    def centre(self, mesh: trimesh.Trimesh | None = None) -> np.ndarray:
        """Return the origin of the grasps' frame in the file's frame (3,). `mesh`: the file's, if already read."""
        if self.centring == "none":
            return np.zeros(3)
        vertices = np.asarray((mesh or self._read()).vertices, dtype=np.float64)
        return vertices.mean(0) if self.centring == "vertex mean" else (vertices.min(0) + vertices.max(0)) / 2

    def load(self) -> trimesh.Trimesh:
        """Read the mesh, unmended, into the grasps' frame. Raises DatasetError."""
        mesh = self._read()
        mesh.vertices = np.asarray(mesh.vertices, dtype=np.float64) - self.centre(mesh)
        return mesh

    def _read(self) -> trimesh.Trimesh:
        from fastgrasp_model.geometry.meshes import MeshError, load_mesh

        try:
            return load_mesh(self.path)
        except MeshError as error:
            raise DatasetError(f"object {self.name}: {error}") from error


@dataclass(frozen=True)
class GraspRecords:
    """N right-hand grasps on M objects; metres and radians, float32, each hand in its object's frame.

    `betas` (N, 10), `global_orient` (N, 3), `hand_pose` (N, 45) axis-angle relative to the flat hand, `transl` (N, 3):
    our parameters (docs/mano_conventions.md) for the hand file `hand`. `object` (N,) int64: index into `objects`; the
    frame is that of the mesh file less `ObjectMesh.centre`. `frames`: the source of each grasp in the data set.
    `notes`: the reader's decisions and their error. Raises DatasetError for wrong shapes and values not finite.
    """

    source: str
    split: str
    hand: str
    betas: np.ndarray
    global_orient: np.ndarray
    hand_pose: np.ndarray
    transl: np.ndarray
    object: np.ndarray
    objects: tuple[ObjectMesh, ...]
    frames: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.betas)
        for name, size in _ROWS.items():
            array = np.asarray(getattr(self, name), dtype=np.float32)
            if array.shape != (count, size):
                raise DatasetError(f"{self.source}: {name} has shape {array.shape}, expected {(count, size)}")
            bad = ~np.isfinite(array).all(axis=1)
            if bad.any():
                where = self.frames[int(bad.argmax())]
                raise DatasetError(f"{self.source}: {name} of {where} is not finite; the file is damaged, get it again")
            object.__setattr__(self, name, array)
        index = np.asarray(self.object, dtype=np.int64)
        object.__setattr__(self, "object", index)
        if index.shape != (count,) or len(self.frames) != count or (index >= len(self.objects)).any():
            raise DatasetError(f"{self.source}: {count} hands, but objects or frames of another number")

    def __len__(self) -> int:
        return len(self.betas)

    def __getitem__(self, rows: slice | Sequence[int] | np.ndarray) -> GraspRecords:
        """Return the selected grasps with all objects."""
        index = np.arange(len(self))[rows]
        arrays = {name: getattr(self, name)[index] for name in (*_ROWS, "object")}
        return replace(self, **arrays, frames=tuple(self.frames[i] for i in index))

    def parameters(self) -> np.ndarray:
        """Return (N, 61) float32: betas, global_orient, hand_pose, transl."""
        return np.concatenate([getattr(self, name) for name in _ROWS], axis=1)

    @staticmethod
    def of(parameters: np.ndarray, object_names: Sequence[str], meshes: dict[str, ObjectMesh], **rest) -> GraspRecords:
        """Make records of parameters (N, 61), each hand's object name and the meshes by name; `rest`: other fields."""
        names = sorted(set(object_names))
        rank = {name: row for row, name in enumerate(names)}
        parts = np.split(np.asarray(parameters).reshape(len(object_names), 61), [10, 13, 58], axis=1)
        index = np.array([rank[name] for name in object_names], dtype=np.int64)
        return GraspRecords(
            **dict(zip(_ROWS, parts, strict=True)), object=index, objects=tuple(meshes[n] for n in names), **rest
        )

    @staticmethod
    def concatenate(parts: Sequence[GraspRecords], split: str) -> GraspRecords:
        """Join records of one data set and one hand as the split `split`."""
        first = parts[0]
        starts = np.cumsum([0, *(len(part.objects) for part in parts)])
        joined = {f.name: sum((getattr(part, f.name) for part in parts), ()) for f in fields(first)
                  if f.name in ("objects", "frames")}  # fmt: skip
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ROWS}
        index = np.concatenate([part.object + start for part, start in zip(parts, starts, strict=False)])
        notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
        return replace(first, split=split, **arrays, **joined, object=index, notes=notes)


@dataclass(frozen=True)
class RecordHand:
    """Right hand whose parameters the records hold: its layer (float64) and its arrays."""

    layer: ManoLayer
    model: dict[str, np.ndarray]

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> RecordHand:
        """Read the hand of `ManoLayer.from_file(path)`: without a path FASTGRASP_HAND, else the open hand."""
        import torch

        model = load_hand_file(path or os.environ.get("FASTGRASP_HAND") or OPEN_HAND)
        model = model if side_of(model) == "right" else mirrored_model(model)
        return cls(ManoLayer.from_file(path, dtype=torch.float64), model)

    @property
    def name(self) -> str:
        return self.layer.name

    def notes(self) -> tuple[str, ...]:
        """Return the warning for MANO's parameters on the open hand, else nothing."""
        if self.name != "open hand":
            return ()
        return (
            "these parameters were made with MANO and are read for the open hand, whose mesh differs from it by some "
            "millimetres; for the data set's own meshes name your MANO file: FASTGRASP_HAND=/path/MANO_RIGHT.pkl",
        )


def into_object_frame(
    parameters: np.ndarray, rotations: np.ndarray, translations: np.ndarray, layer: ManoLayer
) -> np.ndarray:
    """Return hands (N, 61) in their objects' frames, from the frame in which the objects are posed.

    The pose of object i takes its point p to rotations[i] p + translations[i]; (N, 3, 3) and (N, 3), metres. As the
    global rotation turns about the wrist J0, transl becomes R' (transl + J0 - t) - J0, with R' the inverse of R.
    """
    from scipy.spatial.transform import Rotation

    parameters = np.array(parameters, dtype=np.float64)
    if not len(parameters):
        return parameters
    back = Rotation.from_matrix(np.asarray(rotations, dtype=np.float64)).inv()
    wrist = rest_wrist(parameters[:, :10], layer)
    parameters[:, 10:13] = (back * Rotation.from_rotvec(parameters[:, 10:13])).as_rotvec()
    parameters[:, 58:] = back.apply(parameters[:, 58:] + wrist - np.asarray(translations, dtype=np.float64)) - wrist
    return parameters


def require(path: Path, what: str, source: str) -> Path:
    """Return `path` if it exists. Raises DatasetError naming the missing file and where to get it (`source`)."""
    if not path.exists():
        raise DatasetError(f"{path} is missing: {what}. {source}")
    return path


def check_rotations(matrices: np.ndarray, key: str, path: Path, source: str) -> None:
    """Check that matrices (N, ..., 3, 3) are rotations, to a hundredth. Raises DatasetError naming the first row."""
    if not matrices.size:
        return
    near = np.abs(matrices @ np.swapaxes(matrices, -1, -2) - np.eye(3)).max((-1, -2)) < 0.01
    wrong = ~(near & (np.linalg.det(matrices) > 0)).reshape(len(matrices), -1).all(axis=1)
    if wrong.any():
        raise DatasetError(f"{path}: '{key}' is no rotation in row {wrong.argmax()}. {source}")


def is_file_name(name: object) -> bool:
    """Return whether a value is the name of one file or folder: a printable text, not too long, without a path."""
    plain = isinstance(name, str) and name.isprintable() and not set(name) & set("/\\") and not name.startswith(".")
    return plain and 0 < len(name.encode("utf-8", "replace")) <= 200


def read_plain(read: Callable, path: Path, source: str, *arguments) -> object:
    """Call a reader of `plain_files` on `path`. Raises DatasetError naming the file."""
    try:
        return read(path, *arguments)
    except (PickleRefused, OSError) as error:
        raise DatasetError(f"{path}: {error} {source}") from error


def checked(arrays: dict[str, object], shapes: dict[str, tuple[int, ...]], path: Path, source: str) -> dict:
    """Return arrays as float64 in the given shapes (first -1: any number of rows). Raises DatasetError."""
    made = {}
    for key, shape in shapes.items():
        if key not in arrays:
            raise DatasetError(f"{path}: has no '{key}'; it holds {', '.join(map(str, arrays)) or 'nothing'}. {source}")
        try:
            array = np.array(arrays[key], dtype=np.float64)
            made[key] = array.reshape(len(array), *shape[1:]) if shape[0] == -1 else array.reshape(shape)
        except (TypeError, ValueError) as error:
            found = getattr(arrays[key], "shape", type(arrays[key]).__name__)
            raise DatasetError(f"{path}: '{key}' is {found}, expected numbers {shape}. {source}") from error
        if not np.isfinite(made[key]).all():
            row = np.argwhere(~np.isfinite(np.atleast_1d(made[key])))[0, 0]
            raise DatasetError(f"{path}: '{key}' is not finite, first in row {row}. {source}")
    return made
