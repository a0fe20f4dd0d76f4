"""Synthesis on one small object: starts face it, the optimiser makes contact, shards repeat and resume."""

import numpy as np
import pytest
import torch

pytest.importorskip("manifold3d")
pytest.importorskip("igl")
from fastgrasp_model.hand.mano import HandModelError
from fastgrasp_training.synthesis import command, pipeline
from fastgrasp_training.synthesis.grasp_set import load_grasp_set
from fastgrasp_training.synthesis.hands import GRASP_TYPES, SETS, TYPE_NAMES, Hands
from fastgrasp_training.synthesis.shard import OptimiseSettings, ShardMaker, ShardSettings

SMALL = ShardSettings(
    objects_per_shard=1, grasps=6, candidates=12, cells=40, chords=200, optimise=OptimiseSettings(steps=60)
)


@pytest.fixture(scope="module")
def maker() -> ShardMaker:
    torch.set_num_threads(1)
    try:
        return ShardMaker(SMALL, Hands())
    except HandModelError as error:
        pytest.skip(f"no hand file: {error}")


@pytest.fixture(scope="module")
def shard(maker):
    return maker.make(["can:3", "ball:4"], seed=1)


def test_shares_and_weights_of_the_types_are_whole():
    assert sum(kind.share for kind in GRASP_TYPES) == pytest.approx(1.0)
    assert all(set(kind.weights) <= set(SETS) for kind in GRASP_TYPES)
    assert "power" in TYPE_NAMES


def test_kept_grasps_touch_without_going_deep_and_hold(shard, maker):
    grasps, report = shard
    assert len(grasps) >= 3
    assert sum(report.candidates.values()) == 24 == len(grasps) + sum(report.rejected.values()) + _over(report, grasps)
    assert grasps.depth.max() <= SMALL.verify.depth and (grasps.displacement < SMALL.verify.slip).all()
    vertices = maker.hands.layer.from_parameters(torch.tensor(grasps.parameters())).vertices
    assert vertices.norm(dim=-1).amin(1).max() < 0.06  # near the object at the origin


def _over(report, grasps) -> int:
    """Held grasps beyond the number kept per object."""
    return sum(report.candidates.values()) - sum(report.rejected.values()) - len(grasps)


def test_the_parameters_give_the_verified_depth(shard, maker):
    from fastgrasp_model.geometry.signed_distance import signed_distances
    from fastgrasp_training.synthesis.objects import make_object

    grasps, _ = shard
    vertices = maker.hands.layer.from_parameters(torch.tensor(grasps.parameters())).vertices.numpy()
    for row in range(len(grasps)):
        mesh = make_object(grasps.objects[grasps.object[row]])
        depth = -signed_distances(vertices[row], mesh.vertices, mesh.faces).min()
        assert depth == pytest.approx(grasps.depth[row], abs=1.5e-3)  # a grid of 40 cells against the true mesh


def test_the_optimiser_brings_hands_to_the_surface(maker):
    from fastgrasp_model.geometry.signed_distance import SignedDistanceGrids
    from fastgrasp_training.synthesis.objects import make_object

    mesh = make_object("cylinder:2")
    grids = SignedDistanceGrids.from_meshes([(mesh.vertices, mesh.faces)], 48, dtype=torch.float32)
    found = maker._candidates([mesh], grids, 5, torch.Generator().manual_seed(5))
    vertices = maker.hands.layer.from_matrices(found.betas, found.rotations, found.transl).vertices
    distance = grids.query(vertices, found.object)
    thumb = distance[:, maker.hands.pads["thumb"]].amin(1)
    uses_thumb = found.kind != TYPE_NAMES.index("palm")
    assert thumb[uses_thumb].abs().median() < 0.003
    assert (-distance.amin(1)).median() < 0.006


def test_the_same_seed_gives_the_same_shard(shard, maker):
    grasps, _ = shard
    again, _ = maker.make(["can:3", "ball:4"], seed=1)
    assert np.array_equal(again.parameters(), grasps.parameters())
    other, _ = maker.make(["can:3", "ball:4"], seed=2)
    assert len(other) != len(grasps) or not np.array_equal(other.parameters(), grasps.parameters())


