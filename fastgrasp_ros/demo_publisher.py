"""Publish the point cloud of a mesh or cloud file as the driver of a camera does.

examples: python -m fastgrasp_ros.demo_publisher mug.obj --points 20000 --rate 5
          python -m fastgrasp_ros.demo_publisher mug.obj --view 0.4 0.3 0.5

A whole object comes in its own frame, in which no sensor stood. A view comes in the optical frame of its camera:
tell the node so with `-p clouds_in_sensor_frame:=true`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from tyro.conf import Positional, arg

from fastgrasp_model.cli import run
from fastgrasp_model.commands.shared import AboveZero, AtLeastOne, NotNegative, parse


@dataclass
class PublisherOptions:
    """Command line of the publisher."""

    object_file: Annotated[Positional[Path], arg(metavar="OBJECT")]
    """mesh or cloud file, in metres"""
    points: AtLeastOne = 20000
    """points sampled from a mesh"""
    rate: AboveZero = 5.0
    """clouds a second"""
    frame: str | None = None
    """name of the clouds' frame (default: object, with --view camera)"""
    seed: NotNegative = 0
    """seed of the sampling"""
    view: Annotated[tuple[float, float, float] | None, arg(metavar="X Y Z")] = None
    """publish only what a camera at this place (in the object's frame, metres) sees, in the camera's own frame"""


def visible_from(points: np.ndarray, viewpoint: np.ndarray) -> np.ndarray:
    """Return the points (M, 3) of (N, 3) that are visible from a viewpoint (3,): hidden point removal.

    Katz, Tal and Basri, "Direct Visibility of Point Sets", SIGGRAPH 2007.
    """
    from scipy.spatial import ConvexHull

    away = points - viewpoint
    length = np.linalg.norm(away, axis=1, keepdims=True)
    flipped = away + 2 * (100 * length.max() - length) * away / length
    hull = ConvexHull(np.vstack([flipped, np.zeros(3)]))
    return points[np.setdiff1d(hull.vertices, [len(points)])]


def seen_by_camera(points: np.ndarray, viewpoint: np.ndarray) -> np.ndarray:
    """Return what of a cloud (N, 3) a camera at `viewpoint` (3,) sees, (M, 3) in its optical frame, metres.

    The camera looks at the middle of the cloud; its x is right, y down, z forward (REP 103).
    """
    from fastgrasp_model.pictures.camera import looking

    rotation = looking(viewpoint - points.mean(axis=0), up=(0.0, 0.0, 1.0))
    return (visible_from(points, viewpoint) - viewpoint) @ rotation.T


def main(argv: list[str]) -> None:
    """Publish until stopped."""
    options = parse(PublisherOptions, argv, "demo_publisher", __doc__)

    import rclpy
    from rclpy.executors import ExternalShutdownException
    from rclpy.node import Node
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import PointCloud2
    from std_msgs.msg import Header

    from fastgrasp_model.geometry.cloud_files import read_cloud
    from fastgrasp_ros.conversions import points_to_cloud
    from fastgrasp_ros.resources import use_fast_dds_profile

    cloud = read_cloud(options.object_file, samples=options.points, seed=options.seed)
    frame = options.frame or "object"
    if options.view is not None:
        cloud, frame = seen_by_camera(cloud, np.asarray(options.view)), options.frame or "camera"
    use_fast_dds_profile()
    rclpy.init()
    node = Node("object_camera")
    publisher = node.create_publisher(PointCloud2, "points", qos_profile_sensor_data)
    message = points_to_cloud(cloud, Header(frame_id=frame))

    def send() -> None:
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)

    node.create_timer(1.0 / options.rate, send)
    where = f"on {publisher.topic_name}, in frame '{frame}'"
    print(f"publishing {len(cloud)} points of {options.object_file.name} {where}", flush=True)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass


if __name__ == "__main__":
    sys.exit(run("demo_publisher", main, sys.argv[1:]))
