"""The audit: a grasp that holds and one that does not, resuming, its figures, and mistakes in the call."""

import dataclasses
import json

import numpy as np
import pytest

pytest.importorskip("manifold3d")
pytest.importorskip("igl")
from fastgrasp_model.commands.shared import InputError
from fastgrasp_model.hand.mano_layer import HandModelError
from fastgrasp_synthesis import audit as module
from fastgrasp_synthesis.audit import audit, check_worth, held_share, lines, main, summary
from fastgrasp_synthesis.grasp_set import GraspSet


def small_set(count: int = 4, objects=("ball:4", "no_such_family:1")) -> GraspSet:
    """Flat hands, each a metre from its object: none holds."""
    rng = np.random.default_rng(0)
    return GraspSet(betas=np.zeros((count, 10), np.float32), global_orient=rng.normal(size=(count, 3)).astype(
        np.float32), hand_pose=np.zeros((count, 45), np.float32), transl=np.full(
            (count, 3), 1.0, np.float32), object=np.arange(count, dtype=np.int32) % len(objects), grasp_type=np.arange(
                count, dtype=np.int8) % 2, depth=np.full(count, 0.001, np.float32), displacement=np.full(
                    (count, 6), 0.005, np.float32), objects=list(objects), grasp_types=["one", "two"], hand="open hand")


@pytest.fixture
def no_physics(monkeypatch):
    """`_figures` answers at once; returns the list of how many grasps each call had."""
    calls = []

    def figures(parameters, mesh, layer):
        calls.append(len(parameters))
        held = (parameters[:, 10] > 0).tolist()
        return {"held": held, "gravity_gap_newtons": [0.0 if hit else 5.0 for hit in held]}

    monkeypatch.setattr(module, "_figures", figures)
    return calls


def rows(held, gaps, kinds=None):
    kinds = kinds or ["one"] * len(held)
    return [{"row": i, "object": "can:1", "family": "can", "split": "train", "type": kind, "held": hit,
             "gravity_gap_newtons": gap, "slip_worst_cm": 0.1, "slip_mean_cm": 0.1 * i, "depth_stored_mm": 1.0}
            for i, (hit, gap, kind) in enumerate(zip(held, gaps, kinds, strict=True))]


def test_the_share_that_holds_has_wilsons_interval():
    part = held_share(rows([True] * 90 + [False] * 10, [0.0] * 100))
    assert part["share"] == pytest.approx(0.9)
    assert (part["low"], part["high"]) == (pytest.approx(0.8256, abs=1e-4), pytest.approx(0.9448, abs=1e-4))
    assert held_share([])["share"] is None


def test_a_check_that_tells_all_apart_and_its_confusion():
    found = check_worth(rows([True, True, False, False], [0.1, 1.2, 2.0, 3.0]), "gravity_gap_newtons", (1.0, 2.5))
    assert found["auc"] == 1.0
    tight, loose = found["limits"]
    names = ("kept_held", "kept_fell", "lost_held", "lost_fell")
    assert [tight[name] for name in names] == [1, 0, 1, 2]
    assert [loose[name] for name in names] == [2, 1, 0, 1]
    assert loose["held_share"] == pytest.approx(2 / 3)
    useless = check_worth(rows([True, False], [1.0, 1.0]), "gravity_gap_newtons", (0.5,))
    assert useless["auc"] == 0.5 and useless["limits"][0]["held_share"] is None


def test_summary_splits_by_type_and_leaves_out_what_could_not_be_tested():
    lost = {**rows([True], [0.0])[0], "problem": "MeshError: open"}
    report = summary([*rows([True, False, True], [0.0, 3.0, 0.0], ["one", "one", "two"]), lost])
    assert report["held"]["grasps"] == 3
    assert {name: part["share"] for name, part in report["held_by_type"].items()} == {"one": 0.5, "two": 1.0}
    assert report["figures"]["slip_mean_cm"] == {"mean": pytest.approx(0.1), "p95": pytest.approx(0.19)}
    assert [row["problem"] for row in report["problems"]] == ["MeshError: open"]


