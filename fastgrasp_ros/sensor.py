"""Where the sensor stood that saw a cloud: looked up, fixed, at the origin of its own frame, or unknown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastgrasp_ros.frames import FrameError, Transforms
from fastgrasp_ros.parameters import NodeParameters


class SensorFinder:
    """Finds the sensor's place in the frame of a cloud, from the parameters.

    `sensor_frame` (through tf2) goes before `sensor_position`, which goes before `clouds_in_sensor_frame`. One that
    says nothing of a cloud gives way to the next.
    """

    def __init__(
        self, parameters: NodeParameters, transforms: Transforms | None = None, warn: Callable[[str], None] = print
    ) -> None:
        """Take the parameters; `warn` is told why a sensor that should be known is not."""
        self._p, self._transforms, self._warn = parameters, transforms or Transforms(), warn

    def find(self, frame: str, stamp=None) -> np.ndarray | None:
        """Return the place (3,), metres, of the sensor in `frame`; None where it is unknown.

        Raises FrameError where only a `sensor_frame` is set, other than `frame`, and there is no tf2 to look it up.
        """
        reasons: list[FrameError] = []
        for source in (self._by_frame, self._by_position):
            try:
                place = source(frame, stamp)
            except FrameError as error:
                reasons.append(error)
                continue
            if place is not None:
                return place
        if self._p.clouds_in_sensor_frame:
            return np.zeros(3)
        if self._p.sensor_frame and not self._transforms.available:
            raise reasons[0]
        if reasons:
            self._warn("the sensor is taken as unknown: " + "; ".join(map(str, reasons)))
        return None

    def _by_frame(self, frame: str, stamp) -> np.ndarray | None:
        """Return the origin of `sensor_frame`, None where it is not set. Raises FrameError."""
        sensor = self._p.sensor_frame
        if not sensor or frame == sensor:
            return np.zeros(3) if sensor else None
        if not self._transforms.available:
            raise FrameError(
                f"sensor_frame is '{sensor}', the cloud's frame is '{frame}', and there is no tf2 "
                "to look it up; install tf2_ros, or set sensor_position and sensor_position_frame instead"
            )
        return self._transforms.look_up(frame, sensor, stamp)[:3, 3]

    def _by_position(self, frame: str, stamp) -> np.ndarray | None:
        """Return `sensor_position` in `frame`, None where it is not set. Raises FrameError."""
        place, given_in = np.array(self._p.sensor_position, dtype=np.float64), self._p.sensor_position_frame
        if not given_in:
            return place if place.any() else None
        if frame == given_in:
            return place
        if not self._transforms.available:
            raise FrameError(
                f"sensor_position is given in '{given_in}', the cloud's frame is '{frame}', and there is no tf2 to "
                "transform it; install tf2_ros, or give it in the cloud's frame"
            )
        matrix = self._transforms.look_up(frame, given_in, stamp)
        return matrix[:3, :3] @ place + matrix[:3, 3]
