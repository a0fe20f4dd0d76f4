"""Where the sensor stood that saw a cloud: looked up, fixed, at the origin of its own frame, or unknown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastgrasp_ros.frames import FrameError, Transforms
from fastgrasp_ros.parameters import NodeParameters


class SensorFinder:
    """Finds the sensor's place in the frame of a cloud, from the parameters.

    `sensor_frame` (through tf2) goes before `sensor_position`, which goes before `clouds_in_sensor_frame`.
    """

    def __init__(
        self, parameters: NodeParameters, transforms: Transforms | None = None, warn: Callable[[str], None] = print
    ) -> None:
        """Take the parameters; `warn` is told why a sensor that should be known is not."""
        self._p, self._transforms, self._warn = parameters, transforms or Transforms(), warn

    def find(self, frame: str, stamp=None) -> np.ndarray | None:
        """Return the place (3,), metres, of the sensor in `frame`; None where it is unknown.

        Raises FrameError where `sensor_frame` is another frame and there is no tf2 to look it up.
        """
        p = self._p
        if p.sensor_frame:
            return np.zeros(3) if frame == p.sensor_frame else self._looked_up(frame, stamp)
        if p.sensor_position_frame and frame == p.sensor_position_frame:
            return np.array(p.sensor_position, dtype=np.float64)
        return np.zeros(3) if p.clouds_in_sensor_frame else None

    def _looked_up(self, frame: str, stamp) -> np.ndarray | None:
        if not self._transforms.available:
            raise FrameError(
                f"sensor_frame is '{self._p.sensor_frame}', the cloud's frame is '{frame}', and there is no tf2 "
                "to look it up; install tf2_ros, or set sensor_position and sensor_position_frame instead"
            )
        try:
            return self._transforms.look_up(frame, self._p.sensor_frame, stamp)[:3, 3]
        except FrameError as error:
            self._warn(f"the sensor is taken as unknown: {error}")
            return None
