"""PointNet (Qi et al. 2017): a shared MLP over points and a maximum over them.

The published FastGrasp has PointNet's two alignment networks (`aligned`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

HAND_SCALE = 0.06  # metres; brings coordinates of hand size near one
PART = 2  # clouds at a time in the first pass: what fits a processor's cache


class PointNet(nn.Module):
    """Points (B, N, C) -> one feature vector (B, widths[-1]), whatever N and the order of the points.

    Coordinates are divided by `scale`. `aligned` adds the alignment networks (Qi et al. 2017, section 4.2).
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
    """Points (B, N, C) -> matrices (B, C, C) that align them; starts as the identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.pointnet = PointNet(channels, (64, 128, 1024))
        self.net = linear_stack([1024, 512, 256, channels * channels])
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)
        self.register_buffer("identity", torch.eye(channels), persistent=False)

    def forward(self, points: Tensor) -> Tensor:
        return self.net(self.pointnet(points)).unflatten(1, self.identity.shape) + self.identity


def pooled(net: nn.Module, x: Tensor) -> Tensor:
    """Return max over points of net(points): (B, N, C) -> (B, W).

    Gradients reach only the points that hold a maximum, the critical points (Qi et al. 2017, section 4.3). On the CPU a
    first pass without gradients finds them and only they pass again: half the time where 343 of 778 are critical. On a
    GPU their number would have to be waited for.
    """
    if not torch.is_grad_enabled():
        return torch.amax(net(x), dim=1)
    if x.device.type == "cpu":
        with torch.no_grad():
            critical = torch.cat([_holds_maximum(net(part)) for part in x.detach().split(PART)])
        most = max(1, int(critical.sum(1).max()))  # clouds with fewer are padded with other points
        x = x.gather(1, critical.topk(most, dim=1).indices[..., None].expand(-1, -1, x.shape[2]))
    return net(x).max(dim=1).values


def _holds_maximum(features: Tensor) -> Tensor:
    """Return (B, N): 1 for a point that holds the maximum of a feature of (B, N, W), else 0."""
    return (features == torch.amax(features, dim=1, keepdim=True)).any(dim=2).int()


class PaperObjectEncoder(nn.Module):
    """The object encoder: the whole cloud -> a condition (B, 1024), the PointNet's feature."""

    def __init__(self):
        super().__init__()
        self.pointnet = PointNet(3, (64, 128, 1024), aligned=True)

    @torch.no_grad()
    def features(self, points: Tensor) -> Tensor:
        """Return points (B, N, 3) in metres in units of `HAND_SCALE`."""
        return points.float() / HAND_SCALE

    def forward(self, features: Tensor, _context: Tensor) -> Tensor:
        return self.pointnet(features)


def linear_stack(widths: list[int]) -> nn.Sequential:
    """Return linear layers with ReLU between them, nothing normalised; widths [in, hidden..., out]."""
    layers: list[nn.Module] = []
    for a, b in zip(widths[:-1], widths[1:], strict=True):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
