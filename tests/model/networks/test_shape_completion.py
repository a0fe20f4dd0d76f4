"""The network that guesses where rays leave an object."""

import torch

from fastgrasp_model.networks.shape_completion import ShapeCompletion, _places, closed, filled, reflections


def _network():
    torch.manual_seed(0)
    return ShapeCompletion(8)


def test_unseen_ranges_do_not_matter():
    network = _network()
    g = torch.Generator().manual_seed(1)
    ranges, scale = torch.randn(3, 32, 48, generator=g), torch.tensor([0.05, 0.1, 0.2])
    seen = (torch.rand(3, 32, 48, generator=g) < 0.5).float()
    made = network(ranges, seen, scale)
    assert made.front.shape == made.back.shape == made.inside.shape == (3, 32, 48)
    other = network(torch.where(seen > 0, ranges, 9.0), seen, scale)
    for one, two in zip(made, other, strict=True):
        torch.testing.assert_close(one, two)


def test_what_is_not_seen_is_filled_from_near():
    ranges = torch.linspace(-1, 1, 32).view(1, 1, 32).expand(1, 32, 32)
    seen = (torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(2)) < 0.3).float()
    whole = filled(torch.where(seen > 0, ranges, 7.0), seen)
    assert torch.equal(whole[seen > 0], ranges[seen > 0])
    assert (whole - ranges).abs().max() < 0.4 and (whole - ranges).abs().mean() < 0.06
    assert (filled(ranges, torch.zeros(1, 32, 32)) == 0).all()


def test_size_and_seen_ranges_matter():
    network, seen = _network(), torch.ones(1, 32, 32)
    ranges = torch.linspace(-1, 1, 32).expand(1, 32, 32)
    made = [network(r, seen, torch.tensor([s])).back for r, s in ((ranges, 0.05), (ranges, 0.1), (-ranges, 0.05))]
    assert (made[0] - made[1]).abs().max() > 1e-4 and (made[0] - made[2]).abs().max() > 0.1


def test_the_back_of_two_cones_is_guessed_exactly():
    """Base to base: the front is reflected in the middle, and where the base is tilted, in its plane."""
    right, down = _places(torch.zeros(1, 64, 64))[0]
    half = (0.8 - (right.square() + down.square()).sqrt()).clamp(min=0).unsqueeze(0)
    outline = (half > 0).float()
    within = outline > 0
    for guess in reflections(-half, outline):
        assert (guess - half)[within].abs().max() < 0.06  # the outline is half a pixel or so within the base
    tilted = 0.5 * right - 0.2 * down
    _, plane = reflections(tilted - half, outline)
    assert (plane - tilted - half)[within].abs().max() < 0.06


def test_gaps_within_the_outline_are_closed():
    seen = (torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(3)) < 0.4).float()
    seen[:, :, :20] = 0
    outline = closed(seen)
    assert outline[:, 4:-4, 26:-4].mean() > 0.99 and outline[:, :, :17].sum() == 0
