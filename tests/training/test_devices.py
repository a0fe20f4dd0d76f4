"""Data follows the model to its device, and mixed precision touches the networks only."""

import dataclasses

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.weights import build_model
from fastgrasp_training import precision
from fastgrasp_training.adaptation import AdaptationStage, sampled_latents
from fastgrasp_training.autoencoder import AutoencoderStage
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.cvae import CvaeStage
from fastgrasp_training.data import build_bank
from fastgrasp_training.devices import Machine
from fastgrasp_training.diffusion import DiffusionStage, true_latents
from fastgrasp_training.paper_stages import PaperAdaptationStage, PaperAutoencoderStage, denoised_latents
from fastgrasp_training.precision import full_precision, lowered
from fastgrasp_training.stage import run_stage


@pytest.fixture
def own_model(model):
    """A model with a hand of its own, which a test may send elsewhere."""
    made = build_model(model.config, ManoLayer.from_file())
    made.load_state_dict(model.state_dict())
    return made


def _stages(model, data, bank):
    paper = model.config.method == "paper"
    yield (PaperAutoencoderStage if paper else AutoencoderStage)(model, StageConfig(), data, bank)
    yield DiffusionStage(model, StageConfig(weights={"denoising": 1.0, "grasp_point": 0.1}), data, bank)
    true = true_latents(model, data, bank)
    latents = (denoised_latents if paper else sampled_latents)(model, bank, true, seed=0)
    yield (PaperAdaptationStage if paper else AdaptationStage)(model, StageConfig(), data, bank, latents)


def test_every_stage_follows_its_device(own_model, data, bank):
    """On "meta" nothing is computed, and a tensor that stayed on the CPU is an error, as on a GPU."""
    for stage in list(_stages(own_model, data, bank)):
        stage.to("meta").train()
        for parameter in stage.trained():
            parameter.requires_grad_(True)
        terms = stage.loss_terms(torch.arange(8, device="meta"))
        total = stage.total(terms)
        total.backward()
        assert total.device.type == "meta" and all(p.grad is None or p.grad.is_meta for p in stage.trained())
        assert stage.bank.features.is_meta


def test_the_cvae_follows_its_device(own_model, data):
    config = dataclasses.replace(own_model.config, variant="cvae", rounds=0)
    model = build_model(config, own_model.hand)
    stage = CvaeStage(model, StageConfig(), data, build_bank(data, model, 1, seed=0)).to("meta")
    assert stage.total(stage.loss_terms(torch.arange(8, device="meta"))).is_meta


def test_samples_are_made_on_the_device_of_data_and_model(own_model, data):
    own_model.to("meta")
    own_model.hand.to("meta")
    bank = build_bank(data.to("meta"), own_model, 1, seed=0)
    assert bank.features.is_meta and bank.scale.is_meta and len(bank) == len(data)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["default"], indirect=True)
def test_a_stage_learns_in_mixed_precision(model, data, bank):
    weights = {"parameters": 1.0, "mesh": 2.0, "contact": 0.5, "penetration": 0.1, "consistency": 5.0}
    config = StageConfig(steps=60, batch=16, learning_rate=2e-3, weights=weights)
    stage = AutoencoderStage(model, config, data, bank)
    seen, losses = [], []

    class Losses(Callback):
        def on_train_batch_end(self, trainer, stage, *_):
            losses.append(float(stage.terms["total"]))

    model.autoencoder.decoder[0].register_forward_hook(lambda _module, _inputs, output: seen.append(output.dtype))
    run_stage(stage, Machine(precision="bf16"), callbacks=[Losses()])
    assert set(seen) == {torch.bfloat16}
    assert sum(losses[-10:]) < 0.9 * sum(losses[:10])
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert "forward" not in vars(model.autoencoder.decoder)


@pytest.mark.parametrize("model", ["default", "full"], indirect=True)  # the paper's losses ask no grids
def test_geometry_stays_in_float32(model, data, bank, monkeypatch):
    """Hands, distances and losses are float32, and autocast is off where they are computed."""
    stage = AutoencoderStage(model, StageConfig(), data, bank)
    query, seen = SignedDistanceGrids.query, []

    def watched(self, points, index):
        seen.append((points.dtype, torch.is_autocast_enabled("cpu")))
        return query(self, points, index)

    monkeypatch.setattr(SignedDistanceGrids, "query", watched)
    plain = stage.total(stage.loss_terms(torch.arange(8))).detach()
    with lowered(model, "bf16"):
        stage.generator = type(stage.generator)()
        terms = stage.loss_terms(torch.arange(8))
        with full_precision():
            latent = model.encode(data.rows(torch.arange(4)))
    assert set(seen) == {(torch.float32, False)}
    assert all(value.dtype == torch.float32 for value in terms.values())
    assert torch.equal(latent, model.encode(data.rows(torch.arange(4)))) or model.training
    assert stage.total(terms).detach() == pytest.approx(float(plain), rel=0.2)
    assert precision.networks(model)


@pytest.mark.parametrize("file", ["default", "lean", "paper"])
def test_every_network_is_lowered_but_the_exact_ones(file):
    """The shape completion and the implicit shape head were left out once."""
    from pathlib import Path

    from fastgrasp_model.weights import build_model
    from fastgrasp_training.configuration import TrainingConfig

    config = TrainingConfig.from_yaml(Path(__file__).resolve().parents[2] / "config" / "training" / f"{file}.yaml")
    model = build_model(config.model, ManoLayer.from_file())
    left = {name.rpartition(".")[0] for name, _ in model.named_parameters()
            if not name.startswith(tuple(f"{network}." for network in precision.NETWORKS))}  # fmt: skip
    assert left <= {"autoencoder.encoder_linear", "autoencoder.decoder_linear"}


def test_the_completion_and_the_implicit_shape_compute_in_bfloat16():
    import dataclasses

    from fastgrasp_model.configuration import ModelConfig
    from fastgrasp_model.networks.implicit_shape import CONTACT_FEATURES
    from fastgrasp_model.weights import build_model

    torch.manual_seed(0)
    config = dataclasses.replace(ModelConfig(), completion_width=8, implicit_shape_width=16)
    model = build_model(config, ManoLayer.from_file()).eval()
    kinds = []
    watched = [m for part in (model.shape_completion, model.implicit_shape) for m in part.modules()
               if isinstance(m, torch.nn.Linear | torch.nn.Conv2d)]  # fmt: skip
    for module in watched:
        module.register_forward_hook(lambda _module, _inputs, output: kinds.append(output.dtype))
    seen = torch.zeros(2, 64, 64)
    seen[:, 20:40, 20:40] = 1
    with torch.no_grad(), lowered(model, "bf16"):
        surfaces = model.shape_completion(0.1 * seen, seen, torch.ones(2) * 0.1)
        latent = model.implicit_shape.latent(torch.rand(2, len(model.object_encoder.basis)), torch.rand(2, 9))
        found = model.implicit_shape(latent, torch.rand(2, 5, 3), torch.rand(2, 5, CONTACT_FEATURES))
    assert set(kinds) == {torch.bfloat16} and len(kinds) >= len(watched)
    assert {part.dtype for part in (*surfaces, latent, found)} == {torch.float32}
