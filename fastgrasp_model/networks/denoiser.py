"""Stage 2, the denoiser of the latent diffusion: z_t, t and the object's condition -> the noise (or v) in z_t.

In the manner of a U-Net, as in the paper: blocks down, blocks up, skip connections between them. The latent has no
neighbourhood, so the blocks are residual MLPs instead of convolutions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.networks.layers import FilmBlock, mlp, time_embedding

TIME_WIDTH = 64
CONTEXT_WIDTH = 256  # of object and time together, which condition every block


class LatentDenoiser(nn.Module):
    """Latents of size `latent`, conditions of size `condition`; `depth` blocks down and as many up, `width` wide."""

    def __init__(self, latent: int, condition: int, width: int = 384, depth: int = 3):
        super().__init__()
        self.input_projection = nn.Linear(latent, width)
        self.time = mlp([TIME_WIDTH, CONTEXT_WIDTH], last_activation=True)
        self.context = mlp([condition + CONTEXT_WIDTH, CONTEXT_WIDTH], last_activation=True)
        self.no_object = nn.Parameter(torch.zeros(condition))
        self.down = nn.ModuleList(FilmBlock(width, CONTEXT_WIDTH) for _ in range(depth))
        self.up = nn.ModuleList(FilmBlock(width, CONTEXT_WIDTH) for _ in range(depth))
        self.skip = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(depth))
        self.output_projection = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, latent))

    def forward(self, noisy: Tensor, t: Tensor, condition: Tensor, dropped: Tensor | None = None) -> Tensor:
        """Return the prediction (B, D) for noisy latents (B, D) at integer times t (B,), given conditions (B, C).

        Where `dropped` (B,) is true, the condition is replaced by "no object".
        """
        if dropped is not None:
            condition = torch.where(dropped.unsqueeze(-1), self.no_object, condition)
        context = self.context(torch.cat([condition, self.time(time_embedding(t, TIME_WIDTH))], dim=-1))
        x = self.input_projection(noisy)
        passed = []
        for block in self.down:
            x = block(x, context)
            passed.append(x)
        for block, skip in zip(self.up, self.skip, strict=True):
            x = block(skip(torch.cat([x, passed.pop()], dim=-1)), context)
        return self.output_projection(x)

    def guided(self, noisy: Tensor, t: Tensor, condition: Tensor, guidance: float) -> Tensor:
        """Return the prediction with classifier-free guidance (Ho & Salimans 2022); 1 is the conditional prediction."""
        if guidance == 1.0:
            return self(noisy, t, condition)
        conditional = self(noisy, t, condition)
        unconditional = self(noisy, t, condition, torch.ones(len(noisy), dtype=torch.bool, device=noisy.device))
        return unconditional + guidance * (conditional - unconditional)
