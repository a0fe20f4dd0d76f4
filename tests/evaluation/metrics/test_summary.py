"""Reports from measured rows: means, spreads, counts; nothing unknown is averaged as a number."""

import json

import numpy as np
import pytest

from fastgrasp_evaluation.metrics.formatting import shown
from fastgrasp_evaluation.metrics.protocols import COLUMNS, PROTOCOLS, columns_of, described
from fastgrasp_evaluation.metrics.summary import BenchmarkError, Measured, build_report, joined, read_report
from fastgrasp_evaluation.metrics.tables import diversity_lines, problem_lines, protocol_tables

NAMES = [name for name in columns_of(PROTOCOLS) if not COLUMNS[name].of_set]


def row(value, seed=0, index=0, problem=None, simulator_problem=None) -> dict:
    return {"seed": seed, "index": index, "problem": problem, "simulator_problem": simulator_problem} | dict.fromkeys(
        NAMES, value
    )


def hands(count, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=0.05, size=(count, 21, 3))


def report_of(*parts: Measured) -> dict:
    return build_report(parts, ("strict", "legacy"), {"command": "objects", "label": "test", "simulated": True})


def test_mean_over_grasps_within_a_seed_then_mean_and_sd_over_seeds():
    report = report_of(
        Measured("mug", 0, [row(1.0), row(2.0, index=1)]), Measured("can", 0, [row(6.0)]),
        Measured("mug", 1, [row(5.0, seed=1)]), Measured("can", 1, [row(7.0, seed=1)]),
    )  # fmt: skip
    cell = report["table"]["penetration_volume_cm3"]
    assert cell == {"mean": pytest.approx((3.0 + 6.0) / 2), "sd": pytest.approx(np.std([3.0, 6.0], ddof=1))}
    assert [seed["table"]["penetration_depth_cm"] for seed in report["seeds"]] == [3.0, 6.0]
    mug = report["objects"][0]
    assert mug["object"] == "mug" and mug["count"] == 3
    assert mug["mean"]["held_1s_share"] == pytest.approx(8 / 3)
    assert report["settings"]["seeds"] == [0, 1] and report["settings"]["objects"] == ["mug", "can"]


def test_what_is_unknown_is_left_out_counted_and_null():
    broken = row(None, index=1, problem="NaN in the parameters")
    fallen = row(4.0, index=2, simulator_problem="pybullet refused the hand") | {"held_1s_share": None}
    report = report_of(Measured("mug", 0, [row(2.0), broken, fallen]))
    assert report["table"]["penetration_volume_cm3"]["mean"] == 3.0
    assert report["table"]["held_1s_share"]["mean"] == 2.0
    assert report["counts"] == {
        "objects": 1, "refused_objects": 0, "grasps": 3, "measured": 2, "unmeasured": 1, "simulator_failures": 1,
    }  # fmt: skip
    text = "\n".join(problem_lines(report))
    assert "mug: not measured: NaN in the parameters (seed 0: grasp 1)" in text and "2 of 3 grasps" in text
    assert "mug: simulator failed: pybullet refused the hand (seed 0: grasp 2)" in text
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_a_refused_object_is_listed_with_its_reason_and_not_averaged():
    lost = {"seed": 0, "index": 0, "problem": "object refused: a hole 84 mm across", "simulator_problem": None}
    report = report_of(
        Measured("mug", 0, [row(1.0)]), Measured("open_box", 0, [lost], refused="a hole 84 mm across")
    )
    assert report["counts"]["refused_objects"] == 1 and report["counts"]["unmeasured"] == 1
    assert report["table"]["penetration_volume_cm3"]["mean"] == 1.0
    assert any("open_box: object refused: a hole" in line for line in problem_lines(report))
    assert report["objects"][1]["mean"]["penetration_volume_cm3"] is None


