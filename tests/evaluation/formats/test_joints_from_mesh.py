"""Joints of posed meshes: the fitted regressor against the layer's own joints, and against MANO's regressor."""

import numpy as np
import pytest
import torch

from fastgrasp_evaluation.formats.joints_from_mesh import keypoints_of, posed_joint_regressor
from fastgrasp_model.hand.keypoints import keypoints_from
from fastgrasp_model.hand.mano_file import load_hand_file
from fastgrasp_model.hand.mano_layer import OPEN_HAND


def error_mm(found, wanted) -> np.ndarray:
    return 1000 * np.linalg.norm(found - wanted, axis=-1)


@pytest.mark.parametrize("side", ["right", "left"])
def test_grasping_hands_have_their_joints_within_a_twentieth_of_a_millimetre(layer, grasps, side):
    hands = grasps(side, count=300, seed=11)
    error = error_mm(keypoints_of(hands.vertices, posed_joint_regressor(layer(side)), layer(side)), hands.keypoints)
    assert error.mean() < 0.042 and error.max() < 0.7


def test_random_poses_beyond_the_joint_limits_too(layer):
    hand = layer("right")
    generator = torch.Generator().manual_seed(3)
    pose, betas = 0.4 * torch.randn(300, 45, generator=generator), torch.randn(300, 10, generator=generator)
    output = hand(betas, torch.randn(300, 3, generator=generator), pose, torch.zeros(300, 3))
    wanted = keypoints_from(output.vertices, output.joints, hand.tip_ids).numpy()
    error = error_mm(keypoints_of(output.vertices.numpy(), posed_joint_regressor(hand), hand), wanted)
    assert error.mean() < 0.1 and error.max() < 1.2


def test_it_is_fifty_times_nearer_than_the_regressor_of_the_rest_pose(layer, grasps):
    hands = grasps(count=100, seed=12)
    rest = load_hand_file(OPEN_HAND)["J_regressor"]
    joints = [0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19]
    regressors = (posed_joint_regressor(layer("right")), rest)
    fitted, plain = (
        error_mm(keypoints_of(hands.vertices, one, layer("right")), hands.keypoints)[:, joints].mean()
        for one in regressors
    )
    assert plain > 2.0 and fitted < plain / 50


def test_weights_sum_to_one_and_are_always_the_same(layer):
    first, second = posed_joint_regressor(layer("right")), posed_joint_regressor(layer("right"))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first.sum(1), 1, atol=1e-12)
