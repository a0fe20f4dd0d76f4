"""One package, three ways in: what pip, colcon and `make env` are told agrees, and the wheel is complete."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fastgrasp_model.commands.extras import COMMANDS, CORE, EXTRAS

ROOT = Path(__file__).parents[2]


def read_pyproject() -> dict:
    if sys.version_info < (3, 11):
        pytest.skip("reading TOML needs Python 3.11")
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def normal(requirement: str) -> str:
    """The distribution's name in a requirement, as PyPI normalises it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", requirement).group()).lower()


def test_version_and_licence_agree():
    project = read_pyproject()["project"]
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    assert package.findtext("version") == project["version"]
    assert package.findtext("license") == project["license"] == "Apache-2.0"
    assert package.findtext("name") == "fastgrasp" != project["name"]


def test_every_requirement_is_pinned():
    settings = read_pyproject()
    pins = {normal(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    own = normal(settings["project"]["name"])  # extras that include another extra
    asked = list(settings["project"]["dependencies"]) + settings["build-system"]["requires"]
    for extra in settings["project"]["optional-dependencies"].values():
        asked += extra
    for name in ("build.txt", "colcon.txt"):
        lines = (ROOT / "requirements" / name).read_text().splitlines()
        asked += [line for line in lines if line and not line.startswith("#")]
    assert not {normal(r) for r in asked} - pins - {own}


def test_constraints_name_no_place_and_no_build_of_torch():
    text = (ROOT / "constraints.txt").read_text()
    assert "torch==2.13.0\n" in text and "+cpu" not in text and "://" not in text and "@" not in text


def test_check_knows_the_core_and_the_extras():
    project = read_pyproject()["project"]
    assert {normal(r) for r in project["dependencies"]} == set(CORE)
    asked = project["optional-dependencies"]
    own = normal(project["name"])
    for name, extra in EXTRAS.items():
        assert {normal(r) for r in asked[name]} - {own} == set(extra.packages)
    assert {extra for _, extra in COMMANDS.values() if extra} <= set(EXTRAS)


@pytest.mark.parametrize("ros", [True, False])
def test_an_isolated_build_asks_for_ros_wheels_only_where_the_interfaces_are_built(ros, tmp_path):
    names = ["setup.py", "setup.cfg", "pyproject.toml", "README.md", "requirements"]
    subprocess.run(["cp", "-r", *(str(ROOT / name) for name in names), tmp_path], check=True)
    for folder in ("evaluation", "synthesis", "training"):
        (tmp_path / folder).mkdir()
    code = "from setuptools import build_meta; print(build_meta.get_requires_for_build_wheel())"
    environment = {"PATH": os.environ["PATH"], "FASTGRASP_INTERFACES" if ros else "FASTGRASP_SKIP_INTERFACES": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert ("ros-kilted-rosidl-default-generators" in done.stdout) == ros


def test_cmake_builds_every_interface_file():
    text = (ROOT / "CMakeLists.txt").read_text()
    for folder in ("msg", "srv", "action"):
        for path in (ROOT / folder).iterdir():
            assert f"{folder}/{path.name}" in text


def test_no_package_in_data_folders():
    for folder in ("launch", "msg", "srv", "action", "config", "rviz"):
        assert not (ROOT / folder / "__init__.py").exists()


def test_commands_are_registered_once():
    scripts = [e for e in entry_points(group="console_scripts") if e.name in ("fastgrasp", "fastgrasp_node")]
    assert {e.value for e in scripts} == {"fastgrasp_model.cli:main", "fastgrasp_ros.start:main"}
    verbs = entry_points(group="fastgrasp.commands")
    assert {e.name for e in verbs} >= {"train", "synthesize", "benchmark"}


def data_files() -> list[str]:
    """The hand and the weights as they lie in the source tree."""
    folders = (ROOT / "fastgrasp_model" / "hand" / "data", ROOT / "fastgrasp_model" / "weights")
    return [str(p.relative_to(ROOT)) for folder in folders for p in folder.rglob("*") if p.is_file()]


@pytest.mark.slow
def test_the_wheel_holds_packages_interfaces_and_data(tmp_path):
    pytest.importorskip("ament_package", reason="needs ROS 2 to build interfaces against: `make env`")
    source = tmp_path / "source"  # a copy: a build leaves its traces where it runs
    unwanted = shutil.ignore_patterns(".venv", ".git", "build", "out", "runs", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, source, ignore=lambda at, names: unwanted(at, names) if Path(at) == ROOT else [])
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, source]
    built = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("fastgrasp_ros2-*-linux_*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "fastgrasp/msg/_grasp_array.py",
        "fastgrasp/fastgrasp_s__rosidl_typesupport_c*.so",
        "fastgrasp_model/generator.py",
        *data_files(),
        "fastgrasp_ros/node.py",
        "fastgrasp_ros/data/mug.ply",
        "fastgrasp_training/__init__.py",
        "fastgrasp_synthesis/__init__.py",
        "*.data/data/lib/libfastgrasp__rosidl_typesupport_c.so",
        "*.data/data/share/fastgrasp/package.xml",
        "*.data/data/share/fastgrasp/msg/Grasp.msg",
        "*.data/data/share/fastgrasp/config/fastgrasp.yaml",
        "*.data/data/share/fastgrasp/config/training/default.yaml",
        "*.data/data/share/fastgrasp/config/fastdds_large_clouds.xml",
        "*.data/data/share/fastgrasp/launch/fastgrasp.launch.py",
        "*.data/data/share/fastgrasp/rviz/fastgrasp.rviz",
    ):
        assert [n for n in names if Path(n).match(wanted)], f"{wanted} is not in the wheel"
    assert not [n for n in names if "tests/" in n or n.startswith("training/") or "__pycache__" in n]


def read_package():
    from xml.etree import ElementTree

    return ElementTree.parse(ROOT / "package.xml").getroot()


def test_package_xml_has_addresses_and_forces_no_display_and_no_middleware():
    root = read_package()
    kinds = {url.get("type"): url.text for url in root.findall("url")}
    assert set(kinds) == {"website", "repository", "bugtracker"}
    assert all(address.startswith("https://") for address in kinds.values())
    asked = {element.text for element in root if element.tag.endswith("depend")}
    assert not {name for name in asked if name.startswith(("rviz", "rmw_"))}
    assert "requirements.txt" not in (ROOT / "package.xml").read_text()


def test_package_xml_asks_for_what_the_node_and_the_launch_file_import():
    import ast

    asked = {element.text for element in read_package() if element.tag.endswith("depend")}
    found = set()
    for path in [*(ROOT / "fastgrasp_ros").glob("*.py"), *(ROOT / "launch").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            found |= {name.partition(".")[0] for name in names}
    packages = {name for name in found if name.endswith("_msgs") or name.startswith(("rcl", "launch", "tf2", "ament"))}
    packages = {"tf2_ros_py" if name == "tf2_ros" else name for name in packages}
    assert packages and packages <= asked, packages - asked
