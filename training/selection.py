"""Stage 4: the diffusion learns which of its own hands to make again.

For every sample the model makes one hand, sampled and adapted. The denoiser then goes on learning the latents z1 that
came to a firm grasp, and those alone (rejection-sampling fine-tuning: Dong et al., "RAFT: Reward rAnked FineTuning for
Generative Foundation Model Alignment", TMLR 2023). What ranking many hands would find, one pass then finds more often.

Whether a grasp is firm is asked of friction cones on the whole object (`losses.firm`), as for the judges; never of the
simulator. Everything but the denoiser is frozen. The hands are drawn with the configured `spread` of the noise, and so
the width of their latents is learned: from this stage on the model starts from plain noise, `spread` 1.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from fastgrasp_model.model import FastGraspModel
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.diffusion import denoised
from fastgrasp_training.losses import HandContact, ScaledGrids, firm
from fastgrasp_training.stage import Stage

FEWEST = 2  # firm hands to learn from; with fewer there is nothing to choose


class SelectionError(ValueError):
    """Too few of the model's own hands are firm."""


class SelectionStage(Stage):
    """The noise (or v) of noised latents (M, latent), those of firm hands, for the samples `bank` (M) they are of."""

    name = "selection"
    losses = ("denoising",)

    def __init__(self, model: FastGraspModel, config: StageConfig, bank: SampleBank, latents: Tensor):
        super().__init__(model, config)
        self.bank, self.latents = bank, latents
        model.config = replace(model.config, spread=1.0)

    def on_train_epoch_start(self) -> None:
        self.model.eval()  # but for the denoiser all is frozen, fixed statistics too

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.denoiser.parameters())

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            condition = self.model.object_encoder(self.bank.features[index].float(), self.bank.context[index])
        return {"denoising": denoised(self.model, self.latents[index], condition, self.draws)[-1]}


@torch.no_grad()
def firm_hands(
    model: FastGraspModel, data: TrainingData, bank: SampleBank, seed: int, chunk: int = 256, progress=None
) -> tuple[SampleBank, Tensor]:
    """One hand for each sample of the bank: the samples (M) whose hand holds firmly, and its latents z1 (M, latent).

    Raises SelectionError where fewer than `FEWEST` do.
    """
    model.eval()
    contact = HandContact.of(model.hand, model.probe_ids)
    generator = torch.Generator().manual_seed(seed)
    latents, holds = [], []
    for index in torch.arange(len(bank), device=bank.grasp.device).split(chunk):
        frames, points, normals = bank.clouds(data.objects, index)
        features, context = bank.features[index].float(), bank.context[index]
        condition = model.object_encoder(features, context)
        noise = torch.randn(len(index), model.config.latent, generator=generator).to(index.device)
        latent = model.sample(condition, model.config.spread * noise)
        state = model.adapt(latent, condition, points, normals, model.shape_code(features, context))
        grids, places = ScaledGrids(data.objects.grids, bank.scale[index]), frames.out_of(model.hands(state))
        owner = data.object[bank.grasp[index]]
        distance = grids.query(places, owner)
        holds.append(firm(contact.gaps(places, model.hand.faces, distance, grids, owner), distance) > 0)
        latents.append(latent)
        if progress:
            progress(int(index[-1]) + 1, len(bank))
    chosen = torch.cat(holds).nonzero().squeeze(1)
    if len(chosen) < FEWEST:
        raise SelectionError(
            f"selection: {len(chosen)} of {len(bank)} hands hold firmly, too few to learn from; train the adaptation "
            "for longer, or leave `selection` out of the configuration"
        )
    return bank[chosen], torch.cat(latents)[chosen]
