"""The completion: range images of objects, what a sensor makes of them, and a network that learns from them."""

import dataclasses
import json

import numpy as np
import pytest
import torch
import trimesh

from fastgrasp_evaluation.simulated_views import single_view
from fastgrasp_model.completion import predicted_surface
from fastgrasp_model.configuration import ModelConfig
from fastgrasp_model.geometry.range_image import PIXELS
from fastgrasp_model.networks.shape_completion import Surfaces
from fastgrasp_model.weights import build_model, load_model
from fastgrasp_synthesis.grasp_set import PACKED_GRASPS, load_grasp_set
from fastgrasp_synthesis.object_specs import HELD_OUT, families, split_of
from fastgrasp_training import run
from fastgrasp_training.completion import CompletionStage, back_errors, rotated, sensed, surface_losses
from fastgrasp_training.configuration import DataConfig, StageConfig, TrainingConfig
from fastgrasp_training.randomness import StepGenerator
from fastgrasp_training.range_views import RangeViews, further_objects, object_range_views, prepared_views
from fastgrasp_training.run import train
from fastgrasp_training.sources import as_source


def views_of(mesh, count, seed=0):
    made = object_range_views(mesh, count, np.random.default_rng(seed))
    return RangeViews(**{name: torch.from_numpy(column) for name, column in made.items()})


@pytest.fixture(scope="module")
def balls():
    return views_of(trimesh.creation.icosphere(4, 0.04), 12)


