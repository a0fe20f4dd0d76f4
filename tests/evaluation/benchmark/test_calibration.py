"""Thirds by the score, on grasps whose answer is known."""

import numpy as np
import pytest

from fastgrasp_evaluation.benchmark.calibration import add_scores, score_lines


def _report(held, seeds=(0,)):
    """One object, six grasps a seed; held (6,)."""
    grasps = [
        {"seed": seed, "index": i, "problem": None, "held_1s_share": float(h), "penetration_volume_cm3": float(i)}
        for seed in seeds
        for i, h in enumerate(held)
    ]
    return {"objects": [{"object": "box", "grasps": grasps}]}


def test_thirds_are_by_the_score_of_each_cloud():
    report = _report([1, 1, 1, 0, 0, 0], seeds=(0, 1))
    scores = {("box", 0): np.array([0.6, 0.5, 0.4, 0.3, 0.2, 0.1]), ("box", 1): np.array([6.0, 5, 4, 3, 2, 1])}
    add_scores(report, scores)
    part = report["score"]
    assert [row["held_1s_share"] for row in part["of_cloud"]] == [1.0, 0.5, 0.0]
    assert [row["count"] for row in part["of_cloud"]] == [4, 4, 4]
    assert [row["penetration_volume_cm3"] for row in part["of_cloud"]] == [0.5, 2.5, 4.5]
    # among all, the second cloud's scores are all better: its three that hold, then three that do not
    assert [row["held_1s_share"] for row in part["of_all"]] == [0.75, 0.5, 0.25]
    assert report["objects"][0]["grasps"][7]["score"] == 5.0
    assert "best third 100 %" in score_lines(part)[0]


@pytest.mark.parametrize(("held", "auc"), [([1, 1, 0, 0, 0, 0], 1.0), ([0, 0, 0, 0, 1, 1], 0.0), ([0] * 6, None)])
def test_area_under_the_curve(held, auc):
    report = _report(held)
    add_scores(report, {("box", 0): np.linspace(0.9, 0.1, 6)})
    assert report["score"]["held_auc"] == auc
    report = _report([1, 0, 1, 0, 1, 0])
    add_scores(report, {("box", 0): np.full(6, 0.5)})
    assert report["score"]["held_auc"] == 0.5


def test_grasps_that_could_not_be_measured_or_have_no_score_are_left_out():
    report = _report([1, 1, 1, 0, 0, 0])
    report["objects"][0]["grasps"][0]["problem"] = "NaN"
    add_scores(report, {("box", 0): np.linspace(0.9, 0.1, 6)})
    assert sum(row["count"] for row in report["score"]["of_cloud"]) == 5
    empty = _report([1, 0, 1, 0, 1, 0])
    add_scores(empty, {})
    assert "score" not in empty
