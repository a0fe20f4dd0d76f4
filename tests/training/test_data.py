"""Samples: the hand and the object must agree in every frame, and grasp points must lie where the hand holds."""

import pytest
import torch

from fastgrasp_training.data import SCALES, SLACK, build_bank
from fastgrasp_training.losses import ScaledGrids
from fastgrasp_training.object_views import TrainingObjects


def test_hands_touch_their_objects(data, hand, model):
    """Read back from the shards, hands lie on the objects made again from their specifications."""
    index = torch.arange(len(data))
    vertices = model.hands(data.rows(index))
    distance = data.objects.grids.query(vertices, data.object[index])
    assert (distance.amin(1) < 0.003).all() and distance.amin(1).min() > -0.008
    points, _ = data.objects.clouds(data.object * data.objects.views)
    gap = torch.cdist(vertices, points).amin((1, 2))
    assert gap.max() < 0.012


def test_frames_move_hand_and_cloud_together(data, model, bank):
    index = torch.arange(40)
    frames = bank.frames_of(index)
    state = data.rows(bank.grasp[index])
    local = model.hands(state.inverse_transformed(*frames))
    torch.testing.assert_close(frames.to_world(local), model.hands(state), atol=1e-5, rtol=0)


def test_grasp_points_lie_where_the_palm_reaches(data, model, bank):
    if not model.in_local_frames:
        pytest.skip("the paper's model has no local frames")
    held, reach = data.held[bank.grasp], data.reach[bank.grasp]
    points, _ = data.objects.clouds(data.object[bank.grasp] * data.objects.views)
    best = (points - held.unsqueeze(1)).norm(dim=-1).amin(1)
    distance = (bank.frames.origin - held).norm(dim=-1)
    assert (distance < best + SLACK + 0.05).all() and distance.median() < 0.04
    facing = -(bank.frames.rotation[..., 2] * reach).sum(-1)
    assert (facing > 0).float().mean() > 0.55  # rims, handles and the inside of bowls are held from behind


def test_views_and_grasp_points_vary_and_follow_the_seed(data, model, bank):
    again, other = build_bank(data, model, 2, seed=0), build_bank(data, model, 2, seed=1)
    torch.testing.assert_close(again.frames.rotation, bank.frames.rotation)
    torch.testing.assert_close(again.features, bank.features)
    assert not torch.equal(other.view, bank.view)
    assert sorted(bank.grasp.tolist()) == sorted(list(range(len(data))) * 2)
    assert len(bank.view.unique()) > len(data.specs)
    assert torch.equal(bank.view // data.objects.views, data.object[bank.grasp])


def test_augmented_samples_have_other_grasp_points_and_sizes(data, model):
    if not model.in_local_frames:
        pytest.skip("the paper's model has no local frames")
    bank = build_bank(data, model, 2, seed=0, augmented=0.5)
    assert 0.35 < bank.labelled.float().mean() < 0.65
    assert (bank.scale[bank.labelled] == 1).all() and bank.scale[~bank.labelled].std() > 0.1
    low, high = SCALES
    assert low <= bank.scale.min() and bank.scale.max() <= high
    # The grasp point of an enlarged object lies on the enlarged cloud.
    points, _ = data.objects.clouds(bank.view)
    gap = (points * bank.scale[:, None, None] - bank.frames.origin.unsqueeze(1)).norm(dim=-1).amin(1)
    assert gap.max() < 1e-4
    enlarged = ScaledGrids(data.objects.grids, bank.scale)
    distance = enlarged.query(bank.frames.origin.unsqueeze(1), data.object[bank.grasp])
    assert distance.abs().median() < 0.003


def test_partial_views_show_one_side(data):
    """Normals of a partial view point to one half of the world; those of the whole cloud to all sides."""
    _, normals = data.objects.clouds(torch.arange(len(data.specs) * data.objects.views))
    mean = torch.nn.functional.normalize(normals, dim=-1).mean(1).norm(dim=-1).view(len(data.specs), -1)
    assert mean[:, 1:].mean() > mean[:, 0].mean() + 0.15
    assert mean[:, 1:].amax(1).min() > 0.5


def test_cache_is_used(data, data_config, monkeypatch):
    import fastgrasp_training.object_views as module

    monkeypatch.setattr(module, "_make", None)
    again = TrainingObjects.prepare(data.specs, data_config.cache, data_config.views, data_config.cells, 1)
    assert torch.equal(again.points, data.objects.points)
