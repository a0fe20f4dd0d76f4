"""Where grasp sets come from: whoever registers a reader for them, since the model package knows none itself."""

from __future__ import annotations

import zipfile
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

GROUP = "fastgrasp.grasp_sets"
SHIPPED = "open"


class ViewError(ValueError):
    """A set that cannot be opened or shown. The message says why, and the remedy."""


class BrowsableSet(Protocol):
    """What a registered reader gives: N grasps (rows 0 .. N-1) on M objects.

    `families` and `splits` hold a name for each object, `object_of` and `type_of` (N,) numbers. A grasp is a right hand
    in the frame of its object. Errors are ValueErrors with the remedy.
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
        self,
        family: str | None = None,
        grasp_type: str | None = None,
        split: str | None = None,
        spec: str | None = None,
    ) -> np.ndarray:
        """Rows (K,) that fit everything given, in order."""

    def counts(self) -> dict[str, dict[str, int]]:
        """Numbers of grasps by "types", "families", "splits" and "objects"."""

    def parameters(self, rows: np.ndarray) -> np.ndarray:
        """(K, 61) hand parameters."""

    def layer(self):
        """The `ManoLayer` of the hand the grasps are of."""

    def mesh(self, number: int):
        """The object as trimesh.Trimesh, metres."""

    def facts(self, row: int) -> dict:
        """ "row", "object", "object_number", "family", "split", "type", "depth", "displacement", "betas"."""


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


_REMEDY = "run `make env`, or pip install 'fastgrasp-ros2[training]' again: fastgrasp_training brings it"


def is_set(place: str | Path) -> bool:
    """Whether this names a grasp set and not a grasp file: "open", a folder, or an archive without hand meshes."""
    path = Path(place)
    if path.is_dir() or (str(place) == SHIPPED and not path.exists()):
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        return path.is_file() and path.suffix != ".npz"
    return "objects" in names and not any(name.endswith("vertices") for name in names)
