"""Publish the point cloud of a mesh or cloud file as the driver of a camera does.

examples: python -m fastgrasp_ros.demo_publisher mug.obj --points 20000 --rate 5
          python -m fastgrasp_ros.demo_publisher mug.obj --view 0.4 0.3 0.5
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
    frame: str = "object"
    """frame of the clouds"""
    seed: NotNegative = 0
    """seed of the sampling"""
    view: Annotated[tuple[float, float, float] | None, arg(metavar="X Y Z")] = None
    """publish only what a camera at this place sees (in the object's frame, metres)"""


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
    if options.view is not None:
        cloud = visible_from(cloud, np.asarray(options.view))
    use_fast_dds_profile()
    rclpy.init()
    node = Node("object_camera")
    publisher = node.create_publisher(PointCloud2, "points", qos_profile_sensor_data)
    message = points_to_cloud(cloud, Header(frame_id=options.frame))

    def send() -> None:
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)

    node.create_timer(1.0 / options.rate, send)
    print(f"publishing {len(cloud)} points of {options.object_file.name} on {publisher.topic_name}", flush=True)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass


if __name__ == "__main__":
    sys.exit(run("demo_publisher", main, sys.argv[1:]))
