"""What the viewer shows: a grasp set, opened by whoever registers a reader of them, or a grasp file."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from fastgrasp_model.grasps import Grasps

GROUP = "fastgrasp.grasp_sets"
SHIPPED = "open"
_REMEDY = "run `make env`, or pip install 'fastgrasp-ros2[training]' again: it brings fastgrasp_synthesis"


class ViewError(ValueError):
    """A set that cannot be opened or shown. The message says why, and the remedy."""


class BrowsableSet(Protocol):
    """N grasps (rows 0 .. N-1) on M objects, as a registered reader gives them.

    `families` and `splits` hold a name for each object, `object_of` and `type_of` (N,) numbers. A grasp is in the frame
    of its object, metres. Errors are ValueErrors with the remedy.
    """

    name: str
    hand: str
    objects: list[str]
    families: list[str]
    splits: list[str]
    grasp_types: list[str]
    object_of: np.ndarray
    type_of: np.ndarray

    def __len__(self) -> int: ...

    def select(
        self, family: str | None = None, grasp_type: str | None = None, split: str | None = None,
        spec: str | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Return the rows (K,) that fit everything given, in order."""

    def grasps(self, rows: np.ndarray) -> Grasps:
        """Return the grasps of rows (K,)."""

    def mesh(self, number: int):
        """Return the object: trimesh.Trimesh, a point cloud (P, 3), or None where there is none."""

    def facts(self, row: int) -> dict:
        """Return what is known of a grasp: "object", "family", "split", "type", "score", "depth", "displacement" ...;
        "number" where the grasp has another number in its file than its row."""


class GraspFile:
    """A grasp file and its object as a `BrowsableSet`: no families, grasp types or splits.

    shown: trimesh.Trimesh, a point cloud (P, 3), or None; object_name: of the object. `score_range` holds the scores
    that the ends of a scale of colours stand for.
    """

    hand, families, splits, grasp_types = "", [""], [""], [""]

    def __init__(self, grasps: Grasps, shown=None, name: str = "", object_name: str = "") -> None:
        if not len(grasps):
            raise ViewError(f"{name} holds no grasps; there is nothing to view")
        self._grasps, self._shown = grasps, shown
        self.name, self.objects = name, [object_name]
        self.object_of = self.type_of = np.zeros(len(grasps), dtype=np.int64)
        self.score_range = min(0.0, float(grasps.score.min())), max(1.0, float(grasps.score.max()))

    def __len__(self) -> int:
        return len(self._grasps)

    def select(self, family=None, grasp_type=None, split=None, spec=None) -> np.ndarray:
        """Return all rows."""
        return np.arange(len(self))

    def grasps(self, rows: np.ndarray) -> Grasps:
        """Return the grasps of rows (K,)."""
        return self._grasps[rows]

    def mesh(self, number: int):
        """Return the object."""
        return self._shown

    def facts(self, row: int) -> dict:
        """Return object, hand and score of a grasp."""
        grasps = self._grasps
        return {"object": self.objects[0], "hand": grasps.side, "score": float(grasps.score[row]),
                "betas": grasps.betas[row].tolist()}  # fmt: skip


class GraspFiles:
    """Several grasp files as a `BrowsableSet`: each stands for an object of its own, named after the file."""

    hand, grasp_types = "", [""]

    def __init__(self, files: Sequence[GraspFile], name: str = "") -> None:
        self._files, self.name = list(files), name or f"{len(files)} grasp files"
        self.objects = [file.name for file in self._files]
        self.families = self.splits = [""] * len(self._files)
        sizes = [len(file) for file in self._files]
        self.object_of = np.repeat(np.arange(len(sizes)), sizes)
        self.type_of = np.zeros(len(self.object_of), dtype=np.int64)
        self._first = np.cumsum([0, *sizes])
        lows, highs = zip(*(file.score_range for file in self._files), strict=True)
        self.score_range = min(lows), max(highs)

    def __len__(self) -> int:
        return len(self.object_of)

    def select(self, family=None, grasp_type=None, split=None, spec=None) -> np.ndarray:
        """Return all rows."""
        return np.arange(len(self))

    def grasps(self, rows: np.ndarray) -> Grasps:
        """Return the grasps of rows (K,) of one file. Raises ViewError for rows of several: their hands may differ."""
        owners = np.unique(self.object_of[rows])
        if len(owners) != 1:
            raise ViewError(f"these grasps lie in {len(owners)} files; take the rows of one")
        return self._files[owners[0]].grasps(np.asarray(rows) - self._first[owners[0]])

    def mesh(self, number: int):
        """Return the object of a file."""
        return self._files[number].mesh(0)

    def facts(self, row: int) -> dict:
        """Return file, number in it, object, hand and score of a grasp."""
        owner = int(self.object_of[row])
        number = int(row - self._first[owner])
        facts = self._files[owner].facts(number)
        name = ", ".join(filter(None, (self.objects[owner], facts["object"])))
        return {**facts, "object": name, "number": number}


def open_set(place: str | Path) -> BrowsableSet:
    """Open a grasp set with the registered reader.

    place: a packed set, a folder of shards, or "open" for the shipped one. Raises ViewError where no reader is
    installed, and the reader's own ValueError where there is no such set.
    """
    for point in entry_points(group=GROUP):
        try:
            reader = point.load()
        except ImportError as error:
            raise ViewError(f"the reader of grasp sets does not load ({error}); {_REMEDY}") from error
        return reader(place)
    raise ViewError(f"nothing here reads grasp sets (no entry point {GROUP}); {_REMEDY}")


def counts(grasps: BrowsableSet, rows: np.ndarray) -> dict[str, dict[str, int]]:
    """Return {"types", "splits", "families", "objects"} -> name -> number of grasps among `rows`, also 0."""
    objects = np.bincount(grasps.object_of[rows], minlength=len(grasps.objects)).tolist()
    types = np.bincount(grasps.type_of[rows], minlength=len(grasps.grasp_types)).tolist()
    report: dict[str, dict[str, int]] = {}
    for kind, names, numbers in (
        ("types", grasps.grasp_types, types), ("splits", grasps.splits, objects),
        ("families", grasps.families, objects), ("objects", grasps.objects, objects),
    ):  # fmt: skip
        report[kind] = dict.fromkeys(names, 0)
        for name, number in zip(names, numbers, strict=True):
            report[kind][name] += number
    return report


def is_set(place: str | Path) -> bool:
    """Return whether this names a grasp set and not a grasp file: "open", a folder, an archive without vertices."""
    path = Path(place)
    if path.is_dir() or (str(place) == SHIPPED and not path.exists()):
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        return path.is_file() and path.suffix != ".npz"
    return "objects" in names and not any(name.endswith("vertices") for name in names)
