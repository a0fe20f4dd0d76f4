"""The node's parameters: one validated dataclass, declared to ROS with ranges and descriptions.

The dataclass is plain Python and knows its own rules, so that it serves tests, launch files and the node alike.
`declare` and `read` are the only two places that speak ROS. config/fastgrasp.yaml holds the same defaults.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from dataclasses import dataclass, field
from typing import Any


class ParameterError(ValueError):
    """A parameter with an unusable value: says what was given and what is allowed."""


def _parameter(default: Any, description: str, low=None, high=None, choices=(), live: bool = False):
    """A dataclass field with its ROS description. `live`: may change while the node runs."""
    facts = {"description": description, "low": low, "high": high, "choices": tuple(choices), "live": live}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=facts)
    return field(default=default, metadata=facts)


@dataclass
class Parameters:
    """Everything that can be set. Building one validates it and raises ParameterError."""

    autostart: bool = _parameter(
        True, "Configure and activate at start. False: wait for a lifecycle manager."
    )
    weights: str = _parameter("", "Folder of the weights. Empty: those that ship with the package.")
    mano_path: str = _parameter(
        "",
        "Hand model: MANO_RIGHT.pkl, MANO_LEFT.pkl or .npz. Empty: the open hand that ships with the package.",
    )
    device: str = _parameter(
        "cpu", "Where the network runs: cpu, cuda, cuda:0, ... or auto (cuda if there is one)."
    )
    num_threads: int = _parameter(0, "CPU threads of the network. 0: PyTorch's choice.", 0, 256)
    side: str = _parameter("right", "Which hand grasps.", choices=("right", "left"), live=True)
    num_grasps: int = _parameter(16, "Grasps per cloud.", 1, 1024, live=True)
    candidates: int = _parameter(
        1, "Hands drawn for every grasp, of which the best by the score is kept. Time grows with it.", 1, 64, live=True
    )
    seed: int = _parameter(
        0,
        "Same cloud and same seed give the same grasps. -1: a new seed for each cloud.",
        -1,
        2**31 - 1,
        live=True,
    )
    max_rate: float = _parameter(
        10.0,
        "Most clouds a second that are worked on; newer ones replace older. 0: no limit.",
        0.0,
        1000.0,
        live=True,
    )
    num_markers: int = _parameter(3, "Hands shown on ~/markers, best first.", 0, 64, live=True)
    target_frame: str = _parameter(
        "", "Give grasps in this frame, and refuse clouds with no way there. Empty: the cloud's own frame."
    )
    source_frame: str = _parameter("", "Frame that source_to_target leads from, where tf2 is not to be used.")
    source_to_target: list[float] = _parameter(
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        "Pose of source_frame in target_frame: x y z (metres), qx qy qz qw.",
    )
    diagnostic_period: float = _parameter(1.0, "Seconds between messages on /diagnostics.", 0.1, 60.0)

    def __post_init__(self):
        for each in dataclasses.fields(self):
            _check(each, getattr(self, each.name))
        if len(self.source_to_target) != 7 or not all(math.isfinite(v) for v in self.source_to_target):
            raise ParameterError(
                f"source_to_target: expected 7 finite numbers x y z qx qy qz qw, got {self.source_to_target}"
            )
        norm = math.hypot(*self.source_to_target[3:])
        if abs(norm - 1.0) > 1e-3:
            raise ParameterError(
                f"source_to_target: expected a unit quaternion qx qy qz qw, got norm {norm:.4g}"
            )
        if self.source_frame and not self.target_frame:
            raise ParameterError("source_frame is set but target_frame is not; set both, or neither")

    def changed(self, **values: Any) -> Parameters:
        """A validated copy with some values changed; raises ParameterError."""
        return dataclasses.replace(self, **values)


FIELDS = {each.name: each for each in dataclasses.fields(Parameters)}
LIVE = frozenset(name for name, each in FIELDS.items() if each.metadata["live"])


def _check(each: dataclasses.Field, value: Any) -> None:
    """Type, range and choices of one value; raises ParameterError."""
    facts = each.metadata
    kinds = {"bool": bool, "str": str, "int": int, "float": (float, int), "list[float]": (list, tuple)}[
        each.type
    ]
    if not isinstance(value, kinds) or (isinstance(value, bool) and each.type != "bool"):
        raise ParameterError(f"{each.name}: expected {each.type}, got {value!r}")
    if facts["choices"] and value not in facts["choices"]:
        raise ParameterError(f"{each.name}: expected one of {', '.join(facts['choices'])}, got {value!r}")
    if facts["low"] is not None and not facts["low"] <= value <= facts["high"]:
        raise ParameterError(f"{each.name}: expected {facts['low']} to {facts['high']}, got {value!r}")


def _descriptor(each: dataclasses.Field):
    """The rcl_interfaces/ParameterDescriptor of one field."""
    from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

    facts = each.metadata
    descriptor = ParameterDescriptor(description=facts["description"])
    if facts["choices"]:
        descriptor.additional_constraints = "one of: " + ", ".join(facts["choices"])
    if facts["low"] is not None and each.type == "int":
        descriptor.integer_range = [IntegerRange(from_value=facts["low"], to_value=facts["high"], step=0)]
    elif facts["low"] is not None:
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(facts["low"]), to_value=float(facts["high"]), step=0.0)
        ]
    return descriptor


def declare(node) -> None:
    """Declare every parameter on a node; raises ParameterError for values given with a wrong type or range."""
    from rclpy.exceptions import (
        InvalidParameterException,
        InvalidParameterTypeException,
        InvalidParameterValueException,
    )

    wrong = (InvalidParameterException, InvalidParameterTypeException, InvalidParameterValueException)
    defaults = Parameters()
    for name, each in FIELDS.items():
        try:
            node.declare_parameter(name, getattr(defaults, name), _descriptor(each))
        except wrong as error:
            raise ParameterError(f"parameter {name}: {error}") from error


def read(node) -> Parameters:
    """The node's present values, validated; raises ParameterError."""
    values = {name: node.get_parameter(name).value for name in FIELDS}
    values["source_to_target"] = list(values["source_to_target"])
    return Parameters(**values)


def misspelt(given: list[str]) -> list[str]:
    """One sentence for each given parameter that the node does not have (ROS ignores those in silence)."""
    sentences = []
    for name in given:
        if name in FIELDS or name.startswith(("qos_overrides.", "use_sim_time", "start_type_description")):
            continue
        close = difflib.get_close_matches(name, FIELDS, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(FIELDS)}"
        sentences.append(f"unknown parameter '{name}' is ignored{hint}")
    return sentences
