"""The demo: three processes over DDS, and one clear message when something is amiss."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastgrasp.msg", reason="needs the built ROS interfaces: `make env`")

from fastgrasp_ros.demo_publisher import seen_by_camera, visible_from
from fastgrasp_ros.processes import ChildProcess, wait_until


def demo(*arguments: str, domain_id: int, seconds: float = 180) -> subprocess.CompletedProcess:
    """Run the demo as `make demo` does."""
    command = [sys.executable, "-m", "fastgrasp_ros.demo", *map(str, arguments)]
    environment = dict(os.environ, ROS_DOMAIN_ID=str(domain_id))
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environment)


def children_of(pid: int) -> list[int]:
    """Process ids whose parent is `pid`."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(status.parent.name))
    return found


@pytest.mark.slow
def test_the_demo_leaves_grasps_picture_and_table(tmp_path, domain_id, weights_folder):
    from PIL import Image

    from fastgrasp_model.grasps import Grasps

    done = demo("--out", tmp_path, "--num-grasps", "2", "--weights", weights_folder, domain_id=domain_id)
    assert done.returncode == 0, done.stdout + done.stderr
    grasps = Grasps.load(tmp_path / "grasps.npz")
    assert len(grasps) == 2 and np.isfinite(grasps.vertices).all()
    width, height = Image.open(tmp_path / "grasps.png").size
    assert width > 300 and height > 300
    for said in ("starting the node", "received 2 grasps for a cloud of 20,000 points", "wrote", "mean"):
        assert said in done.stdout
    assert {p.name for p in tmp_path.iterdir()} == {"grasps.npz", "grasps.png"}


def test_a_missing_object_is_one_clear_message(tmp_path, domain_id):
    done = demo("--object-file", tmp_path / "cup.obj", "--out", tmp_path / "out", domain_id=domain_id)
    assert done.returncode == 1 and "demo failed:" in done.stderr and "cup.obj" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout and not (tmp_path / "out").exists()


def test_missing_weights_are_one_clear_message(tmp_path, domain_id):
    done = demo("--weights", tmp_path / "nothing", "--out", tmp_path / "out", domain_id=domain_id)
    assert done.returncode == 1 and f"no weights at {tmp_path / 'nothing'}" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_the_children_die_with_the_demo(how, tmp_path, domain_id):
    environment = dict(os.environ, ROS_DOMAIN_ID=str(domain_id))
    command = [sys.executable, "-m", "fastgrasp_ros.demo", "--out", str(tmp_path)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: len(children_of(process.pid)) == 2, 60)
        children = children_of(process.pid)
        getattr(process, how)()
        process.wait(20)
    finally:
        process.kill()
        process.wait()
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 15)


def test_hidden_points_are_removed():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4000, 3))
    points *= 0.05 / np.linalg.norm(points, axis=1, keepdims=True)
    seen = visible_from(points, np.array([1.0, 0.0, 0.0]))
    assert 0.3 * len(points) < len(seen) < 0.6 * len(points)
    assert seen[:, 0].min() > -0.02  # the far side is gone


@pytest.mark.parametrize("viewpoint", [[0.4, 0.3, 0.5], [0.0, 0.0, -0.6]])
def test_a_view_comes_in_the_optical_frame_of_its_camera(viewpoint, ball):
    """z forward through the middle of the object, x right and y down, the camera at the origin; nothing is mirrored."""
    viewpoint, points = np.array(viewpoint), ball - ball.mean(axis=0)
    seen, distance = seen_by_camera(points, viewpoint), np.linalg.norm(viewpoint)
    depth = seen[:, 2]
    assert np.abs(seen[:, :2]).max() < 0.041 and distance - 0.041 < depth.min() < depth.max() < distance + 0.02
    turn = np.linalg.lstsq(visible_from(points, viewpoint) - viewpoint, seen, rcond=None)[0]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(turn) > 0 and turn[2, 1] <= 1e-6  # what is up in the object's frame is up in the picture


def test_the_node_knows_the_camera_of_the_publisher(start_node, peer, domain_id):
    """Two processes: the camera's own frame comes with the cloud, and the node says that it knew the sensor."""
    from sensor_msgs.msg import PointCloud2

    from fastgrasp.msg import GraspArray
    from fastgrasp_ros.demo import demo_object
    from fastgrasp_ros.qos import NEWEST_CLOUD, RESULTS

    clouds, grasps = peer.listen(PointCloud2, "points", NEWEST_CLOUD), peer.listen(GraspArray, "grasps", RESULTS)
    node = start_node(num_grasps=2, clouds_in_sensor_frame="true")
    arguments = [str(demo_object()), "--view", "0.4", "0.3", "0.5"]
    environment = dict(os.environ, ROS_DOMAIN_ID=str(domain_id))
    with ChildProcess("camera", "fastgrasp_ros.demo_publisher", arguments, environment) as camera:
        ready = peer.wait(lambda: (clouds and grasps) or not (node.running and camera.running), 150)
        assert ready and node.running and camera.running, node.output() + camera.output()
    assert grasps[0].viewpoint_known and grasps[0].header.frame_id == clouds[0].header.frame_id == "camera"
    wrists = [grasp.wrist_pose.position for grasp in grasps[0].grasps]
    assert all(0.3 < wrist.z < 1.1 and abs(wrist.x) < 0.3 and abs(wrist.y) < 0.3 for wrist in wrists)


def test_a_child_that_ends_tells_its_code_and_its_last_words():
    with ChildProcess("nobody", "this_module_does_not_exist", []) as child:
        assert child.wait(20) == 1
        assert "this_module_does_not_exist" in child.output(lines=1)
