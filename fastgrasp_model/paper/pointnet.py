"""PointNet (Qi et al. 2017): a shared MLP over points and a maximum over them.

The published FastGrasp carries PointNet's two alignment networks (`aligned`). Our own configurations leave them out:
rotations are met by augmentation, and the nets cost more than the rest of the encoder together.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.networks.layers import plain_mlp

PART = 2  # clouds at a time in the first pass: what fits a processor's cache


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
            return pooled(self.point_mlp, x)
        x = self.point_mlp[:3](x @ self.align_points(x))
        return pooled(self.point_mlp[3:], x @ self.align_features(x))


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


def pooled(net: nn.Module, x: Tensor) -> Tensor:
    """The maximum over points of what `net` makes of each: (B, N, C) -> (B, W).

    Gradients are those of the plain expression. They reach only the points that hold a maximum, the critical points
    (Qi et al. 2017, section 4.3), so on the CPU a first pass without gradients finds those, and only they go through
    again: half the time of a step where 343 of 778 points are critical. (A GPU would have to wait for their number.)
    """
    if not torch.is_grad_enabled():
        return torch.amax(net(x), dim=1)
    if x.device.type == "cpu":
        with torch.no_grad():
            critical = torch.cat([_holds_maximum(net(part)) for part in x.detach().split(PART)])
        most = max(1, int(critical.sum(1).max()))  # clouds with fewer take along points that lose again
        x = x.gather(1, critical.topk(most, dim=1).indices[..., None].expand(-1, -1, x.shape[2]))
    return net(x).max(dim=1).values


def _holds_maximum(features: Tensor) -> Tensor:
    """(B, N, W) -> (B, N), 1 for a point that holds the maximum of some feature, else 0."""
    return (features == torch.amax(features, dim=1, keepdim=True)).any(dim=2).int()
