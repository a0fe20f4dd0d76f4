"""The model in the configurations of the paper and its ablations: samplers, no adaptation, hand numbers in, CVAE."""

import dataclasses

import pytest
import torch

from fastgrasp_model.configuration import ModelConfig
from fastgrasp_model.generator import GraspGenerator
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.model import FastGraspModel
from fastgrasp_model.networks.hand_representation import HandState

PAPER = ModelConfig(
    name="small paper", layers="plain", frame="object", points=64, object_encoder="pointnet", object_width=1024,
    vertex_encoder="pointnet", hand_width=32, latent=8, denoiser_width=16, denoiser_depth=1, prediction="epsilon",
    schedule="linear", diffusion_steps=30, sampling_steps=4, guidance=3.0, query_points=0, rounds=1,
)  # fmt: skip
CVAE = dataclasses.replace(PAPER, generator="cvae", rounds=0)


def _model(config):
    torch.manual_seed(0)
    return FastGraspModel(config, ManoLayer.from_file()).eval().requires_grad_(False)


def test_ddpm_and_ddim_differ_and_repeat():
    model, condition, noise = _model(PAPER), torch.randn(3, 1024), torch.randn(3, 8)
    few = model.sample(condition, noise)
    object.__setattr__(model, "config", dataclasses.replace(PAPER, sampler="ddpm"))
    every = model.sample(condition, noise)
    assert not torch.allclose(few, every)
    torch.testing.assert_close(model.sample(condition, noise), every)
    torch.testing.assert_close(model.sample(condition, noise, steps=4), few)


def test_ddpm_takes_every_step(monkeypatch):
    model, calls = _model(dataclasses.replace(PAPER, sampler="ddpm")), []
    guided = model.denoiser.guided
    monkeypatch.setattr(model.denoiser, "guided", lambda z, t, c, g: calls.append(int(t[0])) or guided(z, t, c, g))
    model.sample(torch.randn(1, 1024), torch.randn(1, 8))
    assert calls == list(range(29, -1, -1))


def test_no_rounds_is_no_adaptation():
    model = _model(dataclasses.replace(PAPER, rounds=0))
    torch.nn.init.normal_(model.adaptation.net[-1].weight)
    latent, points = torch.randn(2, 8), 0.05 * torch.randn(2, 64, 3)
    answer = model.adapt(latent, torch.zeros(2, 1024), points, points)
    torch.testing.assert_close(answer.wrist, model.decode(latent).wrist)


def test_plain_layers_decode_the_sum_of_both_latents():
    model = _model(PAPER)
    torch.nn.init.normal_(model.adaptation.net[-1].weight)
    latent, points = torch.randn(2, 8), 0.05 * torch.randn(2, 64, 3)
    whole = model.decode(latent + model.adaptation(latent, points))
    answer = model.adapt(latent, torch.zeros(2, 1024), points, points)
    torch.testing.assert_close(answer.wrist, whole.wrist)
    torch.testing.assert_close(answer.betas, whole.betas.clamp(-2, 2))


def test_an_encoder_of_numbers_sees_no_mesh():
    model = _model(dataclasses.replace(PAPER, vertex_encoder="parameters"))
    state = HandState(torch.zeros(2, 10), torch.eye(3).expand(2, 3, 3), torch.zeros(2, 45), torch.zeros(2, 3))
    model.hands = None  # would be called for the mesh
    latents = model.encode(state)
    assert latents.shape == (2, 8)
    assert not torch.allclose(latents, model.encode(state._replace(wrist=torch.full((2, 3), 0.1))))


@pytest.mark.parametrize("config", [PAPER, CVAE])
def test_files_and_generation(config, tmp_path, ball):
    _model(config).save_pretrained(tmp_path)
    generator = GraspGenerator.from_pretrained(tmp_path)
    assert generator.model.config == config
    one, two = generator.generate(ball, 3, seed=1), generator.generate(ball, 3, seed=1)
    assert len(one) == 3 and (one.transl == two.transl).all()
    assert (one.transl != generator.generate(ball, 3, seed=2).transl).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"generator": "cvae", "rounds": 1}, "a CVAE has no latents to adapt"),
        ({"query_points": 10}, "plain layers read the object with a PointNet of 1024"),
        ({"object_width": 64}, "plain layers read the object"),
        ({"sampler": "euler"}, "model.sampler: expected one of"),
        ({"layers": "deep"}, "model.layers: expected one of"),
    ],
)
def test_contradictions_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PAPER, **change)
