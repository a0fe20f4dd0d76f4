"""The five losses in their published form, on cases that can be worked out by hand."""

import pytest
import torch

from fastgrasp_training.configuration import HAND_LOSSES
from fastgrasp_training.paper_losses import PointLosses, chamfer_sum, consistency, vertex_normals


@pytest.fixture(scope="module")
def open_hand(hand):
    """The flat hand's vertices (1, 778, 3) and the losses for it."""
    return hand.v_template[None].clone(), PointLosses(hand)


def test_chamfer_is_the_plain_sum():
    one, two = torch.randn(2, 3, 7, 3)
    there = [min(float((p - q).square().sum()) for q in b) for a, b in zip(one, two, strict=True) for p in a]
    back = [min(float((p - q).square().sum()) for q in b) for a, b in zip(two, one, strict=True) for p in a]
    torch.testing.assert_close(chamfer_sum(one, two), torch.tensor((sum(there) + sum(back)) / 3))


def test_normals_of_the_hand_point_outwards(hand):
    """Every normal follows its vertex's way out: a step along it leaves the closed hand."""
    import trimesh

    vertices = hand.v_template
    normals = torch.nn.functional.normalize(vertex_normals(vertices[None], hand.faces)[0], dim=-1)
    mesh = trimesh.Trimesh(vertices.numpy(), hand.closed_faces.numpy(), process=False)
    flat = vertices[hand.faces].double()
    away = torch.linalg.cross(flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0])
    assert mesh.volume > 0  # triangles wind outwards
    agree = (normals[hand.faces[:, 0]] * away).sum(-1) > 0
    assert agree.double().mean() > 0.98


def test_penetration_counts_points_inside_the_hand_only(open_hand):
    vertices, losses = open_hand
    normals = torch.nn.functional.normalize(vertex_normals(vertices, losses.faces), dim=-1)
    pad = losses.prior[:1]
    for depth, expected in ((-0.002, 100 * 0.002**2), (0.002, 0.0)):
        points = vertices[:, pad] + depth * normals[:, pad]
        near = torch.full((1, 1), int(pad))
        torch.testing.assert_close(
            losses.penetration(vertices, points, near), torch.tensor(expected), atol=1e-7, rtol=0
        )


def test_contact_pulls_from_within_a_centimetre_only(open_hand):
    vertices, losses = open_hand
    points = vertices[:, losses.prior[:1]] - torch.tensor([0.0, 0.004, 0.0])  # before the palm
    near = torch.full((1, 1), 0.004)
    pulled = losses.contact_map(vertices, points, near)
    assert 0 < float(pulled) <= 3000 * 0.004**2 + 1e-6
    assert float(losses.contact_map(vertices, points, near + 0.01)) == 0


def test_consistency_is_the_share_of_the_true_map_and_has_a_slope():
    true = torch.tensor([[0.001, 0.002, 0.02, 0.03]])
    distance = torch.tensor([[0.001, 0.03, 0.02, 0.001]], requires_grad=True)
    value = consistency(distance, true)
    torch.testing.assert_close(value, torch.tensor(-2.5), atol=0.05, rtol=0)
    slope = torch.autograd.grad(consistency(distance - 0.024, true), distance)[0]
    assert slope[0, 1] > 100 and (slope[0, 2:] == 0).all()  # what the true hand touches pulls, the rest does not


def test_a_true_hand_costs_nothing_but_its_contact(open_hand):
    vertices, losses = open_hand
    points = vertices[:, losses.prior] + 1e-3 * torch.tensor([0.0, -1.0, 0.0])
    numbers = torch.randn(1, 64)
    found = losses(numbers, numbers, vertices, vertices, points)
    assert set(found) == set(HAND_LOSSES)
    assert float(found["parameters"]) == float(found["mesh"]) == 0
    assert -5 <= float(found["consistency"]) < -4.5


def test_every_loss_has_a_finite_gradient(open_hand):
    vertices, losses = open_hand
    points = vertices[:, ::7] * 1.02
    hand = (vertices + 1e-3 * torch.randn(vertices.shape, generator=torch.Generator().manual_seed(0))).requires_grad_()
    numbers = torch.randn(1, 64, requires_grad=True)
    for name, value in losses(numbers, numbers.detach() + 1, hand, vertices, points).items():
        slope = torch.autograd.grad(value, numbers if name == "parameters" else hand, retain_graph=True)[0]
        assert torch.isfinite(slope).all() and slope.abs().sum() > 0, name