def test_range_images_of_a_ball_are_exact(balls):
    """Front and back meet at the outline and are farthest apart in the middle, by the diameter."""
    thickness = (balls.back.float() - balls.front.float()) * balls.scale.view(-1, 1, 1)
    middle = thickness[:, PIXELS // 2 - 2 : PIXELS // 2 + 2, PIXELS // 2 - 2 : PIXELS // 2 + 2].flatten(1)
    torch.testing.assert_close(middle.median(1).values, torch.full((12,), 0.08), atol=0.001, rtol=0)
    assert (thickness[balls.inside] >= -1e-4).all() and (balls.count[~balls.inside] == 0).all()
    disc = balls.inside.float().sum((1, 2)) * (2 * balls.scale / PIXELS).square()
    torch.testing.assert_close(disc, torch.full((12,), torch.pi * 0.04**2), atol=0.0005, rtol=0)


def test_the_cache_gives_the_same_images(tmp_path):
    sources = [as_source("mug:1"), as_source("block:2")]
    made = prepared_views(sources, tmp_path, 2, workers=1)
    again = prepared_views(sources, tmp_path, 2, workers=1)
    assert len(made) == 4 and len(list(tmp_path.glob("range_*.npz"))) == 2
    for name, column in vars(made).items():
        assert torch.equal(column, getattr(again, name)), name
    assert made[torch.tensor([2])].scale == made.scale[2]


def test_turned_views_are_turned_whole(balls):
    seen = {0}
    for seed in range(30):
        other = rotated(balls, StepGenerator(seed))
        assert torch.equal(other.inside.sum((1, 2)), balls.inside.sum((1, 2))) and torch.equal(other.scale, balls.scale)
        assert torch.equal(other.count > 0, (other.count > 0) & other.inside)
        seen.add(hash(other.inside.numpy().tobytes()))
    assert len(seen) > 6  # eight ways, and 0


def test_a_sensor_sees_few_or_many_points_with_noise_and_holes(balls):
    shares, errors = [], []
    for seed in range(40):
        ranges, seen = sensed(balls, balls.scale, StepGenerator(seed))
        assert ((seen == 0) | (balls.count > 0)).all() and (ranges[seen == 0] == 0).all()
        shares.append(seen.sum((1, 2)) / (balls.count > 0).sum((1, 2)))
        errors.append(((ranges - balls.mean.float()).abs() * balls.scale.view(-1, 1, 1))[seen > 0])
    shares = torch.cat(shares)
    assert shares.min() < 0.2 and shares.max() > 0.95
    assert 0.0003 < torch.cat(errors).mean() < 0.002


def test_losses_are_nothing_for_the_truth_and_in_centimetres(balls):
    sure = (balls.inside.float() * 2 - 1) * 30
    true = Surfaces(balls.front.float(), balls.back.float(), sure)
    assert all(value < 1e-6 for value in surface_losses(true, balls, balls.scale).values())
    off = true._replace(back=true.back + 0.02 / balls.scale.view(-1, 1, 1))
    losses = surface_losses(off, balls, balls.scale)
    assert losses["back"] == pytest.approx(2.0 - 0.05, abs=0.01)  # half the width of the square part less
    assert losses["front"] < 1e-6 and losses["slope"] < 1e-6


@pytest.mark.slow
def test_a_network_learns_the_back_of_balls(hand, balls):
    config = ModelConfig(name="small", latent=24, object_width=48, hand_width=64, denoiser_width=48, completion_width=8)
    torch.manual_seed(0)
    model = build_model(config, hand)
    stage = CompletionStage(model, StageConfig(steps=120, batch=12), balls)
    optimiser = torch.optim.Adam(stage.trained(), 5e-3)
    before = back_errors(model.shape_completion, balls, StepGenerator(5))
    for step in range(120):
        stage.generator = StepGenerator(step)
        loss = stage.total(stage.loss_terms(torch.arange(12)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    after = back_errors(model.shape_completion, balls, StepGenerator(5))
    assert after["back_error_mm"] < 0.25 * before["back_error_mm"]
    assert after["outline_error_share"] < 0.2
    points = single_view(trimesh.creation.icosphere(4, 0.04), np.array([0.0, 0.1, 0.6]))
    hidden, normals = predicted_surface(model.shape_completion, points, np.array([0.0, 0.1, 0.6]))
    away = np.linalg.norm(hidden, axis=1)
    assert np.abs(away - 0.04).mean() < 0.008 and (normals * hidden).sum(1).mean() > 0


@pytest.mark.slow
def test_the_stages_after_it_see_views_made_whole(tiny_run, tmp_path, monkeypatch):
    """A run of two stages: the second leaves the network alone, and gets clouds that it has completed."""
    clouds = []
    samples_for = run.samples_for

    def noting(name, config, data, model, progress):
        clouds.append((name, data.objects.points.clone()))
        return samples_for(name, config, data, model, progress)

    monkeypatch.setattr(run, "samples_for", noting)
    model = dataclasses.replace(tiny_run.model, completion_width=8)
    data = dataclasses.replace(tiny_run.data, range_views=2)
    config = dataclasses.replace(tiny_run, model=model, data=data, completion=tiny_run.diffusion)
    train(config, ("completion", "autoencoder"), tmp_path, "cpu", quiet=True)
    folders = (tmp_path / name / "weights" for name in ("completion", "autoencoder"))
    one, two = (load_model(folder).state_dict() for folder in folders)
    moved = {name.split(".")[0] for name in one if not torch.equal(one[name], two[name])}
    assert "autoencoder" in moved and "back_view" not in moved
    (_, raw), (_, whole) = clouds
    same = (raw == whole).all(-1)  # three views of each object, the first of the whole
    assert same[0::3].all() and 0.4 < same[1::3].float().mean() < 0.6
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert any("back" in row.get("losses", {}) for row in rows)


def test_further_objects_are_of_the_training_families_and_carry_no_grasps():
    further = further_objects(300)
    specs = [source.spec for source in further]
    assert len(set(specs)) == 300 and not set(specs) & set(load_grasp_set(PACKED_GRASPS).objects)
    assert all(split_of(spec) == "train" for spec in specs)
    assert {spec.split(":")[0] for spec in specs} == set(families()) - HELD_OUT
    assert further_objects(30) == further[:30] and further_objects(0) == []


def test_a_completion_learns_from_further_objects_too(tiny_run, data):
    few = dataclasses.replace(tiny_run.data, range_views=2)
    sizes = []
    for count in (0, 3):
        config = dataclasses.replace(tiny_run, data=dataclasses.replace(few, range_objects=count))
        sizes.append(len(run.samples_for("completion", config, data, None)))
    assert sizes == [2 * len(data.specs), 2 * len(data.specs) + 6]


def test_a_network_and_its_stage_belong_together():
    stage = StageConfig(steps=2, batch=2)
    for model, completion in ((ModelConfig(completion_width=8), None), (ModelConfig(), stage)):
        with pytest.raises(ValueError, match="completion: it trains the network of model.completion_width"):
            TrainingConfig(model, DataConfig(), stage, stage, stage, completion=completion)
