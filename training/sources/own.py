"""User's own grasps: a grasp file or a collection (docs/grasp_file.md), and the meshes of its objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastgrasp_evaluation.datasets import GraspRecords, ObjectMesh
from fastgrasp_evaluation.formats.errors import HandFileError
from fastgrasp_evaluation.formats.ours import object_names
from fastgrasp_evaluation.formats.request import ReadRequest
from fastgrasp_evaluation.metrics.closed_mesh import meshes_by_name
from fastgrasp_model.geometry.meshes import MeshError
from fastgrasp_model.grasps import GraspFileError, Grasps
from fastgrasp_model.numpy_files import read_npz
from fastgrasp_training.sources.request import DataSourceError

PLACES = ("meshes", "objects", "")  # beside the file
SAME_HAND = 0.001  # metres; a mesh farther from its parameters was made with another hand
_SOME = 64


def read_own(path: Path, objects: str | None, hand) -> GraspRecords:
    """Read the grasps of a file as records, in the frames of the mesh files. hand: a `ManoLayer`.

    objects: a folder of meshes, or one mesh; by default meshes/ or objects/ beside the file, or the file's own folder.
    Raises DataSourceError: no grasps, left hands, an object without mesh.
    """
    try:
        grasps = Grasps.load(path)
        content = read_npz(path, ["object"])
        names = object_names(content, len(grasps), ReadRequest(path, None, None, "m", None))
    except (GraspFileError, HandFileError) as error:
        raise DataSourceError(str(error)) from error
    if not len(grasps):
        raise DataSourceError(f"{path}: holds no grasps.")
    if grasps.side != "right":
        raise DataSourceError(
            f"{path}: left hands; the networks know right ones. Mirror them (Grasps.mirrored) and their meshes in x."
        )
    meshes = _meshes(path, names, objects)
    if len(meshes) == 1 and "object" not in content:  # a file of one object, called after the file
        names = list(meshes) * len(grasps)
    return GraspRecords.of(
        grasps.parameters, names, {name: ObjectMesh(name, file) for name, file in meshes.items()}, source=path.name,
        split="all", hand=hand.name, frames=tuple(f"{path.name} grasp {i}" for i in range(len(grasps))),
        notes=_other_hand(grasps, hand),
    )  # fmt: skip


def _meshes(path: Path, names: list[str], objects: str | None) -> dict[str, Path]:
    """Find the mesh file of each object name. Raises DataSourceError."""
    wanted = sorted(set(names))
    if objects is not None:
        place = Path(objects).expanduser()
        if not place.exists():
            raise DataSourceError(f"{place} is missing: the meshes of {path.name}.")
        if place.is_file() and len(wanted) == 1:
            return {place.stem: place} if wanted == [path.stem] else {wanted[0]: place}
        places = [place]
    else:
        places = [path.parent / name for name in PLACES if (path.parent / name).is_dir()]
    looked, missing = ", ".join(map(str, places)), wanted
    for place in places:
        try:
            found = meshes_by_name([place])
        except MeshError as error:
            raise DataSourceError(f"{place}: {error}") from error
        if all(name in found for name in wanted):
            return {name: found[name] for name in wanted}
        missing = min(missing, [name for name in wanted if name not in found], key=len)
    raise DataSourceError(
        f"{path}: no mesh called {', '.join(missing[:5])} (.obj, .ply, .stl, .off or .glb) in {looked}. Name the "
        f"folder of your objects' meshes: own:{path}?objects=/path/meshes"
    )


def _other_hand(grasps: Grasps, hand) -> tuple[str, ...]:
    """Return a note if the file's meshes differ from those that this hand gives for its parameters."""
    some = grasps[: min(_SOME, len(grasps))]
    made = Grasps.from_parameters(some.parameters, hand).vertices
    off = float(np.linalg.norm(made - some.vertices, axis=2).mean())
    if off < SAME_HAND:
        return ()
    return (
        f"its meshes are {1000 * off:.1f} mm from what the hand in use ({hand.name}) makes of its parameters: they "
        "were made with another hand file; name that one: FASTGRASP_HAND=/path/MANO_RIGHT.pkl",
    )
