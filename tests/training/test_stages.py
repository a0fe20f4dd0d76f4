"""Each stage, trained for a few steps on real grasps: its loss falls, and it moves only what it should."""

import dataclasses

import pytest
import torch

from fastgrasp_model.model import FastGraspModel
from fastgrasp_model.networks.hand_representation import HandRepresentation
from fastgrasp_training.adaptation import AdaptationStage, starting_latents
from fastgrasp_training.autoencoder import AutoencoderStage, shaken
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import build_bank
from fastgrasp_training.diffusion import DiffusionStage, true_latents
from fastgrasp_training.losses import HandContact, ScaledGrids, firm
from fastgrasp_training.self_training import MadeHands, SelfTrainingError, SelfTrainingStage, made_hands
from fastgrasp_training.stage import RandomBatches


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
    first, last, moved = _train(AutoencoderStage(model, StageConfig(weights=weights), data, bank), 80, 16, 1e-3)
    assert last < 0.8 * first
    assert moved == {"autoencoder"}


def test_diffusion_learns(model, data, bank):
    AutoencoderStage(model, StageConfig(), data, bank)  # fits the hand code
    first, last, moved = _train(DiffusionStage(model, StageConfig(), data, bank), 160, 64)
    assert last < 0.9 * first
    expected = {"denoiser", "object_encoder"} | ({"graspability_prior"} if model.config.frame == "anchor" else set())
    assert moved == expected


def test_adaptation_learns(model, data, bank):
    AutoencoderStage(model, StageConfig(), data, bank)
    kind = "sampled" if model.config.query_points else "denoised"
    true = true_latents(model, data, bank)
    latents = starting_latents(model, bank, true, kind, seed=0)
    weights = {"contact": 1.0, "penetration": 0.1, "step": 0.01}
    learned = {"adaptation"}
    if model.grasp_evaluator is not None:
        weights |= {"wrench": 0.1, "implicit_shape": 0.5, "evaluator": 0.1, "graspability": 0.1}
        learned |= {"implicit_shape", "grasp_evaluator", "graspability"}
    stage = AdaptationStage(model, StageConfig(weights=weights), data, bank, latents)
    first, last, moved = _train(stage, 100, 16)
    assert last < 0.9 * first
    assert moved == learned


def test_every_loss_of_the_adaptation_has_a_gradient(model, data, bank):
    """No loss may be a mask without slope, as the published consistency loss was."""
    AutoencoderStage(model, StageConfig(), data, bank)
    true = true_latents(model, data, bank)
    stage = AdaptationStage(model, StageConfig(), data, bank, starting_latents(model, bank, true, "denoised", seed=0))
    stage.on_train_epoch_start()
    torch.nn.init.normal_(model.adaptation.leave.weight, std=0.05)
    learns = {"implicit_shape": model.implicit_shape, "evaluator": model.grasp_evaluator, "graspability": model.graspability}
    for name, value in stage.loss_terms(torch.arange(32)).items():
        weight = learns.get(name, model.adaptation).leave.bias if name != "graspability" else learns[name].net[-1].bias
        slope = torch.autograd.grad(value, weight, retain_graph=True, allow_unused=True)[0]
        assert slope is not None, name
        assert torch.isfinite(slope).all() and (slope.abs().sum() > 0 or float(value.detach()) == 0), name


def test_seen_penetration_is_of_objects_seen_from_all_sides(model, data, bank):
    AutoencoderStage(model, StageConfig(), data, bank)
    stage = AdaptationStage(model, StageConfig(), data, bank, true_latents(model, data, bank))
    stage.on_train_epoch_start()
    for view, whole in ((0, True), (1, False)):
        bank.view[:16] = data.object[bank.grasp[:16]] * data.objects.views + view
        terms = stage.loss_terms(torch.arange(16))
        assert terms["penetration"] > 0
        expected = terms["penetration"] if whole else torch.zeros(())
        torch.testing.assert_close(terms["seen_penetration"], expected)


