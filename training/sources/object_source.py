"""Objects that grasps are on, whatever they come from: made again from a specification, or read from a mesh file.

Both can be sent to another process, give the mesh in the frame of the grasps, and have an `identity`, a text that is
the same as long as that mesh is the same: caches are kept under it.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fastgrasp_evaluation.datasets import DatasetError, ObjectMesh
from fastgrasp_evaluation.metrics.closed_mesh import check_size
from fastgrasp_model.geometry.meshes import MeshError, load_mesh
from fastgrasp_synthesis.open_set import MadeObject, mesh_digest

_MESH_VERSION = 1  # of how a mesh file becomes a training object


class ObjectSource(Protocol):
    """An object; `name` is fit for files; `family` is what it is one of, for choosing different ones."""

    @property
    def name(self) -> str: ...

    @property
    def family(self) -> str: ...

    def identity(self) -> str:
        """The same text for the same mesh, in any folder and run."""

    def mesh(self):
        """The trimesh.Trimesh to train on, metres, in the grasps' frame; closed where that is possible."""

    def load(self) -> tuple[object, list[str]]:
        """The watertight mesh to measure on, and notes on what was mended. Raises MeshError."""


@dataclass(frozen=True)
class MeshObject:
    """An object of a data set; `of` names the data set, such as "grab"."""

    of: str
    file: ObjectMesh

    @property
    def name(self) -> str:
        return f"{self.of}_{self.file.name}"

    @property
    def family(self) -> str:
        return self.name

    def identity(self) -> str:
        return f"mesh {_MESH_VERSION} {self.file.centring} {mesh_digest(self.file.path)}"

    def mesh(self):
        """Closed, and thinned to a few thousand faces where that moves no surface by more than 1 mm.

        A scan that cannot be closed is taken as it is: signs of distances then come from generalised winding numbers,
        which want no closed surface. Raises MeshError: no mesh, or no size a hand could grasp; DatasetError: no file.
        """
        from fastgrasp_synthesis.sources import own_mesh

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a mesh in millimetres, which is refused
            centre = self.file.centre()
            try:
                own = own_mesh(self.file.path)
                mesh, back = own.mesh, np.array(own.centre)
            except MeshError:
                mesh, back = self._as_it_is(), np.zeros(3)
        mesh.vertices = np.asarray(mesh.vertices, dtype=np.float64) + back - centre
        return mesh

    def load(self) -> tuple[object, list[str]]:
        from fastgrasp_evaluation.metrics.evaluate import load_object

        try:
            mesh, notes = load_object(self.file.path)
            mesh.vertices = np.asarray(mesh.vertices, dtype=np.float64) - self.file.centre()
        except DatasetError as error:
            raise MeshError(str(error)) from error
        return mesh, notes

    def _as_it_is(self):
        """The mesh of the file, faces turned to agree. Raises MeshError."""
        mesh = load_mesh(self.file.path)
        try:
            check_size(mesh)
        except MeshError as error:
            raise MeshError(f"{self.file.path}: {error}") from error
        mesh.fix_normals()
        return mesh


def as_source(item: str | ObjectSource) -> ObjectSource:
    """A specification such as mug:12 as an object; objects as they are."""
    return MadeObject(item) if isinstance(item, str) else item


def by_turns(objects: Sequence[ObjectSource]) -> list[int]:
    """Row numbers of objects: the first of every family, then the second of every family, ..., so that few of them
    are of as many families as there are."""
    turn: Counter[str] = Counter()
    order = []
    for number, source in enumerate(objects):
        turn[source.family] += 1
        order.append((turn[source.family], number))
    return [number for _, number in sorted(order)]
