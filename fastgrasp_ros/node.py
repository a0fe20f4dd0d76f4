"""The lifecycle node: point clouds of objects in, human grasps out.

    fastgrasp_node --ros-args -r points:=/camera/object_points --params-file config/fastgrasp.yaml

*configure* reads the parameters and loads hand and weights, *activate* begins to answer, *deactivate* stops,
*cleanup* frees the model. With `autostart` (the default) the first two happen at start.

Subscribes to `points`. Publishes `grasps`, `~/hand_topology` (latched), `~/wrist_poses` and `~/markers` (both only with
subscribers) and `/diagnostics`. Service `~/plan_grasps`, action `~/plan_grasps_action`.
"""

import signal
import sys
import threading
from contextlib import ExitStack

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.action import ActionServer
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import PointCloud2
from visualization_msgs.msg import MarkerArray

from fastgrasp.action import PlanGrasps as PlanGraspsAction
from fastgrasp.msg import GraspArray, HandMesh
from fastgrasp.srv import PlanGrasps
from fastgrasp_ros import parameters as declared
from fastgrasp_ros.conversions import grasps_to_markers, grasps_to_poses, triangles_to_topology
from fastgrasp_ros.diagnostics import Health
from fastgrasp_ros.frames import FrameFinder, Transforms
from fastgrasp_ros.parameters import ParameterError
from fastgrasp_ros.planner import NotActive, Planner
from fastgrasp_ros.qos import LATCHED, NEWEST_CLOUD, RESULTS
from fastgrasp_ros.requests import NONE_GOOD, Goals, arguments, filled
from fastgrasp_ros.resources import use_fast_dds_profile
from fastgrasp_ros.sensor import SensorFinder
from fastgrasp_ros.worker import NewestWorker

THROTTLE = 5.0  # seconds between two log messages about clouds


