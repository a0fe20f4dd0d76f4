"""The demo: a mug's cloud goes over ROS 2 to the real node in another process, and real grasps come back.

    make demo            # or: python -m fastgrasp_ros.demo --out out/demo

Three processes talk over DDS: the node, a publisher that plays the camera, and this one, which receives the
grasps, writes them with a picture, and measures them on the object's true mesh.
"""

import os
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastgrasp_ros.processes import Child, wait_until

READY_SECONDS = 120.0  # the first import of torch on a cold disk takes its time
ANSWER_SECONDS = 30.0


class DemoError(RuntimeError):
    """The demo could not go on; the message says why and what to do."""


@dataclass
class Received:
    """What came over DDS: `fastgrasp_model.grasps.Grasps`, the cloud's size, milliseconds from stamp to receipt."""

    grasps: object
    cloud_points: int
    frame: str
    milliseconds: float


def demo_object() -> Path:
    """The mug that pybullet ships."""
    import pybullet_data

    return Path(pybullet_data.getDataPath()) / "objects" / "mug.obj"


def private_domain() -> str:
    """A ROS domain of our own, so that the demo meets no robot and no other demo; the user's if one is set."""
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    return os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))


def start_processes(stack: ExitStack, object_file: Path, parameters: dict[str, object]) -> list[Child]:
    """The node with its parameters and the camera, each in a process of its own; they end with `stack`."""
    settings = [part for name, value in parameters.items() for part in ("-p", f"{name}:={value}")]
    return [
        stack.enter_context(Child("node", "fastgrasp_ros.node", ["--ros-args", *settings])),
        stack.enter_context(Child("camera", "fastgrasp_ros.demo_publisher", [str(object_file)])),
    ]


def receive(children: list[Child], say) -> Received:
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
        found: dict[type, object] = {}

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
        taken = (when.nanoseconds - stamp) / 1e6
        return Received(grasps, cloud.width * cloud.height, answer.header.frame_id, taken)
    finally:
        rclpy.try_shutdown()


def _wait(condition, seconds: float, children: list[Child], node) -> None:
    import rclpy

    def ended() -> Child | None:
        return next((child for child in children if not child.running), None)

    wait_until(lambda: condition() or ended(), seconds, lambda: rclpy.spin_once(node, timeout_sec=0.05))
    if condition():
        return
    if child := ended():
        raise DemoError(f"the {child.name} ended with code {child.exit_code}. It said:\n{child.output(lines=8)}")
    said = "\n".join(f"[{child.name}] {child.output(lines=5)}" for child in children)
    raise DemoError(
        f"nothing came over ROS within {seconds:.0f} s. Is multicast or the loopback blocked? The others said:\n{said}"
    )


def run(
    out: Annotated[Path, "folder for grasps.npz and grasps.png"] = Path("out/demo"),
    object_file: Annotated[Path | None, "a mesh in metres; by default the mug that pybullet ships"] = None,
    num_grasps: int = 8,
    seed: int = 0,
    weights: Annotated[Path | None, "folder of weights; by default those that ship with the package"] = None,
    simulate: Annotated[bool, "also measure how far the object moves in simulation"] = True,
) -> None:
    """A cloud goes in over ROS 2, grasps come out; writes grasps, a picture and a table of measured figures."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    begin = time.perf_counter()

    def say(text: str) -> None:
        console.print(f"[dim]{time.perf_counter() - begin:5.1f} s[/dim]  {text}")

    object_file = object_file or demo_object()
    if not object_file.is_file():
        raise DemoError(f"no object at {object_file}; give a mesh in metres (.obj, .ply, .stl)")
    parameters = {"num_grasps": num_grasps, "seed": seed, "max_rate": 2.0}
    if weights is not None:
        parameters["weights"] = weights
    domain = private_domain()
    with ExitStack() as stack:
        say(f"starting the node and a camera that sees {object_file.name}, each a process (ROS domain {domain})")
        received = receive(start_processes(stack, object_file, parameters), say)
    grasps = received.grasps
    say(
        f"received {len(grasps)} grasps for a cloud of {received.cloud_points:,} points in frame "
        f"'{received.frame}', {received.milliseconds:.0f} ms after its stamp"
    )
    report_on(grasps, object_file, out, simulate, console, say)
    say("done")


def report_on(grasps, object_file: Path, out: Path, simulate: bool, console, say) -> None:
    """Write the grasps and the picture, measure, print the table."""
    from fastgrasp_evaluation.metrics import HandSet, evaluate_grasps
    from fastgrasp_evaluation.metrics.tables import problem_lines, protocol_tables
    from fastgrasp_model.geometry.meshes import load_mesh
    from fastgrasp_model.render import render_grasps

    say(f"wrote {grasps.save(out / 'grasps.npz')}")
    mesh = load_mesh(object_file)
    say(f"wrote {render_grasps(grasps, mesh, out / 'grasps.png')}: the four best grasps, from two sides")
    say("measuring every grasp on the true mesh" + (" and in simulation, pulled six ways" if simulate else ""))
    hands = HandSet.from_grasps(grasps, object_file.stem)
    report = evaluate_grasps(hands, mesh, simulate=simulate, protocols=("strict",))
    for table in protocol_tables(report, f"Grasps on {object_file.name}, best score first", rows="grasps"):
        console.print(table)
    for line in problem_lines(report):
        say(line)


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 with one clear message when something fails; the other processes are ended in any case."""
    import tyro

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, and so ends the children
    try:
        tyro.cli(run, args=arguments, description=__doc__.splitlines()[0])
    except KeyboardInterrupt:
        return 130
    except (DemoError, ValueError, OSError) as error:
        print(f"demo failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
