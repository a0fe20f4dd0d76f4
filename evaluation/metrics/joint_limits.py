"""Violation of the anatomical joint limits of `fastgrasp_model.hand.joint_angles`, in degrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastgrasp_model.hand import ManoLayer


def joint_limit_violation_deg(hand_pose: np.ndarray, layer: ManoLayer) -> np.ndarray:
    """Return the greatest excess over the limits among the 45 anatomical angles of each hand, degrees (B,).

    Each joint's rotation is split into twist, spread and bend about its anatomical axes (after Yang et al., "CPF", ICCV
    2021), and the angles are compared with `JOINT_LIMITS`.

    Args:
        hand_pose: (B, 45) axis-angle of the fifteen finger joints relative to the flat hand, radians, MANO's order.
        layer: the hand layer that the pose belongs to, since its rest joints define the axes.

    Raises:
        ValueError: another shape, or values that are not finite.
    """
    import torch

    from fastgrasp_model.geometry.rotations import axis_angle_to_matrix
    from fastgrasp_model.hand.anatomy import joint_axes
    from fastgrasp_model.hand.joint_angles import limit_violation, matrices_to_angles

    pose = np.asarray(hand_pose, dtype=np.float64)
    if pose.ndim != 2 or pose.shape[1] != 45:
        raise ValueError(f"hand_pose: expected shape (B, 45), axis-angle of 15 joints, got {pose.shape}")
    if not np.isfinite(pose).all():
        raise ValueError("hand_pose has values that are not finite (NaN); leave those hands out")
    if not len(pose):
        return np.zeros(0)
    matrices = axis_angle_to_matrix(torch.from_numpy(pose).unflatten(1, (15, 3)))
    excess = limit_violation(matrices_to_angles(matrices, joint_axes(layer).to(torch.float64)))  # (B, 15, 3)
    return np.degrees(excess.amax((1, 2)).numpy())
