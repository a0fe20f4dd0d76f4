"""The variants of a model that the paper's ablations compare: the CVAE of Table 1, the other encoder of Table 4.

Each exists for the paper's model and for the default one (`train ablations --base`). The other rows of the tables need
no class of their own: they leave out losses, or the adaptation (`rounds: 0`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.model import FastGraspModel
from fastgrasp_model.networks.autoencoder import PalmFrame, ParameterAutoencoder
from fastgrasp_model.networks.hand_representation import HandState
from fastgrasp_model.networks.layers import mlp
from fastgrasp_model.paper.autoencoder import FEATURES, PaperParameterAutoencoder
from fastgrasp_model.paper.cvae import HandCvae
from fastgrasp_model.paper.model import CONDITION, PaperModel
from fastgrasp_model.paper.pointnet import HAND_SCALE, PointNet, linear_stack


class _ReadsParameters:
    """An autoencoder whose encoder reads hand representations instead of vertices."""

    def encode(self, state: HandState, vertices: Tensor | None = None) -> Tensor:
        """Return the latents (B, latent) of hands in their frames."""
        return self.autoencoder.encode(self.autoencoder.representation.from_hands(state))


class ParameterModel(_ReadsParameters, FastGraspModel):
    """The default model with an encoder that reads hand parameters."""

    def _make_stages(self, config, hand) -> None:
        super()._make_stages(config, hand)
        self.autoencoder = ParameterAutoencoder(hand, config.latent, config.hand_width, config.latent_noise)


class PaperParameterModel(_ReadsParameters, PaperModel):
    """The paper's model with an encoder that reads hand parameters (Table 4)."""

    def _make_stages(self, config, hand) -> None:
        super()._make_stages(config, hand)
        self.autoencoder = PaperParameterAutoencoder(config.latent, config.hand_width)


class _GeneratesByCvae:
    """A CVAE in place of autoencoder, diffusion and adaptation. What `sample` returns are hand representations."""

    retired = ("query_ids",)

    def sample(self, condition: Tensor, noise: Tensor) -> Tensor:
        """Return hand representations (B, 64) for conditions (B, C) and standard normal noise (B, latent)."""
        return self.cvae.decode_representation(noise, condition)

    def decode(self, latent: Tensor) -> HandState:
        """Return the hands of what `sample` returns."""
        return self.cvae.decode(latent)


class CvaeModel(_GeneratesByCvae, FastGraspModel):
    """The CVAE with the parts of the default model."""

    def __init__(self, config, hand):
        super().__init__(config, hand)
        self.register_buffer("query_ids", torch.zeros(0, dtype=torch.long), persistent=False)

    def _make_stages(self, config, hand) -> None:
        encoder = PalmFrame(hand)
        self.cvae = HandCvae(encoder, encoder.width, config.object_width, config.latent, config.hand_width, mlp)
        self.graspability_prior = mlp([config.object_width, 128, 1])


class PaperCvaeModel(_GeneratesByCvae, PaperModel):
    """The CVAE with the parts of the paper's model (Table 1)."""

    retired = PaperModel.retired

    def _make_stages(self, config, hand) -> None:
        encoder = PointNet(3, (64, 128, FEATURES), scale=HAND_SCALE, aligned=True)
        self.cvae = HandCvae(encoder, FEATURES, CONDITION, config.latent, config.hand_width, linear_stack)
