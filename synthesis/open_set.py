"""Objects and grasps of a grasp set for others: a source of `fastgrasp benchmark`, and objects to train on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastgrasp_evaluation.benchmark.sources import Selection, draw
from fastgrasp_evaluation.metrics.summary import BenchmarkError
from fastgrasp_model.geometry.meshes import MeshError
from fastgrasp_synthesis.sources import OWN, load_object, mesh_folder


@dataclass(frozen=True)
class MadeObject:
    """An object of a grasp set: its specification, and for a mesh of the user's the folder of that mesh."""

    spec: str
    root: str | None = None

    @property
    def name(self) -> str:
        return self.spec.replace(":", "_").replace("/", "_")

    @property
    def family(self) -> str:
        return self.spec if self.spec.startswith(OWN) else self.spec.split(":")[0]

    def identity(self) -> str:
        """Return a text that is equal for equal meshes. Raises MeshError if the mesh file cannot be read."""
        if self.root is None or not self.spec.startswith(OWN):
            return self.spec
        return f"{self.spec} {mesh_digest(Path(self.root) / self.spec[len(OWN) :])}"

    def mesh(self):
        """Make the trimesh.Trimesh, metres. Raises ObjectSpecError."""
        return load_object(self.spec, self.root)

    def load(self) -> tuple[object, list[str]]:
        """Return the mesh and no notes, as `metrics.parallel.Target` asks for."""
        return self.mesh(), []


def set_objects(specs: Sequence[str], path: Path) -> list[MadeObject]:
    """Return the objects of the grasp set at `path`. Raises GraspSetError if the user's meshes are not found."""
    root = mesh_folder(path if path.is_dir() else path.parent)
    return [MadeObject(spec, str(root) if root and spec.startswith(OWN) else None) for spec in specs]


def grasps(selection: Selection, count: int, seed: int) -> list:
    """Return `count` random grasps of the set as `benchmark.sources.draw` does.

    Raises GraspSetError: no such set, or its hand is missing. BenchmarkError: no grasps in the split.
    """
    from fastgrasp_synthesis.grasp_set import PACKED_GRASPS, load_grasp_set
    from fastgrasp_synthesis.packing import hand_layer

    path = Path(selection.set or PACKED_GRASPS)
    found = load_grasp_set(path)
    if selection.split != "all":
        found = found.split(selection.split)
    if not len(found):
        raise BenchmarkError(
            f"The grasp set has no grasps in the split '{selection.split}'; choose another, or --split all.")
    objects = set_objects(found.objects, path)
    return draw(found.parameters(), found.object, objects, count, seed, hand_layer(found.hand))


def mesh_digest(path: Path) -> str:
    """Return the SHA-256 of a mesh file, computed again only if its time or size changes. Raises MeshError."""
    try:
        about = os.stat(path)
        return _digest_of(str(path), about.st_mtime_ns, about.st_size)
    except OSError as error:
        raise MeshError(f"{path}: cannot be read ({error.strerror}). Give a mesh file.") from error


@cache
def _digest_of(path: str, _changed: int, _size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
