"""The diffusion as published: linear schedule, noise prediction, and the DDPM sampler (Ho et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fastgrasp_model.diffusion import NoiseSchedule


class LinearSchedule(NoiseSchedule):
    """beta from 1e-4 to 0.02; the denoiser predicts the noise."""

    @staticmethod
    def _alpha_bar(steps: int) -> Tensor:
        return torch.cumprod(1 - torch.linspace(1e-4, 0.02, steps, dtype=torch.float64), 0).float()

    def target(self, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Return what the denoiser shall predict at times t (B,): the noise (B, D)."""
        return noise

    def split(self, noisy: Tensor, predicted: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the estimates (clean, noise), (B, D) each, that a prediction at times t (B,) implies."""
        a = self.alpha_bar[t].unsqueeze(-1)
        return (noisy - (1 - a).sqrt() * predicted) / a.sqrt(), predicted


def ddpm_sample(
    denoise: Callable[[Tensor, Tensor], Tensor], schedule: NoiseSchedule, noise: Tensor,
    generators: Sequence[torch.Generator], clip: float = 6.0,
) -> Tensor:  # fmt: skip
    """Return clean latents (B, D) from pure noise (B, D) in all `schedule.steps` steps (algorithm 2).

    `denoise(z_t, t)` returns the prediction at integer times t (B,). `generators`, one for each sample, are on the CPU:
    a sample does not depend on the others of its batch. The variance of a step is that of the posterior
    q(z_{t-1} | z_t, z_0); `clip` bounds the estimate of z_0, in standard deviations.
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
        fresh = torch.stack([torch.randn(z.shape[1], generator=one, dtype=z.dtype) for one in generators]).to(z.device)
        z = mean + ((1 - alpha) * (1 - before) / (1 - now)).sqrt() * fresh
    return z
