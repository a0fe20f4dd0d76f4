"""The node's transitions, as a lifecycle manager asks for them."""

import shutil

import pytest

pytest.importorskip("fastgrasp.msg", reason="needs the built ROS interfaces: `make env`")

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header

from fastgrasp.action import PlanGrasps as PlanGraspsAction
from fastgrasp.msg import GraspArray
from fastgrasp.srv import PlanGrasps
from fastgrasp_ros.conversions import points_to_cloud
from fastgrasp_ros.qos import NEWEST_CLOUD, RESULTS


def change(peer, transition: int) -> bool:
    """Ask for a transition; True if it succeeded."""
    ask = ChangeState.Request(transition=Transition(id=transition))
    return peer.call(ChangeState, "/fastgrasp/change_state", ask, 60).success


def state(peer) -> int:
    """The node's present primary state."""
    return peer.call(GetState, "/fastgrasp/get_state", GetState.Request()).current_state.id


@pytest.fixture(scope="module")
def waiting(start_node):
    """A node that waits for its manager."""
    return start_node(autostart="false", num_grasps=2)


def test_it_waits_when_told_not_to_start_by_itself(waiting, peer):
    assert state(peer) == State.PRIMARY_STATE_UNCONFIGURED


def test_the_whole_life_twice(waiting, peer, ball):
    """Configure, activate, answer, deactivate, answer no more, clean up; and all over again."""
    grasps = peer.listen(GraspArray, "grasps", RESULTS)
    publisher = peer.node.create_publisher(PointCloud2, "points", NEWEST_CLOUD)
    cloud = points_to_cloud(ball, Header(frame_id="camera"))
    for _ in range(2):
        assert change(peer, Transition.TRANSITION_CONFIGURE) and state(peer) == State.PRIMARY_STATE_INACTIVE
        assert publisher.get_subscription_count() == 0
        refused = peer.call(PlanGrasps, "/fastgrasp/plan_grasps", PlanGrasps.Request(cloud=cloud))
        assert not refused.success and "not active" in refused.message

        assert change(peer, Transition.TRANSITION_ACTIVATE) and state(peer) == State.PRIMARY_STATE_ACTIVE
        assert peer.wait(publisher.get_subscription_count)
        grasps.clear()
        for _ in range(5):
            publisher.publish(cloud)
            if peer.wait(lambda: grasps, 4):
                break
        assert grasps and len(grasps[0].grasps) == 2

        assert change(peer, Transition.TRANSITION_DEACTIVATE)
        assert peer.wait(lambda: publisher.get_subscription_count() == 0)
        assert change(peer, Transition.TRANSITION_CLEANUP) and state(peer) == State.PRIMARY_STATE_UNCONFIGURED


def test_transitions_while_requests_are_answered_end_nothing(waiting, peer, ball):
    """Every request and goal gets an answer, grasps or a sentence, whatever happens to the node meanwhile."""
    client = peer.node.create_client(PlanGrasps, "/fastgrasp/plan_grasps")
    action = ActionClient(peer.node, PlanGraspsAction, "/fastgrasp/plan_grasps_action")
    assert peer.wait(lambda: client.service_is_ready() and action.server_is_ready())
    cloud, pending, goals = points_to_cloud(ball, Header(frame_id="camera")), [], []
    up = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
    for _ in range(3):
        assert all(change(peer, step) for step in up)
        pending += [client.call_async(PlanGrasps.Request(cloud=cloud, num_grasps=256)) for _ in range(3)]
        goals.append(action.send_goal_async(PlanGraspsAction.Goal(cloud=cloud, num_grasps=64)))
        peer.wait(lambda: False, 0.1)  # one of them is being planned
        assert change(peer, Transition.TRANSITION_DEACTIVATE) and change(peer, Transition.TRANSITION_CLEANUP)
    assert peer.wait(lambda: all(future.done() for future in pending), 60), waiting.output()
    assert peer.wait(lambda: all(sent.done() for sent in goals))
    results = [sent.result().get_result_async() for sent in goals]
    assert peer.wait(lambda: all(future.done() for future in results), 60), waiting.output()
    answers = [future.result() for future in pending] + [future.result().result for future in results]
    assert all(answer.success or "not active" in answer.message for answer in answers)
    assert waiting.running and "Traceback" not in waiting.output() and state(peer) == State.PRIMARY_STATE_UNCONFIGURED
    peer.node.destroy_client(client)
    action.destroy()


