"""The real node in its own process, spoken to over DDS: clouds good and bad, service, action, parameters."""

import time

import numpy as np
import pytest

pytest.importorskip("fastgrasp.msg", reason="needs the built ROS interfaces: `make env`")

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseArray
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from fastgrasp.action import PlanGrasps as PlanGraspsAction
from fastgrasp.msg import GraspArray, HandMesh
from fastgrasp.srv import PlanGrasps
from fastgrasp_ros.conversions import message_to_grasps, points_to_cloud, topology_to_triangles
from fastgrasp_ros.qos import LATCHED, NEWEST_CLOUD, RESULTS

NUM_GRASPS = 4


class Camera:
    """Publishes clouds and receives what the node makes of them."""

    def __init__(self, peer):
        self.peer = peer
        self.grasps = peer.listen(GraspArray, "grasps", RESULTS)
        self.diagnostics = peer.listen(DiagnosticArray, "/diagnostics", 10)
        self.publisher = peer.node.create_publisher(PointCloud2, "points", NEWEST_CLOUD)
        self.stamp = 0

    def header(self, frame="camera") -> Header:
        self.stamp += 1
        header = Header(frame_id=frame)
        header.stamp.sec = self.stamp
        return header

    def answer(self, message: PointCloud2) -> GraspArray:
        """Publish until the node answers this very cloud (best effort may lose one)."""
        stamp = message.header.stamp
        mine = []

        def answered():
            mine[:] = [g for g in self.grasps if g.header.stamp == stamp]
            return mine

        for _ in range(5):
            self.publisher.publish(message)
            if self.peer.wait(answered, 4):
                return mine[0]
        raise AssertionError("the node did not answer a good cloud")

    def status(self, text: str) -> bool:
        """Whether a diagnostic with this text has come."""
        return any(text in s.message for array in self.diagnostics for s in array.status)


@pytest.fixture(scope="module")
def running(start_node):
    return start_node(num_grasps=NUM_GRASPS, max_rate=0.0)


@pytest.fixture(scope="module")
def camera(peer, running):
    camera = Camera(peer)
    assert peer.wait(lambda: camera.publisher.get_subscription_count() or not running.running, 150), running.output()
    assert running.running, running.output()
    return camera


def test_a_cloud_is_answered_with_its_own_header(camera, ball):
    cloud = points_to_cloud(ball, camera.header("some_camera"))
    answer = camera.answer(cloud)
    assert answer.header == cloud.header and answer.object_id == ""
    assert len(answer.grasps) == NUM_GRASPS
    scores = [g.score for g in answer.grasps]
    assert scores == sorted(scores, reverse=True)


def test_the_latched_topology_and_the_grasps_make_the_library_s_grasps(camera, peer, ball, weights_folder):
    from fastgrasp_model.generator import GraspGenerator

    topology = peer.listen(HandMesh, "/fastgrasp/hand_topology", LATCHED)  # subscribed long after it was published
    assert peer.wait(lambda: topology)
    answer = camera.answer(points_to_cloud(ball, camera.header()))
    grasps = message_to_grasps(answer, topology_to_triangles(topology[0]))
    same = GraspGenerator.from_pretrained(weights_folder).generate(ball, NUM_GRASPS, seed=0)
    np.testing.assert_array_equal(grasps.faces, same.faces)
    np.testing.assert_allclose(grasps.vertices, same.vertices, atol=1e-4)
    np.testing.assert_allclose(grasps.keypoints, same.keypoints, atol=1e-4)


def test_an_organised_cloud_with_nan_is_answered(camera, ball):
    image = np.full((60, 80, 3), np.nan, np.float32)
    image.reshape(-1, 3)[1000:3000] = ball
    assert len(camera.answer(points_to_cloud(image, camera.header())).grasps) == NUM_GRASPS


def test_a_million_points_arrive_and_are_answered(camera, ball):
    points = np.repeat(ball, 500, axis=0) + np.random.default_rng(0).normal(0, 1e-4, (len(ball) * 500, 3))
    assert len(camera.answer(points_to_cloud(points, camera.header())).grasps) == NUM_GRASPS


def few(points, header):
    return points_to_cloud(points[:49], header)


def millimetres(points, header):
    return points_to_cloud(points * 1000, header)


def only_nan(points, header):
    return points_to_cloud(points * np.nan, header)


def empty(points, header):
    return points_to_cloud(points[:0], header)


def truncated(points, header):
    message = points_to_cloud(points, header)
    message.data = message.data[:-5]
    return message


def without_z(points, header):
    message = points_to_cloud(points, header)
    message.fields = message.fields[:2]
    return message


def integers(points, header):
    message = points_to_cloud(points, header)
    message.fields[0].datatype = PointField.INT32
    return message


