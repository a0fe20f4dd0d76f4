"""Self-training: the denoiser learns from those of the model's own hands that are stable grasps.

For every sample the model makes one hand, sampled and adapted. The denoiser continues on the latents z1 of stable hands
alone (rejection-sampling fine-tuning: Dong et al., "RAFT: Reward rAnked FineTuning for Generative Foundation Model
Alignment", TMLR 2023). What ranking many hands would find, one pass then finds more often.

Stability is decided by friction cones on the whole object (`losses.stable`), never by a simulator. `top_fraction`
keeps only the stable hands on each object with the least penetration. All but the denoiser is frozen. The hands are
drawn with the configured `noise_scale`, so that the width of their latents is learned; afterwards the model's
`noise_scale` is 1. """

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.diffusion import denoised
from fastgrasp_training.losses import HandContact, ScaledGrids, penetration_volume, stable
from fastgrasp_training.randomness import step_seed
from fastgrasp_training.stage import TrainingStage

SELF_TRAINING = ("self_training", "iterated_self_training")  # the second one after the refinement, in rounds
FEWEST = 2  # stable hands, the least to learn from


class SelfTrainingError(ValueError):
    """Too few of the model's own hands are stable."""


class SelfTrainingStage(TrainingStage):
    """The noise (or v) of noised latents (M, latent) of stable hands, for the samples `bank` (M) that they belong
    to."""

    name = "self_training"

    def __init__(self, model: GraspModel, config: StageConfig, bank: SampleBank, latents: Tensor):
        super().__init__(model, config)
        self.bank, self.latents = bank, latents
        model.config = replace(model.config, noise_scale=1.0)

    def on_train_epoch_start(self) -> None:
        self.model.eval()  # all but the denoiser is frozen

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.denoiser.parameters())

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            condition = self.model.object_encoder(self.bank.features[index].float(), self.bank.context[index])
        return {"denoising": denoised(self.model, self.latents[index], condition, self.generator)[-1]}


class GeneratedHands(NamedTuple):
    """One hand of the model for each of M samples: latent z1 (M, latent), whether it is stable (M,), penetration volume
    (M,) in cm3, and the group (M,) of samples that see the same object in the same way."""

    latents: Tensor
    stable: Tensor
    penetration: Tensor
    group: Tensor

    def top_fraction(self, share: float = 1.0) -> Tensor:
        """Return the numbers (K,) of the `share` of stable hands with the least penetration, in each group.

        Raises SelfTrainingError where there are fewer than `FEWEST`.
        """
        rows = self.stable.nonzero().squeeze(1)
        rows = rows[self.penetration[rows].argsort(stable=True)]
        rows = rows[self.group[rows].argsort(stable=True)]
        _, group, count = self.group[rows].unique_consecutive(return_inverse=True, return_counts=True)
        first = (count.cumsum(0) - count)[group]
        place = torch.arange(len(rows), device=rows.device) - first
        chosen = rows[place < share * count[group]].sort().values
        if len(chosen) < FEWEST:
            raise SelfTrainingError(
                f"{int(self.stable.sum())} of {len(self.stable)} hands are stable, too few to learn from; train the "
                "adaptation for longer, or leave self-training out of the configuration"
            )
        return chosen


@torch.no_grad()
def generate_hands(
    model: GraspModel, data: TrainingData, bank: SampleBank, seed: int, chunk: int = 256, progress=None
) -> GeneratedHands:
    """Generate one hand for each sample of the bank."""
    model.eval()
    contact, views = HandContact.of(model.hand, model.query_ids), data.objects.views
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for index in torch.arange(len(bank), device=bank.grasp.device).split(chunk):
        frames, observed = bank.observed(model, data.objects, index)
        noise = torch.randn(len(index), model.config.latent, generator=generator).to(index.device)
        latent = model.sample(observed.condition, model.config.noise_scale * noise)
        state = model.adapt(latent, observed)
        grids, places = ScaledGrids(data.objects.grids, bank.scale[index]), frames.to_world(model.hands(state))
        owner = data.object[bank.grasp[index]]
        distance = grids.query(places, owner)
        residuals = contact.wrench_residuals(places, model.hand.faces, distance, grids, owner)
        group = 2 * (bank.view[index] // views) + data.objects.whole(bank.view[index])
        volume = penetration_volume(places, model.hand.faces, distance)
        parts.append((latent, stable(residuals, distance) > 0, volume, group))
        if progress:
            progress(int(index[-1]) + 1, len(bank))
    return GeneratedHands(*(torch.cat(column) for column in zip(*parts, strict=True)))


def self_training_stage(
    name: str, config: StageConfig, seed: int, model: GraspModel, data: TrainingData, bank: SampleBank,
    tell=print, progress=None,
) -> SelfTrainingStage:  # fmt: skip
    """Return the stage `name`, one of `SELF_TRAINING` or a later round, with its hands. Raises SelfTrainingError."""
    hands = generate_hands(model, data, bank, step_seed(seed, name, 0), progress=progress)
    chosen = hands.top_fraction(config.top_fraction)
    tell(f"{int(hands.stable.sum()):,} of {len(bank):,} hands are stable; {len(chosen):,} are learned from")
    stage = SelfTrainingStage(model, config, bank[chosen], hands.latents[chosen])
    stage.name = name
    return stage
