"""The DDPM sampler: every step of the schedule, with fresh noise after each (Ho et al. 2020, algorithm 2)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fastgrasp_model.diffusion import NoiseSchedule


def ddpm_sample(
    denoise: Callable[[Tensor, Tensor], Tensor],
    schedule: NoiseSchedule,
    noise: Tensor,
    generator: torch.Generator,
    clip: float = 6.0,
) -> Tensor:
    """From pure noise (B, D) to a clean latent (B, D) in all `schedule.steps` steps.

    `denoise(z_t, t)` gives the prediction at the true integer times t (B,). `generator` lives on the CPU. The variance
    of a step is that of the posterior q(z_{t-1} | z_t, z_0); `clip` bounds the estimate of z_0, standard deviations.
    """
    z, bars = noise, schedule.alpha_bar
    for time in range(schedule.steps - 1, -1, -1):
        t = torch.full((len(z),), time, device=z.device)
        clean, _ = schedule.split(z, denoise(z, t), t)
        clean = clean.clamp(-clip, clip)
        if time == 0:
            return clean
        now, before = bars[time], bars[time - 1]
        alpha = now / before
        mean = (before.sqrt() * (1 - alpha) * clean + alpha.sqrt() * (1 - before) * z) / (1 - now)
        fresh = torch.randn(z.shape, generator=generator, dtype=z.dtype).to(z.device)
        z = mean + ((1 - alpha) * (1 - before) / (1 - now)).sqrt() * fresh
    return z
