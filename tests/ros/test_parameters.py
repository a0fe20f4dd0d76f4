"""The parameters' own rules, their declaration to ROS, and the shipped YAML."""

from pathlib import Path

import pytest
import yaml

from fastgrasp_ros.parameters import FIELDS, LIVE, NodeParameters, ParameterError, unknown

YAML = Path(__file__).parents[2] / "config" / "fastgrasp.yaml"


def test_the_shipped_yaml_holds_exactly_the_defaults():
    values = yaml.safe_load(YAML.read_text())["/**"]["ros__parameters"]
    assert list(values) and set(values) == set(FIELDS)
    assert NodeParameters(**values) == NodeParameters()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"num_grasps": 0}, "num_grasps: expected 1 to 1024, got 0"),
        ({"num_grasps": 2.5}, "num_grasps: expected int, got 2.5"),
        ({"num_grasps": True}, "num_grasps: expected int, got True"),
        ({"candidates": 0}, "candidates: expected 1 to 64, got 0"),
        ({"candidates": 65}, "candidates: expected 1 to 64, got 65"),
        ({"candidates": True}, "candidates: expected int, got True"),
        ({"side": "both"}, "side: expected one of right, left, got 'both'"),
        ({"seed": -2}, "seed: expected -1 to"),
        ({"max_rate": float("nan")}, "max_rate: expected 0.0 to 1000.0, got nan"),
        ({"weights": None}, "weights: expected str, got None"),
        ({"autostart": 1}, "autostart: expected bool, got 1"),
        ({"source_to_target": [0.0] * 6}, "expected 7 finite numbers"),
        ({"source_to_target": [0.0] * 7}, "unit quaternion"),
        ({"source_frame": "camera"}, "target_frame is not"),
    ],
)
def test_each_bad_value_is_named_with_what_is_allowed(values, says):
    with pytest.raises(ParameterError, match=says):
        NodeParameters(**values)


def test_a_change_is_validated_and_leaves_the_original():
    before = NodeParameters()
    assert before.changed(num_grasps=3).num_grasps == 3 and before.num_grasps == 16
    with pytest.raises(ParameterError):
        before.changed(num_grasps=3, side="up")


def test_what_is_planned_may_change_while_the_node_runs():
    assert {"side", "num_grasps", "candidates", "seed", "max_rate", "min_score", "num_markers"} == LIVE


def test_unknown_parameters_are_pointed_out():
    (sentence,) = unknown(["num_grasp", "side", "use_sim_time", "qos_overrides./points.subscription.depth"])
    assert "'num_grasp' is ignored; did you mean 'num_grasps'" in sentence


@pytest.fixture(scope="module")
def node(domain_id):
    rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: source a distribution, or `make env`")
    from rclpy.node import Node

    from fastgrasp_ros import parameters

    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain_id)
    node = Node("declared", context=context)
    parameters.declare(node)
    yield node
    node.destroy_node()
    context.try_shutdown()


def test_everything_is_declared_with_description_and_range(node):
    from fastgrasp_ros import parameters

    assert parameters.read(node) == NodeParameters()
    for name in FIELDS:
        assert len(node.describe_parameter(name).description) > 10, name
    assert node.describe_parameter("num_grasps").integer_range[0].to_value == 1024
    assert node.describe_parameter("candidates").integer_range[0].to_value == 64
    assert node.describe_parameter("max_rate").floating_point_range[0].to_value == 1000.0
    assert "right, left" in node.describe_parameter("side").additional_constraints
    assert LIVE < set(FIELDS)


def test_ros_refuses_values_out_of_range(node):
    from rclpy.parameter import Parameter

    (result,) = node.set_parameters([Parameter("num_grasps", value=5000)])
    assert not result.successful


@pytest.mark.parametrize("argument", ["num_grasps:=many", "num_grasps:=0", "max_rate:=-1.0", "side:=both"])
def test_a_wrong_start_value_ends_the_node_with_one_sentence(argument, domain_id, weights_folder):
    pytest.importorskip("fastgrasp.msg", reason="needs the built ROS interfaces: `make env`")
    from fastgrasp_ros.processes import ChildProcess

    with ChildProcess("node", "fastgrasp_ros.node", ["--ros-args", "-p", argument]) as child:
        assert child.wait(30) == 1, child.output()
        name = argument.partition(":=")[0]
        assert name in child.output() and "Traceback" not in child.output()


@pytest.mark.parametrize("arguments", [["-p", "num_grasps:="], ["--params-file", "/nowhere.yaml"]])
def test_unusable_ros_arguments_end_the_node_with_one_sentence(arguments):
    pytest.importorskip("fastgrasp.msg", reason="needs the built ROS interfaces: `make env`")
    from fastgrasp_ros.processes import ChildProcess

    with ChildProcess("node", "fastgrasp_ros.node", ["--ros-args", *arguments]) as child:
        assert child.wait(30) == 1
        assert "fastgrasp_node: " in child.output() and "Traceback" not in child.output()
