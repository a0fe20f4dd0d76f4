"""PointNet (Qi et al. 2017): a shared MLP over points and a maximum over them.

The published FastGrasp carries PointNet's two alignment networks (`aligned`). Our own configurations leave them out:
rotations are met by augmentation, and the nets cost more than the rest of the encoder together.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.networks.layers import plain_mlp


class PointNet(nn.Module):
    """Points (B, N, C), in units of `scale` -> one feature (B, widths[-1]), whatever N and the order of the points.

    `aligned` adds the alignment nets of the points and of the first features (Qi et al. 2017, section 4.2).
    """

    def __init__(
        self, channels: int = 3, widths: tuple[int, ...] = (64, 128, 1024), scale: float = 1.0, aligned: bool = False
    ):
        super().__init__()
        self.scale = scale
        layers: list[nn.Module] = []
        for a, b in zip((channels, *widths[:-1]), widths, strict=True):
            layers += [nn.Linear(a, b), nn.LayerNorm(b), nn.ReLU()]
        self.point_mlp = nn.Sequential(*layers[:-1])
        self.align_points = AlignmentNet(channels) if aligned else None
        self.align_features = AlignmentNet(widths[0]) if aligned else None

    def forward(self, points: Tensor) -> Tensor:
        x = points / self.scale
        if self.align_points is None or self.align_features is None:
            return torch.amax(self.point_mlp(x), dim=1)
        x = self.point_mlp[:3](x @ self.align_points(x))
        return torch.amax(self.point_mlp[3:](x @ self.align_features(x)), dim=1)


class AlignmentNet(nn.Module):
    """Points (B, N, C) -> matrices (B, C, C) that turn them into a frame of their own; begins as the identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.pointnet = PointNet(channels, (64, 128, 1024))
        self.net = plain_mlp([1024, 512, 256, channels * channels])
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)
        self.register_buffer("identity", torch.eye(channels), persistent=False)

    def forward(self, points: Tensor) -> Tensor:
        return self.net(self.pointnet(points)).unflatten(1, self.identity.shape) + self.identity
