"""The benchmark command on small objects with untrained weights."""

import json

import numpy as np
import pytest
import trimesh

from fastgrasp_evaluation import benchmark
from fastgrasp_evaluation.metrics.protocols import COLUMNS, PROTOCOLS, SIMULATED, has_pybullet
from fastgrasp_model import cli


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    import torch

    from fastgrasp_model.configuration import ModelConfig
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_model.weights import build_model, save_model

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    save_model(build_model(ModelConfig(sampling_steps=2), ManoLayer.from_file()), folder)
    return folder


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects")
    trimesh.creation.icosphere(radius=0.04).export(folder / "ball.ply")
    trimesh.creation.box((0.05, 0.05, 0.1)).export(folder / "box.obj")
    (folder / "notes.txt").write_text("not a mesh")
    return folder


def run(objects, weights, out, *more) -> dict:
    words = ["objects", "--objects", objects, "--samples", 2, "--weights", weights, "--quiet", "--workers", 1]
    assert benchmark.main([str(word) for word in [*words, "--json", out, *more]]) == 0
    return json.loads(out.read_text())


@pytest.mark.parametrize("cloud", ["full", "partial"])
def test_report_and_table(objects, weights, tmp_path, capsys, cloud):
    report = run(objects, weights, tmp_path / "b.json", "--cloud", cloud, "--out", tmp_path / "g", "--no-simulation")
    assert [row["object"] for row in report["objects"]] == ["ball", "box"]
    assert report["settings"]["cloud"] == cloud and report["settings"]["samples"] == 2
    grasps = [grasp for row in report["objects"] for grasp in row["grasps"]]
    for name in set(report["table"]) & set(grasps[0]):
        assert report["table"][name]["mean"] == pytest.approx(np.mean([grasp[name] for grasp in grasps])), name
    assert set(report["table"]) == set(COLUMNS) - set(SIMULATED)
    assert sorted(p.name for p in (tmp_path / "g").iterdir()) == ["ball.npz", "box.npz"]
    table = " ".join(capsys.readouterr().out.split())
    assert "strict protocol" in table and "legacy protocol" in table and "ball" in table


def test_ranked_figures_are_named_so_and_kept_apart_from_plain_ones(objects, weights_folder, tmp_path, capsys):
    from fastgrasp_evaluation.benchmark.measured_objects import cloud_generator, object_cloud
    from fastgrasp_model.generator import GraspGenerator
    from fastgrasp_model.geometry.meshes import load_mesh
    from fastgrasp_model.grasps import Grasps

    ball, page = objects / "ball.ply", tmp_path / "b.html"
    words = ("--no-simulation", "--pictures", 0, "--protocol", "strict")
    plain = run(ball, weights_folder, tmp_path / "a.json", *words, "--out", tmp_path / "plain", "--html", page)
    assert plain["settings"]["candidates"] == 1 and "best of" not in plain["settings"]["label"]
    assert "best of" not in capsys.readouterr().out and "by the score" not in page.read_text()
    best = run(ball, weights_folder, tmp_path / "b.json", *words, "--out", tmp_path / "best", "--candidates", 3,
               "--html", page, "--compare", tmp_path / "a.json", "--label", "mine")  # fmt: skip
    assert best["settings"]["candidates"] == 3 and best["settings"]["label"] == "mine, best of 3 by the score"
    assert "mine, best of 3 by the score: 2 grasps" in " ".join(capsys.readouterr().out.split())
    text = page.read_text()
    assert "every grasp is the best of 3 by the score" in text and "1; ours 3" in text
    cloud, _ = object_cloud(load_mesh(ball), "full", cloud_generator("ball", 0))
    generator = GraspGenerator.from_pretrained(weights_folder)
    for folder, candidates in (("plain", 1), ("best", 3)):
        same = generator.generate(cloud, 2, seed=0, candidates=candidates)
        np.testing.assert_array_equal(Grasps.load(tmp_path / folder / "ball.npz").vertices, same.vertices)


def test_one_protocol_measures_no_more_than_its_columns(objects, weights, tmp_path):
    report = run(objects, weights, tmp_path / "b.json", "--protocol", "legacy", "--no-simulation")
    assert list(report["protocols"]) == ["legacy"]
    assert set(report["table"]) == set(PROTOCOLS["legacy"]) - set(SIMULATED)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_file_whatever_the_number_of_processes(objects, weights_folder, tmp_path):
    weights = weights_folder  # the shipped ones: these hands touch
    seeds = ("--cloud", "partial", "--seeds", "2", "--samples", "6")  # more than one piece for each seed
    ball = objects / "ball.ply"
    run(ball, weights, tmp_path / "one.json", *seeds)
    run(ball, weights, tmp_path / "two.json", *seeds, "--workers", "2")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    report = json.loads((tmp_path / "one.json").read_text())
    assert report["settings"]["seeds"] == [0, 1] and report["counts"]["grasps"] == 12
    first, second = (seed["table"]["penetration_volume_cm3"] for seed in report["seeds"])
    assert first != second
    if has_pybullet():
        assert report["table"]["displacement_six_directions_cm"]["mean"] < 10


def test_objects_do_not_influence_each_other(objects, weights, tmp_path):
    both = run(objects, weights, tmp_path / "a.json", "--no-simulation")
    alone = run(objects / "box.obj", weights, tmp_path / "b.json", "--no-simulation")
    assert alone["objects"][0] == both["objects"][1]


