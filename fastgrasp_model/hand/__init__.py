"""The hand: the MANO layer, its model files, the 21 keypoints, anatomy.

Names load on first use, so that `Grasps` and command-line help never wait for torch.
"""

from __future__ import annotations

from importlib import import_module

SIDES = ("right", "left")
VERTICES = 778  # of the hand mesh, numbered as in MANO
_HOMES = {
    "HandModelError": "mano_file", "load_hand_file": "mano_file", "save_hand_pickle": "mano_file",
    "HandOutput": "mano_layer", "ManoLayer": "mano_layer", "keypoints_from": "keypoints", "wrist_frame": "keypoints",
}  # fmt: skip
__all__ = ["SIDES", "VERTICES", "checked_side", *_HOMES]


def checked_side(side: str) -> str:
    """Return `side`. Raises ValueError where it is neither "right" nor "left"."""
    if side not in SIDES:
        raise ValueError(f"side: expected 'right' or 'left', got {side!r}")
    return side


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
