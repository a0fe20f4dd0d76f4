"""One shard from end to end on small objects: starts face them, hands come to the surface, what is kept holds."""

import dataclasses

import numpy as np
import pytest
import torch

pytest.importorskip("manifold3d")
pytest.importorskip("igl")
from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids, signed_distances
from fastgrasp_model.hand.mano_layer import HandModelError
from fastgrasp_synthesis.hands import Hands
from fastgrasp_synthesis.object_specs import ObjectSpecError, make_object
from fastgrasp_synthesis.shard import (
    OptimiseSettings,
    ShardMaker,
    ShardReport,
    ShardSettings,
    Verified,
    _best_of_each,
    _chords,
    _Clock,
)
from fastgrasp_synthesis.verify import NEEDED, VerifySettings, shared_volumes

SMALL = ShardSettings(objects_per_shard=1, grasps=6, candidates=12, enough=0, rounds=1, cells=40, chords=200,
                      optimise=OptimiseSettings(steps=60))
SPECS = ["can:3", "ball:4"]


@pytest.fixture(scope="module")
def maker() -> ShardMaker:
    torch.set_num_threads(1)
    try:
        return ShardMaker(SMALL, Hands())
    except HandModelError as error:
        pytest.skip(f"no hand file: {error}")


@pytest.fixture(scope="module")
def shard(maker):
    return maker.make(SPECS, seed=1)


def vertices_of(maker, grasps) -> torch.Tensor:
    return maker.hands.layer.from_parameters(torch.tensor(grasps.parameters())).vertices


def test_kept_grasps_touch_without_going_deep_and_hold(shard, maker):
    grasps, report = shard
    assert len(grasps) >= 3 and sum(report.kept.values()) == len(grasps)
    assert sum(report.candidates.values()) == 24 == grasps.candidates
    assert sum(report.rejected.values()) + len(grasps) <= 24
    assert grasps.depth.max() <= SMALL.verify.depth and (grasps.displacement < SMALL.verify.slip).all()
    assert vertices_of(maker, grasps).norm(dim=-1).amin(1).max() < 0.06  # near the object at the origin


def test_kept_grasps_have_the_thumb_and_two_fingers_and_their_type(shard, maker):
    grasps, _ = shard
    vertices = vertices_of(maker, grasps).numpy()
    for row in range(len(grasps)):
        mesh = make_object(grasps.objects[grasps.object[row]])
        distance = signed_distances(vertices[row], mesh.vertices, mesh.faces)
        touching = [distance[ids].min() < SMALL.verify.within + 1e-3 for ids in maker.hands.fingers]
        assert touching[0] and sum(touching[1:]) >= 2
        weights = maker.hands.type_weights[int(grasps.grasp_type[row])]
        needed = [ids for ids, weight in zip(maker.hands.full_sets, weights, strict=True) if weight >= NEEDED]
        assert sum(distance[ids].min() > SMALL.verify.faithful + 1e-3 for ids in needed) <= 1


def test_the_parameters_give_the_verified_depth(shard, maker):
    grasps, _ = shard
    vertices = vertices_of(maker, grasps).numpy()
    for row in range(len(grasps)):
        mesh = make_object(grasps.objects[grasps.object[row]])
        depth = -signed_distances(vertices[row], mesh.vertices, mesh.faces).min()
        assert depth == pytest.approx(grasps.depth[row], abs=1.5e-3)  # a grid of 40 cells against the true mesh


def test_the_optimiser_brings_hands_to_the_surface(maker, candidates):
    found, _, grids = candidates
    vertices = maker.hands.layer.from_matrices(found.betas, found.rotations, found.transl).vertices
    distance = grids.query(vertices, found.object)
    assert distance[:, maker.hands.pads["thumb"]].amin(1).abs().median() < 0.003
    assert (-distance.amin(1)).median() < 0.006


def test_the_same_seed_gives_the_same_shard(shard, maker):
    grasps, _ = shard
    again, _ = maker.make(SPECS, seed=1)
    assert np.array_equal(again.parameters(), grasps.parameters())
    other, _ = maker.make(SPECS, seed=2)
    assert len(other) != len(grasps) or not np.array_equal(other.parameters(), grasps.parameters())


