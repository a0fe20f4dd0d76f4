"""The hand: the MANO layer, its model files, the 21 keypoints, anatomy.

Names load on first use, so that `Grasps` and command-line help never wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastgrasp_model.hand.keypoints import keypoints_from, wrist_frame
    from fastgrasp_model.hand.mano_file import HandModelError, load_hand_file, save_hand_pickle
    from fastgrasp_model.hand.mano_layer import HandOutput, ManoLayer

SIDES = ("right", "left")
VERTICES = 778  # of the hand mesh, numbered as in MANO

__all__ = [
    "SIDES", "VERTICES", "HandModelError", "HandOutput", "ManoLayer", "keypoints_from", "load_hand_file",
    "save_hand_pickle", "wrist_frame",
]  # fmt: skip

_HOMES = {
    "HandModelError": "mano_file",
    "HandOutput": "mano_layer",
    "ManoLayer": "mano_layer",
    "keypoints_from": "keypoints",
    "load_hand_file": "mano_file",
    "save_hand_pickle": "mano_file",
    "wrist_frame": "keypoints",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
