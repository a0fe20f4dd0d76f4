"""PointCloud2 as drivers really send them, and grasps on their way through messages."""

import numpy as np
import pytest

pytest.importorskip("fastgrasp.msg", reason="needs the built ROS interfaces: `make env`")

from geometry_msgs.msg import PoseArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from fastgrasp_model.grasps import Grasps
from fastgrasp_ros import conversions
from fastgrasp_ros.conversions import CloudMessageError, cloud_to_points, points_to_cloud

CODES = {"f4": PointField.FLOAT32, "f8": PointField.FLOAT64, "i2": PointField.INT16}


def raw_cloud(points, kind="f4", offsets=(0, 4, 8), step=12, big=False, padding=0, height=1) -> PointCloud2:
    """A cloud laid out byte by byte; `padding` bytes end each row."""
    width = len(points) // height
    data = np.zeros((height, width * step + padding), np.uint8)
    for axis, offset in enumerate(offsets):
        values = points[:, axis].reshape(height, width).astype((">" if big else "<") + kind)
        size = values.itemsize
        for column in range(width):
            start = column * step + offset
            data[:, start : start + size] = np.ascontiguousarray(values[:, column]).view(np.uint8).reshape(height, size)
    message = PointCloud2(height=height, width=width, point_step=step, row_step=data.shape[1], is_bigendian=big)
    message.fields = [
        PointField(name=name, offset=offset, datatype=CODES[kind], count=1)
        for name, offset in zip("xyz", offsets, strict=True)
    ]
    message.data = data.tobytes()
    return message


@pytest.fixture
def points():
    return np.random.default_rng(1).normal(size=(12, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"step": 32, "offsets": (0, 4, 8)},  # the PCL layout: padded to 16, colour behind
        {"step": 21, "offsets": (9, 1, 17)},  # odd offsets, another order
        {"big": True},
        {"kind": "f8", "step": 24, "offsets": (0, 8, 16)},
        {"kind": "f8", "step": 24, "offsets": (0, 8, 16), "big": True},
    ],
)
def test_every_layout_is_decoded(points, layout):
    decoded = cloud_to_points(raw_cloud(points, **layout))
    assert decoded.shape == (12, 3) and decoded.dtype.isnative
    np.testing.assert_array_equal(decoded, points)


def test_organised_cloud_keeps_its_shape_its_nan_and_skips_row_padding(points):
    points[5] = np.nan
    decoded = cloud_to_points(raw_cloud(points, height=3, padding=7))
    assert decoded.shape == (3, 4, 3)
    np.testing.assert_array_equal(decoded.reshape(-1, 3), points)


def test_row_step_of_a_single_row_is_not_trusted(points):
    message = raw_cloud(points)
    message.row_step = 0
    np.testing.assert_array_equal(cloud_to_points(message), points)


def test_the_decoded_points_are_a_copy(points):
    message = raw_cloud(points)
    cloud_to_points(message)[:] = 7
    np.testing.assert_array_equal(cloud_to_points(message), points)


def spoilt(points, **changes) -> PointCloud2:
    message = raw_cloud(points)
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def with_field(points, **changes) -> PointCloud2:
    message = raw_cloud(points)
    for name, value in changes.items():
        setattr(message.fields[1], name, value)
    return message


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: PointCloud2(), "empty"),
        (lambda p: spoilt(p, width=0), "empty"),
        (lambda p: spoilt(p, fields=[]), "lacks the field"),
        (lambda p: with_field(p, name="v"), r"lacks the field\(s\) y; it has \['v', 'x', 'z'\]"),
        (lambda p: with_field(p, datatype=PointField.INT16), "'y' has datatype INT16; FLOAT32 or FLOAT64"),
        (lambda p: with_field(p, datatype=99), "datatype 99"),
        (lambda p: with_field(p, count=3), "holds 3 values"),
        (lambda p: with_field(p, offset=9), "ends at byte 13, but point_step says 12"),
        (lambda p: spoilt(p, point_step=0), "point_step says 0"),
        (lambda p: spoilt(p, data=raw_cloud(p).data[:-1]), "truncated: 143 bytes, but 1 x 12 points need 144"),
        (lambda p: spoilt(p, data=b""), "truncated: 0 bytes"),
        (lambda p: spoilt(p, height=2, width=6, row_step=60), "row_step is 60 bytes, but 6 points"),
    ],
)
def test_each_bad_cloud_gets_one_clear_sentence(points, make, says):
    with pytest.raises(CloudMessageError, match=says) as caught:
        cloud_to_points(make(points))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(60, 3), (6, 10, 3)])
