"""The DDPM sampler against a distribution whose best denoiser is known in closed form."""

import torch

from fastgrasp_model.paper.ddpm import LinearSchedule, ddpm_sample

MEAN, DEVIATION = 0.7, 0.4


def _sampled(count=4000, steps=200, seed=0):
    schedule, times = LinearSchedule(steps), []

    def denoise(z, t):
        """E[noise | z_t] when z_0 is normal with MEAN and DEVIATION."""
        times.append(int(t[0]))
        a = schedule.alpha_bar[t].unsqueeze(-1)
        return (1 - a).sqrt() * (z - a.sqrt() * MEAN) / (a * DEVIATION**2 + 1 - a)

    noise = torch.randn(count, 1, generator=torch.Generator().manual_seed(seed))
    generators = [torch.Generator().manual_seed(1000 * seed + row) for row in range(count)]
    return ddpm_sample(denoise, schedule, noise, generators), times


def test_it_draws_from_the_distribution():
    drawn, _ = _sampled()
    assert abs(float(drawn.mean()) - MEAN) < 0.03
    assert abs(float(drawn.std()) - DEVIATION) < 0.03


def test_it_tells_the_denoiser_the_true_times():
    _, times = _sampled(2)
    assert times == list(range(199, -1, -1))


def test_fresh_noise_follows_from_the_generator():
    assert torch.equal(_sampled(5)[0], _sampled(5)[0])
    assert not torch.equal(_sampled(5)[0], _sampled(5, seed=3)[0])


def test_a_sample_does_not_depend_on_the_others_of_its_batch():
    """The first five of eight are the five alone; before, fresh noise was drawn for the whole batch."""
    assert torch.equal(_sampled(8)[0][:5], _sampled(5)[0])
