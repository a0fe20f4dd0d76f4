"""The `fastgrasp` command: what it makes, and one clear line for each kind of bad input. In process, but for
a few subprocesses."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import trimesh

from fastgrasp_model import cli

CUP_CLOUD_POINTS = 2000


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Untrained weights of the default configuration: everything but good grasps."""
    import torch

    from fastgrasp_model.configuration import ModelConfig
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_model.model import FastGraspModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    FastGraspModel(ModelConfig(sampling_steps=2), ManoLayer.from_file()).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def box_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("object") / "box.ply"
    trimesh.creation.box((0.05, 0.06, 0.1)).export(path)
    return path


@pytest.fixture(scope="module")
def grasp_file(weights, box_file, tmp_path_factory):
    path = tmp_path_factory.mktemp("grasps") / "g.npz"
    assert (
        cli.main(["generate", str(box_file), "--num", "3", "--weights", str(weights), "--out", str(path)])
        == 0
    )
    return path


def run(capsys, *words) -> tuple[int, str, str]:
    code = cli.main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def refused(capsys, *words, code: int = 2) -> str:
    """The one line of error; nothing on stdout, no traceback."""
    found, out, err = run(capsys, *words)
    assert found == code, (found, out, err)
    lines = [line for line in err.splitlines() if "warning" not in line]
    assert len(lines) == 1 and lines[0].startswith(f"fastgrasp {words[0]}: error: ")
    assert "Traceback" not in err and out == ""
    return lines[0]


# What works.


def test_generate_writes_the_grasps_and_tells(capsys, weights, box_file, tmp_path):
    out = tmp_path / "new folder" / "g.npz"
    code, text, _ = run(
        capsys, "generate", box_file, "--num", 3, "--weights", weights, "--out", out, "--json"
    )
    report = json.loads(text)
    assert code == 0 and report["grasps"] == 3 and report["written"] == [str(out)]
    from fastgrasp_model.grasps import Grasps

    grasps = Grasps.load(out)
    assert len(grasps) == 3 and grasps.side == "right"
    assert report["scores"] == pytest.approx(grasps.score, abs=1e-4)


def test_the_same_seed_gives_the_same_grasps_and_another_side_the_other_hand(
    capsys, weights, box_file, tmp_path
):
    from fastgrasp_model.grasps import Grasps

    common = ("generate", box_file, "--num", 2, "--weights", weights)
    for name, extra in (("a", ()), ("b", ()), ("c", ("--seed", 1)), ("left", ("--side", "left"))):
        assert run(capsys, *common, *extra, "--out", tmp_path / f"{name}.npz")[0] == 0
    first, again, other, left = (Grasps.load(tmp_path / f"{name}.npz") for name in ("a", "b", "c", "left"))
    assert np.array_equal(first.vertices, again.vertices)
    assert not np.array_equal(first.vertices, other.vertices)
    assert left.side == "left"


@pytest.mark.parametrize("ending", ["obj", "stl", "npy", "npz"])
def test_generate_reads_other_formats(capsys, weights, tmp_path, ending):
    path = tmp_path / f"thing.{ending}"
    mesh = trimesh.creation.icosphere(radius=0.04)
    if ending == "npy":
        np.save(path, mesh.vertices)
    elif ending == "npz":
        np.savez(path, points=mesh.vertices)
    else:
        mesh.export(path)
    code, text, err = run(capsys, "generate", path, "--num", 1, "--weights", weights)
    assert code == 0, err
    assert "1 right-hand grasps" in text and "nothing was written" in text


def test_view_draws_beside_the_grasp_file(capsys, grasp_file, box_file, tmp_path):
    copy = shutil.copy(grasp_file, tmp_path / "copy.npz")
    code, text, _ = run(capsys, "view", copy, "--object", box_file, "--hands", 1, "--views", 1)
    assert code == 0 and (tmp_path / "copy.png").stat().st_size > 5000
    assert text == f"wrote {tmp_path / 'copy.png'}\n"


def test_evaluate_prints_json_and_a_table(capsys, grasp_file, box_file, tmp_path):
    out = tmp_path / "report.json"
    words = ("evaluate", grasp_file, "--object", box_file, "--no-simulation")
    code, text, _ = run(capsys, *words, "--json", "--out", out)
    report = json.loads(text)
    assert code == 0 and report == json.loads(out.read_text())
    assert report["counts"]["measured"] == 3 and len(report["objects"][0]["grasps"]) == 3
    assert "displacement_six_directions_cm" not in report["table"]
    code, text, _ = run(capsys, *words)
    assert code == 0 and "strict protocol" in text and "legacy protocol" in text and "mean" in text
    assert max(map(len, text.splitlines())) <= 80


