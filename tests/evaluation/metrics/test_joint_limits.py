"""The greatest excess over the joint limits, on angles set by hand."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from fastgrasp_evaluation.metrics.joint_limits import joint_limit_violation_deg
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.hand.anatomy import joint_axes
from fastgrasp_model.hand.joint_angles import JOINT_LIMITS, angles_to_matrices


@pytest.fixture(scope="module", params=["right", "left"])
def layer(request) -> ManoLayer:
    return ManoLayer.from_file(side=request.param)


def pose_of(angles_deg: np.ndarray, layer: ManoLayer) -> np.ndarray:
    """Axis-angles (B, 45) of anatomical angles (B, 15, 3) = (twist, spread, bend) in degrees."""
    matrices = angles_to_matrices(torch.from_numpy(np.radians(angles_deg)), joint_axes(layer).double())
    return Rotation.from_matrix(matrices.reshape(-1, 3, 3).numpy()).as_rotvec().reshape(-1, 45)


def test_poses_within_the_limits_violate_nothing(layer):
    low, high = np.degrees(JOINT_LIMITS).transpose(2, 0, 1)
    share = np.random.default_rng(0).random((20, 15, 3))
    inside = low + share * (high - low)
    assert joint_limit_violation_deg(pose_of(inside, layer), layer) == pytest.approx(np.zeros(20), abs=1e-4)
    at_rest = np.zeros((1, 45))
    assert joint_limit_violation_deg(at_rest, layer).tolist() == [0.0]


@pytest.mark.parametrize(
    ("joint", "angle", "degrees", "excess"),
    [
        (1, 2, 115, 10),  # index PIP bends to 105
        (1, 2, -12, 7),  # and stretches to -5
        (3, 1, 20, 8),  # middle MCP spreads to 12
        (12, 0, -50, 20),  # the thumb's CMC twists to -30
        (14, 2, 80, 0),  # its IP may bend by 80
    ],
)
def test_one_joint_too_far(layer, joint, angle, degrees, excess):
    angles = np.zeros((2, 15, 3))
    angles[1, joint, angle] = degrees
    assert joint_limit_violation_deg(pose_of(angles, layer), layer) == pytest.approx([0, excess], abs=1e-4)


def test_the_worst_joint_counts(layer):
    angles = np.zeros((1, 15, 3))
    angles[0, 1, 2], angles[0, 4, 2], angles[0, 12, 0] = 108, 117, 33
    assert joint_limit_violation_deg(pose_of(angles, layer), layer) == pytest.approx([12], abs=1e-4)


def test_a_mirrored_pose_has_the_same_figure():
    pose = np.random.default_rng(2).normal(scale=0.4, size=(5, 15, 3))
    left, right = (pose * (1, -1, -1)).reshape(5, 45), pose.reshape(5, 45)
    found = [joint_limit_violation_deg(p, ManoLayer.from_file(side=s)) for p, s in ((left, "left"), (right, "right"))]
    assert found[0] == pytest.approx(found[1], abs=1e-4) and found[0].min() > 5


def test_wrong_input_is_refused(layer):
    with pytest.raises(ValueError, match=r"\(B, 45\).*\(2, 48\)"):
        joint_limit_violation_deg(np.zeros((2, 48)), layer)
    with pytest.raises(ValueError, match="not finite"):
        joint_limit_violation_deg(np.full((1, 45), np.nan), layer)
    assert joint_limit_violation_deg(np.zeros((0, 45)), layer).shape == (0,)
