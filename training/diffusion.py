"""Stage 2: latent diffusion. The autoencoder is frozen; the denoiser learns the latents of grasps given the object.

Beside the noise, the five losses of the hand can be asked for by their weights ("diffusion with the physical losses
inside", a row of the paper's Table 1): they look at the hand that the denoiser's one-step estimate of the clean latent
decodes to, for the samples of a batch whose latent is still more signal than noise.

The object encoder is trained here, and with it the anchor scorer: which places of an object are held at all? It tells
the anchors of grasps from random ones in the same view, so that exp(score) is their density ratio.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.model import FastGraspModel
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.hand_losses import HandLosses
from fastgrasp_training.paper_losses import FIVE
from fastgrasp_training.randomness import Draws
from fastgrasp_training.stage import Stage

SIGNAL = 0.5  # share of the clean latent's variance in the noised one, above which its estimate is worth a hand
CLIP = 6.0  # standard deviations, as the sampler bounds the estimate
DROPPED = 0.1  # share of samples that do not see their object, for guidance


class DiffusionStage(Stage):
    """The noise (or v) of noised latents, and the anchor scorer."""

    name = "diffusion"
    losses = ("denoising", "grasp_point", *FIVE)

    def __init__(self, model: FastGraspModel, config: StageConfig, data: TrainingData, bank: SampleBank):
        super().__init__(model, config)
        self.bank = bank
        self.latents = true_latents(model, data, bank)
        self.hand_losses = None
        if set(FIVE) & set(config.weights):
            self.hand_losses = HandLosses(model, model.autoencoder.code, data, bank, config.form)

    def on_train_epoch_start(self) -> None:
        self.model.autoencoder.eval()  # frozen: no latent noise, fixed statistics

    def trained(self) -> list[torch.nn.Parameter]:
        model = self.model
        return [p for part in (model.denoiser, model.object_encoder, model.graspability_prior) for p in part.parameters()]

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        model, bank = self.model, self.bank
        clean = self.latents[index]
        condition = model.object_encoder(bank.features[index].float(), bank.context[index])
        noisy, t, predicted, error = denoised(model, clean, condition, self.draws)
        terms = {"denoising": error}
        if self.hand_losses is not None:
            terms |= self._of_estimates(noisy, predicted, t, index)
        return terms | anchor_loss(model, condition, bank, index)

    def _of_estimates(self, noisy: Tensor, predicted: Tensor, t: Tensor, index: Tensor) -> dict[str, Tensor]:
        """The five losses of the hands of one-step estimates, where the noise leaves one to see."""
        clean, _ = self.model.schedule.split(noisy, predicted, t)
        clear = self.model.schedule.alpha_bar[t] > SIGNAL
        clear[t.argmin()] = True
        code = self.model.autoencoder.decode_code(clean[clear].clamp(-CLIP, CLIP))
        return self.hand_losses(code, index[clear.to(index.device)])


def denoised(model: FastGraspModel, clean: Tensor, condition: Tensor, draws: Draws) -> tuple[Tensor, ...]:
    """Latents (B, latent) noised at random times (B,), what the denoiser says of them, and its mean squared error."""
    noise, t = draws.normal(*clean.shape), draws.integers(model.schedule.steps, len(clean))
    noisy = model.schedule.noised(clean, noise, t)
    predicted = model.denoiser(noisy, t, condition, draws.uniform(len(clean)) < DROPPED)
    return noisy, t, predicted, (predicted - model.schedule.target(clean, noise, t)).square().mean()


def anchor_loss(model: FastGraspModel, condition: Tensor, bank: SampleBank, index: Tensor) -> dict[str, Tensor]:
    """{"grasp_point": how badly held places are told from random ones}; empty where the bank has no random ones."""
    if not len(bank.other_features):
        return {}
    other = model.object_encoder(bank.other_features[index].float(), bank.other_context[index])
    held, anywhere = (model.graspability_prior(c).squeeze(-1) for c in (condition, other))
    softplus = torch.nn.functional.softplus
    return {"grasp_point": (softplus(-held) + softplus(anywhere)).mean()}


@torch.no_grad()
def true_latents(model: FastGraspModel, data: TrainingData, bank: SampleBank, chunk: int = 512) -> Tensor:
    """The latents (M, latent) of all samples' grasps in their frames."""
    model.autoencoder.eval()
    latents = []
    for index in torch.arange(len(bank), device=bank.grasp.device).split(chunk):
        state = data.rows(bank.grasp[index]).inverse_transformed(*bank.frames_of(index))
        latents.append(model.encode(state))
    model.autoencoder.train()
    return torch.cat(latents)