class FastGraspNode(LifecycleNode):
    """The node; the module's docstring lists its interface."""

    def __init__(self, **options):
        super().__init__("fastgrasp", **options)
        declared.declare(self)
        for sentence in declared.unknown(list(getattr(self, "_parameter_overrides", {}))):
            self.get_logger().warning(sentence)
        self.parameters = declared.read(self)
        self.health = Health()
        self._planner = self._worker = self._subscription = None
        self._configured = ExitStack()  # undoes what configure made
        self._requests = ReentrantCallbackGroup()
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        period = self.parameters.diagnostic_period
        self.create_timer(period, self._publish_diagnostics, MutuallyExclusiveCallbackGroup())
        self.add_on_set_parameters_callback(self._on_parameters)
        # For the node's whole life: a server destroyed while it answers would end the process.
        self.create_service(PlanGrasps, "~/plan_grasps", self._on_request, callback_group=self._requests)
        goals = Goals(self._plan)
        self._action = ActionServer(
            self, PlanGraspsAction, "~/plan_grasps_action", goals.answer,
            callback_group=self._requests, cancel_callback=goals.cancel,
        )  # fmt: skip

    # Transitions

    def on_configure(self, state) -> TransitionCallbackReturn:
        try:
            self.parameters = declared.read(self)
            self._planner = self._loaded()
            self._create_publishers()
            self._topology.publish(triangles_to_topology(self._planner.triangles))
        except Exception as error:  # rclpy would swallow it
            self._free()
            return self._fail("configure", error)
        self.health.loaded = self._planner.describe()
        self.get_logger().info("configured: " + ", ".join(f"{k} {v}" for k, v in self.health.loaded.items()))
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state) -> TransitionCallbackReturn:
        self._planner.active = True
        self._worker = NewestWorker(self._answer_cloud, lambda: self.parameters.max_rate, self._on_defect)
        options = {
            "qos_profile": NEWEST_CLOUD,
            "callback_group": MutuallyExclusiveCallbackGroup(),
            "qos_overriding_options": QoSOverridingOptions.with_default_policies(),
        }
        try:
            self._subscription = self.create_subscription(PointCloud2, "points", self._on_cloud, **options)
        except Exception as error:  # rclpy would swallow it
            self._stop()
            return self._fail("activate", error)
        names = self._subscription.topic_name, self._grasps.topic_name
        self.get_logger().info("active: object clouds on {} are answered on {}".format(*names))
        return super().on_activate(state)

    def on_deactivate(self, state) -> TransitionCallbackReturn:
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state) -> TransitionCallbackReturn:
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state) -> TransitionCallbackReturn:
        self._stop()
        self._free()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state) -> TransitionCallbackReturn:
        return self.on_shutdown(state)  # back to unconfigured

    def _fail(self, transition: str, error: Exception) -> TransitionCallbackReturn:
        expected = isinstance(error, ValueError | OSError)
        reason = str(error) if expected else f"{type(error).__name__}: {error}"
        self.health.report_problem(reason, DiagnosticStatus.ERROR)
        self.get_logger().error(f"{transition} failed: {reason}")
        return TransitionCallbackReturn.FAILURE

    def _loaded(self) -> Planner:
        """Return a planner for the present parameters, which listens to tf2 only where a frame has to be looked up."""
        p = self.parameters
        transforms = Transforms(self if p.target_frame or p.sensor_frame or p.sensor_position_frame else None)
        self._configured.callback(transforms.close)
        return Planner.load(p, FrameFinder(p, transforms), SensorFinder(p, transforms, self._warn_of_sensor))

    def _warn_of_sensor(self, sentence: str) -> None:
        self.get_logger().warning(sentence, throttle_duration_sec=THROTTLE)

    def _create_publishers(self) -> None:
        self._grasps = self._create_managed(GraspArray, "grasps", RESULTS)
        self._poses = self._create_managed(PoseArray, "~/wrist_poses", RESULTS)
        self._markers = self._create_managed(MarkerArray, "~/markers", LATCHED)
        self._topology = self.create_publisher(HandMesh, "~/hand_topology", LATCHED)
        self._configured.callback(self.destroy_publisher, self._topology)

    def _create_managed(self, kind, topic: str, qos):
        publisher = self.create_lifecycle_publisher(kind, topic, qos)
        self._configured.callback(self.destroy_lifecycle_publisher, publisher)
        return publisher

    def _stop(self) -> None:
        """Stop answering, after the cloud being planned."""
        if self._subscription is not None:
            self.destroy_subscription(self._subscription)
            self._subscription = None
        self.stop_worker()

    def stop_worker(self) -> None:
        """End the thread that answers clouds, after the cloud being planned; requests that wait are refused."""
        planner, worker, self._worker = self._planner, self._worker, None  # a transition may run in another thread
        if planner is not None:
            planner.active = False
        if worker is not None:
            worker.stop()

    def _free(self) -> None:
        """Release the model and everything created at configure."""
        self._planner = None
        self.health.loaded = {}
        self._configured.close()

    # Clouds

    def _on_cloud(self, cloud: PointCloud2) -> None:
        self.health.count("received")
        worker = self._worker
        if worker and worker.put(cloud):
            self.health.count("overtaken by newer ones")

    def _answer_cloud(self, cloud: PointCloud2) -> None:
        """Plan for a cloud and publish; runs in the worker's thread."""
        plan = self._plan(cloud)
        if isinstance(plan, str):
            return
        header = plan.message.header
        if not plan.grasps.any_good:
            self.get_logger().warning(NONE_GOOD, throttle_duration_sec=THROTTLE)
        try:
            self._grasps.publish(plan.message)
            if self._poses.get_subscription_count():
                self._poses.publish(grasps_to_poses(plan.grasps, header))
            if self._markers.get_subscription_count() and self.parameters.num_markers:
                self._markers.publish(grasps_to_markers(plan.grasps, header, self.parameters.num_markers))
        except Exception as error:  # RCLError when flooded, or during shutdown
            self.health.report_problem(f"could not publish: {error}", DiagnosticStatus.ERROR)

    def _plan(self, cloud: PointCloud2, **request):
        """Return a Plan, or a sentence on why there is none (already logged and counted)."""
        planner = self._planner
        try:
            if planner is None:
                raise NotActive
            plan = planner.plan(cloud, **request)
        except NotActive:
            return f"the node is not active: ros2 lifecycle set {self.get_fully_qualified_name()} activate"
        except ValueError as error:
            sentence = str(error)
            self.health.report_problem(sentence)
            self.get_logger().warning(f"cloud refused: {sentence}", throttle_duration_sec=THROTTLE)
        except Exception as error:  # out of memory, or a defect
            sentence = self._on_defect(error)
        else:
            self.health.count_answer(plan.seconds)
            return plan
        self._publish_diagnostics()
        return sentence

    def _on_defect(self, error: Exception) -> str:
        """Report an error that is not the cloud's, and keep running; return the sentence that says it."""
        sentence = f"planning failed: {type(error).__name__}: {error}"
        self.health.report_problem(sentence, DiagnosticStatus.ERROR)
        self.get_logger().error(sentence, throttle_duration_sec=THROTTLE)
        return sentence

    def _on_request(self, request, response):
        return filled(response, self._plan(request.cloud, **arguments(request)))

    # Parameters and diagnostics

    def _on_parameters(self, changes) -> SetParametersResult:
        """Change live parameters at once; refuse the others while anything is loaded."""
        values = {change.name: change.value for change in changes if change.name in declared.FIELDS}
        fixed, planner = sorted(set(values) - declared.LIVE), self._planner  # cleanup may run in another thread
        if fixed and planner is not None:
            reason = f"{', '.join(fixed)}: read at configure; deactivate and clean up the node first"
            return SetParametersResult(successful=False, reason=reason)
        try:
            changed = self.parameters.changed(**values)
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.parameters = changed
        if planner is not None:
            planner.parameters = changed
        return SetParametersResult(successful=True)

    def _publish_diagnostics(self) -> None:
        planner = self._planner
        state = "unconfigured" if planner is None else "active" if planner.active else "inactive"
        stamp = self.get_clock().now().to_msg()
        try:
            self._diagnostics.publish(self.health.message(self.get_name(), state, stamp))
        except Exception:  # during shutdown
            pass