def test_a_report_can_be_printed_even_when_nothing_could_be_tested(no_physics, tmp_path):
    report = audit(small_set(2, ("no_such_family:1",)), 2, 0, 1, tmp_path / "parts")
    assert report["held"]["share"] is None and len(report["problems"]) == 2
    assert any("could not be tested" in line for line in lines(report))


def test_the_sample_depends_on_the_seed_alone_and_goes_on_where_it_stopped(no_physics, tmp_path):
    grasps = small_set(40, ("ball:4", "can:3", "mug:1"))
    first = audit(grasps, 20, 1, 1, tmp_path / "a")
    assert len(first["rows"]) == 20 and len({row["row"] for row in first["rows"]}) == 20
    assert {row["row"]: row["held"] for row in first["rows"]} == {
        row["row"]: bool(grasps.global_orient[row["row"], 0] > 0) for row in first["rows"]}
    parts = sorted((tmp_path / "a").glob("*.json"))
    assert len(parts) == 3
    parts[1].unlink()
    no_physics.clear()
    assert audit(grasps, 20, 1, 1, tmp_path / "a") == first
    assert len(no_physics) == 1  # one object only
    other = audit(grasps, 20, 2, 1, tmp_path / "b")
    assert {row["row"] for row in other["rows"]} != {row["row"] for row in first["rows"]}


def test_parts_of_another_audit_are_not_mixed_in(no_physics, tmp_path):
    grasps = small_set(6, ("ball:4",))
    audit(grasps, 4, 0, 1, tmp_path)
    with pytest.raises(InputError, match="another set or sample"):
        audit(dataclasses.replace(grasps, transl=grasps.transl + 0.1), 4, 0, 1, tmp_path)


def test_the_command_writes_a_report_and_cleans_up(no_physics, tmp_path, capsys):
    path = small_set(6, ("ball:4", "duck:1")).save(tmp_path / "set.npz")
    out = tmp_path / "audit.json"
    assert main([str(path), "--grasps", "5", "--out", str(out), "--workers", "1", "--quiet"]) == 0
    report = json.loads(out.read_text())
    assert report["sample"] == 5 and set(report["held_by_split"]) == {"train", "validation"}
    assert not (tmp_path / "audit.json.parts").exists()
    assert "hold" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["nowhere.npz", "--out", "a.json"], ["nowhere.npz", "--out", "a.txt"], ["x"]])
def test_mistakes_in_the_call_are_one_line(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("audit: ")
    assert not list(tmp_path.iterdir())


def test_an_interrupt_keeps_what_is_done(no_physics, tmp_path, monkeypatch, capsys):
    path = small_set(6, ("ball:4", "can:3")).save(tmp_path / "set.npz")
    kept = module._figures

    def interrupted(parameters, mesh, layer):
        if no_physics:
            raise KeyboardInterrupt
        return kept(parameters, mesh, layer)

    monkeypatch.setattr(module, "_figures", interrupted)
    call = [str(path), "--grasps", "6", "--out", str(tmp_path / "audit.json"), "--workers", "1", "--quiet"]
    assert main(call) == 130
    assert len(list((tmp_path / "audit.json.parts").glob("*.json"))) == 1
    monkeypatch.setattr(module, "_figures", kept)
    assert main(call) == 0


def test_a_hand_far_away_does_not_hold_and_leaves_the_whole_weight():
    try:
        (row,) = module.measure("ball:4", np.array([7]), module._of(small_set(1, ("ball:4",)), np.array([0])))
    except HandModelError as error:
        pytest.skip(f"no hand file: {error}")
    assert row["held"] is False and row["moved_cm"] > 2.0
    assert row["gravity_gap_newtons"] == pytest.approx(9.8, abs=1e-3)
    assert row["contact_thumb_and_two_share"] == 0.0 and row["penetration_volume_cm3"] == 0.0
    assert (row["row"], row["family"], row["split"], row["type"]) == (7, "ball", "train", "one")
    assert row["depth_stored_mm"] == pytest.approx(1.0, abs=1e-3) and row["slip_worst_cm"] == pytest.approx(0.5)
