"""The object as the other networks see it: points in a frame -> one condition vector.

Two encoders with one face. `features(points)` needs no learning, so that training can compute it once and keep it;
`forward(features, context)` is the learned part. `context` (B, 9) tells what a local frame cannot see: the centroid of
the whole visible cloud (3, in decimetres) and its second moments (6, square root scale).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.geometry.nearest import nearest_distances
from fastgrasp_model.networks.layers import mlp
from fastgrasp_model.paper.pointnet import PointNet

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
        reach = radius * torch.rand(basis, 1, generator=generator) ** 0.5
        centre = torch.tensor([0.0, 0.0, -0.02])
        self.register_buffer("basis", direction * reach + centre)
        self.reach = radius
        self.net = mlp([basis + CONTEXT, width, width], last_activation=True)

    @torch.no_grad()
    def features(self, points: Tensor) -> Tensor:
        """Points (B, N, 3) in metres -> (B, basis) distances, clipped at the radius, in units of hand size."""
        return nearest_distances(self.basis, points.float()).clamp(max=self.reach) / SCALE

    def forward(self, features: Tensor, context: Tensor) -> Tensor:
        """features (B, basis), context (B, 9) -> condition (B, width)."""
        return self.net(torch.cat([features - 0.8, context], dim=-1))


class PointNetObjectEncoder(nn.Module):
    """The paper's encoder: a PointNet over the points, joined by the context.

    `plain`: the PointNet alone, with its alignment nets, as the published system has it; its width is the
    condition's.
    """

    def __init__(self, width: int = 1024, widths: tuple[int, ...] = (64, 128, 1024), plain: bool = False):
        super().__init__()
        self.pointnet = PointNet(3, widths, aligned=plain)
        self.net = None if plain else mlp([widths[-1] + CONTEXT, width], last_activation=True)

    @torch.no_grad()
    def features(self, points: Tensor) -> Tensor:
        """Points (B, N, 3) in metres -> (B, N, 3) in units of hand size."""
        return points.float() / SCALE

    def forward(self, features: Tensor, context: Tensor) -> Tensor:
        """features (B, N, 3), context (B, 9) -> condition (B, width)."""
        if self.net is None:
            return self.pointnet(features)
        return self.net(torch.cat([self.pointnet(features), context], dim=-1))
