"""The noise schedule, and the DDIM and DPM-Solver++ samplers."""

import math

import pytest
import torch

from fastgrasp_model.diffusion import NoiseSchedule, ddim_sample, dpm_sample
from fastgrasp_model.paper.ddpm import LinearSchedule

SCHEDULES = [NoiseSchedule, LinearSchedule]


@pytest.mark.parametrize("kind", SCHEDULES)
def test_noise_grows_from_nearly_none_to_nearly_all(kind):
    a = kind(1000).alpha_bar
    assert a[0] > 0.99 and a[-1] < 1e-3
    assert (a.diff() <= 0).all()


@pytest.mark.parametrize("kind", SCHEDULES)
def test_split_undoes_noising(kind):
    schedule = kind(1000)
    clean, noise = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0, 10, 300, 600, 900])
    noisy = schedule.noised(clean, noise, t)
    found, found_noise = schedule.split(noisy, schedule.target(clean, noise, t), t)
    torch.testing.assert_close(found, clean, atol=2e-3, rtol=0)
    torch.testing.assert_close(found_noise, noise, atol=2e-3, rtol=0)


@pytest.mark.parametrize("sampler", [ddim_sample, dpm_sample])
@pytest.mark.parametrize("kind", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 4, 20])
def test_with_a_perfect_denoiser_the_clean_latent_is_found(sampler, kind, steps):
    """A denoiser that knows the answer must lead to it in any number of steps, at the true times."""
    schedule = kind(1000)
    clean = torch.tensor([[1.5, -0.5, 0.0]])
    asked = []

    def denoise(z, t):
        asked.append(int(t[0]))
        a = schedule.alpha_bar[t].unsqueeze(-1)
        noise = (z - a.sqrt() * clean) / (1 - a).sqrt()
        return schedule.target(clean, noise, t)

    z = sampler(denoise, schedule, torch.randn(1, 3, generator=torch.Generator().manual_seed(1)), steps)
    torch.testing.assert_close(z, clean, atol=2e-2, rtol=0)
    assert len(asked) == steps and asked[0] == 999 and asked == sorted(asked, reverse=True)
    assert steps == 1 or asked[-1] == 0


def test_ddim_samples_a_gaussian_with_its_spread():
    """For data N(0, s^2) the best denoiser is known; DDIM must give back that spread."""
    schedule, s = LinearSchedule(1000), 0.5

    def denoise(z, t):
        a = schedule.alpha_bar[t].unsqueeze(-1)
        return z * (1 - a).sqrt() / (a * s**2 + 1 - a)

    z = ddim_sample(denoise, schedule, torch.randn(4000, 1, generator=torch.Generator().manual_seed(2)), 50)
    assert math.isclose(float(z.std()), s, rel_tol=0.08)


def test_dpm_comes_nearer_in_as_many_steps():
    """For data N(m, s^2) the path ends at m + s noise: DPM-Solver++ comes nearer to it than DDIM, the more so in more
    steps."""
    schedule, s, mean = NoiseSchedule(1000), 0.3, 0.8

    def denoise(z, t):
        a = schedule.alpha_bar[t].unsqueeze(-1)
        noise = (z - a.sqrt() * mean) * (1 - a).sqrt() / (a * s**2 + 1 - a)
        return schedule.target((z - (1 - a).sqrt() * noise) / a.sqrt(), noise, t)

    noise = torch.randn(500, 1, generator=torch.Generator().manual_seed(3))

    def error(sampler, steps):
        return float((sampler(denoise, schedule, noise, steps) - mean - s * noise).abs().mean())

    assert error(dpm_sample, 8) < 0.8 * error(ddim_sample, 8)
    assert error(dpm_sample, 32) < 0.5 * error(ddim_sample, 32)
    assert error(dpm_sample, 1000) < 0.01  # many steps share a time: nothing may divide by zero


@pytest.mark.parametrize("sampler", [ddim_sample, dpm_sample])
def test_wrong_requests_are_refused(sampler):
    schedule = NoiseSchedule(100)
    with pytest.raises(ValueError, match="1 to 100 steps, got 0"):
        sampler(lambda z, t: z, schedule, torch.zeros(1, 2), 0)
