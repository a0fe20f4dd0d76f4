"""The published model and the variants of the ablations: samplers, no adaptation, parameters in, CVAE."""

import dataclasses

import pytest
import torch

from fastgrasp_model.configuration import ModelConfig
from fastgrasp_model.generator import GraspGenerator
from fastgrasp_model.grasp_model import ObservedObject
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.networks.hand_representation import HandState
from fastgrasp_model.paper.configuration import PaperConfig
from fastgrasp_model.weights import build_model, load_model, save_model

PAPER = PaperConfig(
    name="small paper", points=64, hand_width=32, latent=8, denoiser_width=16, denoiser_depth=1, diffusion_steps=30,
    sampling_steps=4,
)  # fmt: skip
SMALL = ModelConfig(
    name="small", points=32, object_width=16, hand_width=16, latent=8, denoiser_width=16, denoiser_depth=1,
    sampling_steps=3, query_points=20, rounds=2, adaptation_width=16, adaptation_depth=1,
)  # fmt: skip
CVAE_ROW, PARAMETERS_ROW = {"variant": "cvae", "rounds": 0}, {"variant": "parameters"}
CVAE = dataclasses.replace(PAPER, variant="cvae", rounds=0)


def _model(config):
    torch.manual_seed(0)
    return build_model(config, ManoLayer.from_file()).eval().requires_grad_(False)


def test_ddpm_and_ddim_differ_and_repeat():
    model, condition, noise = _model(PAPER), torch.randn(3, 1024), torch.randn(3, 8)
    few = model.sample(condition, noise)
    object.__setattr__(model, "config", dataclasses.replace(PAPER, sampler="ddpm"))
    every = model.sample(condition, noise)
    assert not torch.allclose(few, every)
    torch.testing.assert_close(model.sample(condition, noise), every)


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
    answer = model.adapt(latent, ObservedObject(points, points, torch.zeros(2, 1024)))
    torch.testing.assert_close(answer.wrist, model.decode(latent).wrist)


def test_the_hand_is_the_decoded_sum_of_both_latents():
    model = _model(PAPER)
    torch.nn.init.normal_(model.adaptation.net[-1].weight)
    latent, points = torch.randn(2, 8), 0.05 * torch.randn(2, 64, 3)
    whole = model.decode(latent + model.adaptation(latent, points))
    answer = model.adapt(latent, ObservedObject(points, points, torch.zeros(2, 1024)))
    torch.testing.assert_close(answer.wrist, whole.wrist)
    torch.testing.assert_close(answer.betas, whole.betas.clamp(-2, 2))


@pytest.mark.parametrize("config", [PAPER, SMALL])
def test_an_encoder_of_parameters_reads_no_mesh(config):
    model = _model(dataclasses.replace(config, variant="parameters"))
    state = HandState(torch.zeros(2, 10), torch.eye(3).expand(2, 3, 3), torch.zeros(2, 45), torch.zeros(2, 3))
    model.hands = None  # would be called for the mesh
    latents = model.encode(state)
    assert latents.shape == (2, 8)
    assert not torch.allclose(latents, model.encode(state._replace(wrist=torch.full((2, 3), 0.1))))


@pytest.mark.parametrize(
    "config",
    [PAPER, CVAE, dataclasses.replace(SMALL, **CVAE_ROW), dataclasses.replace(SMALL, **PARAMETERS_ROW)],
)
def test_files_and_generation(config, tmp_path, ball):
    model = _model(config)
    save_model(model, tmp_path)
    generator = GraspGenerator.from_pretrained(tmp_path)
    assert generator.model.config == config and type(generator.model) is type(model)
    one, two = generator.generate(ball, 3, seed=1), generator.generate(ball, 3, seed=1)
    assert len(one) == 3 and (one.transl == two.transl).all()
    assert (one.transl != generator.generate(ball, 3, seed=2).transl).any()


def test_tensors_of_earlier_versions_are_read(tmp_path):
    """Weights written before the methods had classes: other names, and a network that the paper's model never had."""
    from safetensors.torch import load_file, save_file

    model = _model(PAPER)
    save_model(model, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    former = {"input_projection": "enter", "representation": "code"}
    old = {".".join(former.get(part, part) for part in name.split(".")): tensor for name, tensor in tensors.items()}
    old |= {"anchor_scorer.0.weight": torch.zeros(2, 2), "probe_ids": torch.zeros(0, dtype=torch.long)}
    save_file(old, tmp_path / "model.safetensors")
    again = load_model(tmp_path)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in again.state_dict().items())
