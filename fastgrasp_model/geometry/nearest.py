"""Nearest points of clouds, by brute force in blocks that stay in the processor's cache.

Squared distances are |q|^2 - 2 p q + |p|^2, a matrix product, exact to some 1e-9 square metres. No autograd.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 400_000  # distances at a time on a CPU: 2 MB, in one buffer that is used again
DEVICE_BLOCK = 100_000_000  # on other devices: 400 MB


@torch.no_grad()
def nearest_points(places: Tensor, points: Tensor) -> Tensor:
    """Return the indices (B, V) of those of points (B, N, 3) that are nearest to each of places (B, V, 3)."""
    asked = torch.cat([places, torch.ones_like(places[..., :1])], dim=-1).transpose(1, 2)
    return torch.cat([square.min(1).indices for square in _squares(_lifted(points), asked)])


@torch.no_grad()
def nearest_distances(places: Tensor, points: Tensor) -> Tensor:
    """Compute the distances (B, V), metres, from places (V, 3) to the nearest of points (B, N, 3)."""
    asked = torch.cat([places, torch.ones_like(places[..., :1])], dim=-1).T
    square = torch.cat([square.amin(1) for square in _squares(_lifted(points), asked.expand(len(points), -1, -1))])
    return (square + places.square().sum(-1)).clamp(min=0).sqrt()


def _squares(lifted: Tensor, asked: Tensor) -> Iterator[Tensor]:
    """Yield lifted (B, N, 4) times asked (B, 4, V) block by block (b, N, V); the next block overwrites the last."""
    count = lifted.shape[1] * asked.shape[2]
    rows = max(1, (BLOCK if lifted.device.type == "cpu" else DEVICE_BLOCK) // max(1, count))
    buffer = lifted.new_empty(min(rows, len(lifted)), lifted.shape[1], asked.shape[2])
    for some, those in zip(lifted.split(rows), asked.split(rows), strict=True):
        yield torch.matmul(some, those, out=buffer[: len(some)])


def _lifted(points: Tensor) -> Tensor:
    """Return (-2 p, |p|^2), (..., 4): its product with (q, 1) is the squared distance less |q|^2."""
    return torch.cat([-2 * points, points.square().sum(-1, keepdim=True)], dim=-1)
