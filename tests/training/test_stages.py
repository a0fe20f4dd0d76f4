"""Each stage, trained for a few steps on real grasps: its loss falls, and it moves only what it should."""

import dataclasses

import pytest
import torch

from fastgrasp_model.grasp_model import ObservedObject
from fastgrasp_model.networks.hand_representation import HandRepresentation
from fastgrasp_model.weights import load_model
from fastgrasp_training.adaptation import AdaptationStage, sampled_latents
from fastgrasp_training.autoencoder import AutoencoderStage, perturbed
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import build_bank
from fastgrasp_training.diffusion import DiffusionStage, true_latents
from fastgrasp_training.losses import HandContact, ScaledGrids, stable
from fastgrasp_training.paper_stages import PaperAdaptationStage, PaperAutoencoderStage, denoised_latents
from fastgrasp_training.randomness import StepGenerator
from fastgrasp_training.self_training import GeneratedHands, SelfTrainingError, SelfTrainingStage, generate_hands
from fastgrasp_training.stage import RandomBatches


def _autoencoder(model, data, bank, weights=None):
    kind = PaperAutoencoderStage if model.config.method == "paper" else AutoencoderStage
    return kind(model, StageConfig(weights=weights or {}), data, bank)


def _adaptation(model, data, bank, weights=None):
    _autoencoder(model, data, bank)  # fits the hand representation
    true, paper = true_latents(model, data, bank), model.config.method == "paper"
    latents = (denoised_latents if paper else sampled_latents)(model, bank, true, seed=0)
    kind = PaperAdaptationStage if paper else AdaptationStage
    return kind(model, StageConfig(weights=weights or {}), data, bank, latents)


def _last_layer(model):
    return model.adaptation.net[-1] if model.config.method == "paper" else model.adaptation.output_projection


