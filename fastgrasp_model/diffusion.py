"""The noise schedule of the latent diffusion, and the DDIM sampler that runs it backwards in a few steps.

Ho et al. 2020 (DDPM) for the forward process, Song et al. 2021 (DDIM) for the sampler, Salimans & Ho 2022 for the
v-parametrisation, Ho & Salimans 2022 for classifier-free guidance. Latents are standardised: unit variance.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

PREDICTIONS = ("epsilon", "v")


class NoiseSchedule(nn.Module):
    """Forward process q(z_t | z_0) = N(sqrt(a_t) z_0, (1 - a_t) I) for t = 0 .. steps - 1.

    `kind` is "linear" (beta from 1e-4 to 0.02, the paper's) or "cosine" (Nichol & Dhariwal 2021).
    """

    def __init__(self, steps: int = 1000, kind: str = "linear", prediction: str = "epsilon"):
        super().__init__()
        if prediction not in PREDICTIONS:
            raise ValueError(f"prediction is one of {PREDICTIONS}, got {prediction!r}")
        self.steps, self.kind, self.prediction = steps, kind, prediction
        self.register_buffer("alpha_bar", _alpha_bar(steps, kind), persistent=False)

    def noised(self, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """z_t (B, D) of `clean` (B, D) and `noise` (B, D) at integer times t (B,)."""
        a = self.alpha_bar[t].unsqueeze(-1)
        return a.sqrt() * clean + (1 - a).sqrt() * noise

    def target(self, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """What the denoiser shall predict at time t: the noise, or v = sqrt(a) noise - sqrt(1 - a) clean."""
        if self.prediction == "epsilon":
            return noise
        a = self.alpha_bar[t].unsqueeze(-1)
        return a.sqrt() * noise - (1 - a).sqrt() * clean

    def split(self, noisy: Tensor, predicted: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """The estimates (clean, noise), (B, D) each, that a prediction at time t (B,) stands for."""
        a = self.alpha_bar[t].unsqueeze(-1)
        if self.prediction == "epsilon":
            return (noisy - (1 - a).sqrt() * predicted) / a.sqrt(), predicted
        return a.sqrt() * noisy - (1 - a).sqrt() * predicted, (1 - a).sqrt() * noisy + a.sqrt() * predicted


def _alpha_bar(steps: int, kind: str) -> Tensor:
    if kind == "linear":
        return torch.cumprod(1 - torch.linspace(1e-4, 0.02, steps, dtype=torch.float64), 0).float()
    if kind == "cosine":
        u = (torch.arange(steps, dtype=torch.float64) + 1) / steps
        f = torch.cos((u + 0.008) / 1.008 * torch.pi / 2) ** 2
        return (f / torch.cos(torch.tensor(0.008 / 1.008 * torch.pi / 2)) ** 2).clamp(1e-4, 0.9999).float()
    raise ValueError(f"schedule is 'linear' or 'cosine', got {kind!r}")


def ddim_sample(
    denoise: Callable[[Tensor, Tensor], Tensor],
    schedule: NoiseSchedule,
    noise: Tensor,
    steps: int = 20,
    clip: float = 6.0,
) -> Tensor:
    """Deterministic DDIM (eta = 0) from pure noise (B, D) to a clean latent (B, D).

    `denoise(z_t, t)` gives the prediction for latents (B, D) at the true integer times t (B,). Guidance, if any, is
    its business. `clip` bounds the estimate of the clean latent, in standard deviations.
    """
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
    denoise: Callable[[Tensor, Tensor], Tensor],
    schedule: NoiseSchedule,
    noise: Tensor,
    steps: int = 10,
    clip: float = 6.0,
) -> Tensor:
    """DPM-Solver++(2M) (Lu et al. 2022, arXiv 2211.01095, algorithm 2): the path of `ddim_sample`, in fewer steps.

    Arguments as `ddim_sample`. Each step also looks at the estimate of the step before, so that its error falls with
    the square of the number of steps; the first and the last are DDIM's. The times lie halfway between even steps of
    time and even steps of the log signal-to-noise ratio, which measured better than either.
    """
    _check_steps(schedule, steps)
    times = _balanced_times(schedule, steps)
    signal, spread = schedule.alpha_bar[times].sqrt(), (1 - schedule.alpha_bar[times]).sqrt()
    width = (signal / spread).log().diff()  # of lambda, half the log signal-to-noise ratio
    bend = torch.where(width[:-1] > 1e-4, width[1:] / width[:-1] / 2, 0.0)  # the last times are all equally noisy
    z, before = noise, None
    for i, time in enumerate(times):
        t = time.expand(len(z))
        clean = schedule.split(z, denoise(z, t), t)[0].clamp(-clip, clip)
        if i + 1 == steps:
            return clean
        ahead = clean if before is None else clean + bend[i - 1] * (clean - before)
        z = spread[i + 1] / spread[i] * z - signal[i + 1] * torch.expm1(-width[i]) * ahead
        before = clean
    return z


def _balanced_times(schedule: NoiseSchedule, steps: int) -> Tensor:
    """Descending integer times (steps,) from the last to the first, halfway between even t and even lambda."""
    share = torch.linspace(0, 1, steps, device=schedule.alpha_bar.device)
    clarity = torch.logit(schedule.alpha_bar.double()).float()  # falls with t
    wanted = clarity[-1] + (clarity[0] - clarity[-1]) * share
    even = (clarity.unsqueeze(0) - wanted.unsqueeze(1)).abs().argmin(1)
    even[0] = schedule.steps - 1  # noise ends in a plateau
    return (((schedule.steps - 1) * (1 - share) + even) / 2).round().long()


def _check_steps(schedule: NoiseSchedule, steps: int) -> None:
    if not 1 <= steps <= schedule.steps:
        raise ValueError(f"sampling takes 1 to {schedule.steps} steps, got {steps}")
