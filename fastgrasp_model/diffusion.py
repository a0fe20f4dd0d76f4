"""Latent diffusion: the noise schedule and the few-step samplers.

Ho et al. 2020 (DDPM) for the forward process, Nichol & Dhariwal 2021 for the cosine schedule, Salimans & Ho 2022 for
the v-parametrisation, Song et al. 2021 (DDIM) and Lu et al. 2022 (DPM-Solver++) for the samplers. Latents have unit
variance. The published method's schedule and ancestral sampler are in `paper/ddpm.py`. """

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class NoiseSchedule(nn.Module):
    """Forward process q(z_t | z_0) = N(sqrt(a_t) z_0, (1 - a_t) I) for t = 0 .. steps - 1.

    The cosine schedule, with a denoiser that predicts v = sqrt(a) noise - sqrt(1 - a) clean.
    """

    def __init__(self, steps: int = 1000):
        super().__init__()
        self.steps = steps
        self.register_buffer("alpha_bar", self._alpha_bar(steps), persistent=False)

    @staticmethod
    def _alpha_bar(steps: int) -> Tensor:
        u = (torch.arange(steps, dtype=torch.float64) + 1) / steps
        f = torch.cos((u + 0.008) / 1.008 * torch.pi / 2) ** 2
        return (f / torch.cos(torch.tensor(0.008 / 1.008 * torch.pi / 2)) ** 2).clamp(1e-4, 0.9999).float()

    def noised(self, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Return z_t (B, D) of `clean` (B, D) and `noise` (B, D) at integer times t (B,)."""
        a = self.alpha_bar[t].unsqueeze(-1)
        return a.sqrt() * clean + (1 - a).sqrt() * noise

    def target(self, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Return what the denoiser shall predict at times t (B,): v (B, D)."""
        a = self.alpha_bar[t].unsqueeze(-1)
        return a.sqrt() * noise - (1 - a).sqrt() * clean

    def split(self, noisy: Tensor, predicted: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the estimates (clean, noise), (B, D) each, that a prediction at times t (B,) implies."""
        a = self.alpha_bar[t].unsqueeze(-1)
        return a.sqrt() * noisy - (1 - a).sqrt() * predicted, (1 - a).sqrt() * noisy + a.sqrt() * predicted


def ddim_sample(
    denoise: Callable[[Tensor, Tensor], Tensor], schedule: NoiseSchedule, noise: Tensor, steps: int = 20,
    clip: float = 6.0,
) -> Tensor:  # fmt: skip
    """Return clean latents (B, D) from pure noise (B, D) by deterministic DDIM (eta = 0).

    `denoise(z_t, t)` returns the prediction for latents (B, D) at integer times t (B,), guidance included. `clip`
    bounds the estimate of the clean latent, in standard deviations. """
    _check_steps(schedule, steps)
    times = torch.linspace(schedule.steps - 1, 0, steps, device=noise.device).round().long()
    z = noise
    for i, time in enumerate(times):
        t = time.expand(len(z))
        clean, eps = schedule.split(z, denoise(z, t), t)
        clean = clean.clamp(-clip, clip)
        if i + 1 == steps:
            return clean
        a = schedule.alpha_bar[times[i + 1]]
        z = a.sqrt() * clean + (1 - a).sqrt() * eps
    return z


def dpm_sample(
    denoise: Callable[[Tensor, Tensor], Tensor], schedule: NoiseSchedule, noise: Tensor, steps: int = 10,
    clip: float = 6.0,
) -> Tensor:  # fmt: skip
    """Return clean latents (B, D) by DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, algorithm 2).

    Arguments as `ddim_sample`, whose path it follows in fewer steps: the error falls with the square of their number.
    The first and the last step are DDIM's. The times lie halfway between even steps of time and even steps of the log
    signal-to-noise ratio, which measured better than either. """
    _check_steps(schedule, steps)
    times = _balanced_times(schedule, steps)
    signal, noise_level = schedule.alpha_bar[times].sqrt(), (1 - schedule.alpha_bar[times]).sqrt()
    width = (signal / noise_level).log().diff()  # of lambda, half the log signal-to-noise ratio
    bend = torch.where(width[:-1] > 1e-4, width[1:] / width[:-1] / 2, 0.0)  # the last times are all equally noisy
    z, before = noise, None
    for i, time in enumerate(times):
        t = time.expand(len(z))
        clean = schedule.split(z, denoise(z, t), t)[0].clamp(-clip, clip)
        if i + 1 == steps:
            return clean
        ahead = clean if before is None else clean + bend[i - 1] * (clean - before)
        z = noise_level[i + 1] / noise_level[i] * z - signal[i + 1] * torch.expm1(-width[i]) * ahead
        before = clean
    return z


def _balanced_times(schedule: NoiseSchedule, steps: int) -> Tensor:
    """Return descending integer times (steps,), halfway between even t and even lambda."""
    share = torch.linspace(0, 1, steps, device=schedule.alpha_bar.device)
    clarity = torch.logit(schedule.alpha_bar.double()).float()  # falls with t
    wanted = clarity[-1] + (clarity[0] - clarity[-1]) * share
    even = (clarity.unsqueeze(0) - wanted.unsqueeze(1)).abs().argmin(1)
    even[0] = schedule.steps - 1  # noise ends in a plateau
    return (((schedule.steps - 1) * (1 - share) + even) / 2).round().long()


def _check_steps(schedule: NoiseSchedule, steps: int) -> None:
    if not 1 <= steps <= schedule.steps:
        raise ValueError(f"sampling takes 1 to {schedule.steps} steps, got {steps}")
