"""Publishes the point cloud of a mesh or cloud file as a camera's driver would: sensor-data QoS, a few a second.

    python -m fastgrasp_ros.demo_publisher mug.obj --points 20000 --rate 5
    ... --view 0.4 0.3 0.5    # only what a camera there would see (in the object's frame, metres)

A stand-in for a perception pipeline; the demo and the tests use it.
"""

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro


def seen_from(points: np.ndarray, viewpoint: np.ndarray) -> np.ndarray:
    """The points (M, 3) of (N, 3) that a viewpoint (3,) sees: hidden point removal.

    Katz, Tal and Basri, "Direct Visibility of Point Sets", SIGGRAPH 2007.
    """
    from scipy.spatial import ConvexHull

    away = points - viewpoint
    length = np.linalg.norm(away, axis=1, keepdims=True)
    flipped = away + 2 * (100 * length.max() - length) * away / length
    hull = ConvexHull(np.vstack([flipped, np.zeros(3)]))
    return points[np.setdiff1d(hull.vertices, [len(points)])]


def publish(
    object_file: Annotated[Path, tyro.conf.Positional],
    points: int = 20000,
    rate: float = 5.0,
    frame: str = "object",
    seed: int = 0,
    view: tuple[float, float, float] | None = None,
) -> None:
    """Publish the cloud of a mesh or cloud file (metres) until stopped."""
    import rclpy
    from rclpy.executors import ExternalShutdownException
    from rclpy.node import Node
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import PointCloud2
    from std_msgs.msg import Header

    from fastgrasp_model.geometry.cloud_files import read_cloud
    from fastgrasp_ros.conversions import points_to_cloud
    from fastgrasp_ros.resources import use_fast_dds_profile

    cloud = read_cloud(object_file, samples=points, seed=seed)
    if view is not None:
        cloud = seen_from(cloud, np.asarray(view))
    use_fast_dds_profile()
    rclpy.init()
    node = Node("object_camera")
    publisher = node.create_publisher(PointCloud2, "points", qos_profile_sensor_data)
    message = points_to_cloud(cloud, Header(frame_id=frame))

    def send() -> None:
        message.header.stamp = node.get_clock().now().to_msg()
        publisher.publish(message)

    node.create_timer(1.0 / rate, send)
    print(f"publishing {len(cloud)} points of {object_file.name} on {publisher.topic_name}", flush=True)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass


def main() -> int:
    """Command line; exits 1 with one sentence for a file it cannot read."""
    try:
        tyro.cli(publish)
    except (ValueError, OSError) as error:
        print(f"demo_publisher: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