def test_objects_with_few_grasps_get_more_rounds(maker, monkeypatch):
    monkeypatch.setattr(maker, "settings", dataclasses.replace(SMALL, candidates=6, enough=1000, rounds=2))
    grasps, report = maker.make(SPECS, seed=1)
    assert sum(report.candidates.values()) == 24 == grasps.candidates
    assert (np.diff(grasps.object) >= 0).all()


def test_of_each_type_in_turn_the_steadiest_is_kept():
    moved = torch.tensor([5.0, 1, 2, 3, 4, 1, 9, 8])[:, None].expand(8, 6) / 1000
    objects, kinds = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1]), torch.tensor([4, 7, 7, 7, 4, 2, 2, 2])
    nothing = torch.zeros(8, 1)
    found = Verified(nothing, nothing, nothing, objects, kinds, torch.arange(8.0), moved)
    assert _best_of_each(found, 3).depth.tolist() == [1, 2, 4, 5, 6, 7]  # on object 0: types 7, 4, then 7 again
    assert _best_of_each(found, 1).depth.tolist() == [1, 5]
    assert _best_of_each(found, 9).depth.tolist() == list(range(8))


def test_objects_that_cannot_be_made_are_left_out(maker, monkeypatch):
    def make(spec: str):
        if spec == "bad:1":
            raise ObjectSpecError("bad:1: no such family")
        return make_object(spec)

    monkeypatch.setattr(maker, "make_object", make)
    grasps, _ = maker.make(["bad:1", "ball:4"], seed=1)
    assert grasps.objects == ["bad:1", "ball:4"] and set(grasps.object) == {1}
    with pytest.raises(ObjectSpecError, match="bad:1"):
        maker.make(["bad:1"], seed=1)


def test_a_hand_through_a_thin_wall_is_turned_away_by_its_volume(maker):
    """It lies nowhere deeper than half the wall, so that the limit on depth lets it through."""
    import trimesh

    layer = maker.hands.layer
    hand = layer.v_template - layer.v_template.mean(0)
    wall = trimesh.creation.box((0.004, 0.3, 0.3))  # across the palm
    away = hand + torch.tensor([1.0, 0.0, 0.0])
    volumes = shared_volumes(maker.hands, torch.stack([away, hand, hand]), torch.tensor([0, 0, 1]), [wall, wall])
    assert volumes[0] == 0.0
    assert volumes[1] == volumes[2] > VerifySettings().volume


@pytest.fixture(scope="module")
def candidates(maker):
    """Optimised hands on one object, before any test: hands, meshes, grids."""
    mesh = make_object("cylinder:2")
    grids = SignedDistanceGrids.from_meshes([(mesh.vertices, mesh.faces)], 48, dtype=torch.float32)
    chords = [_chords(mesh, grids, 0, 200, 5, maker.device)]
    return maker._candidates(chords, grids, torch.tensor([0]), torch.Generator().manual_seed(5)), [mesh], grids


LIMITS = {"depth": 0.0, "within": -1.0, "faithful": -1.0, "overlap": -1.0, "gravity": -1.0, "slip": 0.0, "volume": 0.0}


@pytest.mark.parametrize("name", [*LIMITS, "self_depth"])
def test_each_filter_turns_away_and_is_charged(maker, candidates, monkeypatch, name):
    plain, strict = ShardReport(), ShardReport()
    kept = maker._verified(*candidates, plain, _Clock())
    changed = {name: LIMITS.get(name, -1.0)} | ({"slip_large": 0.0} if name == "slip" else {})
    limits = dataclasses.replace(SMALL.verify, **changed)
    monkeypatch.setattr(maker, "settings", dataclasses.replace(SMALL, verify=limits))
    assert len(kept.depth) > 0 and len(maker._verified(*candidates, strict, _Clock()).depth) == 0
    charged = {"within": "contact", "faithful": "type"}
    reason = charged.get(name, name)
    assert strict.rejected[reason] >= plain.rejected[reason] + len(kept.depth)
    assert set(strict.rejected) == {charged.get(limit, limit) for limit in (*LIMITS, "self_depth")}