BAD = {few: "49 finite points", millimetres: "millimetres", only_nan: "0 finite points", empty: "empty",
       truncated: "truncated", without_z: "lacks the field(s) z", integers: "datatype INT32"}  # fmt: skip


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_a_bad_cloud_is_reported_and_the_node_goes_on(camera, peer, running, ball, make):
    header = camera.header()
    for _ in range(5):
        camera.publisher.publish(make(ball, header))
        if peer.wait(lambda: camera.status(BAD[make]), 4):
            break
    assert camera.status(BAD[make]), f"no diagnostic says '{BAD[make]}'"
    assert not [g for g in camera.grasps if g.header.stamp == header.stamp]
    assert running.running and "Traceback" not in running.output()
    assert len(camera.answer(points_to_cloud(ball, camera.header())).grasps) == NUM_GRASPS


def test_a_big_endian_cloud_is_answered_like_its_little_endian_twin(camera, ball):
    plain = points_to_cloud(ball, camera.header())
    swapped = points_to_cloud(ball, camera.header())
    swapped.data = ball.astype(">f4").tobytes()
    swapped.is_bigendian = True
    first, second = camera.answer(plain), camera.answer(swapped)
    np.testing.assert_array_equal(first.grasps[0].vertices, second.grasps[0].vertices)


def test_poses_and_markers_come_when_somebody_listens(camera, peer, ball):
    poses = peer.listen(PoseArray, "/fastgrasp/wrist_poses", RESULTS)
    markers = peer.listen(MarkerArray, "/fastgrasp/markers", LATCHED)
    assert peer.wait(lambda: camera.answer(points_to_cloud(ball, camera.header())) and poses and markers, 40)
    assert len(poses[-1].poses) == NUM_GRASPS and poses[-1].header.frame_id == "camera"
    assert len(markers[-1].markers) == 1 + 3


def request(camera, points, **values):
    return PlanGrasps.Request(cloud=points_to_cloud(points, camera.header()), **values)


def test_the_service_answers_with_number_seed_side_and_name(camera, peer, ball):
    ask = request(camera, ball, num_grasps=3, seed=7, side="left", object_id="ball")
    first, again = (peer.call(PlanGrasps, "/fastgrasp/plan_grasps", ask) for _ in range(2))
    assert first.success and "3 grasps in" in first.message
    assert (len(first.grasps.grasps), first.grasps.object_id) == (3, "ball")
    assert first.grasps.header == ask.cloud.header and {g.side for g in first.grasps.grasps} == {"left"}
    np.testing.assert_array_equal(first.grasps.grasps[0].vertices, again.grasps.grasps[0].vertices)


@pytest.mark.parametrize(
    ("values", "says"),
    [({"side": "both"}, "side: expected 'right', 'left'"), ({"num_grasps": 100000}, "num_grasps: expected at most")],
)
def test_the_service_says_what_is_wrong_with_a_request(camera, peer, ball, values, says):
    answer = peer.call(PlanGrasps, "/fastgrasp/plan_grasps", request(camera, ball, **values))
    assert not answer.success and says in answer.message and not answer.grasps.grasps


def test_the_service_says_what_is_wrong_with_a_cloud(camera, peer, ball):
    answer = peer.call(PlanGrasps, "/fastgrasp/plan_grasps", request(camera, ball * 1000))
    assert not answer.success and "millimetres" in answer.message


def test_the_service_is_told_where_the_sensor_stood_and_says_whether_it_knew(camera, peer, ball):
    from geometry_msgs.msg import Point

    place = {"viewpoint_known": True, "viewpoint": Point(x=0.3, y=-0.2, z=1.2)}
    half = ball[ball[:, 2] > 0.5]
    told, untold = (
        peer.call(PlanGrasps, "/fastgrasp/plan_grasps", request(camera, half, **words)).grasps for words in (place, {})
    )
    assert told.viewpoint_known and not untold.viewpoint_known
    assert not np.array_equal(told.grasps[0].transl, untold.grasps[0].transl)
    wrong = {"viewpoint_known": True, "viewpoint": Point(x=float("nan"))}
    answer = peer.call(PlanGrasps, "/fastgrasp/plan_grasps", request(camera, half, **wrong))
    assert not answer.success and "viewpoint" in answer.message


def test_grasps_below_the_least_score_are_left_out_and_none_good_is_said(camera, peer, ball):
    answer = peer.call(PlanGrasps, "/fastgrasp/plan_grasps", request(camera, ball, min_score=1.0))
    assert answer.success and not answer.grasps.grasps and not answer.grasps.any_good
    assert "no grasp is likely to hold" in answer.message
    wrong = peer.call(PlanGrasps, "/fastgrasp/plan_grasps", request(camera, ball, min_score=1.5))
    assert not wrong.success and "min_score: expected 0 to 1" in wrong.message


def test_a_wall_gets_no_good_grasp(camera, peer):
    points = np.random.default_rng(0).uniform(-0.4, 0.4, (4000, 3)).astype(np.float32)
    points[:, 2] = 1.0
    answer = peer.call(PlanGrasps, "/fastgrasp/plan_grasps", request(camera, points, num_grasps=4))
    assert answer.success and not answer.grasps.any_good and "no grasp is likely to hold" in answer.message