def test_judges_and_field_do_not_move_the_hand(model, data, bank):
    """What scores a grasp, and what guesses the shape, learns from the hands and leaves no slope in the corrections."""
    if model.grasp_evaluator is None:
        pytest.skip("a model without judges")
    AutoencoderStage(model, StageConfig(), data, bank)
    stage = AdaptationStage(model, StageConfig(), data, bank, true_latents(model, data, bank))
    torch.nn.init.normal_(model.adaptation.leave.weight, std=0.05)
    terms = stage.loss_terms(torch.arange(16))
    for name in ("implicit_shape", "evaluator", "graspability"):
        slopes = torch.autograd.grad(
            terms[name], list(model.adaptation.parameters()), retain_graph=True, allow_unused=True
        )
        assert all(slope is None or not slope.any() for slope in slopes), name
    slopes = torch.autograd.grad(terms["evaluator"] + terms["graspability"], list(model.implicit_shape.parameters()), allow_unused=True)
    assert all(slope is None or not slope.any() for slope in slopes)


def test_selection_learns(model, data, bank):
    AutoencoderStage(model, StageConfig(), data, bank)
    model.config = dataclasses.replace(model.config, noise_scale=1.2)
    stage = SelfTrainingStage(model, StageConfig(), bank, 0.3 * true_latents(model, data, bank))
    first, last, moved = _train(stage, 160, 64)
    assert last < 0.9 * first
    assert moved == {"denoiser"}
    assert model.config.noise_scale == 1.0  # it learned how wide the latents are


def test_selection_keeps_the_hands_that_are_firm(data, hand):
    model = FastGraspModel.from_pretrained(hand=hand)
    bank = build_bank(data, model, 1, seed=0, augmented=0.5)
    hands = made_hands(model, data, bank, seed=3)
    rows = hands.top_fraction()
    assert torch.equal(rows, hands.firm.nonzero().squeeze(1))
    chosen, latents = bank[rows], hands.latents[rows]
    assert len(bank) / 20 < len(chosen) < len(bank)
    frames, points, normals = chosen.clouds(data.objects, torch.arange(len(chosen)))
    seen = chosen.features.float(), chosen.context
    with torch.no_grad():
        state = model.adapt(latents, model.object_encoder(*seen), points, normals, model.shape_latent(*seen))
    owner, places = data.object[chosen.grasp], frames.out_of(model.hands(state))
    grids = ScaledGrids(data.objects.grids, chosen.scale)
    distance = grids.query(places, owner)
    gaps = HandContact.of(hand, model.query_ids).gaps(places, hand.faces, distance, grids, owner)
    assert firm(gaps, distance).mean() > 0.95  # the same hands again, up to rounding
    assert torch.equal(hands.seen // 2, data.object[bank.grasp])
    light = hands.top_fraction(0.5)
    assert hands.sunk[light].mean() < 0.9 * hands.sunk[rows].mean()


def test_the_lightest_hands_are_taken_object_by_object():
    holding = torch.tensor([1, 1, 1, 0, 1, 1, 1, 1], dtype=torch.bool)
    sunk = torch.tensor([3.0, 1.0, 2.0, 0.0, 9.0, 7.0, 8.0, 5.0])
    seen = torch.tensor([0, 0, 0, 0, 1, 1, 1, 4])  # heavy ones on object 1, one alone on 4
    hands = MadeHands(torch.zeros(8, 2), holding, sunk, seen)
    assert hands.top_fraction(0.5).tolist() == [1, 2, 5, 6, 7]  # half of three are two
    assert hands.top_fraction(0.3).tolist() == [1, 5, 7]
    assert hands.top_fraction().tolist() == [0, 1, 2, 4, 5, 6, 7]


def test_selection_from_hands_that_hold_nothing_is_refused(model, data, bank):
    with pytest.raises(SelfTrainingError, match="0 of 16 hands hold firmly, too few to learn from"):
        made_hands(model, data, bank[torch.arange(16)], seed=0).top_fraction()


def test_shaken_hands_stay_near(data):
    state = data.rows(torch.arange(20))
    code = HandRepresentation()
    code.fit(state)
    moved = shaken(state, code)
    assert 0 < (moved.wrist - state.wrist).norm(dim=-1).max() < 0.1
    torch.testing.assert_close(torch.linalg.det(moved.rotation), torch.ones(20), atol=1e-4, rtol=0)


def test_unknown_loss_is_refused(model, data, bank):
    with pytest.raises(ValueError, match="autoencoder.weights: no such loss \\['contacts'\\]"):
        AutoencoderStage(model, StageConfig(weights={"contacts": 1.0}), data, bank)
