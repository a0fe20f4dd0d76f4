"""Goals of the action, where the order of events matters; test_node.py sends real ones."""

from types import SimpleNamespace

import pytest

pytest.importorskip("fastgrasp.msg", reason="needs the built ROS interfaces: `make env`")

from rclpy.action import CancelResponse

from fastgrasp.action import PlanGrasps
from fastgrasp.msg import GraspArray
from fastgrasp_ros.requests import Goals


class Handle:
    """A goal as rclpy's server hands it over: its state changes some time after its cancel was accepted."""

    def __init__(self, late: int = 0):
        self.request, self.goal_id = PlanGrasps.Goal(), SimpleNamespace(uuid=bytes(16))
        self.late, self.accepted, self.end, self.stages = late, False, "", []

    @property
    def is_active(self) -> bool:
        return not self.end

    @property
    def is_cancel_requested(self) -> bool:
        self.late -= self.accepted
        return self.accepted and self.late < 0

    def publish_feedback(self, feedback):
        self.stages.append(feedback.stage)

    def succeed(self):
        self.end = "succeeded"

    def abort(self):
        self.end = "aborted"

    def canceled(self):
        assert self.is_cancel_requested, "rclpy refuses this transition"
        self.end = "cancelled"


def planned(cloud, **request):
    return SimpleNamespace(grasps=_NoGrasps(), message=GraspArray(), seconds=0.1)


class _NoGrasps(list):
    any_good = False


def test_a_goal_whose_cancel_was_accepted_just_before_its_end_is_no_success():
    def cancelled_meanwhile(cloud, **request):
        goal.accepted = goals.cancel(goal) == CancelResponse.ACCEPT
        return planned(cloud)

    goals, goal = Goals(cancelled_meanwhile), Handle(late=3)
    result = goals.answer(goal)
    assert goal.end == "cancelled" and not result.success and "cancelled" in result.message
    assert goal.stages == ["generating"]


def test_a_goal_cancelled_before_it_began_is_not_planned():
    goals, goal = Goals(lambda cloud, **request: pytest.fail("it was planned")), Handle(late=3)
    goal.accepted = goals.cancel(goal) == CancelResponse.ACCEPT
    assert goals.answer(goal).message == "cancelled before it began" and goal.end == "cancelled" and not goal.stages


def test_a_goal_that_has_ended_cannot_be_cancelled_and_its_progress_is_whole():
    goals, goal = Goals(planned), Handle()
    assert goals.answer(goal).success and goal.end == "succeeded" and goal.stages == ["generating", "done"]
    assert goals.cancel(goal) == CancelResponse.REJECT


def test_a_refused_goal_is_aborted_and_never_done():
    goals, goal = Goals(lambda cloud, **request: "the cloud is empty"), Handle()
    result = goals.answer(goal)
    assert (goal.end, result.success, result.message) == ("aborted", False, "the cloud is empty")
    assert goal.stages == ["generating"]
