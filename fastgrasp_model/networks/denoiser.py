"""The denoiser of the latent diffusion: z_t, t and the object's condition -> the noise (or v) in z_t.

U-Net style as in the paper: blocks going down, blocks going up, each upper block sees its mirror image below through a
skip connection. The latent has no neighbourhood, so the blocks are residual MLPs, not convolutions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.networks.layers import FilmBlock, mlp, time_embedding

TIME_WIDTH = 64
CONTEXT_WIDTH = 256  # what the blocks are told of object and time together


class LatentDenoiser(nn.Module):
    """Latent size `latent`, condition size `condition`, `depth` blocks down and as many up, each `width` wide."""

    def __init__(self, latent: int, condition: int, width: int = 384, depth: int = 3):
        super().__init__()
        self.enter = nn.Linear(latent, width)
        self.time = mlp([TIME_WIDTH, CONTEXT_WIDTH], last_activation=True)
        self.context = mlp([condition + CONTEXT_WIDTH, CONTEXT_WIDTH], last_activation=True)
        self.no_object = nn.Parameter(torch.zeros(condition))
        self.down = nn.ModuleList(FilmBlock(width, CONTEXT_WIDTH) for _ in range(depth))
        self.up = nn.ModuleList(FilmBlock(width, CONTEXT_WIDTH) for _ in range(depth))
        self.skip = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(depth))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, latent))

    def forward(self, noisy: Tensor, t: Tensor, condition: Tensor, dropped: Tensor | None = None) -> Tensor:
        """noisy (B, D), t (B,) integer, condition (B, C); `dropped` (B,) bool hides the object -> (B, D)."""
        if dropped is not None:
            condition = torch.where(dropped.unsqueeze(-1), self.no_object, condition)
        context = self.context(torch.cat([condition, self.time(time_embedding(t, TIME_WIDTH))], dim=-1))
        x = self.enter(noisy)
        passed = []
        for block in self.down:
            x = block(x, context)
            passed.append(x)
        for block, skip in zip(self.up, self.skip, strict=True):
            x = block(skip(torch.cat([x, passed.pop()], dim=-1)), context)
        return self.leave(x)

    def guided(self, noisy: Tensor, t: Tensor, condition: Tensor, guidance: float) -> Tensor:
        """Classifier-free guidance: 1 is the plain conditional prediction (one pass), above 1 leans on the object."""
        if guidance == 1.0:
            return self(noisy, t, condition)
        seen = self(noisy, t, condition)
        blind = self(noisy, t, condition, torch.ones(len(noisy), dtype=torch.bool, device=noisy.device))
        return blind + guidance * (seen - blind)
