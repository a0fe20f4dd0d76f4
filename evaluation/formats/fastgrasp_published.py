"""Folder of FastGrasp's published code: hand and object in one mesh, <object number>_<n>.ply.

github.com/wuxiaofei01/FastGrasp, `eval_ho3d.py` with `vis_dataset` of `evaluation/vis.py`: ho3d_ply/<batch>_<n>.ply,
in metres and in the frame of the HO-3D object mesh. The first 778 vertices are the hand in manotorch's numbering, open
at the wrist; the object's vertices follow. <batch> is the index of the object in `dataset/utils_HO3D_FPHA.py`.
Its GRAB and OakInk evaluations write <n>.ply without the object's name; those are not read.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from fastgrasp_evaluation.formats.errors import HandProblem
from fastgrasp_evaluation.formats.files import mesh_files, read_mesh
from fastgrasp_evaluation.formats.hands import Hand
from fastgrasp_evaluation.formats.meshes import mesh_hand
from fastgrasp_evaluation.formats.request import ReadRequest
from fastgrasp_model.hand import VERTICES

# In the order in which the published code lists the objects.
HO3D_OBJECTS = (
    "011_banana", "021_bleach_cleanser", "003_cracker_box", "035_power_drill", "025_mug",
    "006_mustard_bottle", "019_pitcher_base", "010_potted_meat_can", "037_scissors", "004_sugar_box",
)  # fmt: skip
_MERGED = re.compile(r"(\d+)_(\d+)$")


def is_here(folder: Path) -> bool:
    """Tell whether a folder holds only meshes <number>_<number>.ply, the first of them larger than a hand."""
    files = mesh_files(folder)
    if not files or not all(path.suffix.lower() == ".ply" and _MERGED.match(path.stem) for path in files):
        return False
    try:
        return len(read_mesh(files[0])[0]) > VERTICES
    except HandProblem:
        return True


def read(request: ReadRequest) -> list[Hand]:
    """Read the hands without their objects. Raises HandFileError for an object number above 9."""
    side = request.hand_side(None)
    hands = []
    for path in mesh_files(request.path):
        number = int(_MERGED.match(path.stem)[1])
        if number >= len(HO3D_OBJECTS):
            raise request.error(
                f"{path.name} names object {number}, expected 0 to 9 (the ten HO-3D objects, as FastGrasp's "
                "eval_ho3d.py saves them). Add a manifest.json for other meshes."
            )
        hands.append(_hand(path, HO3D_OBJECTS[number], side, request.scale))
    return hands


def _hand(path: Path, name: str, side: str, scale: float) -> Hand:
    whole = mesh_hand(path, name, side, scale)
    if whole.problem is not None:
        return whole
    first = (whole.faces < VERTICES).all(axis=1)
    if (whole.faces[~first] < VERTICES).any() or not first.any():
        return replace(whole, problem=f"{path.name}: its first {VERTICES} vertices are no separate hand")
    return replace(whole, vertices=whole.vertices[:VERTICES], faces=whole.faces[first])
