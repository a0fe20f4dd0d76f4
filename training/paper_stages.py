"""Stages 1 and 3 as published (Wu et al., sections 3.2 and 3.4), for the paper's model; losses in `paper_losses.py`.

Stage 2 is `DiffusionStage`, the same for both methods. What differs from the default stages: the autoencoder sees true
grasps alone, and the adaptation module is trained on one-step estimates from noised true latents.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.adaptation_loop import adaptation_rounds
from fastgrasp_model.grasp_model import GraspModel, ObservedObject
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.hand_losses import PointHandLosses
from fastgrasp_training.stage import TrainingStage


class PaperAutoencoderStage(TrainingStage):
    """The five losses of reconstructed hands."""

    name = "autoencoder"

    def __init__(self, model: GraspModel, config: StageConfig, data: TrainingData, bank: SampleBank):
        super().__init__(model, config)
        self.data, self.bank = data, bank
        representation = model.autoencoder.representation
        representation.fit(data.rows(bank.grasp).inverse_transformed(*bank.frames))
        self.hand_losses = PointHandLosses(model, representation, data, bank)

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.autoencoder.parameters())

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        latent = self.model.encode(self.bank.true_hands(self.data, index))
        return self.hand_losses(self.model.autoencoder.decode_representation(latent), index)


class PaperAdaptationStage(TrainingStage):
    """The five losses of hands D(z1 + z2) against the true ones of their latents, and the size of the step."""

    name = "adaptation"

    def __init__(self, model: GraspModel, config: StageConfig, data: TrainingData, bank: SampleBank, latents: Tensor):
        super().__init__(model, config)
        self.data, self.bank, self.latents = data, bank, latents
        self.hand_losses = PointHandLosses(model, model.autoencoder.representation, data, bank)

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.adaptation.parameters())

    def on_train_epoch_start(self) -> None:
        self.model.autoencoder.eval()  # frozen: fixed statistics

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        _, points, normals = self.bank.clouds(self.data.objects, index)
        latent = self.latents[index]
        observed = ObservedObject(points, normals, condition=latent[:, :0])  # the module has an encoder of its own
        terms = {}
        for done in adaptation_rounds(self.model, latent, self.model.betas(latent), observed):
            terms = self.hand_losses(self.model.autoencoder.decode_representation(done.latent), index)
            terms["step"] = done.step.square().mean()
        return terms


@torch.no_grad()
def denoised_latents(
    model: GraspModel, bank: SampleBank, true: Tensor, seed: int, chunk: int = 512, progress=None
) -> Tensor:
    """Return latents z1 (M, latent): the denoiser's one-step estimates from true latents at random times."""
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    made = []
    for index in torch.arange(len(bank), device=bank.grasp.device).split(chunk):
        condition = model.object_encoder(bank.features[index].float(), bank.context[index])
        noise = torch.randn(len(index), model.config.latent, generator=generator).to(index.device)
        t = torch.randint(model.schedule.steps, (len(index),), generator=generator).to(index.device)
        noisy = model.schedule.noised(true[index], noise, t)
        made.append(model.schedule.split(noisy, model.denoiser(noisy, t, condition), t)[0].clamp(-6, 6))
        if progress:
            progress(int(index[-1]) + 1, len(bank))
    return torch.cat(made)