@pytest.fixture
def quick(tmp_path, maker):
    config = tmp_path / "quick.yaml"
    config.write_text("objects_per_shard: 1\ngrasps: 3\ncandidates: 6\ncells: 32\nchords: 100\noptimise: {steps: 30}\n")
    return config


def test_a_run_resumes_and_writes_the_same(tmp_path, quick):
    out = tmp_path / "set"
    calls = []
    pipeline.run(out, 2, seed=4, config=quick, on_shard=lambda done, total, _: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]
    first = load_grasp_set(out)
    pipeline.shard_path(out, 1).unlink()
    tally = pipeline.run(out, 2, seed=4, config=quick)
    assert tally.shards == 1  # only the missing one
    assert np.array_equal(load_grasp_set(out).parameters(), first.parameters())


def test_another_seed_in_the_same_folder_is_refused(tmp_path, quick):
    out = tmp_path / "set"
    pipeline.run(out, 1, seed=4, config=quick)
    with pytest.raises(pipeline.SynthesisError, match="choose another --out"):
        pipeline.run(out, 1, seed=5, config=quick)


def test_a_broken_object_fails_its_shard_alone(tmp_path, quick, monkeypatch):
    from fastgrasp_training.synthesis import objects

    monkeypatch.setattr(objects, "object_list", lambda count, seed: ["nothing:1", "ball:1"])
    tally = pipeline.run(tmp_path / "set", 2, seed=0, config=quick)
    assert list(tally.failed) == [0] and "nothing:1" in tally.failed[0] and tally.shards == 1


def test_settings_files(tmp_path):
    from pathlib import Path

    shipped = Path(__file__).parents[3] / "config" / "synthesis.yaml"
    assert pipeline.load_settings(shipped) == ShardSettings()  # the file states the defaults
    assert pipeline.load_settings(None, grasps=12).candidates == ShardSettings().candidates // 2
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("graspz: 3\n")
    with pytest.raises(pipeline.SynthesisError, match="graspz"):
        pipeline.load_settings(wrong)


def test_the_command_reports_mistakes_and_numbers(tmp_path, quick, capsys):
    assert command.main(["--out", str(tmp_path / "a"), "--objects", "0"]) == 2
    assert command.main(["--out", str(tmp_path / "a"), "--config", str(tmp_path / "none.yaml")]) == 2
    code = command.main(
        [
            "--out",
            str(tmp_path / "b"),
            "--objects",
            "1",
            "--config",
            str(quick),
            "--json",
            "--pack",
            str(tmp_path / "packed.npz"),
        ]
    )
    assert code == 0 and (tmp_path / "packed.npz").is_file()
    import json

    summary = json.loads(capsys.readouterr().out)
    assert summary["candidates"] == 6 and summary["shards"] == 1


def test_a_hand_through_a_thin_wall_is_turned_away_by_its_volume(maker):
    """It lies nowhere deeper than half the wall, so that the limit on depth lets it through."""
    import trimesh

    from fastgrasp_training.synthesis.verify import VerifySettings, shared_volumes

    layer = maker.hands.layer
    hand = layer.v_template - layer.v_template.mean(0)
    wall = trimesh.creation.box((0.004, 0.3, 0.3))  # across the palm
    away = hand + torch.tensor([1.0, 0.0, 0.0])
    volumes = shared_volumes(maker.hands, torch.stack([away, hand, hand]), torch.tensor([0, 0, 1]), [wall, wall])
    assert volumes[0] == 0.0
    assert volumes[1] == volumes[2] > VerifySettings().volume


def test_the_volume_filter_is_charged_for_what_it_turns_away(shard, maker):
    import dataclasses

    strict = dataclasses.replace(SMALL, verify=dataclasses.replace(SMALL.verify, volume=0.0))
    grasps, report = ShardMaker(strict, maker.hands).make(["can:3", "ball:4"], seed=1)
    assert len(grasps) == 0  # every grasp that holds presses in a little
    assert report.rejected["volume"] >= len(shard[0])
