"""Folders of ContactGen (and of `Grasps.export_meshes`): hand meshes grasp_<n>.obj, metres.

github.com/stevenlsw/contactgen: `eval.py` writes <save_root>/<object>/grasp_<n>.obj in the frame of the object's mesh;
`demo.py` writes <save_root>/grasp_<n>.obj beside a copy of the object centred at its vertices' mean: measure against
that copy. The hands are right MANO meshes closed at the wrist, in metres (its MANO layer lacks manopth's factor 1000).
trimesh 3.9.8 may renumber the vertices; surface.py restores MANO's numbering from the triangles, given the MANO file.
"""

from __future__ import annotations

import re
from pathlib import Path

from fastgrasp_evaluation.formats.files import mesh_files, natural
from fastgrasp_evaluation.formats.hands import Hand
from fastgrasp_evaluation.formats.meshes import mesh_hand
from fastgrasp_evaluation.formats.request import ReadRequest

_HAND = re.compile(r"grasp_\d+$")


def is_here(folder: Path) -> bool:
    """Tell whether a folder, or one below it, holds grasp_<n> meshes."""
    return bool(_hands(folder)) or any(_hands(below) for below in folder.iterdir() if below.is_dir())


def read(request: ReadRequest) -> list[Hand]:
    """Read the hands of one object (demo.py), or of a folder for each object (eval.py)."""
    side = request.hand_side(None)
    if _hands(request.path):
        folders = {_single_object(request): request.path}
    else:
        folders = {below.name: below for below in sorted(request.path.iterdir(), key=natural) if below.is_dir()}
    return [mesh_hand(path, name, side, request.scale) for name, folder in folders.items() for path in _hands(folder)]


def _single_object(request: ReadRequest) -> str:
    """Return the caller's name, else that of the only other mesh of the folder, else the folder's."""
    others = [path.stem for path in mesh_files(request.path) if not _HAND.match(path.stem)]
    return request.object_name or (others[0] if len(others) == 1 else request.path.resolve().name)


def _hands(folder: Path) -> list[Path]:
    return [path for path in mesh_files(folder) if _HAND.match(path.stem)]
