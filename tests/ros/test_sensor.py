"""Where the sensor stood: from the parameters, in their order, and unknown where nothing says so."""

import numpy as np
import pytest

from fastgrasp_ros.frames import FrameError, pose_matrix
from fastgrasp_ros.parameters import NodeParameters, ParameterError
from fastgrasp_ros.sensor import SensorFinder


class Known:
    """Transforms as tf2 would answer: `camera` stands at (1, 2, 3) in `base`."""

    available = True

    def look_up(self, target, source, stamp=None):
        if (target, source) != ("base", "camera"):
            raise FrameError(f"no transform from frame '{source}' to '{target}'")
        return pose_matrix([1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 1.0])


def found(frame: str, transforms=None, warn=print, **parameters):
    place = SensorFinder(NodeParameters(**parameters), transforms, warn).find(frame)
    return None if place is None else place.tolist()


def test_without_parameters_it_is_unknown_in_every_frame():
    assert found("camera") is None and found("") is None


def test_its_frame_is_looked_up_in_that_of_the_cloud():
    assert found("base", Known(), sensor_frame="camera") == [1, 2, 3]
    assert found("camera", sensor_frame="camera") == [0, 0, 0]


def test_what_cannot_be_looked_up_is_unknown_and_told():
    told = []
    assert found("odom", Known(), told.append, sensor_frame="camera") is None
    assert len(told) == 1 and "'odom'" in told[0]


def test_without_tf2_another_frame_is_refused_with_the_remedy():
    with pytest.raises(FrameError, match="sensor_position_frame instead"):
        found("base", sensor_frame="camera")


def test_a_fixed_place_without_a_frame_is_in_that_of_every_cloud():
    assert found("base", sensor_position=[0.1, 0.2, 0.3]) == [0.1, 0.2, 0.3]
    assert found("base", sensor_position=[0.0, 0.0, 0.0]) is None  # the default


def test_a_fixed_place_counts_in_its_own_frame_and_is_transformed_to_others():
    told, fixed = [], {"sensor_position": [0.1, 0.2, 0.3], "sensor_position_frame": "camera"}
    assert found("camera", **fixed) == [0.1, 0.2, 0.3]
    assert found("base", Known(), **fixed) == [1.1, 2.2, 3.3]
    assert found("base", warn=told.append, **fixed) is None and "'camera'" in told[0] and "tf2" in told[0]
    assert found("base", clouds_in_sensor_frame=True, **fixed) == [0, 0, 0]


def test_a_source_that_says_nothing_gives_way_to_the_next():
    all_of_them = {"sensor_frame": "camera", "sensor_position": [0.1, 0.2, 0.3], "clouds_in_sensor_frame": True}
    assert found("base", Known(), **all_of_them) == [1, 2, 3]
    assert found("odom", Known(), **all_of_them) == [0.1, 0.2, 0.3]
    assert found("base", **all_of_them) == [0.1, 0.2, 0.3]  # without tf2
    assert found("odom", Known(), sensor_frame="camera", clouds_in_sensor_frame=True) == [0, 0, 0]


@pytest.mark.parametrize("place", [[0.0, 0.0], [0.0, 0.0, np.nan]])
def test_a_place_that_is_none_is_refused(place):
    with pytest.raises(ParameterError, match="sensor_position: expected 3 finite numbers"):
        NodeParameters(sensor_position=place)
