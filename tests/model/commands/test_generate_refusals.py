"""`fastgrasp generate` on bad clouds, weights, hands, options and outputs: one line that says what is wrong."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import trimesh
from command_line import refused


def write(path, data: bytes):
    path.write_bytes(data)
    return path


def npy(path, array):
    np.save(path, array)
    return path


def ball(count: int = 2000, radius: float = 0.04) -> np.ndarray:
    points = np.random.default_rng(0).normal(size=(count, 3))
    return (radius * points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def truncated_pcd(path):
    head = (
        "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 500\nHEIGHT 1\n"
        "VIEWPOINT 0 0 0 1 0 0 0\nPOINTS 500\nDATA binary\n"
    )
    return write(path, head.encode() + ball(500).tobytes()[:1000])


def truncated_ply(path):
    trimesh.PointCloud(ball()).export(path)
    return write(path, path.read_bytes()[:4000])


def truncated_npz(path):
    np.savez(path, points=ball())
    return write(path, path.read_bytes()[:900])


BAD_CLOUDS = {
    "missing file": ("nowhere.ply", lambda path: path, "nowhere.ply"),
    "empty file": ("empty.ply", lambda path: write(path, b""), "empty.ply"),
    "unknown ending": ("cloud.xyz123", lambda path: write(path, b"0 0 0"), "xyz123"),
    "NaN only": ("nan.npy", lambda path: npy(path, np.full((500, 3), np.nan)), "finite"),
    "too few points": ("few.npy", lambda path: npy(path, ball(49)), "50"),
    "millimetres": ("mm.npy", lambda path: npy(path, ball() * 1000), "millimetres"),
    "wrong shape": ("flat.npy", lambda path: npy(path, np.zeros(300)), "shape"),
    "text array": ("text.npy", lambda path: npy(path, np.array(["a", "b"])), "text.npy"),
    "pickle": ("pickled.npy", lambda path: npy(path, np.array([{"a": 1}], dtype=object)), "pickled.npy"),
    "truncated ply": ("cut.ply", truncated_ply, "cut.ply"),
    "truncated pcd": ("cut.pcd", truncated_pcd, "cut.pcd"),
    "truncated npz": ("cut.npz", truncated_npz, "cut.npz"),
    "npz without points": ("keys.npz", lambda path: (np.savez(path, a=np.zeros(3)), path)[1], "points"),
}


@pytest.mark.parametrize("kind", BAD_CLOUDS)
def test_bad_clouds_are_refused(capsys, tmp_path, weights, kind):
    name, make, word = BAD_CLOUDS[kind]
    out = tmp_path / "g.npz"
    line = refused(capsys, "generate", make(tmp_path / name), "--weights", weights, "--out", out)
    assert word in line
    assert not out.exists() and not list(tmp_path.glob(".*"))


def test_missing_and_damaged_weights(capsys, tmp_path, weights, box_file):
    assert "nowhere" in refused(capsys, "generate", box_file, "--weights", tmp_path / "nowhere")
    damaged = tmp_path / "damaged"
    shutil.copytree(weights, damaged)
    whole = (damaged / "model.safetensors").read_bytes()
    write(damaged / "model.safetensors", whole[: len(whole) // 2])
    assert "damaged" in refused(capsys, "generate", box_file, "--weights", damaged)
    write(damaged / "config.json", b"{")
    assert "config.json" in refused(capsys, "generate", box_file, "--weights", damaged)


def test_missing_and_damaged_hands(capsys, tmp_path, weights, box_file):
    words = ("generate", box_file, "--weights", weights, "--mano")
    assert "nowhere.pkl" in refused(capsys, *words, tmp_path / "nowhere.pkl")
    assert "bad.pkl" in refused(capsys, *words, write(tmp_path / "bad.pkl", b"no pickle"))
    assert "bad.npz" in refused(capsys, *words, write(tmp_path / "bad.npz", b"PK no zip"))
    import pickle

    evil = write(tmp_path / "evil.pkl", pickle.dumps(print))
    assert "evil.pkl" in refused(capsys, *words, evil)


def test_outputs_that_cannot_be_written_are_found_before_the_work(capsys, tmp_path, box_file):
    file = write(tmp_path / "file", b"")
    missing = tmp_path / "no weights here"  # would fail later: the output must be refused first
    for option, place, word in (
        ("--out", file / "g.npz", "cannot write"),
        ("--out", tmp_path / "g.txt", ".npz"),
        ("--render", tmp_path / "g.bmp", ".png"),
        ("--render", file / "deep" / "g.png", "cannot write"),
    ):
        assert word in refused(capsys, "generate", box_file, "--weights", missing, option, place)
    folder = tmp_path / "folder.npz"
    folder.mkdir()
    assert "folder" in refused(capsys, "generate", box_file, "--weights", missing, "--out", folder)


def test_a_failure_midway_leaves_nothing_behind(capsys, tmp_path, weights, box_file, monkeypatch):
    def fail(*_args, **_options):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(np, "savez_compressed", fail)
    line = refused(
        capsys, "generate", box_file, "--num", 1, "--weights", weights, "--out", tmp_path / "g.npz", code=1
    )
    assert "out of luck" in line and "--debug" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words, named",
    [
        ((), "missing: CLOUD"),
        (("x.ply", "--num", "0"), "--num: expected 1 or more, got 0"),
        (("x.ply", "--num", "-1"), "--num: expected 1 or more, got -1"),
        (("x.ply", "--candidates", "x"), "--candidates: expected a whole number, got 'x'"),
        (("x.ply", "--nmu", "3"), "perhaps you meant --num"),
        (("x.ply", "--side", "both"), "'right', 'left'"),
        (("x.ply", "--viewpoint", "1,2"), "--viewpoint: expected three numbers"),
    ],
)
def test_wrong_options_are_named(capsys, words, named):
    assert named in refused(capsys, "generate", *words)


def test_an_unusable_device_is_named(capsys, box_file, weights):
    assert "cpu" in refused(capsys, "generate", box_file, "--weights", weights, "--device", "tpu")


def test_a_process_ends_with_the_code_and_one_line(tmp_path):
    command = [sys.executable, "-m", "fastgrasp_model.cli", "generate", str(npy(tmp_path / "mm.npy", ball() * 1000))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1
