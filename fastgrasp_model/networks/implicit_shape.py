"""The implicit shape head: the signed distance and normal of the whole object at query points.

A single view hides the far side. From the features of the view the head makes one shape latent; from the latent, the
position and the contact features of a query point it predicts signed distance and normal there. The adaptation module
reads both beside the contact features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.networks.contact_features import CONTACT_FEATURES, IMPLICIT_FEATURES
from fastgrasp_model.networks.layers import FilmBlock, mlp
from fastgrasp_model.networks.object_encoder import CONTEXT, SCALE

SHAPE_LATENT = 256
FARTHEST = 3.0  # centimetres; predicted distances are clamped to this
FREQUENCIES = (1.0, 2.0, 4.0)  # of the positional encoding, radians per `SCALE`


class ImplicitShape(nn.Module):
    """`latent`: features (B, F), context (B, 9) -> (B, 256); forward: latent, query points -> distance and normal."""

    def __init__(self, features: int, width: int = 96, depth: int = 2):
        super().__init__()
        self.encoder = mlp([features + CONTEXT, 2 * SHAPE_LATENT, SHAPE_LATENT], last_activation=True)
        self.input_projection = mlp([3 + 6 * len(FREQUENCIES) + CONTACT_FEATURES, width], last_activation=True)
        self.blocks = nn.ModuleList(FilmBlock(width, SHAPE_LATENT) for _ in range(depth))
        self.output_projection = nn.Linear(width, IMPLICIT_FEATURES)

    def latent(self, features: Tensor, context: Tensor) -> Tensor:
        """Return the shape latents (B, 256) from what the object encoder also reads."""
        return self.encoder(torch.cat([features - 0.8, context], dim=-1))

    def forward(self, latent: Tensor, query: Tensor, contact: Tensor) -> Tensor:
        """Return (B, P, 4): signed distance in cm, at most `FARTHEST` either way, and outward unit normal.

        query (B, P, 3) lies in the local frame, metres; contact (B, P, 7) are its contact features.
        """
        x = query / SCALE
        waves = [f(w * x) for w in FREQUENCIES for f in (torch.sin, torch.cos)]
        x, latent = self.input_projection(torch.cat([x, *waves, contact], dim=-1)), latent.unsqueeze(1)
        for block in self.blocks:
            x = block(x, latent)
        out = self.output_projection(x)
        distance = (contact[..., -1:] + out[..., :1]).clamp(-FARTHEST, FARTHEST)  # a correction of the tangent plane's
        return torch.cat([distance, torch.nn.functional.normalize(out[..., 1:], dim=-1, eps=1e-6)], dim=-1)