def test_it_ends_cleanly_while_requests_and_goals_are_answered(start_node, peer, ball):
    """SIGTERM, as launch sends it, with one request being planned and others that wait for it."""
    node = start_node(__ns="/ending", num_grasps=2)
    client = peer.node.create_client(PlanGrasps, "/ending/fastgrasp/plan_grasps")
    action = ActionClient(peer.node, PlanGraspsAction, "/ending/fastgrasp/plan_grasps_action")
    cloud, feedback = points_to_cloud(ball, Header()), []
    assert peer.wait(lambda: "active:" in node.output() and client.service_is_ready() and action.server_is_ready(), 60)
    ask = PlanGrasps.Request(cloud=cloud, num_grasps=64)
    goal = PlanGraspsAction.Goal(cloud=cloud, num_grasps=64)
    pending = [client.call_async(ask) for _ in range(3)]
    for _ in range(3):
        action.send_goal_async(goal, feedback_callback=feedback.append)
    assert peer.wait(lambda: feedback)
    assert node.stop(patience=30) == 0, node.output()
    assert "Traceback" not in node.output(), node.output()
    answers = [future.result() for future in pending if future.done()]
    assert all(answer.success or "not active" in answer.message for answer in answers)
    peer.node.destroy_client(client)
    action.destroy()


def test_nothing_leaks_from_configure_to_cleanup(domain_id, weights_folder, monkeypatch):
    """Four lives in this process, with a listener that subscribes as tf2's does (tf2 is not on PyPI)."""
    import sys
    import threading
    import types

    import rclpy
    from std_msgs.msg import String

    from fastgrasp_ros.node import FastGraspNode

    class Listener:
        def __init__(self, buffer, node):
            self.node, self.tf_sub = node, node.create_subscription(String, "/tf_of_the_test", print, 10)

        def unregister(self):
            self.node.destroy_subscription(self.tf_sub)

    tf2 = types.SimpleNamespace(Buffer=type("Buffer", (), {}), TransformListener=Listener)
    monkeypatch.setitem(sys.modules, "tf2_ros", tf2)
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain_id)
    overrides = [Parameter("weights", value=str(weights_folder)), Parameter("target_frame", value="base")]
    node = FastGraspNode(context=context, parameter_overrides=overrides)
    try:
        seen = []
        for _ in range(4):
            for transition in ("configure", "activate", "deactivate", "cleanup"):
                assert getattr(node, f"trigger_{transition}")()
            kinds = (node.subscriptions, node.publishers, node.services, node.timers, node.clients, node.guards)
            seen.append([len(list(kind)) for kind in kinds] + [threading.active_count()])
        assert all(counts == seen[0] for counts in seen), seen
    finally:
        node.destroy_node()
        context.try_shutdown()


def test_transitions_out_of_order_are_refused(waiting, peer):
    assert not change(peer, Transition.TRANSITION_ACTIVATE)
    assert state(peer) == State.PRIMARY_STATE_UNCONFIGURED and waiting.running


def set_text(peer, name: str, value: str) -> None:
    """Set a string parameter of the waiting node."""
    ask = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
    assert peer.call(SetParameters, "/fastgrasp/set_parameters", ask).results[0].successful


def damaged(folder, weights_folder):
    shutil.copytree(weights_folder, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    return "weights", folder


def missing(folder, weights_folder):
    return "weights", folder


def no_hand(folder, weights_folder):
    return "mano_path", folder / "MANO_RIGHT.pkl"


def no_such_device(folder, weights_folder):
    return "device", "abacus"


@pytest.mark.parametrize("spoil", [damaged, missing, no_hand, no_such_device], ids=lambda spoil: spoil.__name__)
def test_what_cannot_be_loaded_fails_at_configure_and_is_named(waiting, peer, weights_folder, tmp_path, spoil):
    name, value = spoil(tmp_path / "spoilt", weights_folder)
    before = len(waiting.output())
    set_text(peer, name, str(value))
    assert not change(peer, Transition.TRANSITION_CONFIGURE)
    assert state(peer) == State.PRIMARY_STATE_UNCONFIGURED and waiting.running
    said = waiting.output()[before:]
    assert "configure failed" in said and str(value) in said and "Traceback" not in said
    set_text(peer, name, {"weights": str(weights_folder), "mano_path": "", "device": "cpu"}[name])


def test_after_all_that_it_can_still_be_configured_and_shut_down(waiting, peer):
    assert change(peer, Transition.TRANSITION_CONFIGURE)
    assert change(peer, Transition.TRANSITION_INACTIVE_SHUTDOWN)
    assert state(peer) == State.PRIMARY_STATE_FINALIZED


def test_alone_it_ends_with_an_error_when_nothing_can_be_loaded(start_node, tmp_path):
    node = start_node(weights=tmp_path / "nothing")
    assert node.wait(60) == 1, node.output()
    assert f"configure failed: no weights at {tmp_path / 'nothing'}" in node.output()
    assert "Traceback" not in node.output()
