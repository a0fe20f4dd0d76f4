"""The monitor: figures on held-out families, pictures, and a training that does not notice it."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from small_runs import assert_same_weights

pytest.importorskip("igl")
pytest.importorskip("manifold3d")

from fastgrasp_model.geometry.rotations import axis_angle_to_matrix
from fastgrasp_synthesis.grasp_set import PACKED_GRASPS, load_grasp_set
from fastgrasp_training.configuration import MonitorConfig
from fastgrasp_training.held_out import held_out, unseen
from fastgrasp_training.monitor import Monitor, generated, reconstructed, undisturbed
from fastgrasp_training.run import train
from fastgrasp_training.sources import as_source

FEW = MonitorConfig(times=2, objects=2, grasps=2, pictures=2)


@pytest.fixture(scope="module")
def both_splits(tmp_path_factory):
    """A packed file with grasps on two training objects and on three held-out ones."""
    everything = load_grasp_set(PACKED_GRASPS)
    chosen = []
    for split, count in (("train", 2), ("validation", 3)):
        counts = np.bincount(everything.split(split).object, minlength=len(everything.objects))
        chosen += np.argsort(-counts, kind="stable")[:count].tolist()
    few = np.flatnonzero(np.isin(everything.object, chosen))
    return everything[few[:: max(len(few) // 150, 1)]].save(tmp_path_factory.mktemp("grasps") / "both.npz")


@pytest.fixture
def watched(tiny_run, both_splits):
    return dataclasses.replace(tiny_run, data=dataclasses.replace(tiny_run.data, grasps=str(both_splits)), monitor=FEW)


@pytest.fixture
def held(watched, hand):
    found, note = held_out(watched, hand, [])
    assert found is not None and not note
    return found


def test_held_out_objects_are_of_other_families(watched, both_splits, held):
    trained = {source.family for source in unseen(watched, []).objects}
    everything = load_grasp_set(both_splits)
    used = {as_source(everything.objects[i]).family for i in np.unique(everything.split("train").object)}
    assert trained.isdisjoint(used)
    assert len(held.data.specs) == len(held.solids) == 2 and held.data.object.max() == 1
    assert {source.family for source in held.data.specs} <= trained


def test_objects_that_are_trained_on_are_not_held_out(watched, hand, tiny_run):
    known = unseen(watched, []).objects
    assert len(unseen(watched, known[:1]).objects) == len(known) - 1
    assert held_out(watched, hand, known)[0] is None
    assert "no source holds out" in held_out(tiny_run, hand, [])[1]
    only = dataclasses.replace(watched, data=dataclasses.replace(watched.data, sources=("ho3d:/nowhere",)))
    assert unseen(only, []) is None  # HO-3D is for evaluation; not even read


def test_a_perfect_autoencoder_has_no_error(model, held, monkeypatch):
    """An encoder that passes the hand through has no error and adds no volume; a displaced hand has an error."""
    monkeypatch.setattr(model, "encode", lambda state: state)
    monkeypatch.setattr(model, "decode", lambda state: state)
    with undisturbed(model):
        figures, shown = reconstructed(model, held, FEW)
    assert figures["grasps"] == 4 and len(shown) == 2
    assert figures["vertex_error_mm"] < 1e-2 and figures["contact_kept_share"] == 1
    assert abs(figures["volume_added_cm3"]) < 0.02
    turned = axis_angle_to_matrix(torch.tensor([[0.0, 0.0, 0.0]]))
    monkeypatch.setattr(model, "decode", lambda state: state.transformed(turned, torch.tensor([[0.0, 0.0, 1.0]])))
    with undisturbed(model):
        figures, _ = reconstructed(model, held, FEW)
    assert figures["vertex_error_mm"] == pytest.approx(1000, rel=1e-3) and figures["contact_kept_share"] == 0


def test_generated_grasps_are_measured(model, held):
    with undisturbed(model):
        figures, shown = generated(model, held, FEW)
    assert figures["grasps"] == 4 and len(shown) == 2
    assert {"contact_thumb_and_two_share", "penetration_depth_cm", "penetration_volume_cm3"} < set(figures)
    assert all(np.isfinite(value) for value in figures.values())


def test_nothing_is_disturbed(model):
    model.train()
    model.autoencoder.eval()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with undisturbed(model):
        torch.rand(100)
        assert not model.training and not torch.is_grad_enabled()
    assert torch.equal(torch.rand(2), expected)
    assert model.training and not model.autoencoder.training


def test_it_looks_so_many_times_and_at_the_end():
    for steps, times in ((2000, 5), (60, 2), (7, 5), (3, 5)):
        monitor = Monitor(None, MonitorConfig(times=times), None, None)
        due = [step for step in range(1, steps + 1) if monitor.due(step, steps)]
        assert len(due) == min(times, steps) and due[-1] == steps


@pytest.mark.slow
def test_a_watched_run_trains_as_an_unwatched_one(watched, tmp_path):
    stages = ("autoencoder", "diffusion")
    train(watched, stages, tmp_path / "watched", "cpu", quiet=True)
    blind = dataclasses.replace(watched, monitor=MonitorConfig(times=0))
    train(blind, stages, tmp_path / "blind", "cpu", quiet=True)
    for stage in stages:
        assert_same_weights(tmp_path / "watched", tmp_path / "blind", stage)
    lines = [json.loads(line) for line in (tmp_path / "watched" / "metrics.jsonl").read_text().splitlines()]
    looks = [(line["stage"], line["step"]) for line in lines if "validation" in line]
    assert looks == [("autoencoder", 4), ("autoencoder", 8), ("diffusion", 4), ("diffusion", 8)]
    assert "vertex_error_mm" in lines[0]["validation"]
    assert sorted(p.name for p in (tmp_path / "watched" / "diffusion" / "pictures").iterdir()) == [
        "step_000004.png", "step_000008.png",
    ]  # fmt: skip
    assert not any("validation" in line for line in (tmp_path / "blind" / "metrics.jsonl").read_text().splitlines())
