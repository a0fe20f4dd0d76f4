"""The node's parameters: one validated dataclass, declared to ROS with ranges and descriptions.

The dataclass needs no ROS; only `declare` and `read` do. config/fastgrasp.yaml holds the same defaults.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from dataclasses import dataclass, field
from typing import Any


class ParameterError(ValueError):
    """A parameter with an unusable value; the message says what was given and what is allowed."""


def _parameter(default: Any, description: str, low=None, high=None, choices=(), live: bool = False):
    """A dataclass field with its ROS description. `live`: may change while the node runs."""
    facts = {"description": description, "low": low, "high": high, "choices": tuple(choices), "live": live}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=facts)
    return field(default=default, metadata=facts)


_SEED = "The same cloud and seed give the same grasps. -1: a new seed for each cloud."
_CANDIDATES = "Hands generated for each grasp, of which the one with the best score is kept. Time grows with it."
_RATE = "Most clouds planned in a second; a newer cloud replaces one that waits. 0: no limit."
_MANO = "Hand model: MANO_RIGHT.pkl, MANO_LEFT.pkl or .npz. Empty: the open hand that ships with the package."
_MIN_SCORE = "Leave out grasps with a lower score. 0: keep all; the field any_good says whether one is likely to hold."
_SENSOR = "Frame of the sensor, looked up through tf2 in the cloud's frame. Empty: see sensor_position."
_PLACE = "Fixed place of the sensor: x y z, metres. 0 0 0 without a frame: not set, see clouds_in_sensor_frame."
_PLACE_FRAME = "Frame in which sensor_position is given; clouds in others need tf2. Empty: the cloud's own frame."
_OWN = "Clouds come in the sensor's own frame (the sensor is at its origin), where nothing else says where it stood."
_TARGET = "Give grasps in this frame; clouds without a transform to it are refused. Empty: the cloud's own frame."


@dataclass
class NodeParameters:
    """All parameters of the node. Creating one validates it and raises ParameterError."""

    autostart: bool = _parameter(True, "Configure and activate at start. False: wait for a lifecycle manager.")
    weights: str = _parameter("", "Folder of the weights. Empty: those that ship with the package.")
    mano_path: str = _parameter("", _MANO)
    device: str = _parameter("cpu", "Where the network runs: cpu, cuda, cuda:0, ... or auto (cuda if there is one).")
    num_threads: int = _parameter(0, "CPU threads of the network. 0: PyTorch's choice.", 0, 256)
    side: str = _parameter("right", "Which hand grasps.", choices=("right", "left"), live=True)
    num_grasps: int = _parameter(16, "Grasps for each cloud.", 1, 1024, live=True)
    candidates: int = _parameter(1, _CANDIDATES, 1, 64, live=True)
    seed: int = _parameter(0, _SEED, -1, 2**31 - 1, live=True)
    min_score: float = _parameter(0.0, _MIN_SCORE, 0.0, 1.0, live=True)
    max_rate: float = _parameter(10.0, _RATE, 0.0, 1000.0, live=True)
    num_markers: int = _parameter(3, "Hands shown on ~/markers, best first.", 0, 64, live=True)
    target_frame: str = _parameter("", _TARGET)
    source_frame: str = _parameter("", "Frame of the clouds that source_to_target transforms, in place of tf2.")
    source_to_target: list[float] = _parameter(
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], "Pose of source_frame in target_frame: x y z (metres), qx qy qz qw."
    )
    sensor_frame: str = _parameter("", _SENSOR)
    sensor_position: list[float] = _parameter([0.0, 0.0, 0.0], _PLACE)
    sensor_position_frame: str = _parameter("", _PLACE_FRAME)
    clouds_in_sensor_frame: bool = _parameter(False, _OWN)
    diagnostic_period: float = _parameter(1.0, "Seconds between messages on /diagnostics.", 0.1, 60.0)

    def __post_init__(self):
        for each in dataclasses.fields(self):
            _check(each, getattr(self, each.name))
        pose = self.source_to_target
        if len(pose) != 7 or not all(math.isfinite(value) for value in pose):
            raise ParameterError(f"source_to_target: expected 7 finite numbers x y z qx qy qz qw, got {pose}")
        norm = math.hypot(*pose[3:])
        if abs(norm - 1.0) > 1e-3:
            raise ParameterError(f"source_to_target: expected a unit quaternion qx qy qz qw, got norm {norm:.4g}")
        place = self.sensor_position
        if len(place) != 3 or not all(math.isfinite(value) for value in place):
            raise ParameterError(f"sensor_position: expected 3 finite numbers x y z, got {place}")
        if self.source_frame and not self.target_frame:
            raise ParameterError("source_frame is set but target_frame is not; set both, or neither")

    def changed(self, **values: Any) -> NodeParameters:
        """Return a validated copy with other values; raises ParameterError."""
        return dataclasses.replace(self, **values)


FIELDS = {each.name: each for each in dataclasses.fields(NodeParameters)}
LIVE = frozenset(name for name, each in FIELDS.items() if each.metadata["live"])
_TYPES = {"bool": bool, "str": str, "int": int, "float": (float, int), "list[float]": (list, tuple)}


def _check(each: dataclasses.Field, value: Any) -> None:
    """Check type, range and choices of one value; raises ParameterError."""
    facts = each.metadata
    if not isinstance(value, _TYPES[each.type]) or (isinstance(value, bool) and each.type != "bool"):
        raise ParameterError(f"{each.name}: expected {each.type}, got {value!r}")
    if facts["choices"] and value not in facts["choices"]:
        raise ParameterError(f"{each.name}: expected one of {', '.join(facts['choices'])}, got {value!r}")
    if facts["low"] is not None and not facts["low"] <= value <= facts["high"]:
        raise ParameterError(f"{each.name}: expected {facts['low']} to {facts['high']}, got {value!r}")


def _descriptor(each: dataclasses.Field):
    """Return the rcl_interfaces/ParameterDescriptor of one field."""
    from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

    facts = each.metadata
    descriptor = ParameterDescriptor(description=facts["description"])
    if facts["choices"]:
        descriptor.additional_constraints = "one of: " + ", ".join(facts["choices"])
    if facts["low"] is not None:
        limits = {"from_value": facts["low"], "to_value": facts["high"]}
        if each.type == "int":
            descriptor.integer_range = [IntegerRange(**limits)]
        else:
            descriptor.floating_point_range = [FloatingPointRange(**limits)]
    return descriptor


def declare(node) -> None:
    """Declare every parameter on a node; raises ParameterError for values given with a wrong type or range."""
    from rclpy import exceptions as rclpy

    wrong = (
        rclpy.InvalidParameterException, rclpy.InvalidParameterTypeException, rclpy.InvalidParameterValueException,
    )  # fmt: skip
    defaults = NodeParameters()
    for name, each in FIELDS.items():
        try:
            node.declare_parameter(name, getattr(defaults, name), _descriptor(each))
        except wrong as error:
            raise ParameterError(f"parameter {name}: {error}") from error


def read(node) -> NodeParameters:
    """Return the node's present values, validated; raises ParameterError."""
    values = {name: node.get_parameter(name).value for name in FIELDS}
    lists = {name: list(value) for name, value in values.items() if FIELDS[name].type == "list[float]"}
    return NodeParameters(**{**values, **lists})


def unknown(given: list[str]) -> list[str]:
    """Return one sentence for each given parameter that the node does not have; ROS ignores those silently."""
    of_ros = ("qos_overrides.", "use_sim_time", "start_type_description")
    sentences = []
    for name in given:
        if name not in FIELDS and not name.startswith(of_ros):
            near = difflib.get_close_matches(name, FIELDS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(FIELDS)}"
            sentences.append(f"unknown parameter '{name}' is ignored; {hint}")
    return sentences