def _train(stage, steps, batch, rate=2e-3):
    """Mean loss of the first and of the last fifth of the steps, and the parameters that moved."""
    before = {name: value.clone() for name, value in stage.model.named_parameters()}
    optimiser = torch.optim.Adam(stage.trained(), lr=rate)
    losses = []
    stage.on_train_epoch_start()
    for index in RandomBatches(len(stage.bank), batch, steps, seed=1):
        loss = sum(stage.weight(name) * value for name, value in stage.loss_terms(index).items())
        optimiser.zero_grad()
        loss.backward()
        assert all(torch.isfinite(p.grad).all() for p in stage.trained() if p.grad is not None)
        optimiser.step()
        losses.append(float(loss.detach()))
    after = stage.model.named_parameters()
    moved = {name.split(".")[0] for name, value in after if not torch.equal(value, before[name])}
    fifth = max(steps // 5, 1)
    return sum(losses[:fifth]) / fifth, sum(losses[-fifth:]) / fifth, moved


def test_autoencoder_learns(model, data, bank):
    weights = {"parameters": 1.0, "mesh": 2.0, "contact": 0.5, "penetration": 0.1, "consistency": 5.0}
    steps = 80
    if model.config.method == "paper":  # its PointNets take a second a step
        weights, steps = {"parameters": 0.1, "mesh": 1.0}, 25
    first, last, moved = _train(_autoencoder(model, data, bank, weights), steps, 16, 1e-3)
    assert last < 0.8 * first
    assert moved == {"autoencoder"}


def test_diffusion_learns(model, data, bank):
    _autoencoder(model, data, bank)  # fits the hand representation
    steps = 50 if model.config.method == "paper" else 160
    first, last, moved = _train(DiffusionStage(model, StageConfig(), data, bank), steps, 64)
    assert last < 0.9 * first
    expected = {"denoiser", "object_encoder"} | ({"graspability_prior"} if model.in_local_frames else set())
    assert moved == expected


def test_adaptation_learns(model, data, bank):
    weights, learned = {"contact": 1.0, "penetration": 0.1, "step": 0.01}, {"adaptation"}
    if model.grasp_evaluator is not None:
        weights |= {"wrench": 0.1, "implicit_shape": 0.5, "evaluator": 0.1, "graspability": 0.1}
        learned |= {"implicit_shape", "grasp_evaluator", "graspability"}
    steps = 100
    if model.config.method == "paper":  # its PointNets take a second a step
        weights, steps = {"contact": 1.0}, 15
    first, last, moved = _train(_adaptation(model, data, bank, weights), steps, 16)
    assert last < 0.9 * first
    assert moved == learned


def test_every_loss_of_the_adaptation_has_a_gradient(model, data, bank):
    """No loss may be a mask without gradient, as the published consistency loss was."""
    stage = _adaptation(model, data, bank)
    stage.on_train_epoch_start()
    torch.nn.init.normal_(_last_layer(model).weight, std=0.05)
    for name, value in stage.loss_terms(torch.arange(32)).items():
        if name == "graspability":
            weight = model.graspability.net[-1].bias
        else:
            learner = {"implicit_shape": model.implicit_shape, "evaluator": model.grasp_evaluator}.get(name)
            weight = (learner.output_projection if learner is not None else _last_layer(model)).bias
        slope = torch.autograd.grad(value, weight, retain_graph=True, allow_unused=True)[0]
        assert slope is not None, name
        assert torch.isfinite(slope).all() and (slope.abs().sum() > 0 or float(value.detach()) == 0), name


def test_seen_penetration_is_of_objects_seen_from_all_sides(model, data, bank):
    if model.config.method == "paper":
        pytest.skip("a loss of the default model")
    _autoencoder(model, data, bank)
    stage = AdaptationStage(model, StageConfig(), data, bank, true_latents(model, data, bank))
    stage.on_train_epoch_start()
    for view, whole in ((0, True), (1, False)):
        bank.view[:16] = data.object[bank.grasp[:16]] * data.objects.views + view
        terms = stage.loss_terms(torch.arange(16))
        assert terms["penetration"] > 0
        expected = terms["penetration"] if whole else torch.zeros(())
        torch.testing.assert_close(terms["seen_penetration"], expected)


def test_evaluator_and_implicit_shape_do_not_move_the_hand(model, data, bank):
    """What scores a grasp and what predicts the shape pass no gradient to the adaptation module."""
    if model.grasp_evaluator is None:
        pytest.skip("a model without grasp evaluator")
    _autoencoder(model, data, bank)
    stage = AdaptationStage(model, StageConfig(), data, bank, true_latents(model, data, bank))
    torch.nn.init.normal_(model.adaptation.output_projection.weight, std=0.05)
    terms = stage.loss_terms(torch.arange(16))
    for name in ("implicit_shape", "evaluator", "graspability"):
        slopes = torch.autograd.grad(
            terms[name], list(model.adaptation.parameters()), retain_graph=True, allow_unused=True
        )
        assert all(slope is None or not slope.any() for slope in slopes), name
    scores = terms["evaluator"] + terms["graspability"]
    slopes = torch.autograd.grad(scores, list(model.implicit_shape.parameters()), allow_unused=True)
    assert all(slope is None or not slope.any() for slope in slopes)


def test_self_training_learns(model, data, bank):
    _autoencoder(model, data, bank)
    model.config = dataclasses.replace(model.config, noise_scale=1.2)
    stage = SelfTrainingStage(model, StageConfig(), bank, 0.3 * true_latents(model, data, bank))
    first, last, moved = _train(stage, 160, 64)
    assert last < 0.9 * first
    assert moved == {"denoiser"}
    assert model.config.noise_scale == 1.0  # the width of the latents is learned


def test_self_training_keeps_the_stable_hands(data, hand):
    model = load_model(hand=hand)
    bank = build_bank(data, model, 1, seed=0, augmented=0.5)
    hands = generate_hands(model, data, bank, seed=3)
    rows = hands.top_fraction()
    assert torch.equal(rows, hands.stable.nonzero().squeeze(1))
    chosen, latents = bank[rows], hands.latents[rows]
    assert len(bank) / 20 < len(chosen) < len(bank)
    frames, points, normals = chosen.clouds(data.objects, torch.arange(len(chosen)))
    seen = chosen.features.float(), chosen.context
    with torch.no_grad():
        observed = ObservedObject(points, normals, model.object_encoder(*seen), model.shape_latent(*seen))
        state = model.adapt(latents, observed)
    owner, places = data.object[chosen.grasp], frames.to_world(model.hands(state))
    grids = ScaledGrids(data.objects.grids, chosen.scale)
    distance = grids.query(places, owner)
    contact = HandContact.of(hand, model.query_ids)
    residuals = contact.wrench_residuals(places, hand.faces, distance, grids, owner)
    assert stable(residuals, distance).mean() > 0.95  # the same hands again, up to rounding
    assert torch.equal(hands.group // 2, data.object[bank.grasp])
    least = hands.top_fraction(0.5)
    assert hands.penetration[least].mean() < 0.9 * hands.penetration[rows].mean()


def test_the_top_fraction_is_taken_object_by_object():
    holding = torch.tensor([1, 1, 1, 0, 1, 1, 1, 1], dtype=torch.bool)
    volume = torch.tensor([3.0, 1.0, 2.0, 0.0, 9.0, 7.0, 8.0, 5.0])
    group = torch.tensor([0, 0, 0, 0, 1, 1, 1, 4])
    hands = GeneratedHands(torch.zeros(8, 2), holding, volume, group)
    assert hands.top_fraction(0.5).tolist() == [1, 2, 5, 6, 7]  # half of three are two
    assert hands.top_fraction(0.3).tolist() == [1, 5, 7]
    assert hands.top_fraction().tolist() == [0, 1, 2, 4, 5, 6, 7]


def test_self_training_without_stable_hands_is_refused():
    hands = GeneratedHands(torch.zeros(16, 2), torch.zeros(16, dtype=torch.bool), torch.zeros(16), torch.zeros(16))
    with pytest.raises(SelfTrainingError, match="0 of 16 hands are stable, too few to learn from"):
        hands.top_fraction()


def test_perturbed_hands_stay_near(data):
    state = data.rows(torch.arange(20))
    representation = HandRepresentation()
    representation.fit(state)
    other = perturbed(state, representation, StepGenerator())
    assert 0 < (other.wrist - state.wrist).norm(dim=-1).max() < 0.1
    torch.testing.assert_close(torch.linalg.det(other.rotation), torch.ones(20), atol=1e-4, rtol=0)
