"""Stage 4: the diffusion learns which of its own hands to make again.

For every sample the model makes one hand, sampled and adapted. The denoiser then goes on learning the latents z1 that
came to a firm grasp, and those alone (rejection-sampling fine-tuning: Dong et al., "RAFT: Reward rAnked FineTuning for
Generative Foundation Model Alignment", TMLR 2023). What ranking many hands would find, one pass then finds more often.

Whether a grasp is firm is asked of friction cones on the whole object (`losses.firm`), as for the judges; never of the
simulator. Of the firm hands on each object those can be taken alone that sink in least (`top_fraction`): hands that hold
without pressing. Everything but the denoiser is frozen. The hands are drawn with the configured `noise_scale` of the noise,
and so the width of their latents is learned: from this stage on the model starts from plain noise, `noise_scale` 1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from fastgrasp_model.model import FastGraspModel
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.diffusion import denoised
from fastgrasp_training.losses import HandContact, ScaledGrids, firm, sunk_volume
from fastgrasp_training.randomness import step_seed
from fastgrasp_training.stage import Stage

SELF_TRAINING = ("self_training", "iterated_self_training")  # the second after a refinement, from the hands that are made since
FEWEST = 2  # firm hands to learn from; with fewer there is nothing to choose


class SelfTrainingError(ValueError):
    """Too few of the model's own hands are firm."""


class SelfTrainingStage(Stage):
    """The noise (or v) of noised latents (M, latent), those of firm hands, for the samples `bank` (M) they are of."""

    name = "self_training"
    losses = ("denoising",)

    def __init__(self, model: FastGraspModel, config: StageConfig, bank: SampleBank, latents: Tensor):
        super().__init__(model, config)
        self.bank, self.latents = bank, latents
        model.config = replace(model.config, noise_scale=1.0)

    def on_train_epoch_start(self) -> None:
        self.model.eval()  # but for the denoiser all is frozen, fixed statistics too

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.denoiser.parameters())

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            condition = self.model.object_encoder(self.bank.features[index].float(), self.bank.context[index])
        return {"denoising": denoised(self.model, self.latents[index], condition, self.draws)[-1]}


class MadeHands(NamedTuple):
    """One hand of the model for each of M samples: its latent z1 (M, latent), whether it is firm (M,), the volume (M,)
    in cm3 that it lies inside the object, and what was seen of which object (M,), as a number."""

    latents: Tensor
    firm: Tensor
    sunk: Tensor
    seen: Tensor

    def top_fraction(self, share: float = 1.0) -> Tensor:
        """Numbers (K,) of the `share` of firm hands that sink in least, of those on objects seen alike.

        Raises SelfTrainingError where there are fewer than `FEWEST`.
        """
        rows = self.firm.nonzero().squeeze(1)
        rows = rows[self.sunk[rows].argsort(stable=True)]
        rows = rows[self.seen[rows].argsort(stable=True)]
        _, group, count = self.seen[rows].unique_consecutive(return_inverse=True, return_counts=True)
        first = (count.cumsum(0) - count)[group]
        place = torch.arange(len(rows), device=rows.device) - first
        chosen = rows[place < share * count[group]].sort().values
        if len(chosen) < FEWEST:
            raise SelfTrainingError(
                f"{int(self.firm.sum())} of {len(self.firm)} hands hold firmly, too few to learn from; train the "
                "adaptation for longer, or leave selections out of the configuration"
            )
        return chosen


@torch.no_grad()
def made_hands(
    model: FastGraspModel, data: TrainingData, bank: SampleBank, seed: int, chunk: int = 256, progress=None
) -> MadeHands:
    """One hand for each sample of the bank."""
    model.eval()
    contact, views = HandContact.of(model.hand, model.query_ids), data.objects.views
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for index in torch.arange(len(bank), device=bank.grasp.device).split(chunk):
        frames, points, normals = bank.clouds(data.objects, index)
        features, context = bank.features[index].float(), bank.context[index]
        condition = model.object_encoder(features, context)
        noise = torch.randn(len(index), model.config.latent, generator=generator).to(index.device)
        latent = model.sample(condition, model.config.noise_scale * noise)
        state = model.adapt(latent, condition, points, normals, model.shape_latent(features, context))
        grids, places = ScaledGrids(data.objects.grids, bank.scale[index]), frames.out_of(model.hands(state))
        owner = data.object[bank.grasp[index]]
        distance = grids.query(places, owner)
        holds = firm(contact.gaps(places, model.hand.faces, distance, grids, owner), distance) > 0
        seen = 2 * (bank.view[index] // views) + data.objects.whole(bank.view[index])
        parts.append((latent, holds, sunk_volume(places, model.hand.faces, distance), seen))
        if progress:
            progress(int(index[-1]) + 1, len(bank))
    return MadeHands(*(torch.cat(column) for column in zip(*parts, strict=True)))


def self_training_stage(
    name: str, config: StageConfig, seed: int, model: FastGraspModel, data: TrainingData, bank: SampleBank,
    tell=print, progress=None,
) -> SelfTrainingStage:  # fmt: skip
    """The stage `name`, one of `SELF_TRAINING` or a later turn, with the hands it learns from. Raises SelfTrainingError."""
    hands = made_hands(model, data, bank, step_seed(seed, name, 0), progress=progress)
    chosen = hands.top_fraction(config.top_fraction)
    tell(f"{int(hands.firm.sum()):,} of {len(bank):,} hands hold firmly; {len(chosen):,} are learned from")
    stage = SelfTrainingStage(model, config, bank[chosen], hands.latents[chosen])
    stage.name = name
    return stage
