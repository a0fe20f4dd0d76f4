"""What the viewer's page asks for, answered from a grasp set: facts of one grasp as a dictionary, meshes as bytes."""

from __future__ import annotations

import io
from contextlib import suppress
from functools import lru_cache

import numpy as np

from fastgrasp_model.viewer.sets import BrowsableSet
from fastgrasp_model.viewer.stage import ViewerScenes

PICTURE = 560  # pixels, for browsers without WebGL


class NothingThere(ValueError):
    """There is no such grasp or object."""


class ViewerAnswers:
    """Answers on one set; nothing is computed before it is asked for. Safe to ask from many threads."""

    def __init__(self, grasps: BrowsableSet, stage: ViewerScenes | None = None) -> None:
        self._set, self._stage = grasps, stage or ViewerScenes(grasps)
        self._rows = lru_cache(64)(self._select)

    def warm_up(self) -> None:
        """Load what takes long, such as torch and the hand; what goes wrong is told with the first answer."""
        with suppress(Exception):
            self._stage.hand(0)

    def about(self) -> dict:
        """The set: "name", "hand", "grasps", "objects", and "types", "families", "splits" with numbers of grasps."""
        counts = self._set.counts()
        numbers = {name: counts[name] for name in ("types", "families", "splits")}
        head = {"name": self._set.name, "hand": self._set.hand, "grasps": len(self._set)}
        return {**head, "objects": len(self._set.objects), **numbers}

    def grasp(self, wanted: dict[str, str], at: int | None = None, row: int | None = None) -> dict:
        """Facts of one grasp among those that fit.

        Args:
            wanted: "family", "type", "split", "object", each a name; missing or empty means all.
            at: its place among them, from 0; or
            row: the grasp with this row, or the next one that fits (after the last: the last).

        Returns:
            The set's facts, with "at", "count", "next_row", and "previous_object" and "next_object", the places
            of the first grasp on the objects before and after (round the end). Only {"count": 0} where nothing fits.

        Raises:
            NothingThere: no such place. ValueError: a name that the set does not hold.
        """
        rows = self._rows(*(wanted.get(name) or None for name in ("family", "type", "split", "object")))
        if not len(rows):
            return {"count": 0}
        if at is None:
            at = min(int(np.searchsorted(rows, row or 0)), len(rows) - 1)
        if not 0 <= at < len(rows):
            raise NothingThere(f"no grasp {at} among {len(rows)}")
        before, after = _neighbours(self._set.object_of[rows], at)
        facts = self._set.facts(int(rows[at]))
        places = {"previous_object": before, "next_object": after, "next_row": int(rows[(at + 1) % len(rows)])}
        return {**facts, "at": at, "count": len(rows), **places}

    def hand(self, row: int) -> bytes:
        """The side to look from, three float32, then the hand's triangles as `_triangles`. Raises NothingThere."""
        self._check(row, len(self._set), "grasp")
        side = np.asarray(self._stage.side(row), dtype="<f4")
        return side.tobytes() + _triangles(self._stage.hand(row))

    def object(self, number: int) -> bytes:
        """The object's triangles as `_triangles`. Raises NothingThere, also where the object cannot be made."""
        self._check(number, len(self._set.objects), "object")
        why = self._stage.why_missing(number)
        if why:
            raise NothingThere(f"this object cannot be made: {why}")
        return _triangles(self._stage.object(number))

    def picture(self, row: int) -> bytes:
        """A drawn picture of a grasp as PNG. Raises NothingThere."""
        from PIL import Image

        from fastgrasp_model.viewer.sheet import picture

        self._check(row, len(self._set), "grasp")
        file = io.BytesIO()
        Image.fromarray(picture(self._set, self._stage, row, PICTURE)).save(file, "PNG")
        return file.getvalue()

    def _select(self, family, kind, split, spec) -> np.ndarray:
        return self._set.select(family, kind, split, spec)

    @staticmethod
    def _check(number: int, count: int, word: str) -> None:
        if not 0 <= number < count:
            raise NothingThere(f"no {word} {number}; there are {count}")


def _triangles(scene) -> bytes:
    """Six little-endian float32 for each corner of each triangle: position in metres, and unit normal."""
    corners = np.concatenate([scene.corners.reshape(-1, 3), scene.normals.reshape(-1, 3)], axis=1)
    return corners.astype("<f4").tobytes()


def _neighbours(object_of: np.ndarray, at: int) -> tuple[int, int]:
    """Places of the first grasp of the runs of equal objects before and after the run that holds `at`."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(object_of)) + 1])
    run = int(np.searchsorted(starts, at, side="right")) - 1
    return int(starts[run - 1]), int(starts[(run + 1) % len(starts)])
