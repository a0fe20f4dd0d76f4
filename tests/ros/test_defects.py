"""The node in this process: what goes wrong inside it is told, and it goes on."""

import threading

import pytest

pytest.importorskip("fastgrasp.msg", reason="needs the built ROS interfaces: `make env`")

import rclpy
from rclpy.executors import MultiThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from fastgrasp.msg import GraspArray
from fastgrasp.srv import PlanGrasps
from fastgrasp_ros.conversions import points_to_cloud
from fastgrasp_ros.node import FastGraspNode
from fastgrasp_ros.qos import NEWEST_CLOUD, RESULTS


@pytest.fixture
def node(domain_id, weights_folder):
    """The configured and active node, spun by threads of its own."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain_id)
    overrides = [Parameter("weights", value=str(weights_folder)), Parameter("num_grasps", value=2)]
    node = FastGraspNode(context=context, parameter_overrides=overrides)
    node.trigger_configure()
    node.trigger_activate()
    executor = MultiThreadedExecutor(num_threads=4, context=context)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    yield node
    executor.shutdown()
    thread.join()
    node.stop_worker()
    node.destroy_node()
    context.try_shutdown()


@pytest.fixture
def breaks(node, monkeypatch):
    """Make the generator raise RuntimeError for clouds in the frame "broken"; gives the clouds' frames that came."""
    plan, frames = node._planner.plan, []

    def planned(cloud, **request):
        frames.append(cloud.header.frame_id)
        if cloud.header.frame_id == "broken":
            raise RuntimeError("a defect")
        return plan(cloud, **request)

    monkeypatch.setattr(node._planner, "plan", planned)
    return frames


def test_a_defect_is_reported_and_the_next_cloud_is_answered(node, breaks, peer, ball):
    grasps = peer.listen(GraspArray, "grasps", RESULTS)
    publisher = peer.node.create_publisher(PointCloud2, "points", NEWEST_CLOUD)
    assert peer.wait(publisher.get_subscription_count)

    def send(frame, until):
        for _ in range(5):
            publisher.publish(points_to_cloud(ball, Header(frame_id=frame)))
            if peer.wait(until, 4):
                return True
        return False

    assert send("broken", lambda: "broken" in breaks)
    assert send("camera", lambda: grasps) and grasps[0].header.frame_id == "camera"
    status = node.health.message("n", "active", node.get_clock().now().to_msg()).status[0]
    assert "planning failed: RuntimeError: a defect" in status.message
    peer.node.destroy_publisher(publisher)


def test_a_request_that_meets_a_defect_gets_its_sentence(node, breaks, peer, ball):
    ask = PlanGrasps.Request(cloud=points_to_cloud(ball, Header(frame_id="broken")))
    answer = peer.call(PlanGrasps, "/fastgrasp/plan_grasps", ask)
    assert not answer.success and answer.message == "planning failed: RuntimeError: a defect"


def test_a_request_gets_its_own_sentence_and_not_another_s(node, ball):
    """Another thread reports its problem between this request's problem and its answer."""
    said, report = [], node.health.report_problem

    def reported(message, *level):
        report(message, *level)
        said.append(message)
        report("a problem of another request", *level)

    node.health.report_problem = reported
    answer = node._on_request(PlanGrasps.Request(cloud=points_to_cloud(ball[:9], Header())), PlanGrasps.Response())
    assert "9 finite points" in said[0] and answer.message == said[0]


def test_what_waits_when_the_node_stops_is_refused(node, ball, monkeypatch):
    """Two requests: one is being planned, one waits for it; then the node is deactivated."""
    planner, begun, may_end, came = node._planner, threading.Event(), threading.Event(), threading.Event()
    generate, find = planner.generator.generate, planner._sensor.find

    def generating(*arguments, **options):
        begun.set()
        may_end.wait(20)
        return generate(*arguments, **options)

    def finding(frame, stamp):  # after it was seen that the node is active
        if frame == "second":
            came.set()
        return find(frame, stamp)

    monkeypatch.setattr(planner.generator, "generate", generating)
    monkeypatch.setattr(planner._sensor, "find", finding)
    answers = {}

    def ask(frame):
        request = PlanGrasps.Request(cloud=points_to_cloud(ball, Header(frame_id=frame)))
        answers[frame] = node._on_request(request, PlanGrasps.Response())

    threads = [threading.Thread(target=ask, args=[frame]) for frame in ("first", "second")]
    threads[0].start()
    assert begun.wait(20)
    threads[1].start()
    assert came.wait(20)
    node.trigger_deactivate()
    may_end.set()
    for thread in threads:
        thread.join(60)
    assert answers["first"].success
    assert not answers["second"].success and "not active" in answers["second"].message


def test_what_breaks_in_a_transition_is_said_and_leaves_nothing_behind(node, monkeypatch):
    node.trigger_deactivate()
    create, create_managed = node.create_subscription, node.create_lifecycle_publisher
    monkeypatch.setattr(node, "create_subscription", broken)
    assert node.trigger_activate() == TransitionCallbackReturn.FAILURE
    assert "ZeroDivisionError" in node.health.last_error and node._worker is None
    node.trigger_cleanup()

    def kinds():
        return [sorted(each.topic_name for each in kind) for kind in (node.subscriptions, node.publishers)]

    before = kinds()
    monkeypatch.setattr(node, "create_subscription", create)

    def managed(kind, *rest):
        return broken() if kind is MarkerArray else create_managed(kind, *rest)

    monkeypatch.setattr(node, "create_lifecycle_publisher", managed)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert "ZeroDivisionError" in node.health.last_error and kinds() == before
    monkeypatch.setattr(node, "create_lifecycle_publisher", create_managed)
    assert node.trigger_configure() == node.trigger_activate() == TransitionCallbackReturn.SUCCESS


def broken(*_, **__):
    raise ZeroDivisionError("broken by the test")
