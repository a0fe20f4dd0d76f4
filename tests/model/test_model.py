"""The whole network: files, refusals, and that each part is wired to what it should see."""

import dataclasses
import json

import pytest
import torch

from fastgrasp_model.configuration import ModelConfig
from fastgrasp_model.geometry.views import local_frames
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.model import FastGraspModel, WeightsError

SMALL = ModelConfig(
    name="small", points=32, object_width=16, hand_width=16, latent=8, denoiser_width=16, denoiser_depth=1,
    sampling_steps=3, query_points=20, rounds=2, adaptation_width=16, adaptation_depth=1,
)  # fmt: skip


FEELING = dataclasses.replace(SMALL, name="feeling", implicit_shape_width=8, bone_frames=True, evaluator_width=12, sampler="dpm")


@pytest.fixture(scope="module")
def hand():
    return ManoLayer.from_file()


@pytest.fixture
def feeling(hand):
    """A model with a field and judges, all of whose layers say something."""
    torch.manual_seed(1)
    made = FastGraspModel(FEELING, hand).eval().requires_grad_(False)
    made.query_ids.copy_(torch.arange(0, 200, 10))
    for part in (made.implicit_shape, made.grasp_evaluator, made.adaptation):
        for parameter in part.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    return made


@pytest.fixture
def model(hand):
    torch.manual_seed(0)
    made = FastGraspModel(SMALL, hand).eval().requires_grad_(False)
    made.query_ids.copy_(torch.arange(0, 200, 10))
    return made


def test_save_and_load(model, hand, tmp_path):
    model.save_pretrained(tmp_path, {"note": 1})
    again = FastGraspModel.from_pretrained(tmp_path, hand)
    assert again.config == SMALL and not again.training
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, atol=0, rtol=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    assert not any("v_template" in name or "posedirs" in name for name in model.state_dict())


def test_half_precision_changes_little(model, hand, tmp_path):
    model.save_pretrained(tmp_path / "whole")
    model.save_pretrained(tmp_path / "half", half=True)
    again = FastGraspModel.from_pretrained(tmp_path / "half", hand)
    size = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half")]
    assert size[1] < 0.65 * size[0]
    assert all(value.dtype != torch.float16 for value in again.state_dict().values())
    latent = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    hands = [m.hands(m.autoencoder.eval().decode(latent)) for m in (model, again)]
    assert 0 < (hands[0] - hands[1]).abs().max() < 1e-3


def test_missing_and_damaged_weights_are_refused(model, hand, tmp_path):
    with pytest.raises(WeightsError, match="no weights at .*fastgrasp train all"):
        FastGraspModel.from_pretrained(tmp_path / "nowhere", hand)
    model.save_pretrained(tmp_path)
    tensors = tmp_path / "model.safetensors"
    whole = tensors.read_bytes()
    tensors.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="missing or damaged"):
        FastGraspModel.from_pretrained(tmp_path, hand)
    tensors.unlink()
    with pytest.raises(WeightsError, match="missing or damaged"):
        FastGraspModel.from_pretrained(tmp_path, hand)
    tensors.write_bytes(whole)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({"model": config["model"] | {"latent": 12}}))
    with pytest.raises(WeightsError, match="does not fit its config.json"):
        FastGraspModel.from_pretrained(tmp_path, hand)
    for text in ("{", "[]", '{"model": {"frame": "moon"}}', '{"model": {"unknown": 1}}'):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(WeightsError, match="config.json is damaged"):
            FastGraspModel.from_pretrained(tmp_path, hand)


def test_weights_that_are_not_finite_are_refused(model, hand, tmp_path):
    model.denoiser.no_object[0] = float("nan")
    model.save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match="not finite"):
        FastGraspModel.from_pretrained(tmp_path, hand)


