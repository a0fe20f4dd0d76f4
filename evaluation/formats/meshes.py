"""Hand meshes of any topology: a folder with a manifest, a folder for one object, or one file.

The manifest, `manifest.json`:

    {"unit": "m", "side": "right",
     "grasps": [{"hand": "a.ply", "object": "mug"},
                {"hand": "b.ply", "object": "mug", "side": "left", "keypoints": [[x, y, z], ... 21]}]}

`unit` of meshes and keypoints is "m" (default), "cm" or "mm"; paths are relative to the manifest.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.formats.errors import HandProblem
from fastgrasp_evaluation.formats.files import SUFFIXES, mesh_files, read_mesh
from fastgrasp_evaluation.formats.hands import Hand
from fastgrasp_evaluation.formats.request import UNITS, ReadRequest

MANIFEST = "manifest.json"
_NO_HAND = np.zeros((1, 3))
_NO_FACES = np.zeros((0, 3), dtype=np.int64)
_MANIFEST_FORM = '{"unit": "m", "side": "right", "grasps": [{"hand": "a.ply", "object": "mug"}, ...]}'


def load_json(request: ReadRequest) -> object:
    """Read the content of a .json. Raises HandFileError."""
    try:
        return json.loads(request.path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise request.error(f"no readable JSON ({error}). Write the file again.") from error


def read_manifest(content: object, request: ReadRequest) -> list[Hand]:
    """Read the hands of a manifest; an unreadable mesh becomes the problem of its hand. Raises HandFileError."""
    if not isinstance(content, dict) or not isinstance(content.get("grasps"), list):
        found = f"keys {', '.join(map(str, content))}" if isinstance(content, dict) else type(content).__name__
        raise request.error(f"{found} found, expected a manifest {_MANIFEST_FORM} or GraspTTA's recon_params.")
    unit = content.get("unit", request.unit)
    if unit not in UNITS:
        raise request.error(f"unit {unit!r} is unknown, expected one of {', '.join(UNITS)}.")
    return [
        _manifest_hand(entry, f"entry {i} of 'grasps'", content.get("side"), request.at(request.path, unit))
        for i, entry in enumerate(content["grasps"])
    ]


def _manifest_hand(entry: object, where: str, side: object, request: ReadRequest) -> Hand:
    if not isinstance(entry, dict) or not isinstance(entry.get("hand"), str):
        raise request.error(f"{where} is {entry!r:.60}, expected one with a 'hand'; the form is {_MANIFEST_FORM}.")
    name = entry.get("object", request.object_name)
    if not isinstance(name, str):
        raise request.error(f"{where} names no 'object'. Add it, or name the object to the reader.")
    keypoints = None
    if entry.get("keypoints") is not None:
        try:
            keypoints = np.array(entry["keypoints"], dtype=np.float64) * request.scale
        except (TypeError, ValueError):
            keypoints = np.zeros(0)
        if keypoints.shape != (21, 3):
            raise request.error(f"{where}: 'keypoints' is not 21 x 3 numbers.")
    side = request.hand_side(entry.get("side", side), where)
    return mesh_hand(request.path.parent / entry["hand"], name, side, request.scale, keypoints)


def mesh_hand(path: Path, name: str, side: str, scale: float, keypoints: np.ndarray | None = None) -> Hand:
    """Read the hand of a mesh file in units of `scale` metres; keypoints (21, 3) in metres. An unreadable file gives a
    hand with that problem."""
    try:
        vertices, faces = read_mesh(path)
    except HandProblem as problem:
        return Hand(name, side, _NO_HAND, _NO_FACES, problem=str(problem))
    return Hand(name, side, vertices * scale, faces, keypoints)


def read_folder(request: ReadRequest) -> list[Hand]:
    """Read all meshes of a folder as hands on the object that the caller names. Raises HandFileError."""
    files = mesh_files(request.path)
    if request.object_name is None:
        raise request.error(
            f"a folder of {len(files)} meshes without a {MANIFEST}, so their object is unknown. Name the object "
            f"(--object MESH, object_name), or add {MANIFEST}: {_MANIFEST_FORM}."
        )
    side = request.hand_side(None)
    return _all_read([mesh_hand(path, request.object_name, side, request.scale) for path in files], request)


def read_single(request: ReadRequest) -> list[Hand]:
    """Read one mesh file as one hand. Raises HandFileError."""
    return _all_read([mesh_hand(request.path, request.path.stem, request.hand_side(None), request.scale)], request)


def _all_read(hands: list[Hand], request: ReadRequest) -> list[Hand]:
    """Return the hands. Raises HandFileError if none of their files could be read."""
    if all(not len(hand.faces) for hand in hands):
        raise request.error(f"{hands[0].problem}. Export the hands as {', '.join(SUFFIXES)} again.")
    return hands
