"""The benchmark command on two small objects with untrained weights."""

import json

import numpy as np
import pytest
import trimesh

from fastgrasp_model import cli
from fastgrasp_model.metrics.evaluate import COLUMNS
from fastgrasp_training import benchmark


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    import torch

    from fastgrasp_model.configuration import ModelConfig
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_model.model import FastGraspModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    FastGraspModel(ModelConfig(sampling_steps=2), ManoLayer.from_file()).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects")
    trimesh.creation.icosphere(radius=0.04).export(folder / "ball.ply")
    trimesh.creation.box((0.05, 0.05, 0.1)).export(folder / "box.obj")
    (folder / "notes.txt").write_text("not a mesh")
    return folder


def run(objects, weights, out, *more) -> dict:
    words = [
        "objects",
        "--objects",
        objects,
        "--samples",
        2,
        "--weights",
        weights,
        "--no-simulation",
        "--quiet",
    ]
    assert benchmark.main([str(word) for word in [*words, "--json", out, *more]]) == 0
    return json.loads(out.read_text())


def without_times(report: dict) -> dict:
    report["settings"].pop("seconds")
    for part in (report, *report["objects"]):
        part["mean"].pop("seconds_per_grasp")
    return report


@pytest.mark.parametrize("cloud", ["full", "partial"])
def test_report_and_table(objects, weights, tmp_path, capsys, cloud):
    report = run(objects, weights, tmp_path / "b.json", "--cloud", cloud, "--out", str(tmp_path / "grasps"))
    assert [row["object"] for row in report["objects"]] == ["ball", "box"]
    assert report["settings"]["cloud"] == cloud and report["settings"]["samples"] == 2
    for name in report["mean"]:
        assert report["mean"][name] == pytest.approx(
            np.mean([row["mean"][name] for row in report["objects"]])
        )
    assert set(report["mean"]) - {"seconds_per_grasp"} <= set(COLUMNS)
    assert sorted(p.name for p in (tmp_path / "grasps").iterdir()) == ["ball.npz", "box.npz"]
    table = " ".join(capsys.readouterr().out.split())  # rich wraps lines
    assert "ball" in table and "mean" in table and "ms a grasp" in table


def test_the_same_seed_gives_the_same_figures_and_objects_do_not_influence_each_other(
    objects, weights, tmp_path
):
    both = without_times(run(objects, weights, tmp_path / "a.json", "--cloud", "partial"))
    again = without_times(run(objects, weights, tmp_path / "b.json", "--cloud", "partial"))
    assert both == again
    alone = without_times(run(objects / "box.obj", weights, tmp_path / "c.json", "--cloud", "partial"))
    assert alone["objects"][0] == both["objects"][1]


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(objects, weights, tmp_path):
    one = without_times(run(objects, weights, tmp_path / "a.json"))
    two = without_times(run(objects, weights, tmp_path / "b.json", "--workers", "2"))
    assert one == two


def test_clouds_are_as_asked():
    mesh = trimesh.creation.icosphere(radius=0.05)
    full, camera = benchmark.object_cloud(mesh, "full", np.random.default_rng(0))
    assert full.shape == (3000, 3) and camera is None
    partial, camera = benchmark.object_cloud(mesh, "partial", np.random.default_rng(0))
    assert np.linalg.norm(camera) == pytest.approx(0.6)
    assert 500 < len(partial) <= 3000
    assert (partial @ camera > -0.01).all()


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["--objects", "nowhere"], "nowhere"), (["--objects", "."], "No meshes"), ([], "--objects"),
     (["--objects", ".", "--samples", "0"], "samples")],
)  # fmt: skip
def test_bad_requests_are_one_line(capsys, monkeypatch, tmp_path, words, expected):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "_find", lambda verb: benchmark.main)
    assert cli.main(["benchmark", "objects", *words]) == 2
    captured = capsys.readouterr()
    assert expected in captured.err and len(captured.err.splitlines()) == 1
