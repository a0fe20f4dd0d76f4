"""Transforms from the frame of a cloud to the frame asked for: none, a fixed one, or tf2's.

Grasps are generated in the cloud's own frame and transformed afterwards.
"""

import numpy as np

from fastgrasp_ros.parameters import NodeParameters


class FrameError(ValueError):
    """A cloud without a transform from its frame to the target frame."""


class Transforms:
    """Transforms that tf2 knows at a time; `close` ends its subscriptions."""

    def __init__(self, node=None) -> None:
        """Listen on a node; without one, or where tf2 is not installed, nothing is known."""
        self._buffer = self._listener = None
        if node is None:
            return
        try:
            from tf2_ros import Buffer, TransformListener
        except ImportError:
            return
        self._buffer = Buffer()
        self._listener = TransformListener(self._buffer, node)

    @property
    def available(self) -> bool:
        """Whether tf2 is there to be asked."""
        return self._buffer is not None

    def look_up(self, target: str, source: str, stamp=None) -> np.ndarray:
        """Return the 4x4 transform of points in `source` to `target`. Raises FrameError."""
        from rclpy.duration import Duration
        from rclpy.time import Time
        from tf2_ros import TransformException

        buffer = self._buffer  # another thread may close it meanwhile
        if buffer is None:
            raise FrameError(f"no transform from frame '{source}' to '{target}': the node is being cleaned up")
        when = Time() if stamp is None else Time.from_msg(stamp)
        try:
            found = buffer.lookup_transform(target, source, when, Duration(seconds=0.2)).transform
        except TransformException as error:
            raise FrameError(f"no transform from frame '{source}' to '{target}': {error}") from error
        t, q = found.translation, found.rotation
        return pose_matrix([t.x, t.y, t.z, q.x, q.y, q.z, q.w])

    def close(self) -> None:
        """Destroy the subscriptions of the listener."""
        if self._listener is not None:
            self._listener.unregister()
        self._buffer = self._listener = None


class FrameFinder:
    """Finds the transform to `target_frame`; the identity where no target frame is set.

    tf2 is not on PyPI: without it only clouds in the target frame or in `source_frame` are accepted.
    """

    def __init__(self, parameters: NodeParameters, transforms: Transforms | None = None):
        self._target = parameters.target_frame
        self._source = parameters.source_frame
        self._source_to_target = pose_matrix(parameters.source_to_target)
        self._transforms = transforms or Transforms()

    def find(self, frame: str, stamp=None) -> tuple[np.ndarray | None, str]:
        """Return the 4x4 transform of grasps given in `frame` (None: the identity) and the frame it leads to.

        Raises FrameError.
        """
        if not self._target or frame == self._target:
            return None, frame
        if self._source and frame == self._source:
            return self._source_to_target, self._target
        if not self._transforms.available:
            known = f"'{self._target}'" + (f" or '{self._source}'" if self._source else "")
            raise FrameError(
                f"the cloud is in the unknown frame '{frame}': without tf2 only clouds in {known} can be answered "
                f"in target_frame '{self._target}'; set source_frame and source_to_target, or install tf2_ros"
            )
        return self._transforms.look_up(self._target, frame, stamp), self._target


def pose_matrix(pose: list[float]) -> np.ndarray:
    """Return x y z qx qy qz qw as a 4x4 matrix."""
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_quat(pose[3:]).as_matrix()
    matrix[:3, 3] = pose[:3]
    return matrix
