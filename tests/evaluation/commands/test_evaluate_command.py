"""`fastgrasp evaluate`: its table, its JSON and its page, for our files and foreign ones; one line for bad input."""

import json

import numpy as np
import pytest
import trimesh
from command_line import refused, run

from fastgrasp_model.grasps import Grasps


@pytest.fixture(scope="module")
def box_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("object") / "box.ply"
    trimesh.creation.box((0.05, 0.06, 0.1)).export(path)
    return path


@pytest.fixture(scope="module")
def grasp_file(weights_folder, box_file, tmp_path_factory):
    """Three grasps of untrained weights."""
    from fastgrasp_model import cli

    path = tmp_path_factory.mktemp("grasps") / "g.npz"
    words = ["generate", box_file, "--num", 3, "--weights", weights_folder, "--out", path]
    assert cli.main([str(word) for word in words]) == 0
    return path


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
    grasps = Grasps.load(grasp_file)
    theirs = grasps.parameters.copy()
    theirs[1, 3] = np.nan
    (tmp_path / "theirs").mkdir()
    np.savez(tmp_path / "theirs" / f"{box_file.stem}.npz", parameters=theirs, side="right")
    words = ("evaluate", tmp_path / "theirs", "--objects", box_file.parent, "--no-simulation", "--workers", 1)
    code, text, _ = run(capsys, *words, "--html", tmp_path / "page.html", "--out", tmp_path / "r.json")
    assert code == 0 and "(seed 0: grasp 1)" in text and "2 of 3 grasps measured" in text
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
    rows = Grasps.load(grasp_file).parameters
    rows[1, 3] = np.nan
    np.savez(tmp_path / "both.npz", parameters=rows, side=np.array(["right", "left", "left"]))
    words = ("evaluate", tmp_path / "both.npz", "--object", box_file, "--no-simulation", "--workers", 1)
    code, text, _ = run(capsys, *words, "--html", tmp_path / "page.html", "--out", tmp_path / "r.json")
    assert code == 0 and "(seed 0: grasp 1)" in text
    found = json.loads((tmp_path / "r.json").read_text())["objects"][0]["grasps"]
    assert [row["index"] for row in found] == [0, 1, 2]
    assert [row["problem"] is None for row in found] == [True, False, True]
    assert "best of 2 (1 more not measurable)" in (tmp_path / "page.html").read_text()


def test_evaluate_fails_where_no_grasp_can_be_measured(capsys, grasp_file, box_file, tmp_path):
    np.savez(tmp_path / "nan.npz", parameters=np.full_like(Grasps.load(grasp_file).parameters, np.nan))
    code, text, _ = run(capsys, "evaluate", tmp_path / "nan.npz", "--object", box_file, "--no-simulation")
    assert code == 1 and "0 of 3 grasps measured" in text


def test_evaluate_asks_for_the_object_or_the_folder_and_names_what_is_missing(capsys, grasp_file, box_file, tmp_path):
    assert "--object MESH" in refused(capsys, "evaluate", grasp_file)
    trimesh.creation.box((0.05, 0.05, 0.05)).export(tmp_path / "other.obj")
    assert "no mesh for" in refused(capsys, "evaluate", grasp_file, "--objects", tmp_path)


def test_bad_grasp_files_and_objects(capsys, tmp_path, grasp_file, box_file):
    assert "nowhere.npz" in refused(capsys, "evaluate", tmp_path / "nowhere.npz", "--object", box_file)
    damaged = tmp_path / "cut.npz"
    damaged.write_bytes(grasp_file.read_bytes()[:500])
    assert "cut.npz" in refused(capsys, "evaluate", damaged, "--object", box_file)
    assert "nowhere.obj" in refused(capsys, "evaluate", grasp_file, "--object", tmp_path / "nowhere.obj")
    big = tmp_path / "mm.ply"
    trimesh.creation.box((50, 60, 100)).export(big)
    assert "millimetres" in refused(capsys, "evaluate", grasp_file, "--object", big)
