"""The joint angles of the fingers about their anatomical axes, and their limits.

Joints here are the fifteen below the wrist in MANO's order (index 1-3, middle 4-6, pinky 7-9, ring 10-12, thumb 13-15);
row i of an array belongs to joint i + 1. The axes are those of `fastgrasp_model.hand.anatomy.joint_axes`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fastgrasp_model.hand.anatomy import FINGER_JOINTS

JOINT_NAMES = (
    "wrist", "index_mcp", "index_pip", "index_dip", "middle_mcp", "middle_pip", "middle_dip",
    "pinky_mcp", "pinky_pip", "pinky_dip", "ring_mcp", "ring_pip", "ring_dip",
    "thumb_cmc", "thumb_mcp", "thumb_ip",
)  # fmt: skip

DIP_PER_PIP = 2 / 3  # bend in a free movement (Lin, Wu, Huang 2000)
# Degrees from the flat hand as (lowest, highest) of twist, spread, bend; docs/hand.md names the source of each number.
_PIP = ((-2, 2), (-3, 3), (-5, 105))
_DIP = ((-2, 2), (-3, 3), (-10, 80))
_LIMITS_DEGREES = {
    "index": (((-5, 5), (-22, 14), (-25, 90)), _PIP, _DIP),
    "middle": (((-5, 5), (-12, 12), (-25, 90)), _PIP, _DIP),
    "ring": (((-5, 5), (-14, 12), (-25, 90)), _PIP, _DIP),
    "pinky": (((-5, 5), (-24, 26), (-25, 90)), _PIP, _DIP),
    "thumb": (((-30, 30), (-25, 45), (-20, 45)), ((-8, 8), (-10, 10), (-10, 60)), ((-3, 3), (-4, 4), (-20, 80))),
}


def _limits() -> np.ndarray:
    table = np.zeros((15, 3, 2))
    for finger, joints in FINGER_JOINTS.items():
        table[[joint - 1 for joint in joints]] = _LIMITS_DEGREES[finger]
    return np.radians(table)


# (15, 3, 2) radians: [joint, (twist, spread, bend), (lowest, highest)].
JOINT_LIMITS = _limits()


def angles_to_matrices(angles: Tensor, axes: Tensor) -> Tensor:
    """Convert angles (B, 15, 3) = (twist, spread, bend), radians, to local joint rotations (B, 15, 3, 3).

    R = T(twist) S(spread) F(bend): a joint first bends, then spreads, then twists. `axes` (15, 3, 3) of `joint_axes`.
    """
    (s1, s2, s3), (c1, c2, c3) = torch.sin(angles).unbind(-1), torch.cos(angles).unbind(-1)
    entries = [
        c2 * c3, -c2 * s3, s2,
        c1 * s3 + s1 * s2 * c3, c1 * c3 - s1 * s2 * s3, -s1 * c2,
        s1 * s3 - c1 * s2 * c3, s1 * c3 + c1 * s2 * s3, c1 * c2,
    ]  # fmt: skip
    euler = torch.stack(entries, -1).unflatten(-1, (3, 3))
    return axes.transpose(-1, -2) @ euler @ axes


def matrices_to_angles(matrices: Tensor, axes: Tensor) -> Tensor:
    """Convert local joint rotations (B, 15, 3, 3) to anatomical angles (B, 15, 3), radians.

    Spread comes back in [-pi/2, pi/2], the others in [-pi, pi]. The gradient is finite away from a spread of pi/2.
    """
    euler = axes @ matrices @ axes.transpose(-1, -2)
    twist = torch.atan2(-euler[..., 1, 2], euler[..., 2, 2])
    spread = torch.asin(euler[..., 0, 2].clamp(-1 + 1e-6, 1 - 1e-6))
    bend = torch.atan2(-euler[..., 0, 1], euler[..., 0, 0])
    return torch.stack([twist, spread, bend], -1)


def limit_violation(angles: Tensor) -> Tensor:
    """Compute how far angles (B, 15, 3) lie outside `JOINT_LIMITS`: (B, 15, 3) radians, zero inside."""
    low, high = torch.as_tensor(JOINT_LIMITS, dtype=angles.dtype, device=angles.device).unbind(-1)
    return (low - angles).clamp(min=0) + (angles - high).clamp(min=0)
