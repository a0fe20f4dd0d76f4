"""The timing command, and the budget that the generator must keep with room for a slow machine."""

import json
from types import SimpleNamespace

import pytest

from fastgrasp_evaluation.benchmark import timing


def test_times_are_reported(capsys):
    assert timing.main(["--repeats", "3", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["steps"] >= 1 and report["threads"] >= 1 and report["device"] == "cpu"
    batches = report["batches"]
    assert list(batches) == ["1", "16", "64", "256"]
    assert all(row["p50_ms"] <= row["p95_ms"] for row in batches.values())
    for count, row in batches.items():
        assert row["grasps_per_second"] * row["p50_ms"] == pytest.approx(1000 * int(count))


class Counting:
    """A generator that makes nothing and notes what it was asked for."""

    def __init__(self):
        self.asked, self.device = [], "cpu"
        self.model = SimpleNamespace(config=SimpleNamespace(sampling_steps=2, guidance=1.0))

    def generate(self, points, num_grasps, seed, viewpoint=None, candidates=1):
        self.asked.append(candidates)


def test_candidates_are_timed_and_named():
    generator = Counting()
    report = timing.timing_report(generator, repeats=1, candidates=5)
    assert set(generator.asked) == {5} and report["candidates"] == 5
    assert timing.timing_lines(report)[0].endswith(", each grasp the best of 5 by the score")
    assert "best" not in timing.timing_lines({**report, "candidates": 1})[0]


def test_missing_weights_are_one_line(capsys, tmp_path):
    assert timing.main(["--weights", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("timing: no weights at")


def test_a_view_is_one_side_of_the_cloud_with_its_sensor():
    asked = []
    generator = Counting()
    generator.generate = lambda points, count, seed, viewpoint, candidates: asked.append((points, viewpoint))
    for view in (False, True):
        report = timing.timing_report(generator, repeats=1, view=view)
        points, viewpoint = asked[-1]
        assert (viewpoint is not None) == view and report["cloud"] == ("partial" if view else "full")
        assert len(points) == 3000
        assert f"{report['cloud']} cloud" in timing.timing_lines(report)[0]
    seen = (points - points.mean(0)) @ viewpoint > -0.03
    assert seen.mean() > 0.95
