"""The demo: a mug's point cloud goes over ROS 2 to the node in another process, and its grasps come back.

    make demo            # or: python -m fastgrasp_ros.demo --out out/demo

Three processes communicate over DDS: the node, a publisher in the place of a camera, and this one, which receives the
grasps, writes them with a picture, and measures them on the object's mesh.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from fastgrasp_model.commands.shared import AtLeastOne, NotNegative, parse
from fastgrasp_ros.processes import ChildProcess, wait_until

READY_SECONDS = 120.0  # the first import of PyTorch from a cold disk is slow
ANSWER_SECONDS = 30.0


class DemoError(RuntimeError):
    """The demo cannot go on; the message says why and what to do."""


@dataclass
class DemoOptions:
    """Send a point cloud over ROS 2 to the node, and write the grasps that come back, a picture and a table."""

    out: Annotated[Path, arg(metavar="DIR")] = Path("out/demo")
    """folder for grasps.npz and grasps.png"""
    object_file: Annotated[Path | None, arg(metavar="MESH")] = None
    """the object, in metres (default: a mug)"""
    num_grasps: AtLeastOne = 8
    """how many grasps"""
    seed: NotNegative = 0
    """the same seed gives the same grasps"""
    weights: Annotated[Path | None, arg(metavar="DIR")] = None
    """weights folder (default: the shipped weights)"""
    simulate: bool = True
    """leave out how far the object moves in simulation"""


@dataclass
class Received:
    """What came over DDS: `fastgrasp_model.Grasps`, the cloud's size and frame, milliseconds from stamp to receipt."""

    grasps: object
    cloud_points: int
    frame: str
    milliseconds: float


def demo_object() -> Path:
    """Return the mug of the demo, one of the open set's objects (`mug:3`)."""
    return Path(__file__).parent / "data" / "mug.ply"


def choose_domain() -> str:
    """Return the user's ROS domain, or set one of our own, so that the demo meets no robot and no other demo."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    return os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))


def start_processes(stack: ExitStack, object_file: Path, options: DemoOptions) -> list[ChildProcess]:
    """Start the node and the camera, each in a process of its own; they end with `stack`."""
    parameters = {"num_grasps": options.num_grasps, "seed": options.seed, "max_rate": 2.0}
    if options.weights is not None:
        parameters["weights"] = options.weights
    settings = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
    return [
        stack.enter_context(ChildProcess("node", "fastgrasp_ros.node", ["--ros-args", *settings])),
        stack.enter_context(ChildProcess("camera", "fastgrasp_ros.demo_publisher", [str(object_file)])),
    ]


def receive(children: list[ChildProcess], say: Callable[[str], None]) -> Received:
    """Wait for the hand topology and the first grasps. Raises DemoError when a child ends or nothing comes."""
    import rclpy
    from rclpy.node import Node
    from sensor_msgs.msg import PointCloud2

    from fastgrasp.msg import GraspArray, HandMesh
    from fastgrasp_ros.conversions import message_to_grasps, topology_to_triangles
    from fastgrasp_ros.qos import LATCHED, NEWEST_CLOUD, RESULTS
    from fastgrasp_ros.resources import use_fast_dds_profile

    use_fast_dds_profile()
    rclpy.init()
    try:
        node = Node("demo")
        found: dict[type, tuple] = {}

        def keep(message) -> None:
            found.setdefault(type(message), (message, node.get_clock().now()))

        node.create_subscription(PointCloud2, "points", keep, NEWEST_CLOUD)
        node.create_subscription(HandMesh, "/fastgrasp/hand_topology", keep, LATCHED)
        _wait(lambda: HandMesh in found and PointCloud2 in found, READY_SECONDS, children, node)
        say("the node is ready, the camera publishes; waiting for grasps")
        node.create_subscription(GraspArray, "grasps", keep, RESULTS)
        _wait(lambda: GraspArray in found, ANSWER_SECONDS, children, node)
        answer, when = found[GraspArray]
        stamp = answer.header.stamp.sec * 10**9 + answer.header.stamp.nanosec
        cloud = found[PointCloud2][0]
        grasps = message_to_grasps(answer, topology_to_triangles(found[HandMesh][0]))
        milliseconds = (when.nanoseconds - stamp) / 1e6
        return Received(grasps, cloud.width * cloud.height, answer.header.frame_id, milliseconds)
    finally:
        rclpy.try_shutdown()


def _wait(condition: Callable[[], bool], seconds: float, children: list[ChildProcess], node) -> None:
    import rclpy

    def ended() -> ChildProcess | None:
        return next((child for child in children if not child.running), None)

    wait_until(lambda: condition() or ended(), seconds, lambda: rclpy.spin_once(node, timeout_sec=0.05))
    if condition():
        return
    if child := ended():
        raise DemoError(f"the {child.name} ended with code {child.poll()}. It said:\n{child.output(lines=8)}")
    said = "\n".join(f"[{child.name}] {child.output(lines=5)}" for child in children)
    raise DemoError(
        f"nothing came over ROS within {seconds:.0f} s. Is multicast or the loopback blocked? The others said:\n{said}"
    )


def run(options: DemoOptions) -> None:
    """Run the demo; raises DemoError, ValueError or OSError."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    begin = time.perf_counter()

    def say(text: str) -> None:
        console.print(f"[dim]{time.perf_counter() - begin:5.1f} s[/dim]  {text}")

    object_file = options.object_file or demo_object()
    if not object_file.is_file():
        raise DemoError(f"no object at {object_file}; give a mesh in metres (.obj, .ply, .stl)")
    domain = choose_domain()
    with ExitStack() as stack:
        say(f"starting the node and a camera that sees {object_file.name}, each a process (ROS domain {domain})")
        received = receive(start_processes(stack, object_file, options), say)
    say(
        f"received {len(received.grasps)} grasps for a cloud of {received.cloud_points:,} points in frame "
        f"'{received.frame}', {received.milliseconds:.0f} ms after its stamp"
    )
    _report(received.grasps, object_file, options, say)
    say("done")


def _report(grasps, object_file: Path, options: DemoOptions, say: Callable[[str], None]) -> None:
    """Write the grasps and the picture, measure the grasps, and print the table."""
    from fastgrasp_evaluation.commands.reporting import print_report
    from fastgrasp_evaluation.metrics import HandSet, evaluate_grasps
    from fastgrasp_model.geometry.meshes import load_mesh
    from fastgrasp_model.pictures import render_grasps

    say(f"wrote {grasps.save(options.out / 'grasps.npz')}")
    mesh = load_mesh(object_file)
    say(f"wrote {render_grasps(grasps, mesh, options.out / 'grasps.png')}: the four best grasps, from two sides")
    simulated = " and in simulation" if options.simulate else ""
    say(f"measuring every grasp on the object's mesh{simulated}")
    hands = HandSet.from_grasps(grasps, object_file.stem)
    report = evaluate_grasps(hands, mesh, simulate=options.simulate, protocols=("strict",))
    print_report(report, f"Grasps on {object_file.name}, best score first", "grasps")


def main(argv: list[str] | None = None) -> int:
    """Run the command; the exit code is 1 with one message when something fails. The other processes always end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, and so ends the children
    try:
        run(parse(DemoOptions, sys.argv[1:] if argv is None else argv, "python -m fastgrasp_ros.demo"))
    except KeyboardInterrupt:
        return 130
    except (DemoError, ValueError, OSError) as error:
        print(f"demo failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
