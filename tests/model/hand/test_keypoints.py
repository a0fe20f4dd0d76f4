"""The 21 keypoints: their order and their wrist frame, against dex-retargeting's definition."""

import numpy as np
import pytest
import torch

from fastgrasp_model.geometry.rotations import random_rotations
from fastgrasp_model.hand.keypoints import KEYPOINT_NAMES, keypoints_from, wrist_frame
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer


def rest_keypoints(side: str) -> torch.Tensor:
    layer = ManoLayer.from_file(OPEN_HAND, side=side, dtype=torch.float64)
    output = layer.from_parameters(torch.zeros(1, 61, dtype=torch.float64))
    return keypoints_from(output.vertices, output.joints, layer.tip_ids)


def test_order_is_mediapipes():
    joints = torch.arange(16.0).reshape(1, 16, 1).expand(1, 16, 3)
    vertices = 100 + torch.arange(778.0).reshape(1, 778, 1).expand(1, 778, 3)
    tips = torch.tensor([745, 317, 444, 556, 673])
    keypoints = keypoints_from(vertices, joints, tips)[0, :, 0].tolist()
    thumb, index = [13, 14, 15, 845], [1, 2, 3, 417]
    middle, ring, pinky = [4, 5, 6, 544], [10, 11, 12, 656], [7, 8, 9, 773]
    assert keypoints == [0, *thumb, *index, *middle, *ring, *pinky]
    assert len(KEYPOINT_NAMES) == 21 and KEYPOINT_NAMES[8] == "index_tip"


def test_every_finger_is_a_chain_that_leaves_the_palm():
    points = rest_keypoints("right")[0]
    for first in (1, 5, 9, 13, 17):
        steps = (points[first + 1 : first + 4] - points[first : first + 3]).norm(dim=1)
        assert (steps > 0.012).all() and (steps < 0.06).all()
        from_wrist = (points[first : first + 4] - points[0]).norm(dim=1)
        assert (from_wrist.diff() > 0).all()


@pytest.mark.parametrize("side", ["right", "left"])
def test_wrist_frame_axes_point_where_the_documentation_says(side):
    points = rest_keypoints(side)
    position, rotation = wrist_frame(points, side)
    x, y, z = rotation[0].unbind(-1)
    assert torch.equal(position, points[:, 0])
    assert torch.dot(x, torch.tensor([0.0, -1, 0], dtype=torch.float64)) > 0.95  # out of the palm
    to_fingers = points[0, 12] - points[0, 0]
    assert torch.dot(z, to_fingers / to_fingers.norm()) > 0.95
    pinky_to_thumb = points[0, 5] - points[0, 17]
    assert (torch.dot(y, pinky_to_thumb) > 0) == (side == "right")
    np.testing.assert_allclose((rotation[0] @ rotation[0].T).numpy(), np.eye(3), atol=1e-12)
    assert torch.linalg.det(rotation[0]) > 0


@pytest.mark.parametrize("side", ["right", "left"])
def test_wrist_frame_is_the_one_dex_retargeting_estimates(side):
    """Its recipe, written down anew: a plane through keypoints 0, 5, 9, then a change of axes."""
    points = rest_keypoints(side)[0].numpy()
    three = points[[0, 5, 9]]
    along = three[0] - three[2]
    normal = np.linalg.svd(three - three.mean(0))[2][2]
    x = along - (along @ normal) * normal
    x /= np.linalg.norm(x)
    z = np.cross(x, normal)
    if z @ (three[1] - three[2]) < 0:
        normal, z = -normal, -z
    right = np.array([[0, 0, -1], [-1, 0, 0], [0, 1, 0]])
    left = np.array([[0, 0, -1], [1, 0, 0], [0, -1, 0]])
    expected = np.stack([x, normal, z], axis=1) @ (right if side == "right" else left)
    np.testing.assert_allclose(wrist_frame(points[None], side)[1][0], expected, atol=1e-9)


def test_wrist_frame_turns_with_the_hand_and_numpy_agrees_with_torch():
    points = rest_keypoints("right")
    turn = random_rotations(5, torch.Generator().manual_seed(0), torch.float64)
    moved = points @ turn.transpose(1, 2) + 0.3
    expected = turn @ wrist_frame(points, "right")[1]
    np.testing.assert_allclose(wrist_frame(moved, "right")[1], expected, atol=1e-12)
    np.testing.assert_allclose(wrist_frame(moved.numpy(), "right")[1], expected, atol=1e-12)
    assert isinstance(wrist_frame(moved.numpy(), "right")[1], np.ndarray)


def test_other_sides_are_refused():
    with pytest.raises(ValueError, match="'right' or 'left'"):
        wrist_frame(np.zeros((1, 21, 3)), "both")
