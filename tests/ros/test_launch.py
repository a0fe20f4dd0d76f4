"""The launch file: its promises hold wherever `launch` is installed; its files exist everywhere."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / "launch" / "fastgrasp.launch.py"


def test_launch_file_is_short_and_names_only_files_that_ship():
    text = LAUNCH.read_text()
    assert len(text.splitlines()) < 80
    names = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    for folder, suffixes in (("config", (".yaml", ".xml")), ("rviz", (".rviz",))):
        shipped = {p.name for p in (ROOT / folder).glob("*") if p.suffix in suffixes}
        named = {n for n in names if isinstance(n, str) and n.endswith(suffixes) and "/" not in n and " " not in n}
        assert named and named <= shipped


def test_rviz_layout_shows_the_topics_of_the_node():
    layout = yaml.safe_load((ROOT / "rviz" / "fastgrasp.rviz").read_text())
    displays = layout["Visualization Manager"]["Displays"]
    topics = {d["Topic"]["Value"] for d in displays if "Topic" in d}
    assert topics == {"points", "/fastgrasp/markers", "/fastgrasp/wrist_poses"}


def test_launch_description_declares_its_arguments():
    pytest.importorskip("launch_ros", reason="`launch_ros` is not on PyPI: runs where a ROS distribution is sourced")
    import importlib.util

    from launch.actions import DeclareLaunchArgument

    spec = importlib.util.spec_from_file_location("fastgrasp_launch", LAUNCH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    declared = [e.name for e in module.generate_launch_description().entities if isinstance(e, DeclareLaunchArgument)]
    assert declared == ["params_file", "points_topic", "use_rviz", "device", "mano_path"]
