"""The field of the whole shape and the judge of grasps learn what they are for."""

import pytest
import torch

from fastgrasp_model.networks import GraspEvaluator, ImplicitShape
from fastgrasp_model.networks.contact_features import FIELD, TOUCH, touch
from fastgrasp_model.networks.hand_representation import CODE
from fastgrasp_model.networks.implicit_shape import FARTHEST


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_the_field_learns_the_unseen_side_of_balls():
    """Half balls are seen; on the far side the nearest seen point is centimetres off, the field less than half that."""
    field = ImplicitShape(features=8, width=32)
    optimiser = torch.optim.Adam(field.parameters(), lr=3e-3)

    def batch(count):
        radius = 0.02 + 0.02 * torch.rand(count, 1, 1)
        normals = torch.nn.functional.normalize(torch.randn(count, 300, 3), dim=-1)
        normals[..., 2] = normals[..., 2].abs()  # seen from above
        way = torch.nn.functional.normalize(torch.randn(count, 20, 3), dim=-1)
        way[..., 2] = -way[..., 2].abs()
        places = way * (radius + 0.01 * torch.rand(count, 20, 1))
        felt = touch(places, normals * radius, normals)
        code = field.encode(radius[:, 0] * 30 + torch.zeros(count, 8), torch.zeros(count, 9))
        return field(code, places, felt), (places.norm(dim=-1) - radius[..., 0]) * 100, way, felt

    for _ in range(150):
        told, distance, way, _ = batch(32)
        loss = (told[..., 0] - distance).abs().mean() + (told[..., 1:] - way).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    told, distance, way, felt = batch(200)
    assert told.shape == (200, 20, FIELD) and float(told[..., 0].abs().max()) <= FARTHEST
    torch.testing.assert_close(told[..., 1:].norm(dim=-1), torch.ones(200, 20))
    seen = felt[..., :3].norm(dim=-1)
    assert (told[..., 0] - distance).abs().mean() < 0.4 * (seen - distance).abs().mean()
    assert (told[..., 1:] * way).sum(-1).mean() > 0.9


def test_the_judge_learns_from_touch_and_from_the_hand():
    judge = GraspEvaluator(condition=6, query_points=5, feels=TOUCH, width=32)
    optimiser = torch.optim.Adam(judge.parameters(), lr=3e-3)

    def batch(count):
        code, condition, felt = torch.randn(count, CODE), torch.randn(count, 6), torch.randn(count, 5, TOUCH)
        return (code, condition, felt), ((felt[:, 2, 6] + code[:, 0] + condition[:, 3]) > 0).float()

    for _ in range(300):
        inputs, holds = batch(128)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(judge(*inputs), holds)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    inputs, holds = batch(2000)
    assert judge(*inputs).shape == (2000,)
    assert ((judge(*inputs) > 0) == holds.bool()).float().mean() > 0.85
