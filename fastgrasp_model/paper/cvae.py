"""The CVAE baseline of Table 1: hand and object -> a Gaussian; a draw from it and the object -> the hand.

The paper does not describe its baseline. This one has the parts of the model that it is compared with (vertex encoder,
object encoder, hand representation), so that the row compares the generative models and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fastgrasp_model.networks.hand_representation import REPRESENTATION, HandRepresentation, HandState
from fastgrasp_model.paper.autoencoder import LAST_WIDTH

LOG_VARIANCE = 8.0  # the encoder's log variance is clamped to this, either way


class HandCvae(nn.Module):
    """`posterior`: hand and condition -> mean and log variance; `decode_representation`: draw and condition -> hand.

    `vertex_encoder` returns `features` numbers of vertices (B, 778, 3); `stack` makes an MLP of widths.
    """

    def __init__(self, vertex_encoder: nn.Module, features: int, condition: int, latent: int, width: int,
                 stack: Callable[[list[int]], nn.Sequential]):  # fmt: skip
        super().__init__()
        self.vertex_encoder = vertex_encoder
        self.encoder = stack([features + condition, 2 * width, width, 2 * latent])
        self.decoder = stack([latent + condition, 2 * width, width, LAST_WIDTH, REPRESENTATION])
        self.representation = HandRepresentation()

    def posterior(self, vertices: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance (B, latent) for vertices (B, 778, 3) and conditions (B, C)."""
        features = torch.cat([self.vertex_encoder(vertices), condition], dim=-1)
        mean, log_variance = self.encoder(features).chunk(2, dim=-1)
        return mean, log_variance.clamp(-LOG_VARIANCE, LOG_VARIANCE)

    def decode_representation(self, draw: Tensor, condition: Tensor) -> Tensor:
        """Return hand representations (B, 64) for draws (B, latent), standard normal in generation."""
        return self.decoder(torch.cat([draw, condition], dim=-1))

    def decode(self, representation: Tensor) -> HandState:
        """Return the hands of representations (B, 64), in their frames."""
        return self.representation.to_hands(representation)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence from the standard normal, nats, batch mean (Kingma & Welling 2014)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
