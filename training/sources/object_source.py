"""Objects of training grasps, generated from a specification or read from a mesh file.

Both can be pickled, give the mesh in the frame of the grasps, and have an `identity`, a text that changes with the
mesh and is the key of caches.
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

_MESH_VERSION = 1  # of the conversion of a mesh file to a training object


class ObjectSource(Protocol):
    """An object; `name` is fit for files; `family` is what it is one of, for choosing different ones."""

    @property
    def name(self) -> str: ...

    @property
    def family(self) -> str: ...

    def identity(self) -> str:
        """Return the same text for the same mesh, in any folder and run."""

    def mesh(self):
        """Return the trimesh.Trimesh to train on, metres, in the grasps' frame; closed where possible."""

    def load(self) -> tuple[object, list[str]]:
        """Return the watertight mesh to measure on, and notes on repairs. Raises MeshError."""


@dataclass(frozen=True)
class MeshObject:
    """Object of a data set; `of` names the data set, such as "grab"."""

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
        """Return the mesh closed and simplified to a few thousand faces where no surface moves by more than 1 mm.

        A scan that cannot be closed stays as it is: generalised winding numbers give the sign of distances. Raises
        MeshError: no mesh, or of a size that no hand can grasp; DatasetError: no file.
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
        """Read the mesh of the file with consistently oriented faces. Raises MeshError."""
        mesh = load_mesh(self.file.path)
        try:
            check_size(mesh)
        except MeshError as error:
            raise MeshError(f"{self.file.path}: {error}") from error
        mesh.fix_normals()
        return mesh


def as_source(item: str | ObjectSource) -> ObjectSource:
    """Return the object of a specification such as mug:12; objects unchanged."""
    return MadeObject(item) if isinstance(item, str) else item


def by_turns(objects: Sequence[ObjectSource]) -> list[int]:
    """Return row numbers of objects: the first of every family, then the second of every family, and so on."""
    turn: Counter[str] = Counter()
    order = []
    for number, source in enumerate(objects):
        turn[source.family] += 1
        order.append((turn[source.family], number))
    return [number for _, number in sorted(order)]