def start(node: FastGraspNode) -> bool:
    """Configure and activate, if the parameter `autostart` says so; False if that failed."""
    if not node.parameters.autostart:
        return True
    done = TransitionCallbackReturn.SUCCESS
    return node.trigger_configure() == done and node.trigger_activate() == done


def main(arguments: list[str] | None = None) -> int:
    """Run the node (console script `fastgrasp_node`); return 1 when it cannot start."""
    use_fast_dds_profile()
    ending = _signalled()
    try:
        rclpy.init(args=arguments, signal_handler_options=SignalHandlerOptions.NO)
        node = FastGraspNode()
    except (ParameterError, RuntimeError) as error:  # rcl: --ros-args that cannot be parsed, no params file
        print(f"fastgrasp_node: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return 1
    executor = MultiThreadedExecutor(num_threads=4)
    try:
        if not start(node):
            return 1  # the reason is in the log
        executor.add_node(node)
        while not ending.is_set() and rclpy.ok():
            executor.spin_once(timeout_sec=0.2)
    finally:
        node.stop_worker()  # the interpreter crashes at its end while a thread is inside PyTorch
        executor.shutdown()  # after the requests that wait were refused
        rclpy.try_shutdown()
    return 0


def _signalled() -> threading.Event:
    """Return an event that SIGINT or SIGTERM sets. A second signal ends the process at once.

    rclpy's own handlers would end its context under the callbacks, which then fail.
    """
    event = threading.Event()

    def end(number, frame) -> None:
        signal.signal(number, signal.SIG_DFL)
        event.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return event


if __name__ == "__main__":
    sys.exit(main())
