"""`fastgrasp generate --candidates`: what it passes on, reports and tells."""

import json

import numpy as np
import pytest

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


@pytest.mark.parametrize("count", ["0", "-1", "x"])
def test_a_wrong_number_is_one_line(capsys, cloud, count):
    assert cli.main(["generate", str(cloud), "--candidates", count]) == 2
    error = capsys.readouterr().err
    assert "--candidates: expected" in error and error.count("\n") == 1
