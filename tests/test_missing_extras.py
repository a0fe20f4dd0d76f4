"""Commands where a package of an extra is missing: one line that names the command to install it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from fastgrasp_model.grasps import Grasps
from fastgrasp_model.hand import ManoLayer

BLOCKED = """
import sys
blocked, words = set(sys.argv[1].split(",")), sys.argv[2:]
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in blocked else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = map(Without, sys.meta_path)
if words[0] == "fastgrasp_node":
    from fastgrasp_ros.start import main
    sys.exit(main())
from fastgrasp_model import cli
sys.exit(cli.main(words))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("extras")
    Grasps.from_parameters(np.zeros((1, 61), np.float32), ManoLayer.from_file()).save(place / "g.npz")
    trimesh.creation.box((0.05, 0.06, 0.1)).export(place / "box.stl")
    return place


@pytest.mark.parametrize(
    ("package", "words", "extra"),
    [
        ("manifold3d", "view open --object mug:1 --out sheet.png", "training"),
        ("manifold3d", "synthesize --out set --objects mug:1 --grasps 1", "training"),
        ("lightning", "train all --config CONFIG --toy --out run", "training"),
        ("viser", "view g.npz --interactive", "viewer"),
        ("pygltflib", "export g.npz --to glb --rigged", "export"),
        ("pxr", "export g.npz --to usd", "export"),
        ("jinja2", "evaluate g.npz --object box.stl --no-simulation --html page.html --workers 1", "eval"),
        ("pybullet", "evaluate g.npz --object box.stl --protocol legacy --workers 1", "legacy"),
        ("rclpy", "fastgrasp_node", "ros"),
    ],
)
def test_the_extra_is_named(folder, package, words, extra):
    config = Path(__file__).parents[1] / "config" / "training" / "default.yaml"
    command = [sys.executable, "-c", BLOCKED, package, *words.replace("CONFIG", str(config)).split()]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert f"pip install 'fastgrasp-ros2[{extra}]'" in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert len([line for line in done.stderr.splitlines() if "warning" not in line]) == 1, done.stderr


def test_without_pybullet_the_other_columns_are_measured_and_the_user_is_told(folder):
    command = [sys.executable, "-c", BLOCKED, "pybullet,pybullet_data", "evaluate", "g.npz", "--object", "box.stl"]
    done = subprocess.run([*command, "--json", "--workers", "1"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "fastgrasp-ros2[legacy]" in done.stderr and len(done.stderr.splitlines()) == 1
    table = json.loads(done.stdout)["table"]
    assert "held_1s_share" in table and "displacement_six_directions_cm" not in table


def test_a_node_without_interfaces_says_so(folder):
    command = [sys.executable, "-c", BLOCKED, "fastgrasp", "fastgrasp_node"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "interfaces are not built" in done.stderr and "Traceback" not in done.stderr
