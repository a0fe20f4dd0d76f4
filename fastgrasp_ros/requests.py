"""Requests of the service and the action: from their fields to a plan, and from a plan to their answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rclpy.action import CancelResponse

from fastgrasp.action import PlanGrasps as PlanGraspsAction

NONE_GOOD = "no grasp is likely to hold: is this the cloud of one object that a hand can hold?"


def arguments(request) -> dict:
    """Return the arguments of `Planner.plan` in a service request or an action goal."""
    place = request.viewpoint
    viewpoint = [place.x, place.y, place.z] if request.viewpoint_known else None
    names = ("num_grasps", "seed", "side", "object_id", "min_score")
    return {"viewpoint": viewpoint, **{name: getattr(request, name) for name in names}}


def filled(answer, plan):
    """Return a service response or action result, filled from a Plan or a sentence on why there is none."""
    answer.success = not isinstance(plan, str)
    if answer.success:
        answer.message = f"{len(plan.grasps)} grasps in {1000 * plan.seconds:.0f} ms"
        answer.message += "" if plan.grasps.any_good else f"; {NONE_GOOD}"
        answer.grasps = plan.message
    else:
        answer.message = plan
    return answer


class Goals:
    """Answers the action's goals, each planned in one step. One whose cancel was accepted never succeeds."""

    def __init__(self, plan: Callable) -> None:
        """`plan(cloud, **arguments)` returns a Plan, or a sentence on why there is none."""
        self._plan = plan
        self._cancelled: set[bytes] = set()
        self._lock = threading.Lock()

    def cancel(self, goal) -> CancelResponse:
        """Accept the cancel of a goal that has not ended."""
        with self._lock:
            if not goal.is_active:
                return CancelResponse.REJECT
            self._cancelled.add(bytes(goal.goal_id.uuid))
            return CancelResponse.ACCEPT

    def answer(self, goal) -> PlanGraspsAction.Result:
        """Plan for a goal, end it, and return its result."""
        key, result = bytes(goal.goal_id.uuid), PlanGraspsAction.Result()
        try:
            if key in self._cancelled:
                return self._cancel(goal, result, "cancelled before it began")
            goal.publish_feedback(PlanGraspsAction.Feedback(stage="generating", progress=0.0))
            plan = self._plan(goal.request.cloud, **arguments(goal.request))
            with self._lock:
                if key not in self._cancelled:
                    return self._end(goal, result, plan)
            return self._cancel(goal, result, "cancelled; the grasps that were being made are dropped")
        finally:
            with self._lock:
                self._cancelled.discard(key)

    @staticmethod
    def _end(goal, result, plan):
        if isinstance(plan, str):
            goal.abort()
        else:
            goal.publish_feedback(PlanGraspsAction.Feedback(stage="done", progress=1.0))
            goal.succeed()
        return filled(result, plan)

    @staticmethod
    def _cancel(goal, result, sentence: str):
        while goal.is_active and not goal.is_cancel_requested:
            time.sleep(0.001)  # rclpy changes the state right after it was told that the cancel is accepted
        goal.canceled()
        return filled(result, sentence)
