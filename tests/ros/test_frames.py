"""The way of a cloud's frame to the frame grasps are wanted in."""

import sys

import numpy as np
import pytest

from fastgrasp_ros.frames import FrameError, FrameFinder, Transforms, pose_matrix
from fastgrasp_ros.parameters import NodeParameters

HALF = 0.5**0.5
CAMERA = {"target_frame": "base", "source_frame": "camera", "source_to_target": [1.0, 2.0, 3.0, 0.0, 0.0, HALF, HALF]}


def test_without_a_target_frame_every_frame_is_taken_as_it_is():
    assert FrameFinder(NodeParameters()).find("anything") == (None, "anything")
    assert FrameFinder(NodeParameters()).find("") == (None, "")


def test_the_fixed_transform_moves_points_of_the_source_frame():
    matrix, frame = FrameFinder(NodeParameters(**CAMERA)).find("camera")
    assert frame == "base"
    # A quarter turn about z, then (1, 2, 3): x of the camera is y of the base.
    np.testing.assert_allclose(matrix @ [1, 0, 0, 1], [1, 3, 3, 1], atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(matrix[:3, :3]), 1)


def test_the_target_frame_itself_needs_no_transform():
    assert FrameFinder(NodeParameters(**CAMERA)).find("base") == (None, "base")


@pytest.mark.parametrize("frame", ["lidar", ""])
def test_an_unknown_frame_is_refused_with_the_remedy(frame):
    with pytest.raises(FrameError, match=f"unknown frame '{frame}'.*'base' or 'camera'.*source_to_target"):
        FrameFinder(NodeParameters(**CAMERA)).find(frame)


def test_tf2_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2_ros", None)  # as where it is not installed
    with pytest.raises(FrameError, match="without tf2"):
        FrameFinder(NodeParameters(target_frame="base"), Transforms(object())).find("lidar")


def test_a_pose_is_position_then_quaternion():
    moved = pose_matrix([4, 5, 6, 0, 0, 0, 1])
    np.testing.assert_allclose(moved, [[1, 0, 0, 4], [0, 1, 0, 5], [0, 0, 1, 6], [0, 0, 0, 1]])
