"""What the topic, the service and the action share: one PointCloud2 in, one GraspArray out."""

import secrets
import threading
import time
from dataclasses import dataclass

import numpy as np

from fastgrasp.msg import GraspArray
from fastgrasp_ros.conversions import cloud_to_points, grasps_to_message
from fastgrasp_ros.frames import FrameFinder
from fastgrasp_ros.parameters import NodeParameters
from fastgrasp_ros.sensor import SensorFinder

MAX_GRASPS = 1024


class NotActive(Exception):
    """The planner plans no more, or not yet."""


@dataclass
class Plan:
    """The answer to one cloud: `grasps` (fastgrasp_model.Grasps), the same as a message, and the seconds it took."""

    grasps: object
    message: GraspArray
    seconds: float


class Planner:
    """A loaded generator with the node's parameters. Threads may share it; one at a time generates."""

    def __init__(self, generator, parameters: NodeParameters, frames: FrameFinder, sensor: SensorFinder):
        self.parameters = parameters  # replaced as a whole when one changes
        self.generator = generator
        self.active = False  # whether clouds are planned; else `plan` raises NotActive, also in calls that wait
        self._frames, self._sensor = frames, sensor
        self._lock = threading.Lock()
        first = generator.generate(_sphere(), 1, side="right")  # slower than all later ones; it also proves the weights
        self.triangles = first.faces  # (F, 3) of a right hand

    @classmethod
    def load(cls, parameters: NodeParameters, frames: FrameFinder, sensor: SensorFinder) -> "Planner":
        """Load hand and weights. Raises ValueError with the path and the remedy for what is missing or damaged."""
        import torch

        from fastgrasp_model import GraspGenerator
        from fastgrasp_model.device import usable_device

        if parameters.num_threads:
            torch.set_num_threads(parameters.num_threads)
        generator = GraspGenerator.from_pretrained(
            weights=parameters.weights or None, mano_path=parameters.mano_path or None,
            device=usable_device(parameters.device), side=parameters.side,
        )
        return cls(generator, parameters, frames, sensor)

    def describe(self) -> dict[str, str]:
        """Return hand, weights and device, for diagnostics and the log."""
        names = {"hand": "hand_name", "weights": "weights_name", "device": "device"}
        return {key: str(getattr(self.generator, name)) for key, name in names.items()}

    def plan(
        self, cloud, num_grasps: int = 0, seed: int | None = None, side: str = "", object_id: str = "",
        min_score: float = 0.0, viewpoint: np.ndarray | None = None,
    ) -> Plan:  # fmt: skip
        """Generate grasps for a sensor_msgs/PointCloud2.

        num_grasps 0, seed None, side "", min_score 0 and viewpoint None stand for the parameters; `candidates` is
        always the parameter's. viewpoint: the sensor's place (3,) in the cloud's frame, metres.
        The header of the answer is the cloud's, with `target_frame` in place of its frame where that is set.
        Raises ValueError (CloudMessageError, CloudError, FrameError, ...) with one sentence for a wrong request, and
        NotActive.
        """
        self._check_active()
        start = time.perf_counter()
        if num_grasps > MAX_GRASPS:
            raise ValueError(f"num_grasps: expected at most {MAX_GRASPS}, got {num_grasps}")
        if side not in ("", "right", "left"):
            raise ValueError(f"side: expected 'right', 'left' or '' for the node's parameter, got '{side}'")
        p = self.parameters
        matrix, frame = self._frames.find(cloud.header.frame_id, cloud.header.stamp)
        if viewpoint is None:
            viewpoint = self._sensor.find(cloud.header.frame_id, cloud.header.stamp)
        points = cloud_to_points(cloud).reshape(-1, 3)
        if seed is None:
            seed = p.seed if p.seed >= 0 else secrets.randbits(31)
        with self._lock:
            self._check_active()  # it may have ended while others had their turn
            grasps = self.generator.generate(
                points, num_grasps or p.num_grasps, seed=seed, side=side or p.side, candidates=p.candidates,
                viewpoint=viewpoint, min_score=min_score or p.min_score,
            )
        if matrix is not None:
            grasps = grasps.transform(matrix)
        header = type(cloud.header)(stamp=cloud.header.stamp, frame_id=frame)
        message = grasps_to_message(grasps, header, object_id)
        message.viewpoint_known = viewpoint is not None
        return Plan(grasps, message, time.perf_counter() - start)

    def _check_active(self) -> None:
        if not self.active:
            raise NotActive


def _sphere(radius: float = 0.04, count: int = 512) -> np.ndarray:
    """Points (count, 3) spread evenly over a sphere (a Fibonacci lattice), metres."""
    k = np.arange(count) + 0.5
    z = 1 - 2 * k / count
    angle = np.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - z * z)
    return (radius * np.stack([ring * np.cos(angle), ring * np.sin(angle), z], axis=1)).astype(np.float32)
