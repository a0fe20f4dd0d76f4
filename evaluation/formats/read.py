"""`read_hands`: recognize the format of saved grasps and call its reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fastgrasp_evaluation.formats import contactgen, fastgrasp_published, grasptta, halo, meshes, ours, plain
from fastgrasp_evaluation.formats.errors import HandFileError
from fastgrasp_evaluation.formats.files import mesh_files, natural
from fastgrasp_evaluation.formats.hands import Hand, hand_sets
from fastgrasp_evaluation.formats.request import UNITS, ReadRequest
from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_model.hand import SIDES

if TYPE_CHECKING:
    from fastgrasp_model.hand.mano_layer import ManoLayer

_KINDS = (
    "a grasp file of FastGrasp, arrays (.npz, .npy or .pkl with parameters or vertices), a GraspTTA obj_id_N.json, a "
    "folder of such .npz or .json, of hand meshes with a manifest.json, or as ContactGen, HALO or FastGrasp save it"
)


def read_hands(
    path: str | Path, *, layer_for: Callable[[str], ManoLayer] | None = None, side: str | None = None, unit: str = "m",
    object_name: str | None = None,
) -> list[HandSet]:
    """Read saved grasps of any format of docs/foreign_grasps.md, recognized by the content.

    layer_for: returns the `ManoLayer` of a side, "right" or "left", that the grasps were made with; by default
        `ManoLayer.from_file(side=side)`. Called only to pose parameters, and for meshes of about 778 vertices.
    side: the side of the hands if the source gives none; by default "right".
    unit: "m", "cm" or "mm", of lengths if the source gives none.
    object_name: the object of a source that gives none or one; selects one of a source with several.

    Returns one HandSet for each object and side, hands in the order of the source, metres, in the object's frame; its
    `problems` name the hands that cannot be measured. Raises HandFileError and HandModelError.
    """
    path = Path(path).expanduser()
    if unit not in UNITS:
        raise HandFileError(path, f"unit {unit!r} is unknown, expected one of {', '.join(UNITS)}.")
    if side is not None and side not in SIDES:
        raise HandFileError(path, f"side {side!r} is unknown, expected 'right' or 'left'.")
    request = ReadRequest(path, layer_for, side, unit, object_name)
    sets = hand_sets(_read(request), request)
    return _chosen(sets, request)


def _chosen(sets: list[HandSet], request: ReadRequest) -> list[HandSet]:
    """Return the sets of the object the caller named; the only object of a source takes that name."""
    names = list(dict.fromkeys(one.object_name for one in sets))
    if request.object_name is None:
        return sets
    if len(names) == 1:
        return [replace(one, object_name=request.object_name) for one in sets]
    if request.object_name not in names:
        raise request.error(
            f"it has no grasps of {request.object_name!r}, only of {', '.join(names)}. Name one of these."
        )
    return [one for one in sets if one.object_name == request.object_name]


def _read(request: ReadRequest) -> list[Hand]:
    path = request.path
    if path.is_dir():
        return _read_folder(request)
    if not path.is_file():
        raise request.error(f"there is no such file or folder. Expected {_KINDS}.")
    return _read_file(request)


def _read_file(request: ReadRequest) -> list[Hand]:
    suffix = request.path.suffix.lower()
    if suffix in (".npz", ".npy", ".pkl", ".pickle"):
        content = plain.load(request)
        return ours.read(content, request) if ours.is_ours(content) else plain.read(content, request)
    if suffix == ".json":
        content = meshes.load_json(request)
        if grasptta.is_grasptta(content):
            return grasptta.read(content, request)
        return meshes.read_manifest(content, request)
    if suffix in meshes.SUFFIXES:
        return meshes.read_single(request)
    raise request.error(f"a file ending in {suffix!r} was found, expected {_KINDS}. Save arrays with np.savez.")


def _read_folder(request: ReadRequest) -> list[Hand]:
    folder = request.path
    if (folder / meshes.MANIFEST).is_file():
        return _read_file(request.at(folder / meshes.MANIFEST))
    for pattern in (grasptta.PATTERN, "*.npz"):
        files = sorted(folder.glob(pattern), key=natural)
        if files:
            return [hand for file in files for hand in _read_file(request.at(file))]
    for reader in (contactgen, fastgrasp_published, halo):
        if reader.is_here(folder):
            return reader.read(request)
    if mesh_files(folder):
        return meshes.read_folder(request)
    found = ", ".join(sorted(entry.name for entry in folder.iterdir())[:8]) or "nothing"
    raise request.error(f"the folder holds {found}; expected {_KINDS}.")
