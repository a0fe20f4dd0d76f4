"""Stability by friction cones, on shipped grasps, and what packing keeps."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("manifold3d")
pytest.importorskip("igl")
from fastgrasp_synthesis import command, stability
from fastgrasp_synthesis.grasp_set import PACKED_GRASPS, GraspSetError, load_grasp_set
from fastgrasp_synthesis.stability import gravity_residuals, stable, stable_rows


@pytest.fixture(scope="module")
def some():
    """Six shipped grasps on each of three objects, the last of which are a metre away from theirs."""
    grasps = load_grasp_set(PACKED_GRASPS)
    rows = np.concatenate([np.flatnonzero(grasps.object == number)[:6] for number in (0, 1, 2)])
    picked = grasps[rows]
    transl = picked.transl.copy()
    transl[[5, 11, 17]] += 1.0
    return dataclasses.replace(picked, transl=transl)


def test_firm_rows_are_below_the_limit_or_the_most_stable_of_their_object():
    gap = np.array([1.0, 3.0, 2.0, 9.0, 5.0, 4.0])
    objects = np.array([1, 1, 1, 0, 0, 0])
    assert stable_rows(gap, objects, 2.0, 0).tolist() == [True, False, True, False, False, False]
    assert stable_rows(gap, objects, 2.0, 1).tolist() == [True, False, True, False, False, True]
    assert stable_rows(gap, objects, 0.5, 2).tolist() == [True, False, True, False, True, True]
    assert stable_rows(gap[:0], objects[:0], 2.0, 2).tolist() == []


def test_shipped_grasps_are_stable_and_hands_in_the_air_are_not(some):
    gaps = gravity_residuals(some)
    away = np.zeros(18, dtype=bool)
    away[[5, 11, 17]] = True
    assert (gaps[~away] < 3.6).all()  # what synthesis asks, and the rounding of the packed file
    assert np.allclose(gaps[away], 9.8, atol=0.01)


def test_several_processes_find_the_same(some):
    assert np.array_equal(gravity_residuals(some, workers=2), gravity_residuals(some))


def test_a_set_keeps_its_stable_grasps(some, monkeypatch):
    monkeypatch.setattr(stability, "KEPT", 0)
    gaps = gravity_residuals(some)
    limit = float(np.median(gaps))
    kept = stable(some, limit)
    assert np.array_equal(kept.transl, some.transl[gaps <= limit]) and kept.objects == some.objects
    monkeypatch.setattr(stability, "KEPT", 6)
    assert len(stable(some, limit)) == 18
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(GraspSetError, match="more than 0"):
            stable(some, wrong)


def test_the_command_packs_the_stable_ones_and_no_more_than_asked(some, tmp_path, monkeypatch):
    monkeypatch.setattr(stability, "KEPT", 2)
    folder, packed = tmp_path / "set", tmp_path / "packed.npz"
    folder.mkdir()
    some.save(folder / "shard_00000.npz")
    assert command.packed(folder, packed, gap=1.0, most=8) == packed
    gaps, kept = gravity_residuals(some), load_grasp_set(packed)
    stable_ones = some[stable_rows(gaps, some.object, 1.0, 2)]
    assert 0 < len(kept) == min(8, len(stable_ones))
    apart = np.linalg.norm(kept.transl[:, None] - stable_ones.transl, axis=2).min(axis=1)
    assert (apart < 1e-4).all() and (kept.transl[:, 0] < 0.5).all()


@pytest.mark.parametrize("options, message", [
    (["--pack-gap", "2.5"], "give --pack"), (["--pack-grasps", "5"], "give --pack"),
    (["--pack", "a.npz", "--pack-gap", "0"], "greater than 0"), (["--pack", "a.npz", "--pack-gap", "x"], "number")])
def test_mistakes_in_the_call(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command.main(["--out", "set", *options]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "set").exists()