def test_an_object_that_cannot_be_measured_is_refused_by_name_and_counted(objects, weights, tmp_path, capsys):
    box = trimesh.creation.box((0.05, 0.05, 0.1))
    trimesh.Trimesh(box.vertices, box.faces[:4]).export(tmp_path / "broken.ply")
    page = tmp_path / "p.html"
    both = (objects / "ball.ply", tmp_path / "broken.ply")
    report = run(objects, weights, tmp_path / "a.json", "--objects", *both, "--no-simulation", "--html", page)
    assert report["counts"] == {
        "objects": 2, "refused_objects": 1, "grasps": 4, "measured": 2, "unmeasured": 2, "simulator_failures": 0,
    }  # fmt: skip
    assert report["objects"][1]["refused"] and "broken: object refused" in capsys.readouterr().out
    assert "broken" in page.read_text()


def test_a_mesh_in_millimetres_is_refused_with_the_remedy(weights, tmp_path, capsys):
    trimesh.creation.icosphere(radius=40.0).export(tmp_path / "ball.ply")
    words = ["benchmark", "objects", "--objects", tmp_path, "--weights", weights, "--no-simulation", "--quiet"]
    assert cli.main([str(word) for word in words]) == 2
    assert "0.001" in capsys.readouterr().err


def test_the_page_shows_both_tables_and_pictures_and_what_is_laid_beside(objects, weights, tmp_path):
    ball = objects / "ball.ply"
    run(ball, weights, tmp_path / "other.json", "--label", "an older model", "--no-simulation")
    run(ball, weights, tmp_path / "a.json", "--html", tmp_path / "a.html", "--compare", tmp_path / "other.json",
        "--no-simulation")  # fmt: skip
    page = (tmp_path / "a.html").read_text()
    assert "an older model" in page and "data:image/" in page and "GraspTTA" in page


def test_the_ceiling_stands_beside_the_row(objects, weights, tmp_path, capsys):
    words = ("--ceiling", "2", "--candidates", "2", "--no-simulation")
    report = run(objects / "box.obj", weights, tmp_path / "a.json", *words)
    (row,) = report["beside"]
    assert row["settings"]["candidates"] is None, "a set's grasps are not ranked here"
    assert row["settings"]["label"] == "open grasp set" and row["counts"]["grasps"] == 2
    assert row["table"]["penetration_volume_cm3"]["mean"] > 0
    assert "open grasp set" in capsys.readouterr().out


def test_the_open_set_is_measured_as_a_row_of_its_own(tmp_path, capsys):
    words = ["open-set", "--grasps", "3", "--seed", "5", "--no-simulation", "--quiet", "--workers", "1"]
    assert benchmark.main([*words, "--json", str(tmp_path / "c.json")]) == 0
    report = json.loads((tmp_path / "c.json").read_text())
    assert report["counts"]["measured"] == 3 and report["settings"]["label"] == "open grasp set"
    # verified grasps: they touch, and press in by a few millimetres at most
    assert report["table"]["contact_within_5mm_share"]["mean"] == 1.0
    assert 0 < report["table"]["penetration_depth_cm"]["mean"] < 0.5
    assert "open grasp set" in capsys.readouterr().out


def test_wrong_requests_are_one_line_and_exit_2(objects, tmp_path, capsys):
    for words, message in (
        (["objects"], "--objects is missing"),
        (["objects", "--objects", tmp_path / "nowhere"], "does not exist"),
        (["objects", "--objects", tmp_path], "No meshes"),
        (["ho3d-objects", "--objects", objects], "003_cracker_box, 004_sugar_box"),
        (["objects", "--objects", objects, "--json", tmp_path], "cannot write"),
        (["objects", "--objects", objects, "--compare", objects / "notes.txt"], "cannot be read as a report"),
        (["nothing"], "invalid choice 'nothing'"),
        (["objects", "--objects", objects, "--seed", "-1"], "--seed: expected 0 to"),
        (["objects", "--objects", objects, "--pictures", "-1"], "expected 0 or more"),
        (["objects", "--objects", objects, "--candidates", "0"], "--candidates: expected 1 or more"),
        (["objects", "--objects", objects, "--samples", "x"], "expected a whole number, got 'x'"),
        (["objects", "--objects", objects, objects / "ball.ply"], "Several meshes are called ball"),
    ):
        assert cli.main(["benchmark", *map(str, words)]) == 2, words
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1, error


@pytest.mark.parametrize(
    "layout", ["{name}.ply", "models/{name}/textured_simple.obj", "{name}/google_16k/textured.obj"]
)
def test_the_ten_objects_are_found_in_the_usual_layouts(tmp_path, layout):
    from fastgrasp_evaluation.benchmark.measured_objects import find_ho3d_meshes
    from fastgrasp_evaluation.formats.fastgrasp_published import HO3D_OBJECTS

    for name in (*HO3D_OBJECTS, "005_tomato_soup_can"):
        path = tmp_path / layout.format(name=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = find_ho3d_meshes([tmp_path])
    assert [mesh.name for mesh in found] == sorted(HO3D_OBJECTS) and len(found) == 10


def test_sources_of_the_packages_above_are_registered():
    import configparser
    from importlib import import_module
    from pathlib import Path

    from fastgrasp_evaluation.benchmark import sources

    declared = configparser.ConfigParser()
    declared.read(Path(__file__).parents[3] / "setup.cfg")
    lines = declared["options.entry_points"][sources.SOURCES_GROUP].split("\n")
    modules = dict(line.split(" = ") for line in lines if line)
    assert set(modules) == {"open-set", "data"}
    assert all(callable(import_module(module).grasps) for module in modules.values())
    with pytest.raises(sources.BenchmarkError, match="registers the benchmark source 'nothing'"):
        sources.source("nothing")
