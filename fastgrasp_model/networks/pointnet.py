"""PointNet (Qi et al. 2017): a shared MLP over points and a maximum over them.

The published FastGrasp carries PointNet's two alignment networks; they are left out here: rotations are met by
augmentation, and the nets cost more than the rest of the encoder together.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PointNet(nn.Module):
    """Points (B, N, C), in units of `scale` -> one feature (B, widths[-1]), whatever N and the order of the points."""

    def __init__(self, channels: int = 3, widths: tuple[int, ...] = (64, 128, 1024), scale: float = 1.0):
        super().__init__()
        self.scale = scale
        layers: list[nn.Module] = []
        for a, b in zip((channels, *widths[:-1]), widths, strict=True):
            layers += [nn.Linear(a, b), nn.LayerNorm(b), nn.ReLU()]
        self.point_mlp = nn.Sequential(*layers[:-1])

    def forward(self, points: Tensor) -> Tensor:
        return torch.amax(self.point_mlp(points / self.scale), dim=1)
