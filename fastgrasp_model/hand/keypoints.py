"""The 21 keypoints of a hand in MediaPipe's order, and the wrist frame that robot-hand retargeting expects.

Order (MediaPipe, OpenPose): wrist 0; thumb 1-4; index 5-8; middle 9-12; ring 13-16; pinky 17-20, each from the palm to
the tip. The tips are vertices of the mesh. Both functions take and return NumPy arrays or torch tensors.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from fastgrasp_model.hand import checked_side

Array = TypeVar("Array")  # numpy.ndarray or torch.Tensor

KEYPOINT_NAMES = (
    "wrist",
    "thumb_cmc", "thumb_mcp", "thumb_ip", "thumb_tip",
    "index_mcp", "index_pip", "index_dip", "index_tip",
    "middle_mcp", "middle_pip", "middle_dip", "middle_tip",
    "ring_mcp", "ring_pip", "ring_dip", "ring_tip",
    "pinky_mcp", "pinky_pip", "pinky_dip", "pinky_tip",
)  # fmt: skip

# Places in [16 joints | tips of thumb, index, middle, ring, pinky].
_ORDER = [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]


def keypoints_from(vertices: Array, joints: Array, tip_ids: Array) -> Array:
    """Return (B, 21, 3) of vertices (B, 778, 3), MANO's joints (B, 16, 3) and tip_ids (5,), thumb to pinky."""
    tips = vertices[:, tip_ids]
    if isinstance(joints, np.ndarray):
        return np.concatenate([joints, tips], axis=1)[:, _ORDER]
    import torch

    return torch.cat([joints, tips], dim=1)[:, _ORDER]


def wrist_frame(keypoints: Array, side: str) -> tuple[Array, Array]:
    """Compute the operator frame of dex-retargeting from keypoints (B, 21, 3): position (B, 3), rotation (B, 3, 3).

    With k_i the keypoints: position = k_0; z = unit(k_9 - k_0), from the wrist to the middle knuckle; y =
    +-unit(d - (d.z) z) with d = k_5 - k_9, + for "right" (pinky to thumb) and - for "left"; x = y cross z, out of the
    palm; the columns of the rotation are x, y, z. It is what dex-retargeting's hand detector estimates by a plane
    through k_0, k_5, k_9. Not finite for keypoints on one line. Raises ValueError for another side.
    """
    checked_side(side)
    wrist, index, middle = keypoints[:, 0], keypoints[:, 5], keypoints[:, 9]
    z = _unit(middle - wrist)
    across = (index - middle) if side == "right" else (middle - index)
    y = _unit(across - (across * z).sum(-1)[..., None] * z)
    if isinstance(keypoints, np.ndarray):
        return wrist, np.stack([np.cross(y, z), y, z], axis=-1)
    import torch

    return wrist, torch.stack([torch.linalg.cross(y, z), y, z], dim=-1)


def _unit(vectors: Array) -> Array:
    return vectors / ((vectors * vectors).sum(-1) ** 0.5)[..., None]
