"""The joints of the fingers: names, limits, anatomical axes, and joint angles about those axes.

Joints here are the fifteen below the wrist in MANO's order (index 1-3, middle 4-6, pinky 7-9, ring 10-12, thumb 13-15);
row i of an array belongs to joint i + 1. The axes follow from the rest joints of a `ManoLayer`, so they hold for any
hand model and either side.

The axes of a joint (after Yang et al., "CPF", ICCV 2021): twist b along the bone towards the wrist, bend l = b x up,
spread u = l x b, with up the back of the hand, and (1, 1, 1)/sqrt(3) for the thumb. The pad faces -u, + bend flexes,
+ spread goes to the thumb side (the thumb: palmar), and opposition of the thumb is + twist, + bend.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fastgrasp_model.hand.fingers import FINGERS
from fastgrasp_model.hand.mano_layer import ManoLayer

# MANO's joints of each finger, from the palm outwards.
FINGER_JOINTS = {
    "thumb": (13, 14, 15),
    "index": (1, 2, 3),
    "middle": (4, 5, 6),
    "ring": (10, 11, 12),
    "pinky": (7, 8, 9),
}
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


def joint_axes(layer: ManoLayer) -> Tensor:
    """Compute the anatomical axes (15, 3, 3) of the layer's mean shape; rows: unit axes of twist, spread, bend.

    A left hand gets the mirror image with the signs that give its angles the same meaning.
    """
    joints = layer.rest_joints_template
    mirror = joints.new_tensor([1.0 if layer.side == "right" else -1.0, 1.0, 1.0])
    joints, tips = joints * mirror, layer.v_template[layer.tip_ids] * mirror
    axes = []
    for joint in range(1, 16):
        finger = next(name for name, chain in FINGER_JOINTS.items() if joint in chain)
        place = FINGER_JOINTS[finger].index(joint)
        outer = joints[joint + 1] if place < 2 else tips[FINGERS.index(finger)]
        b = torch.nn.functional.normalize(joints[joint] - outer, dim=0)
        up = joints.new_tensor([1.0, 1.0, 1.0] if finger == "thumb" else [0.0, 1.0, 0.0])
        bend = torch.nn.functional.normalize(torch.linalg.cross(b, up), dim=0)
        axes.append(torch.stack([b, torch.linalg.cross(bend, b), bend]))
    # A rotation axis is a pseudo-vector: mirrored in x it keeps its x and negates y and z.
    return torch.stack(axes) * (mirror if layer.side == "right" else -mirror)


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
