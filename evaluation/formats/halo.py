"""Folder of HALO: hand meshes <object>_h<nnn>.obj in centimetres.

github.com/korrawe/halo, `halo/generate.py` with `halo/models/naive/generation.py`: <generation>/meshes/ holds
<object>_h<nnn>.obj (an implicit surface, closed, no MANO topology) and <object>_gt_obj_mesh.obj; `halo/evaluate.py`
reads both with scale 0.01, so they are in centimetres, in the frame of the object's mesh. The keypoints in
<generation>/kps/ are saved before the hand is rotated back into that frame and are not used.
"""

from __future__ import annotations

import re
from pathlib import Path

from fastgrasp_evaluation.formats.files import mesh_files
from fastgrasp_evaluation.formats.hands import Hand
from fastgrasp_evaluation.formats.meshes import mesh_hand
from fastgrasp_evaluation.formats.request import UNITS, ReadRequest

_HAND = re.compile(r"(.+)_h\d{3}$")


def is_here(folder: Path) -> bool:
    """Tell whether a folder, or meshes/ in it, holds <object>_h<nnn>.obj."""
    return bool(_hands(folder))


def read(request: ReadRequest) -> list[Hand]:
    """Read all hands, sorted by file name."""
    side = request.hand_side(None)
    return [mesh_hand(path, name, side, UNITS["cm"]) for path, name in _hands(request.path)]


def _hands(folder: Path) -> list[tuple[Path, str]]:
    """List each hand's file and its object."""
    files = mesh_files(folder / "meshes" if (folder / "meshes").is_dir() else folder)
    matches = ((path, _HAND.match(path.stem)) for path in files if path.suffix.lower() == ".obj")
    return [(path, match[1]) for path, match in matches if match]
