"""Anatomical axes and angles: what each sign does to the hand, inverses, limits, and the left hand."""

import math

import numpy as np
import pytest
import torch

from fastgrasp_model.hand.anatomy import FINGER_JOINTS, joint_axes
from fastgrasp_model.hand.fingers import FINGERS
from fastgrasp_model.hand.joint_angles import (
    JOINT_LIMITS,
    JOINT_NAMES,
    angles_to_matrices,
    limit_violation,
    matrices_to_angles,
)
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer


@pytest.fixture(scope="module")
def layer() -> ManoLayer:
    return ManoLayer.from_file(OPEN_HAND, dtype=torch.float64)


def pose_hand(layer: ManoLayer, angles: torch.Tensor) -> torch.Tensor:
    """Vertices (B, 778, 3) for anatomical angles (B, 15, 3)."""
    count = len(angles)
    root = torch.eye(3, dtype=layer.dtype).expand(count, 1, 3, 3)
    matrices = torch.cat([root, angles_to_matrices(angles.to(layer.dtype), joint_axes(layer))], 1)
    zeros = torch.zeros(count, 10, dtype=layer.dtype), torch.zeros(count, 3, dtype=layer.dtype)
    return layer.from_matrices(zeros[0], matrices, zeros[1]).vertices


def moved_tip(layer: ManoLayer, finger: str, place: int, angle: int, degrees: float) -> torch.Tensor:
    """How the tip of a finger moves (3,) when one angle of one of its joints changes."""
    angles = torch.zeros(1, 15, 3, dtype=layer.dtype)
    angles[0, FINGER_JOINTS[finger][place] - 1, angle] = math.radians(degrees)
    tip = layer.tip_ids[FINGERS.index(finger)]
    return pose_hand(layer, angles)[0, tip] - layer.v_template[tip]


@pytest.mark.parametrize("side", ["right", "left"])
def test_axes_are_orthonormal_and_right_handed(side):
    axes = joint_axes(ManoLayer.from_file(OPEN_HAND, side=side, dtype=torch.float64))
    product = axes @ axes.transpose(1, 2)
    np.testing.assert_allclose(product.numpy(), np.broadcast_to(np.eye(3), (15, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(torch.linalg.det(axes).numpy(), 1, atol=1e-12)


@pytest.mark.parametrize("finger", ["index", "middle", "ring", "pinky"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_bend_takes_fingers_into_the_palm(layer, finger, place):
    assert moved_tip(layer, finger, place, 2, 40)[1] < -0.01  # the palm is at -y


@pytest.mark.parametrize("finger", ["index", "middle", "ring", "pinky"])
def test_spread_takes_fingers_to_the_thumb(layer, finger):
    assert moved_tip(layer, finger, 0, 1, 15)[2] > 0.01  # the thumb is at +z


def test_thumb_bends_and_twists_into_opposition_and_spreads_palmar(layer):
    bend, spread = moved_tip(layer, "thumb", 0, 2, 30), moved_tip(layer, "thumb", 0, 1, 30)
    assert bend[2] < -0.015 and bend[1] < 0  # across the palm
    assert spread[1] < -0.015  # out of the palm's plane
    # Opposition turns the thumb's pad, which faces -u of its last joint, towards the fingers: away from the
    # wrist.
    angles = torch.zeros(2, 15, 3, dtype=layer.dtype)
    angles[1, 12] = torch.deg2rad(torch.tensor([25.0, 40, 15]))
    root = torch.eye(3, dtype=layer.dtype).expand(2, 1, 3, 3)
    matrices = torch.cat([root, angles_to_matrices(angles, joint_axes(layer))], 1)
    pose = layer.pose_joints(torch.zeros(2, 10, dtype=layer.dtype), matrices, torch.zeros(2, 3, dtype=layer.dtype))
    pad = -(pose.rotations[:, 15] @ joint_axes(layer)[14, 1])
    assert pad[1, 2] < pad[0, 2]  # turned towards the little finger


def test_angles_come_back_and_are_differentiable(layer):
    low, high = torch.as_tensor(JOINT_LIMITS).unbind(-1)
    part = torch.rand(8, 15, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    angles = (low + part * (high - low)).requires_grad_()
    axes = joint_axes(layer)
    matrices = angles_to_matrices(angles, axes)
    np.testing.assert_allclose(torch.linalg.det(matrices).detach().numpy(), 1, atol=1e-12)
    np.testing.assert_allclose(matrices_to_angles(matrices, axes).detach(), angles.detach(), atol=1e-10)
    assert torch.autograd.gradcheck(lambda a: angles_to_matrices(a, axes), angles[:1])


def test_single_angles_are_turns_about_their_axes(layer):
    axes = joint_axes(layer)
    for angle in range(3):
        angles = torch.zeros(1, 15, 3, dtype=torch.float64)
        angles[..., angle] = 0.7
        kept = (angles_to_matrices(angles, axes)[0] @ axes[:, angle, :, None]).squeeze(-1)
        np.testing.assert_allclose(kept.numpy(), axes[:, angle].numpy(), atol=1e-12)


def test_limits_are_ordered_contain_zero_and_are_measured(layer):
    assert JOINT_LIMITS.shape == (15, 3, 2)
    assert (JOINT_LIMITS[..., 0] < 0).all() and (JOINT_LIMITS[..., 1] > 0).all()
    index_mcp = JOINT_NAMES.index("index_mcp") - 1
    np.testing.assert_allclose(np.degrees(JOINT_LIMITS[index_mcp]), [[-5, 5], [-22, 14], [-25, 90]])
    angles = torch.zeros(2, 15, 3)
    angles[0, index_mcp, 2], angles[1, index_mcp, 1] = math.radians(100), math.radians(-32)
    violation = limit_violation(angles)
    assert violation.count_nonzero() == 2
    np.testing.assert_allclose(violation[[0, 1], index_mcp, [2, 1]], math.radians(10), atol=1e-6)


def test_the_same_angles_give_the_mirrored_left_hand(layer):
    left = ManoLayer.from_file(OPEN_HAND, side="left", dtype=torch.float64)
    angles = 0.3 * torch.randn(3, 15, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    mirror = torch.tensor([-1.0, 1, 1], dtype=torch.float64)
    np.testing.assert_allclose(pose_hand(left, angles), pose_hand(layer, angles) * mirror, atol=1e-12)