def test_diversity_needs_two_samples_for_each_cluster():
    few = report_of(Measured("mug", 0, [row(1.0)] * 39, hands(39)))
    assert few["table"]["entropy_nats"]["mean"] is None
    assert few["table"]["pairwise_joint_distance_cm"]["mean"] > 1
    many = report_of(Measured("mug", 0, [row(1.0)] * 20, hands(20)), Measured("can", 0, [row(1.0)] * 20, hands(20, 1)))
    for name in NAMES and [name for name in columns_of(PROTOCOLS) if COLUMNS[name].of_set]:
        assert many["table"][name]["mean"] > 0, name
    assert many["table"]["entropy_nats"]["kmeans_sd"] > 0
    assert len(diversity_lines(many)) == 4


def test_parts_of_one_object_are_joined_in_order():
    first = Measured("mug", 3, [row(1.0), row(2.0, index=1)], hands(2))
    whole = joined([first, Measured("mug", 3, [row(3.0, index=2)], hands(1))])
    assert [r["index"] for r in whole.rows] == [0, 1, 2] and whole.seed == 3
    assert [r["penetration_depth_cm"] for r in whole.rows] == [1.0, 2.0, 3.0]
    assert whole.keypoints.shape == (3, 21, 3)


def test_columns_without_the_simulator_and_of_one_protocol():
    pytest.importorskip("pybullet", reason="without pybullet its columns are left out (extra: legacy)")
    assert "held_1s_share" not in columns_of(["strict"], simulated=False)
    assert "penetration_volume_surface_cm3" not in columns_of(["strict"])
    assert len(set(columns_of(PROTOCOLS))) == len(columns_of(PROTOCOLS))
    assert set(columns_of(PROTOCOLS)) == set(COLUMNS)


def test_values_are_shown_with_their_unit_and_a_dash_for_none():
    columns = described(COLUMNS)
    held, depth = columns["held_1s_share"], columns["penetration_depth_cm"]
    assert shown(held, 0.456) == "46" and shown(depth, 0.456) == "0.46"
    assert shown(held, None) == shown(depth, float("nan")) == "–" and shown(depth, -0.001) == "0.00"


@pytest.mark.parametrize("rows", ["objects", "grasps"])
def test_tables_fit_a_terminal(rows):
    from rich.console import Console

    report = report_of(Measured("021_bleach_cleanser", 0, [row(1.234), row(0.0, index=1)]))
    for table, protocol in zip(protocol_tables(report, "t", rows), PROTOCOLS, strict=True):
        console = Console(width=100, record=True, file=open("/dev/null", "w"))
        console.print(table)
        text = console.export_text()
        assert "mean" in text and "…" not in text, protocol
        assert max(len(line.rstrip()) for line in text.splitlines()) <= 90


def test_a_report_is_read_back_and_anything_else_refused(tmp_path):
    report = report_of(Measured("mug", 0, [row(1.0)]))
    path = tmp_path / "r.json"
    path.write_text(json.dumps(report))
    assert read_report(path) == report
    for text, reason in (("{", "cannot be read"), ("[]", "no benchmark report"), ("{}", "no benchmark report"),
                         (json.dumps({**report, "format_version": 9}), "format 9")):  # fmt: skip
        path.write_text(text)
        with pytest.raises(BenchmarkError, match=reason):
            read_report(path)
    with pytest.raises(BenchmarkError, match="cannot be read"):
        read_report(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [("settings", 3, "settings"), ("objects", None, "objects"), ("objects", [{"object": "mug"}], "objects"),
     ("table", {"penetration_depth_cm": 7}, "table"), ("counts", {}, "counts"),
     ("table", {"penetration_depth_cm": {"mean": float("nan"), "sd": None}}, "NaN")],
)  # fmt: skip
def test_a_damaged_report_is_refused_before_anything_is_measured(tmp_path, key, value, reason):
    path = tmp_path / "r.json"
    path.write_text(json.dumps({**report_of(Measured("mug", 0, [row(1.0)])), key: value}))
    with pytest.raises(BenchmarkError, match=reason):
        read_report(path)


def test_a_line_on_a_grasp_stays_one_line(capsys):
    from fastgrasp_evaluation.commands.reporting import print_report

    reason = "a problem that takes many words to tell, " * 4
    print_report(report_of(Measured("mug", 0, [row(None, problem=reason.strip())])), "test")
    assert f"mug: not measured: {reason.strip()} (seed 0: grasp 0)" in capsys.readouterr().out.splitlines()
