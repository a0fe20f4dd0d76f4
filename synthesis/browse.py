"""A grasp set to look through: grasps chosen by family, type and split, objects made when asked for, facts of a grasp.

`fastgrasp view` finds `OpenSet` through the entry-point group `fastgrasp.grasp_sets`, so the model package needs to
know nothing of this one.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_synthesis.grasp_set import DIRECTIONS, PACKED_GRASPS, GraspSetError, load_grasp_set
from fastgrasp_synthesis.grasp_types import GRASP_TYPES
from fastgrasp_synthesis.object_specs import split_of
from fastgrasp_synthesis.packing import hand_layer
from fastgrasp_synthesis.sources import load_object, mesh_folder

if TYPE_CHECKING:
    from fastgrasp_model.grasps import Grasps

SHIPPED = "open"
_MESHES_KEPT = 32


class OpenSet:
    """A grasp set, opened: N grasps, each with a row 0 .. N-1, on M objects 0 .. M-1.

    place: a packed set, a folder of shards, or "open" for the set that comes with the package. Attributes: `name`,
    `hand` (the hand it was made with), `objects` and `grasp_types` (names), `families` and `splits` (a name for each
    object), `object_of` and `type_of` (N,) numbers of object and type; mesh(number): the object as trimesh.Trimesh,
    metres, made when first asked for. Raises GraspSetError with the remedy.
    """

    def __init__(self, place: str | Path = SHIPPED) -> None:
        path = PACKED_GRASPS if str(place) == SHIPPED else Path(place)
        if not path.exists():
            raise GraspSetError(f"{path}: no grasp set here; give a packed set, a folder of shards, or '{SHIPPED}'")
        self._set = load_grasp_set(path)
        self._root = mesh_folder(path)
        self.name = "open grasp set" if path == PACKED_GRASPS else path.name
        self.hand, self.objects, self.grasp_types = self._set.hand, self._set.objects, self._set.grasp_types
        self.object_of, self.type_of = np.asarray(self._set.object), np.asarray(self._set.grasp_type)
        self.families = [spec.split(":")[0] for spec in self.objects]
        self.splits = [split_of(spec) for spec in self.objects]
        self.mesh = lru_cache(_MESHES_KEPT)(lambda number: load_object(self.objects[number], self._root))

    def __len__(self) -> int:
        return len(self.object_of)

    def select(self, family: str | None = None, grasp_type: str | None = None, split: str | None = None,
               spec: str | None = None) -> np.ndarray:
        """Return the rows (K,) of the grasps that fit everything given, in the order of the set.

        Raises GraspSetError for a name the set does not hold; the message lists the names near it.
        """
        keep = np.ones(len(self), dtype=bool)
        wanted = ((family, self.families, "family"), (split, self.splits, "split"), (spec, self.objects, "object"))
        for name, names, word in wanted:
            if name:
                _must_know(name, names, word)
                keep &= np.array([other == name for other in names], dtype=bool)[self.object_of]
        if grasp_type:
            _must_know(grasp_type, self.grasp_types, "grasp type")
            keep &= self.type_of == self.grasp_types.index(grasp_type)
        return np.flatnonzero(keep)

    def grasps(self, rows: np.ndarray) -> Grasps:
        """Return the grasps (right hands) of rows (K,), each in the frame of its object.

        Raises GraspSetError where the hand that the set was made with is not here.
        """
        from fastgrasp_model.grasps import Grasps

        parameters = self._set[np.asarray(rows, dtype=np.int64)].parameters()
        return Grasps.from_parameters(parameters, hand_layer(self.hand))

    def facts(self, row: int) -> dict:
        """Return what is known of a grasp, as plain values: metres, `displacement` by direction of gravity."""
        number, kind = int(self.object_of[row]), self.grasp_types[self.type_of[row]]
        moved = dict(zip(DIRECTIONS, _rounded(self._set.displacement[row], 5), strict=True))
        return {"row": int(row), "object_number": number, "object": self.objects[number],
                "family": self.families[number], "split": self.splits[number], "type": kind, **_FEIX.get(kind, {}),
                "depth": round(float(self._set.depth[row]), 5), "displacement": moved,
                "betas": _rounded(self._set.betas[row], 2)}


_FEIX = {kind.name: {"feix": kind.feix, "group": kind.family} for kind in GRASP_TYPES}


def _rounded(values: np.ndarray, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]


def _must_know(name: str, names: list[str], word: str) -> None:
    from difflib import get_close_matches

    known = sorted(set(names))
    if name not in known:
        near = get_close_matches(name, known, 8, 0.4) or known[:8]
        raise GraspSetError(f"no {word} '{name}' in this set; there are {len(known)}, such as {', '.join(near)}")
