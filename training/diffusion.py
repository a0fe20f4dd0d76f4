"""Stage 2: latent diffusion. The autoencoder is frozen; the denoiser learns the latents of grasps given the object.

The object encoder is trained here, and with it the anchor scorer: which places of an object are held at all? It tells
the anchors of grasps from random ones in the same view, so that exp(score) is their density ratio.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.model import FastGraspModel
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.stage import Stage

DROPPED = 0.1  # share of samples that do not see their object, for guidance


class DiffusionStage(Stage):
    """The noise (or v) of noised latents, and the anchor scorer."""

    name = "diffusion"
    losses = ("denoising", "anchor")

    def __init__(self, model: FastGraspModel, config: StageConfig, data: TrainingData, bank: SampleBank):
        super().__init__(model, config)
        self.bank = bank
        self.latents = true_latents(model, data, bank)

    def trained(self) -> list[torch.nn.Parameter]:
        model = self.model
        return [p for part in (model.denoiser, model.object_encoder, model.anchor_scorer) for p in part.parameters()]

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        model, bank = self.model, self.bank
        clean = self.latents[index]
        condition = model.object_encoder(bank.features[index].float(), bank.context[index])
        noise, t = torch.randn_like(clean), torch.randint(model.schedule.steps, (len(clean),), device=clean.device)
        noisy = model.schedule.noised(clean, noise, t)
        predicted = model.denoiser(noisy, t, condition, torch.rand(len(clean), device=clean.device) < DROPPED)
        terms = {"denoising": (predicted - model.schedule.target(clean, noise, t)).square().mean()}
        if len(bank.other_features):
            other = model.object_encoder(bank.other_features[index].float(), bank.other_context[index])
            held, anywhere = (model.anchor_scorer(c).squeeze(-1) for c in (condition, other))
            softplus = torch.nn.functional.softplus
            terms["anchor"] = (softplus(-held) + softplus(anywhere)).mean()
        return terms


@torch.no_grad()
def true_latents(model: FastGraspModel, data: TrainingData, bank: SampleBank, chunk: int = 512) -> Tensor:
    """The latents (M, latent) of all samples' grasps in their frames."""
    model.autoencoder.eval()
    latents = []
    for index in torch.arange(len(bank)).split(chunk):
        state = data.rows(bank.grasp[index]).moved_back(*bank.frames_of(index))
        latents.append(model.autoencoder.encode(model.hands(state)))
    model.autoencoder.train()
    return torch.cat(latents)
