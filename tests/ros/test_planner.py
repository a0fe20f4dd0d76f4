"""What the planner tells the generator of a cloud, and says of its answer; the real generator, no DDS."""

import types

import numpy as np
import pytest

pytest.importorskip("fastgrasp.msg", reason="needs the built ROS interfaces: `make env`")

from std_msgs.msg import Header

from fastgrasp_ros.conversions import points_to_cloud
from fastgrasp_ros.frames import FrameError, FrameFinder, Transforms
from fastgrasp_ros.parameters import NodeParameters
from fastgrasp_ros.planner import NotActive, Planner
from fastgrasp_ros.sensor import SensorFinder


@pytest.fixture(scope="module")
def generator(weights_folder):
    from fastgrasp_model.generator import GraspGenerator

    return GraspGenerator.from_pretrained(weights_folder)


def planner(generator, transforms=None, **parameters) -> Planner:
    p = NodeParameters(num_grasps=1, **parameters)
    made = Planner(generator, p, FrameFinder(p, transforms), SensorFinder(p, transforms))
    made.active = True
    return made


@pytest.fixture
def view(ball):
    """The upper half of the ball, in the frame "base"."""
    return points_to_cloud(ball[ball[:, 2] > 0.5], Header(frame_id="base"))


def transl(plan) -> list[float]:
    return plan.message.grasps[0].transl.tolist()


def test_a_request_s_viewpoint_goes_before_the_parameters(generator, view):
    fixed = {"sensor_position": [0.3, -0.2, 1.2]}
    by_parameter = planner(generator, **fixed).plan(view)
    by_request = planner(generator).plan(view, viewpoint=[0.3, -0.2, 1.2])
    assert by_parameter.message.viewpoint_known and by_request.message.viewpoint_known
    assert transl(by_parameter) == transl(by_request)
    other = planner(generator, **fixed).plan(view, viewpoint=[0.9, -0.2, 0.6])
    assert transl(other) == transl(planner(generator).plan(view, viewpoint=[0.9, -0.2, 0.6])) != transl(by_parameter)


def test_without_parameters_the_answer_says_that_the_sensor_was_unknown(generator, view):
    assert not planner(generator).plan(view).message.viewpoint_known
    assert planner(generator, clouds_in_sensor_frame=True).plan(view).message.viewpoint_known


def test_a_sensor_frame_without_tf2_is_refused_with_the_remedy_unless_the_request_knows_better(generator, view):
    blind = planner(generator, sensor_frame="camera")
    with pytest.raises(FrameError, match="no tf2.*set sensor_position"):
        blind.plan(view)
    assert blind.plan(view, viewpoint=[0.3, -0.2, 1.2]).message.viewpoint_known


def test_the_sensor_is_looked_up_in_the_cloud_s_frame_at_its_stamp(generator, view, tf2):
    view.header.stamp.sec = 7
    tf2["camera", "base"] = [0.3, -0.2, 1.2]
    seen = planner(generator, Transforms(object()), sensor_frame="camera").plan(view)
    assert seen.message.viewpoint_known and tf2.asked == [("base", "camera", 7 * 10**9)]
    assert transl(seen) == transl(planner(generator).plan(view, viewpoint=[0.3, -0.2, 1.2]))


def test_where_tf2_knows_no_way_the_answer_says_that_the_sensor_was_unknown(generator, view, tf2):
    seen = planner(generator, Transforms(object()), sensor_frame="lidar").plan(view)
    assert not seen.message.viewpoint_known and transl(seen) == transl(planner(generator).plan(view))


def test_the_target_frame_moves_the_grasps_and_not_the_sensor(generator, view, tf2):
    tf2["base", "map"] = [1.0, 0.0, 0.0]
    tf2["camera", "base"] = [0.3, -0.2, 1.2]
    moved = planner(generator, Transforms(object()), sensor_frame="camera", target_frame="map").plan(view)
    plain = planner(generator, Transforms(object()), sensor_frame="camera").plan(view)
    assert moved.message.header.frame_id == "map" and moved.message.viewpoint_known
    np.testing.assert_allclose(moved.grasps.vertices, plain.grasps.vertices + [1, 0, 0], atol=1e-5)


def test_closed_transforms_are_a_sentence(tf2):
    transforms = Transforms(object())
    transforms.close()
    with pytest.raises(FrameError, match="being cleaned up"):
        transforms.look_up("base", "camera")


def test_without_being_active_nothing_is_planned(generator, view):
    waiting = planner(generator)
    waiting.active = False
    with pytest.raises(NotActive):
        waiting.plan(view)


class _KnownFrames(dict):
    """Places of frames in others, {(source, target): x y z}, and the lookups that were asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []


@pytest.fixture
def tf2(monkeypatch):
    """A module with the names and signatures of tf2_ros, which is not on PyPI."""
    import sys

    from geometry_msgs.msg import TransformStamped

    known = _KnownFrames()

    class TransformException(Exception):
        pass

    class Buffer:
        def lookup_transform(self, target_frame, source_frame, time, timeout):
            known.asked.append((target_frame, source_frame, time.nanoseconds))
            if (source_frame, target_frame) not in known:
                raise TransformException(f'"{source_frame}" passed to lookupTransform does not exist')
            found = TransformStamped()
            at = found.transform.translation
            at.x, at.y, at.z = known[source_frame, target_frame]
            return found

    class TransformListener:
        def __init__(self, buffer, node):
            pass

        def unregister(self):
            pass

    module = types.SimpleNamespace(
        Buffer=Buffer, TransformListener=TransformListener, TransformException=TransformException
    )
    monkeypatch.setitem(sys.modules, "tf2_ros", module)
    return known
