"""The nearest points of clouds, by brute force in blocks that stay in the processor's cache.

By |q|^2 - 2 p q + |p|^2, a product of matrices that rounds squares to some 1e-9 square metres. No autograd.
"""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 400_000  # distances at a time on a CPU: 2 MB; a whole batch's would cost several times as long, in page faults
DEVICE_BLOCK = 100_000_000  # on other devices: 400 MB


@torch.no_grad()
def nearest_points(places: Tensor, points: Tensor) -> Tensor:
    """Which of points (B, N, 3) is nearest to each of places (B, V, 3): numbers (B, V)."""
    asked = torch.cat([places, torch.ones_like(places[..., :1])], dim=-1)
    wanted = _lifted(points).transpose(1, 2)
    rows = _rows(places, points)
    pairs = zip(asked.split(rows), wanted.split(rows), strict=True)
    return torch.cat([(a @ w).min(-1).indices for a, w in pairs])


@torch.no_grad()
def nearest_distances(places: Tensor, points: Tensor) -> Tensor:
    """Distances (B, V) from places (V, 3), the same for all, to the nearest of points (B, N, 3), metres."""
    asked = torch.cat([places, torch.ones_like(places[..., :1])], dim=-1).T
    rows = _rows(places.unsqueeze(0).expand(len(points), -1, -1), points)
    square = torch.cat([(block @ asked).amin(1) for block in _lifted(points).split(rows)])
    return (square + places.square().sum(-1)).clamp(min=0).sqrt()


def _lifted(points: Tensor) -> Tensor:
    """(-2 p, |p|^2), (..., 4): times (q, 1) the square of the distance, but for |q|^2."""
    return torch.cat([-2 * points, points.square().sum(-1, keepdim=True)], dim=-1)


def _rows(places: Tensor, points: Tensor) -> int:
    """How many rows of the batch make a block."""
    block = BLOCK if places.device.type == "cpu" else DEVICE_BLOCK
    return max(1, block // max(1, points.shape[1] * places.shape[1]))
