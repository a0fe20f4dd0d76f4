"""The CVAE baseline of the paper's Table 1: one stage, trained on the same samples as the three of the whole system.

fastgrasp train all --config config/training/ablations/cvae.yaml
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.model import FastGraspModel
from fastgrasp_model.paper.cvae import divergence
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.diffusion import anchor_loss
from fastgrasp_training.hand_losses import HandLosses
from fastgrasp_training.paper_losses import FIVE
from fastgrasp_training.stage import Stage


class CvaeStage(Stage):
    """The five losses on the reconstructed hand, the divergence of its Gaussian, and the anchor scorer."""

    name = "cvae"
    losses = (*FIVE, "divergence", "grasp_point")

    def __init__(self, model: FastGraspModel, config: StageConfig, data: TrainingData, bank: SampleBank):
        super().__init__(model, config)
        self.data, self.bank = data, bank
        model.cvae.code.fit(data.rows(bank.grasp).inverse_transformed(*bank.frames))
        self.hand_losses = HandLosses(model, model.cvae.code, data, bank, config.form)

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.parameters())

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        model, bank = self.model, self.bank
        true = self.data.rows(bank.grasp[index]).inverse_transformed(*bank.frames_of(index))
        condition = model.object_encoder(bank.features[index].float(), bank.context[index])
        from_numbers = model.config.vertex_encoder == "parameters"
        seen = model.cvae.code.encode(true) if from_numbers else model.hands(true)
        mean, log_variance = model.cvae.encode(seen, condition)
        draw = mean + (0.5 * log_variance).exp() * self.draws.normal(*mean.shape)
        terms = self.hand_losses(model.cvae.decode_code(draw, condition), index)
        terms["divergence"] = divergence(mean, log_variance)
        return terms | anchor_loss(model, condition, bank, index)