def test_clouds_go_and_come_back(shape):
    points = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    points.reshape(-1, 3)[4, 1] = np.nan
    message = points_to_cloud(points, Header(frame_id="camera"))
    assert message.header.frame_id == "camera" and not message.is_dense
    np.testing.assert_array_equal(cloud_to_points(message), points)


def test_points_of_a_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"got \(5, 4\)"):
        points_to_cloud(np.zeros((5, 4)), Header())


@pytest.fixture(scope="module")
def grasps():
    rng = np.random.default_rng(3)

    def some(*shape):
        return rng.normal(size=(5, *shape)).astype(np.float32)

    quaternion = some(4)
    quaternion /= np.linalg.norm(quaternion, axis=1, keepdims=True)
    return Grasps(
        betas=some(10), global_orient=some(3), hand_pose=some(45), transl=some(3), vertices=some(778, 3),
        faces=rng.integers(0, 778, (1552, 3)), keypoints=some(21, 3), wrist_position=some(3),
        wrist_quaternion=quaternion, side="left", score=some(),
    )  # fmt: skip


def test_grasps_survive_messages_bit_by_bit(grasps):
    from rclpy.serialization import deserialize_message, serialize_message

    from fastgrasp.msg import GraspArray, HandMesh

    sent = conversions.grasps_to_message(grasps, Header(frame_id="table"), "mug")
    topology = conversions.triangles_to_topology(grasps.faces[:, ::-1])  # the topic holds a right hand's
    array = deserialize_message(serialize_message(sent), GraspArray)
    mesh = deserialize_message(serialize_message(topology), HandMesh)
    back = conversions.message_to_grasps(array, conversions.topology_to_triangles(mesh))
    assert (array.header.frame_id, array.object_id, back.side) == ("table", "mug", "left")
    for name, value in vars(grasps).items():
        np.testing.assert_array_equal(getattr(back, name), value, err_msg=name)


def test_mixed_grasps_are_refused(grasps):
    message = conversions.grasps_to_message(grasps, Header())
    message.grasps[2].side = "right"
    with pytest.raises(ValueError, match=r"one side, got 5 grasps of sides \['left', 'right'\]"):
        conversions.message_to_grasps(message, grasps.faces)


def test_an_empty_answer_is_an_empty_batch(grasps):
    """As `min_score` leaves it where nothing is good."""
    message = conversions.grasps_to_message(grasps[[]], Header())
    back = conversions.message_to_grasps(message, grasps.faces)
    assert len(back) == 0 and not back.any_good and back.vertices.shape == (0, 778, 3)
    assert not message.any_good and conversions.grasps_to_poses(back, Header()).poses == []
    first, *hands = conversions.grasps_to_markers(back, Header(), 3).markers
    assert first.action == first.DELETEALL and not hands  # the hands of the cloud before go


def test_markers_show_the_best_hands_and_delete_the_rest(grasps):
    array = conversions.grasps_to_markers(grasps, Header(frame_id="table"), 2)
    first, *hands = array.markers
    assert first.action == first.DELETEALL and len(hands) == 2
    assert all(m.type == m.TRIANGLE_LIST and m.color.a == 1.0 and m.scale.x == 1.0 for m in hands)
    corners = np.array([(p.x, p.y, p.z) for p in hands[1].points], np.float32)
    np.testing.assert_array_equal(corners, grasps.vertices[1][grasps.faces].reshape(-1, 3))
    assert len(conversions.grasps_to_markers(grasps, Header(), 99).markers) == 6


def test_wrist_poses_keep_order_and_quaternion_convention(grasps):
    poses = conversions.grasps_to_poses(grasps, Header(frame_id="table"))
    assert isinstance(poses, PoseArray) and poses.header.frame_id == "table"
    q = poses.poses[3].orientation
    np.testing.assert_allclose([q.x, q.y, q.z, q.w], grasps.wrist_quaternion[3], rtol=1e-6)
    assert poses.poses[3].position.y == pytest.approx(float(grasps.wrist_position[3, 1]))


def test_conversions_never_load_torch():
    import subprocess
    import sys

    code = "import sys, fastgrasp_ros.conversions, fastgrasp_ros.parameters; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_hands_are_flat_arrays(grasps):
    """A hand of nested points takes twenty times as long; docs of `conversions` have the figures."""
    import array

    for grasp in conversions.grasps_to_message(grasps, Header()).grasps:
        assert isinstance(grasp.vertices, array.array) and len(grasp.vertices) == 778 * 3