def test_answer_does_not_depend_on_where_the_object_is(model):
    """Anchor frames make the network equivariant: a moved object gives the same latents."""
    from fastgrasp_model.geometry.rotations import random_rotations

    g = torch.Generator().manual_seed(1)
    points = 0.05 * torch.randn(2, 200, 3, generator=g)
    normals = torch.nn.functional.normalize(points, dim=-1)
    turn, shift = random_rotations(2, g), torch.randn(2, 3, generator=g)
    moved = points @ turn.transpose(1, 2) + shift[:, None]

    def answer(cloud, frames):
        features, context = model.observe(cloud, frames, torch.Generator().manual_seed(2))
        condition = model.object_encoder(features, context)
        return model.sample(condition, torch.ones(2, SMALL.latent))

    frames = local_frames(points[:, 5], normals[:, 5], torch.zeros(2))
    carried = type(frames)(turn @ frames.rotation, (turn @ frames.origin[..., None])[..., 0] + shift)
    torch.testing.assert_close(answer(moved, carried), answer(points, frames), atol=1e-4, rtol=1e-3)


def test_adaptation_runs_the_configured_rounds_and_feels_the_cloud(model):
    for parameter in model.adaptation.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(3))
    latent, condition = torch.randn(2, 2, 8, generator=torch.Generator().manual_seed(4))[0], torch.zeros(2, 16)
    points = 0.05 * torch.randn(2, 100, 3, generator=torch.Generator().manual_seed(5))
    normals = torch.nn.functional.normalize(points, dim=-1)
    adapted, betas = model.adapt(latent, condition, points, normals), model.shape(latent)

    def corrected(latent):
        query_points = model.query_points(model.decode(latent)._replace(betas=betas))
        return latent + model.correct(latent, condition, points, model.feel(query_points, points, normals), query_points.wrist)

    twice = corrected(corrected(latent))
    torch.testing.assert_close(adapted.hand_pose, model.autoencoder.decode(twice).hand_pose)
    torch.testing.assert_close(adapted.betas, betas)  # the hand moves, and keeps its shape
    assert not torch.allclose(adapted.wrist, model.adapt(latent, condition, points + 0.02, normals).wrist)


def test_the_judge_sees_hand_cloud_and_whole_shape(feeling):
    """The chance of a firm grasp is one number for each hand; each thing that the judge is told changes it."""
    model, g = feeling, torch.Generator().manual_seed(5)
    points, latent = 0.05 * torch.randn(3, 100, 3, generator=g), torch.randn(3, 8, generator=g)
    normals, condition = torch.nn.functional.normalize(points, dim=-1), torch.randn(3, 16, generator=g)
    shape = model.shape_latent(torch.rand(3, len(model.object_encoder.basis), generator=g), torch.zeros(3, 9))
    state = model.adapt(latent, condition, points, normals, shape)
    chance = model.firmness(state, condition, points, normals, shape)
    assert chance.shape == (3,) and (chance > 0).all() and (chance < 1).all()
    others = (
        model.firmness(state._replace(hand_pose=state.hand_pose + 0.3), condition, points, normals, shape),
        model.firmness(state, condition + 1, points, normals, shape),
        model.firmness(state, condition, points + 0.02, normals, shape),
        model.firmness(state, condition, points, normals, shape + 1),
    )
    assert all((other - chance).abs().min() > 1e-6 for other in others)


def test_the_field_changes_what_the_hand_feels(feeling):
    model, g = feeling, torch.Generator().manual_seed(5)
    points, latent = 0.05 * torch.randn(2, 100, 3, generator=g), torch.randn(2, 8, generator=g)
    normals = torch.nn.functional.normalize(points, dim=-1)
    features = torch.rand(2, len(model.object_encoder.basis), generator=g)
    one, other = (model.shape_latent(f, torch.zeros(2, 9)) for f in (features, 1 - features))
    hands = [model.adapt(latent, torch.zeros(2, 16), points, normals, shape).wrist for shape in (one, other)]
    assert not torch.allclose(*hands)
