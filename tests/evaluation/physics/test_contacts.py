"""The hand-object terms on arrangements whose answer is plain."""

import pytest
import torch
import trimesh

from fastgrasp_evaluation.physics import contacts as contact
from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids

X, Y, Z = torch.eye(3)


def test_soft_minimum_lies_between_least_and_mean_and_nears_the_least():
    distance = torch.tensor([[0.001, 0.02, 0.03]])
    assert distance.min() <= contact.soft_minimum(distance, 0.002) < distance.mean()
    assert contact.soft_minimum(distance, 1e-4).item() == pytest.approx(0.001, abs=1e-6)


def test_penetration_counts_only_what_lies_deeper_than_allowed():
    distance = torch.tensor([[0.01, -0.001, -0.003]])
    assert contact.penetration(distance).item() == pytest.approx(0.004)
    assert contact.penetration(distance, 0.001).item() == pytest.approx(0.002)
    assert contact.greatest_depth(distance).item() == pytest.approx(0.003)


def test_two_opposed_contacts_balance_and_two_on_one_side_do_not():
    opposed = torch.stack([X, -X])[None]
    half = torch.full((1, 2), 0.5)
    centre = torch.zeros(3)
    assert contact.force_closure_residual(0.03 * opposed, opposed, half, centre).item() == pytest.approx(0.0, abs=1e-6)
    same = torch.stack([X, X])[None]
    assert contact.force_closure_residual(0.03 * same, same, half, centre).item() == pytest.approx(1.0)
    assert contact.opposition(opposed, torch.tensor([[1.0, 0]]), torch.tensor([[0, 1.0]])).item() == pytest.approx(-1)


def test_a_couple_is_a_torque():
    places = torch.stack([0.03 * X + 0.05 * Y, -0.03 * X - 0.05 * Y])[None]
    normals = torch.stack([X, -X])[None]
    residual = contact.force_closure_residual(places, normals, torch.full((1, 2), 0.5), torch.zeros(3), length=0.05)
    assert residual.item() == pytest.approx(1.0)


def test_balanced_forces_find_the_share_that_cancels():
    normals = torch.stack([X, -X, -X])[None]
    active = torch.tensor([[True, True, True]])
    forces = contact.balanced_forces(0.03 * normals, normals, active, torch.zeros(3), rounds=200)
    assert forces[0, 0].item() == pytest.approx(0.5, abs=0.02)
    off = contact.balanced_forces(0.03 * normals, normals, torch.tensor([[True, True, False]]), torch.zeros(3))
    assert off[0, 2] == 0


def test_smooth_normals_turn_with_the_point():
    ball = trimesh.creation.icosphere(4, radius=0.04)
    grids = SignedDistanceGrids.from_meshes([(ball.vertices, ball.faces)], cells=48)
    point = torch.tensor([[[0.04, 0.0, 0.0]]], requires_grad=True)
    normal = contact.smooth_normals(grids, point, torch.tensor([0]))
    assert normal[0, 0, 0].item() == pytest.approx(1.0, abs=1e-3)
    normal[0, 0, 1].backward()
    assert point.grad[0, 0, 1].item() == pytest.approx(25.0, rel=0.3)  # 1 / radius


def test_touching_sets_and_contact_points():
    distance = torch.tensor([[0.001, 0.05, 0.05, 0.02]])
    sets = [torch.tensor([0, 1]), torch.tensor([2, 3])]
    assert contact.touching_sets(distance, sets).tolist() == [[True, False]]
    places, reach = contact.contact_points(torch.arange(12.0).view(1, 4, 3), distance, sets, temperature=1e-4)
    assert torch.allclose(places[0, 0], torch.tensor([0.0, 1, 2])) and reach[0, 1].item() == pytest.approx(0.02)
