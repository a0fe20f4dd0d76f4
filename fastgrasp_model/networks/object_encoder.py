"""The object encoder: the cloud in a local frame -> one condition vector.

`features` needs no learning, so that training computes it once and keeps it; `forward` is the learned part. The context
(B, 9) of `geometry.frames.global_context` adds the centroid and the second moments of the whole cloud.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.geometry.nearest import nearest_distances
from fastgrasp_model.networks.layers import mlp

CONTEXT = 9
SCALE = 0.06  # metres; brings coordinates of hand size near one


class BasisPointEncoder(nn.Module):
    """Distances from fixed basis points to the cloud (Prokudin et al. 2019), then an MLP.

    The basis fills a ball of `radius` metres around a centre just inside the surface, denser towards its middle.
    """

    def __init__(self, width: int = 384, basis: int = 384, radius: float = 0.13, seed: int = 7):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        direction = torch.randn(basis, 3, generator=generator)
        direction = direction / direction.norm(dim=-1, keepdim=True)
        distance = radius * torch.rand(basis, 1, generator=generator) ** 0.5
        centre = torch.tensor([0.0, 0.0, -0.02])
        self.register_buffer("basis", direction * distance + centre)
        self.radius = radius
        self.net = mlp([basis + CONTEXT, width, width], last_activation=True)

    @torch.no_grad()
    def features(self, points: Tensor) -> Tensor:
        """Return the distances (B, basis) from the basis to points (B, N, 3) in metres, clipped, in units of
        `SCALE`."""
        return nearest_distances(self.basis, points.float()).clamp(max=self.radius) / SCALE

    def forward(self, features: Tensor, context: Tensor) -> Tensor:
        """Return conditions (B, width) from features (B, basis) and context (B, 9)."""
        return self.net(torch.cat([features - 0.8, context], dim=-1))
