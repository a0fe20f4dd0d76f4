"""The implicit shape head learns the hidden side."""

import pytest
import torch

from fastgrasp_model.networks.contact_features import IMPLICIT_FEATURES, contact_features
from fastgrasp_model.networks.implicit_shape import FARTHEST, ImplicitShape


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_it_learns_the_unseen_side_of_balls():
    """Half balls are seen; on their far side the head errs by less than half of the distance to the seen points."""
    head = ImplicitShape(features=8, width=32)
    optimiser = torch.optim.Adam(head.parameters(), lr=3e-3)

    def batch(count):
        radius = 0.02 + 0.02 * torch.rand(count, 1, 1)
        normals = torch.nn.functional.normalize(torch.randn(count, 300, 3), dim=-1)
        normals[..., 2] = normals[..., 2].abs()  # seen from above
        direction = torch.nn.functional.normalize(torch.randn(count, 20, 3), dim=-1)
        direction[..., 2] = -direction[..., 2].abs()
        places = direction * (radius + 0.01 * torch.rand(count, 20, 1))
        contact = contact_features(places, normals * radius, normals)
        latent = head.latent(radius[:, 0] * 30 + torch.zeros(count, 8), torch.zeros(count, 9))
        return head(latent, places, contact), (places.norm(dim=-1) - radius[..., 0]) * 100, direction, contact

    for _ in range(150):
        predicted, distance, direction, _ = batch(32)
        loss = (predicted[..., 0] - distance).abs().mean() + (predicted[..., 1:] - direction).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    predicted, distance, direction, contact = batch(200)
    assert predicted.shape == (200, 20, IMPLICIT_FEATURES) and float(predicted[..., 0].abs().max()) <= FARTHEST
    torch.testing.assert_close(predicted[..., 1:].norm(dim=-1), torch.ones(200, 20))
    seen = contact[..., :3].norm(dim=-1)
    assert (predicted[..., 0] - distance).abs().mean() < 0.4 * (seen - distance).abs().mean()
    assert (predicted[..., 1:] * direction).sum(-1).mean() > 0.9
