"""The CVAE of the paper's Table 1: hand and object -> a Gaussian; a draw from it and the object -> the hand.

The paper does not describe its baseline. This one is made of the parts of the whole system, so that the row tells the
generator apart and not its parts: the same vertex encoder, object condition, decoder widths and hand code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.networks.autoencoder import PLAIN_LAST, PalmFrame
from fastgrasp_model.networks.hand_representation import CODE, HandRepresentation, HandState
from fastgrasp_model.networks.layers import mlp, plain_mlp
from fastgrasp_model.networks.object_encoder import SCALE
from fastgrasp_model.paper.pointnet import PointNet

LOG_VARIANCE = 8.0  # the encoder's log variance stays within this, either way


class HandCVAE(nn.Module):
    """encode: hand and condition -> mean and log variance (B, latent) each; decode: draw and condition -> code."""

    def __init__(
        self, hand: ManoLayer, latent: int, condition: int, width: int = 512, vertex_encoder: str = "ordered",
        plain: bool = False,
    ):  # fmt: skip
        super().__init__()
        stack = plain_mlp if plain else mlp
        if vertex_encoder == "ordered":
            self.vertex_encoder: nn.Module = PalmFrame(hand)
            features = self.vertex_encoder.width
        elif vertex_encoder == "pointnet":
            self.vertex_encoder, features = PointNet(3, (64, 128, 1024), scale=SCALE, aligned=plain), 1024
        else:
            self.vertex_encoder, features = nn.Identity(), CODE
        self.encoder = stack([features + condition, 2 * width, width, 2 * latent])
        self.decoder = stack([latent + condition, 2 * width, width, PLAIN_LAST, CODE])
        self.code = HandRepresentation()

    def encode(self, seen: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Vertices (B, 778, 3) (codes (B, 64) for "parameters") and conditions (B, C) -> mean, log variance."""
        mean, log_variance = self.encoder(torch.cat([self.vertex_encoder(seen), condition], dim=-1)).chunk(2, dim=-1)
        return mean, log_variance.clamp(-LOG_VARIANCE, LOG_VARIANCE)

    def decode_code(self, draw: Tensor, condition: Tensor) -> Tensor:
        """Draws (B, latent), standard normal when generating, and conditions (B, C) -> hand codes (B, 64)."""
        return self.decoder(torch.cat([draw, condition], dim=-1))

    def decode(self, code: Tensor) -> HandState:
        """Hand codes (B, 64) -> hands in the frame."""
        return self.code.decode(code)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence from the standard normal, nats, mean over the batch (Kingma & Welling 2014)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
