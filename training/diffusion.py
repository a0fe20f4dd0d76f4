"""Stage 2, the latent diffusion (Wu et al., section 3.3). The autoencoder is frozen; the denoiser learns the latents.

With weights for the five losses of the hand ("diffusion with physical losses", a row of Table 1), these are taken of
the hands that the denoiser's one-step estimates decode to, where the latent is still more signal than noise.

The object encoder is trained here, and the prior of graspability: it tells the grasp points of the training set from
random points of the same view, so that exp(logit) is their density ratio.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_training.configuration import HAND_LOSSES, StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.hand_losses import hand_losses
from fastgrasp_training.randomness import StepGenerator
from fastgrasp_training.stage import TrainingStage

SIGNAL = 0.5  # share of the clean latent's variance in the noised one above which its estimate is used
CLIP = 6.0  # standard deviations, as the sampler bounds the estimate
DROPPED = 0.1  # share of samples without their condition, for classifier-free guidance


class DiffusionStage(TrainingStage):
    """The noise (or v) of noised latents, and the prior of graspability."""

    name = "diffusion"

    def __init__(self, model: GraspModel, config: StageConfig, data: TrainingData, bank: SampleBank):
        super().__init__(model, config)
        self.bank = bank
        self.latents = true_latents(model, data, bank)
        self.hand_losses = None
        if set(HAND_LOSSES) & set(config.weights):
            self.hand_losses = hand_losses(model, model.autoencoder.representation, data, bank)

    def on_train_epoch_start(self) -> None:
        self.model.autoencoder.eval()  # frozen: no latent noise, fixed statistics

    def trained(self) -> list[torch.nn.Parameter]:
        parts = (self.model.denoiser, self.model.object_encoder, self.model.graspability_prior)
        return [p for part in parts if part is not None for p in part.parameters()]

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        model, bank = self.model, self.bank
        clean = self.latents[index]
        condition = model.object_encoder(bank.features[index].float(), bank.context[index])
        noisy, t, predicted, error = denoised(model, clean, condition, self.generator)
        terms = {"denoising": error}
        if self.hand_losses is not None:
            terms |= self._of_estimates(noisy, predicted, t, index)
        return terms | grasp_point_loss(model, condition, bank, index)

    def _of_estimates(self, noisy: Tensor, predicted: Tensor, t: Tensor, index: Tensor) -> dict[str, Tensor]:
        """Return the five losses of the hands of one-step estimates, of the samples with little noise."""
        clean, _ = self.model.schedule.split(noisy, predicted, t)
        clear = self.model.schedule.alpha_bar[t] > SIGNAL
        clear[t.argmin()] = True
        made = self.model.autoencoder.decode_representation(clean[clear].clamp(-CLIP, CLIP))
        return self.hand_losses(made, index[clear.to(index.device)])


def denoised(model: GraspModel, clean: Tensor, condition: Tensor, generator: StepGenerator) -> tuple[Tensor, ...]:
    """Noise latents (B, latent) at random times (B,); return them, the times, the prediction and its mean error."""
    noise, t = generator.normal(*clean.shape), generator.integers(model.schedule.steps, len(clean))
    noisy = model.schedule.noised(clean, noise, t)
    predicted = model.denoiser(noisy, t, condition, generator.uniform(len(clean)) < DROPPED)
    return noisy, t, predicted, (predicted - model.schedule.target(clean, noise, t)).square().mean()


def grasp_point_loss(model: GraspModel, condition: Tensor, bank: SampleBank, index: Tensor) -> dict[str, Tensor]:
    """Return {"grasp_point": cross-entropy of grasp points against random ones}; {} where the bank has none."""
    if not len(bank.other_features):
        return {}
    other = model.object_encoder(bank.other_features[index].float(), bank.other_context[index])
    grasped, anywhere = (model.graspability_prior(c).squeeze(-1) for c in (condition, other))
    softplus = torch.nn.functional.softplus
    return {"grasp_point": (softplus(-grasped) + softplus(anywhere)).mean()}


@torch.no_grad()
def true_latents(model: GraspModel, data: TrainingData, bank: SampleBank, chunk: int = 512) -> Tensor:
    """Return the latents (M, latent) of all samples' grasps in their frames."""
    model.autoencoder.eval()
    latents = []
    for index in torch.arange(len(bank), device=bank.grasp.device).split(chunk):
        latents.append(model.encode(bank.true_hands(data, index)))
    model.autoencoder.train()
    return torch.cat(latents)
