"""The whole network: files, refusals, and that each part is wired to what it should see."""

import dataclasses
import json
import resource

import pytest
import torch

from fastgrasp_model.configuration import ModelConfig
from fastgrasp_model.geometry.frames import local_frames
from fastgrasp_model.grasp_model import ObservedObject
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.model import FastGraspModel
from fastgrasp_model.weights import WeightsError, load_model, save_model

SMALL = ModelConfig(
    name="small", points=32, object_width=16, hand_width=16, latent=8, denoiser_width=16, denoiser_depth=1,
    sampling_steps=3, query_points=20, rounds=2, adaptation_width=16, adaptation_depth=1,
)  # fmt: skip


FULL = dataclasses.replace(SMALL, name="full", implicit_shape_width=8, bone_frames=True, evaluator_width=12)


@pytest.fixture(scope="module")
def hand():
    return ManoLayer.from_file()


@pytest.fixture
def full(hand):
    """A model with every network, none of whose layers is zero."""
    torch.manual_seed(1)
    made = FastGraspModel(FULL, hand).eval().requires_grad_(False)
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
    save_model(model, tmp_path, {"note": 1})
    again = load_model(tmp_path, hand)
    assert again.config == SMALL and not again.training
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, atol=0, rtol=0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    assert not any("v_template" in name or "posedirs" in name for name in model.state_dict())


def test_half_precision_changes_little(model, hand, tmp_path):
    save_model(model, tmp_path / "whole")
    save_model(model, tmp_path / "half", half=True)
    again = load_model(tmp_path / "half", hand)
    size = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half")]
    assert size[1] < 0.65 * size[0]
    assert all(value.dtype != torch.float16 for value in again.state_dict().values())
    latent = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    hands = [m.hands(m.autoencoder.eval().decode(latent)) for m in (model, again)]
    assert 0 < (hands[0] - hands[1]).abs().max() < 1e-3


def test_missing_and_damaged_weights_are_refused(model, hand, tmp_path):
    with pytest.raises(WeightsError, match="no weights at .*fastgrasp train all"):
        load_model(tmp_path / "nowhere", hand)
    save_model(model, tmp_path)
    tensors = tmp_path / "model.safetensors"
    whole = tensors.read_bytes()
    tensors.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="missing or damaged"):
        load_model(tmp_path, hand)
    tensors.unlink()
    with pytest.raises(WeightsError, match="missing or damaged"):
        load_model(tmp_path, hand)
    tensors.write_bytes(whole)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({"model": config["model"] | {"latent": 12}}))
    with pytest.raises(WeightsError, match="does not fit its config.json"):
        load_model(tmp_path, hand)
    for text in ("{", "[]", '{"model": {"radius": "moon"}}', '{"model": {"unknown": 1}}'):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(WeightsError, match="config.json is damaged"):
            load_model(tmp_path, hand)


def test_weights_that_are_not_finite_are_refused(model, hand, tmp_path):
    model.denoiser.no_object[0] = float("nan")
    save_model(model, tmp_path)
    with pytest.raises(WeightsError, match="not finite"):
        load_model(tmp_path, hand)


def test_answer_does_not_depend_on_where_the_object_is(model):
    """Local frames make the network equivariant: a transformed object gives the same latents."""
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


def test_adaptation_runs_the_configured_rounds_on_contact_features(model):
    for parameter in model.adaptation.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(3))
    latent = torch.randn(2, 2, 8, generator=torch.Generator().manual_seed(4))[0]
    points = 0.05 * torch.randn(2, 100, 3, generator=torch.Generator().manual_seed(5))
    observed = ObservedObject(points, torch.nn.functional.normalize(points, dim=-1), torch.zeros(2, 16))
    adapted, betas = model.adapt(latent, observed), model.betas(latent)

    def corrected(latent):
        return latent + model.correction(latent, observed, model.sense(latent, betas, observed))

    twice = corrected(corrected(latent))
    torch.testing.assert_close(adapted.hand_pose, model.autoencoder.decode(twice).hand_pose)
    torch.testing.assert_close(adapted.betas, betas)  # the adaptation keeps the shape of the hand
    assert not torch.allclose(adapted.wrist, model.adapt(latent, observed._replace(points=points + 0.02)).wrist)


def _observed(model, count, seed=5):
    g = torch.Generator().manual_seed(seed)
    points, latent = 0.05 * torch.randn(count, 100, 3, generator=g), torch.randn(count, 8, generator=g)
    features = torch.rand(count, len(model.object_encoder.basis), generator=g)
    shape = model.shape_latent(features, torch.zeros(count, 9))
    normals, condition = torch.nn.functional.normalize(points, dim=-1), torch.randn(count, 16, generator=g)
    return latent, ObservedObject(points, normals, condition, shape), features


def test_the_grasp_evaluator_reads_hand_cloud_and_shape_latent(full):
    """The stability of a grasp is one probability a hand; each input changes it."""
    latent, observed, _ = _observed(full, 3)
    state = full.adapt(latent, observed)
    stability = full.stability(state, observed)
    assert stability.shape == (3,) and (stability > 0).all() and (stability < 1).all()
    others = (
        full.stability(state._replace(hand_pose=state.hand_pose + 0.3), observed),
        full.stability(state, observed._replace(condition=observed.condition + 1)),
        full.stability(state, observed._replace(points=observed.points + 0.02)),
        full.stability(state, observed._replace(shape_latent=observed.shape_latent + 1)),
    )
    assert all((other - stability).abs().min() > 1e-6 for other in others)


def test_the_implicit_shape_head_changes_the_hand(full):
    latent, observed, features = _observed(full, 2)
    other = full.shape_latent(1 - features, torch.zeros(2, 9))
    hand = full.adapt(latent, observed).wrist
    assert not torch.allclose(hand, full.adapt(latent, observed._replace(shape_latent=other)).wrist)


def test_gradients_of_a_round_stay_in_it_and_reach_the_implicit_shape_head_once(full):
    from fastgrasp_model.adaptation_loop import adaptation_rounds

    full.requires_grad_(True)
    latent, observed, _ = _observed(full, 2)
    first, second = adaptation_rounds(full, latent, full.betas(latent).detach(), observed, implicit_round=1)
    assert first.senses.implicit is None and second.senses.implicit.requires_grad
    assert not second.senses.features.requires_grad
    slope = torch.autograd.grad(second.latent.sum(), first.step, retain_graph=True, allow_unused=True)[0]
    assert slope is None, "a round passes no gradient to the rounds before it"


@pytest.mark.parametrize("key", ["object_width", "denoiser_width", "denoiser_depth"])
def test_absurd_sizes_are_refused_before_they_are_allocated(tmp_path, hand, key):
    save_model(FastGraspModel(SMALL, hand), tmp_path)
    for size in (99_999, 10**9):
        config = {**SMALL.to_dict(), key: size}
        (tmp_path / "config.json").write_text(json.dumps({"model": config, "notes": {}}))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(WeightsError, match="does not fit|damaged or of another version"):
            load_model(tmp_path, hand)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < peak + (1 << 20)  # kilobytes
