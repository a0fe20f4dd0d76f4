"""The CVAE baseline of the paper's Table 1: one stage, trained on the same samples as the three of the whole system.

It is the row `cvae` of `fastgrasp train ablations`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_model.paper.cvae import divergence
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.diffusion import grasp_point_loss
from fastgrasp_training.hand_losses import hand_losses
from fastgrasp_training.stage import TrainingStage


class CvaeStage(TrainingStage):
    """The five losses on the reconstructed hand, the divergence of its Gaussian, and the prior of graspability."""

    name = "cvae"

    def __init__(self, model: GraspModel, config: StageConfig, data: TrainingData, bank: SampleBank):
        super().__init__(model, config)
        self.data, self.bank = data, bank
        model.cvae.representation.fit(data.rows(bank.grasp).inverse_transformed(*bank.frames))
        self.hand_losses = hand_losses(model, model.cvae.representation, data, bank)

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.parameters())

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        model, bank = self.model, self.bank
        true = bank.true_hands(self.data, index)
        condition = model.object_encoder(bank.features[index].float(), bank.context[index])
        mean, log_variance = model.cvae.posterior(model.hands(true), condition)
        draw = mean + (0.5 * log_variance).exp() * self.generator.normal(*mean.shape)
        terms = self.hand_losses(model.cvae.decode_representation(draw, condition), index)
        terms["divergence"] = divergence(mean, log_variance)
        return terms | grasp_point_loss(model, condition, bank, index)