def test_a_cancelled_goal_is_no_success(camera, peer, ball):
    from action_msgs.msg import GoalStatus
    from rclpy.action import ActionClient

    client = ActionClient(peer.node, PlanGraspsAction, "/fastgrasp/plan_grasps_action")
    assert peer.wait(client.server_is_ready)
    feedback = []
    goal = PlanGraspsAction.Goal(cloud=points_to_cloud(ball, camera.header()), num_grasps=1024)
    sent = client.send_goal_async(goal, feedback_callback=lambda message: feedback.append(message.feedback))
    assert peer.wait(lambda: feedback), "it never began"
    finished = sent.result().get_result_async()
    sent.result().cancel_goal_async()
    assert peer.wait(finished.done, 60)
    client.destroy()
    assert finished.result().status == GoalStatus.STATUS_CANCELED
    result = finished.result().result
    assert not result.success and "cancelled" in result.message and not result.grasps.grasps
    assert [each.stage for each in feedback] == ["generating"] and feedback[0].progress == 0


def send_goal(peer, points, camera):
    from rclpy.action import ActionClient

    client = ActionClient(peer.node, PlanGraspsAction, "/fastgrasp/plan_grasps_action")
    assert peer.wait(client.server_is_ready)
    feedback = []
    goal = PlanGraspsAction.Goal(cloud=points_to_cloud(points, camera.header()), num_grasps=2, side="right")
    sent = client.send_goal_async(goal, feedback_callback=lambda m: feedback.append(m.feedback))
    assert peer.wait(sent.done) and sent.result().accepted
    finished = sent.result().get_result_async()
    assert peer.wait(finished.done)
    client.destroy()
    return finished.result(), feedback


def test_the_action_answers_with_feedback(camera, peer, ball):
    from action_msgs.msg import GoalStatus

    outcome, feedback = send_goal(peer, ball, camera)
    assert outcome.status == GoalStatus.STATUS_SUCCEEDED and len(outcome.result.grasps.grasps) == 2
    assert [f.stage for f in feedback][:1] == ["generating"]
    outcome, feedback = send_goal(peer, ball[:10], camera)
    assert "done" not in [f.stage for f in feedback]
    assert outcome.status == GoalStatus.STATUS_ABORTED and "10 finite points" in outcome.result.message


def set_parameter(peer, name, value):
    ask = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
    return peer.call(SetParameters, "/fastgrasp/set_parameters", ask).results[0]


def test_live_parameters_change_at_once_and_the_others_are_refused_with_the_remedy(camera, peer, ball):
    assert set_parameter(peer, "num_grasps", 2).successful
    assert len(camera.answer(points_to_cloud(ball, camera.header())).grasps) == 2
    assert set_parameter(peer, "num_grasps", NUM_GRASPS).successful
    refused = set_parameter(peer, "device", "cuda")
    assert not refused.successful and "clean up the node first" in refused.reason
    refused = set_parameter(peer, "side", "both")
    assert not refused.successful and "right, left" in refused.reason


def test_candidates_change_while_the_node_runs(camera, peer, ball, weights_folder):
    from fastgrasp_model.generator import GraspGenerator

    assert set_parameter(peer, "candidates", 3).successful
    best = camera.answer(points_to_cloud(ball, camera.header())).grasps
    assert set_parameter(peer, "candidates", 1).successful
    same = GraspGenerator.from_pretrained(weights_folder).generate(ball, NUM_GRASPS, seed=0, candidates=3)
    np.testing.assert_allclose([grasp.score for grasp in best], same.score, atol=1e-3)
    refused = set_parameter(peer, "candidates", 65)
    assert not refused.successful and "candidates" in refused.reason


def test_a_flood_leaves_no_backlog(camera, peer, ball):
    """After a burst the newest cloud is answered, and most of the old ones never are."""
    camera.answer(points_to_cloud(ball, camera.header()))
    burst = [points_to_cloud(ball, camera.header()) for _ in range(60)]
    camera.grasps.clear()
    for message in burst:
        camera.publisher.publish(message)
    camera.answer(burst[-1])
    answered = {g.header.stamp.sec for g in camera.grasps}
    assert len(answered) < 30


def test_the_diagnostics_tell_what_is_loaded(camera, peer):
    camera.diagnostics.clear()
    assert peer.wait(lambda: camera.diagnostics)
    status = camera.diagnostics[-1].status[0]
    values = {pair.key: pair.value for pair in status.values}
    assert values["state"] == "active" and values["device"] == "cpu" and "hand" in values["hand"]
    assert int(values["clouds answered"]) > 0 and int(values["clouds refused"]) >= len(BAD)


def test_any_publisher_matches_the_subscription(camera, peer):
    for reliability in (ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT):
        publisher = peer.node.create_publisher(PointCloud2, "points", QoSProfile(depth=1, reliability=reliability))
        assert peer.wait(publisher.get_subscription_count)
        peer.node.destroy_publisher(publisher)


def test_it_ends_cleanly_in_the_middle_of_its_work(camera, running, ball):
    """Last: SIGTERM, as launch sends it, while a cloud is being answered."""
    camera.publisher.publish(points_to_cloud(ball, camera.header()))
    time.sleep(0.02)
    assert running.stop(patience=10) == 0, running.output()
    assert "Traceback" not in running.output()
