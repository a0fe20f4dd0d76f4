"""Layers that several networks share."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def mlp(widths: list[int], last_activation: bool = False) -> nn.Sequential:
    """Linear layers with LayerNorm and SiLU between them: widths [in, hidden..., out]."""
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        layers.append(nn.Linear(a, b))
        if i + 2 < len(widths) or last_activation:
            layers += [nn.LayerNorm(b), nn.SiLU()]
    return nn.Sequential(*layers)


class FilmBlock(nn.Module):
    """Residual MLP block whose hidden units are scaled and shifted by a condition (FiLM, Perez et al. 2018)."""

    def __init__(self, width: int, condition: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.film = nn.Linear(condition, 2 * width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x (B, W), condition (B, C) -> (B, W)."""
        scale, shift = self.film(condition).chunk(2, dim=-1)
        h = self.first(self.norm(x)) * (1 + scale) + shift
        return x + self.second(nn.functional.silu(h))


class Standardise(nn.Module):
    """(B, W) -> zero mean and unit variance by running statistics, in training as in evaluation.

    Unlike batch normalisation it adds no noise from the batch, which hands decoded to millimetres do not tolerate.
    Where several processes share a batch, the statistics are those of the whole batch.
    """

    def __init__(self, width: int, momentum: float = 0.02):
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))
        self.register_buffer("batches", torch.tensor(0.0))

    @torch.no_grad()
    def start(self, x: Tensor) -> None:
        """Set the statistics to those of a large batch (B, W)."""
        self.mean.copy_(x.mean(0))
        self.variance.copy_(x.var(0))
        self.batches.fill_(1.0 / self.momentum)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            with torch.no_grad():
                # A plain average at first, then an exponential one.
                share = (1.0 / (1.0 + self.batches)).clamp(min=self.momentum)
                self.mean.lerp_(_over_processes(x.mean(0)), share)
                self.variance.lerp_(_over_processes((x - self.mean).square().mean(0)), share)
                self.batches += 1
        return (x - self.mean) / (self.variance + 1e-8).sqrt()


def _over_processes(mean: Tensor) -> Tensor:
    """Return the mean over all training processes that share a batch."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(mean)
        mean /= torch.distributed.get_world_size()
    return mean


def time_embedding(t: Tensor, width: int, period: float = 10_000.0) -> Tensor:
    """Return the sinusoidal embedding (B, width) of integer diffusion times (B,), after Vaswani et al. 2017."""
    half = width // 2
    frequency = torch.exp(-math.log(period) * torch.arange(half, device=t.device) / half)
    angle = t.float().unsqueeze(-1) * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