def test_evaluate_measures_a_folder_of_foreign_grasps_and_writes_the_page(capsys, grasp_file, box_file, tmp_path):
    from fastgrasp_model.grasps import Grasps

    grasps = Grasps.load(grasp_file)
    theirs = grasps.parameters.copy()
    theirs[1, 3] = np.nan
    (tmp_path / "theirs").mkdir()
    np.savez(tmp_path / "theirs" / f"{box_file.stem}.npz", parameters=theirs, side="right")
    words = ("evaluate", tmp_path / "theirs", "--objects", box_file.parent, "--no-simulation", "--workers", 1)
    code, text, _ = run(capsys, *words, "--html", tmp_path / "page.html", "--out", tmp_path / "r.json")
    assert code == 0 and "grasp 1: not measured" in text and "2 of 3 grasps measured" in text
    report = json.loads((tmp_path / "r.json").read_text())
    mine = [grasp["penetration_volume_cm3"] for grasp in report["objects"][0]["grasps"]]
    run(capsys, "evaluate", grasp_file, "--object", box_file, "--no-simulation", "--out", tmp_path / "ours.json")
    ours = json.loads((tmp_path / "ours.json").read_text())["objects"][0]["grasps"]
    assert mine == [pytest.approx(ours[0]["penetration_volume_cm3"]), None, pytest.approx(
        ours[2]["penetration_volume_cm3"])]  # fmt: skip
    assert "data:image/" in (tmp_path / "page.html").read_text()


def test_evaluate_of_both_sides_numbers_and_draws_the_hands_as_the_file_has_them(
    capsys, grasp_file, box_file, tmp_path
):
    from fastgrasp_model.grasps import Grasps

    rows = Grasps.load(grasp_file).parameters
    rows[1, 3] = np.nan
    np.savez(tmp_path / "both.npz", parameters=rows, side=np.array(["right", "left", "left"]))
    words = ("evaluate", tmp_path / "both.npz", "--object", box_file, "--no-simulation", "--workers", 1)
    code, text, _ = run(capsys, *words, "--html", tmp_path / "page.html", "--out", tmp_path / "r.json")
    assert code == 0 and "grasp 1: not measured" in text
    found = json.loads((tmp_path / "r.json").read_text())["objects"][0]["grasps"]
    assert [row["index"] for row in found] == [0, 1, 2]
    assert [row["problem"] is None for row in found] == [True, False, True]
    assert "best of 2 (1 more not measurable)" in (tmp_path / "page.html").read_text()


def test_evaluate_fails_where_no_grasp_can_be_measured(capsys, grasp_file, box_file, tmp_path):
    from fastgrasp_model.grasps import Grasps

    np.savez(tmp_path / "nan.npz", parameters=np.full_like(Grasps.load(grasp_file).parameters, np.nan))
    code, text, _ = run(capsys, "evaluate", tmp_path / "nan.npz", "--object", box_file, "--no-simulation")
    assert code == 1 and "0 of 3 grasps measured" in text


def test_evaluate_asks_for_the_object_or_the_folder_and_names_what_is_missing(capsys, grasp_file, box_file, tmp_path):
    assert "--object MESH" in refused(capsys, "evaluate", grasp_file)
    trimesh.creation.box((0.05, 0.05, 0.05)).export(tmp_path / "other.obj")
    assert "no mesh for" in refused(capsys, "evaluate", grasp_file, "--objects", tmp_path)


def test_check_says_what_is_missing(capsys, tmp_path, weights):
    code, text, _ = run(capsys, "check", "--weights", tmp_path / "nowhere", "--json")
    report = json.loads(text)
    assert code == 1 and not report["ready"] and "nowhere" in report["weights"]["problem"]
    assert report["packages"]["torch"] and report["hand"]["name"]
    code, text, _ = run(capsys, "check", "--weights", weights)
    assert code == 0 and "ready to generate grasps" in text


# Bad clouds.


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


# Bad weights, hands, options, outputs.


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
    "words",
    [["dance"], ["generate"], ["generate", "x.ply", "--num", "0"], ["generate", "x.ply", "--side", "both"],
     ["generate", "x.ply", "--viewpoint", "1,2"], ["evaluate", "g.npz"], ["view", "nowhere.npz"]],
)  # fmt: skip
def test_wrong_words_are_explained(capsys, words):
    refused(capsys, *words)


def test_an_unusable_device_is_named(capsys, box_file, weights):
    assert "cpu" in refused(capsys, "generate", box_file, "--weights", weights, "--device", "tpu")


def test_bad_grasp_files_and_objects(capsys, tmp_path, grasp_file, box_file):
    assert "nowhere.npz" in refused(capsys, "evaluate", tmp_path / "nowhere.npz", "--object", box_file)
    damaged = write(tmp_path / "cut.npz", grasp_file.read_bytes()[:500])
    assert "cut.npz" in refused(capsys, "evaluate", damaged, "--object", box_file)
    assert "nowhere.obj" in refused(capsys, "evaluate", grasp_file, "--object", tmp_path / "nowhere.obj")
    big = tmp_path / "mm.ply"
    trimesh.creation.box((50, 60, 100)).export(big)
    assert "millimetres" in refused(capsys, "evaluate", grasp_file, "--object", big)


# Processes of their own.


def process(*words, limit: float = 60) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "fastgrasp_model.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=limit)


def test_help_is_quick_and_imports_nothing_heavy():
    for words in (["--help"], ["generate", "--help"], ["evaluate", "--help"]):
        started = time.perf_counter()
        assert "usage: fastgrasp" in process(*words).stdout
        assert time.perf_counter() - started < 3  # under 1 s on an idle machine; CI shares its cores
    code = (
        "import sys; from fastgrasp_model import cli; cli.main(['generate', '--help']); print(*sys.modules)"
    )
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    assert not {"torch", "numpy", "trimesh", "scipy", "rich", "pybullet"} & set(modules)


def test_a_process_ends_with_the_code_and_one_line(tmp_path):
    done = process("generate", npy(tmp_path / "mm.npy", ball() * 1000))
    assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1
