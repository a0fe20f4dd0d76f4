"""Nearest points in blocks give what comparing every pair gives."""

import pytest
import torch

from fastgrasp_model.geometry import nearest
from fastgrasp_model.geometry.nearest import nearest_distances, nearest_points


@pytest.fixture(params=[1, 700, 10**9])
def _block(request, monkeypatch):
    monkeypatch.setattr(nearest, "BLOCK", request.param)


@pytest.mark.usefixtures("_block")
def test_the_same_as_every_pair_compared():
    g = torch.Generator().manual_seed(0)
    places, points = 0.1 * torch.randn(5, 20, 3, generator=g), 0.1 * torch.randn(5, 30, 3, generator=g)
    expected = torch.cdist(places, points).min(-1)
    assert torch.equal(nearest_points(places, points), expected.indices)
    same = nearest_distances(places[0], points)
    torch.testing.assert_close(same, torch.cdist(places[:1].expand(5, -1, -1), points).amin(-1), atol=1e-5, rtol=0)


def test_a_place_on_a_point_has_distance_zero():
    points = 0.1 * torch.randn(2, 40, 3, generator=torch.Generator().manual_seed(1))
    assert float(nearest_distances(points[0, :1], points[:1])) < 2e-4  # the root of what squares round to
    assert int(nearest_points(points[:1, 7:8], points[:1])) == 7
