"""`fastgrasp generate`: what it writes, reports and prints."""

import json

import numpy as np
import pytest
import trimesh
from command_line import run

from fastgrasp_model import cli
from fastgrasp_model.grasps import Grasps


@pytest.fixture(scope="module")
def cloud(ball, tmp_path_factory):
    path = tmp_path_factory.mktemp("object") / "ball.npy"
    np.save(path, ball)
    return path


def generate(capsys, cloud, weights, *more) -> str:
    """What the command prints for two grasps."""
    words = ["generate", cloud, "--num", 2, "--weights", weights, *more]
    assert cli.main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def test_candidates_reach_the_generator_and_the_report(capsys, cloud, weights_folder, ball, tmp_path):
    from fastgrasp_model.generator import GraspGenerator

    out = tmp_path / "g.npz"
    report = json.loads(generate(capsys, cloud, weights_folder, "--candidates", 3, "--out", out, "--json"))
    assert report["candidates"] == 3 and report["grasps"] == 2
    same = GraspGenerator.from_pretrained(weights_folder).generate(ball, 2, candidates=3)
    np.testing.assert_array_equal(Grasps.load(out).vertices, same.vertices)
    told = generate(capsys, cloud, weights_folder, "--candidates", 3)
    assert told.startswith("2 right-hand grasps, each the best of 3 by the score, for 2,000 points")


def test_one_candidate_is_the_default(capsys, cloud, weights_folder):
    plain = generate(capsys, cloud, weights_folder, "--json")
    one = generate(capsys, cloud, weights_folder, "--candidates", 1, "--json")
    assert json.loads(plain)["candidates"] == 1 and json.loads(plain)["scores"] == json.loads(one)["scores"]
    assert "best of" not in generate(capsys, cloud, weights_folder)


def test_generate_writes_the_grasps_and_tells(capsys, weights, box_file, tmp_path):
    out = tmp_path / "new folder" / "g.npz"
    code, text, _ = run(
        capsys, "generate", box_file, "--num", 3, "--weights", weights, "--out", out, "--json"
    )
    report = json.loads(text)
    assert code == 0 and report["grasps"] == 3 and report["written"] == [str(out)]
    grasps = Grasps.load(out)
    assert len(grasps) == 3 and grasps.side == "right"
    assert report["scores"] == pytest.approx(grasps.score, abs=1e-4)


def test_the_same_seed_gives_the_same_grasps_and_another_side_the_other_hand(
    capsys, weights, box_file, tmp_path
):
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
