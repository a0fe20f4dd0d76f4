"""Losses on cases whose answer is known."""

import math

import pytest
import torch
import trimesh

from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
from fastgrasp_model.hand import ManoLayer
from fastgrasp_training.losses import (
    PRESS_DEPTH,
    RESIDUAL_TOLERANCE,
    STABLE_DEPTH,
    HandContact,
    consistency,
    penetration,
    penetration_volume,
    stable,
    wrench_loss,
)


@pytest.fixture(scope="module")
def contact():
    return HandContact.of(ManoLayer.from_file(), torch.arange(0, 100, 7))


def test_skin_holds_every_set_and_every_query_point(contact):
    assert torch.isin(torch.arange(0, 100, 7), contact.skin).all()
    assert (contact.skin.diff() > 0).all() and len(contact.sets) == 11
    assert all(len(ids) > 3 and ids.max() < len(contact.skin) for ids in contact.sets)


def test_penetration_counts_only_what_is_deeper_than_allowed():
    distance = torch.tensor([[0.01, -0.0005, -0.002], [0.01, 0.01, -0.011]])
    # 2 mm deep with 1 mm allowed: 0.1 cm + 0.01; 11 mm: 1 cm + 1
    expected = torch.tensor([0.11, 2.0]).mean()
    torch.testing.assert_close(penetration(distance, 0.001), expected)


def test_the_penetration_volume_of_a_ball():
    """A ball of 2 cm as the hand: all of its skin 2 mm deep, none of it, and its lower half."""
    ball = trimesh.creation.icosphere(3, 0.02)
    points, faces = torch.tensor(ball.vertices).float().unsqueeze(0), torch.tensor(ball.faces)
    lower = torch.where(points[..., 2] < 0, -0.002, 0.01)
    depths = torch.full((1, len(ball.vertices)), -0.002), torch.full((1, len(ball.vertices)), 0.01), lower
    whole = 4 * math.pi * 2.0**2 * 0.2
    volumes = [float(penetration_volume(points, faces, distance)) for distance in depths]
    assert volumes == pytest.approx([whole, 0.0, whole / 2], rel=0.06)


def test_contact_map_is_least_where_pads_press_lightly(contact):
    def cost(depth):
        distance = torch.full((1, len(contact.skin)), depth)
        return float(contact.contact_map(distance, torch.ones(1, 11, dtype=torch.bool)))

    assert cost(-PRESS_DEPTH) < 1e-6
    assert cost(0.01) > cost(0.004) > cost(0.0) > 0 and cost(-0.01) > cost(-0.004) > 0


def test_thumb_and_two_fingers_are_always_meant_to_touch(contact):
    distance = torch.full((1, len(contact.skin)), 0.2)
    for finger, far in zip(range(5), (0.5, 0.3, 0.05, 0.3, 0.04), strict=True):
        distance[0, contact.sets[finger]] = far
    meant = contact.touching(distance)[0].tolist()
    assert meant[:5] == [True, False, True, False, True] and not any(meant[5:])
    distance[0, contact.sets[10]] = 0.01
    assert contact.touching(distance)[0, 10]


def test_consistency_is_least_for_equal_contact_maps():
    distance = torch.linspace(-0.01, 0.02, 50).repeat(2, 1)
    assert consistency(distance, distance) == 0
    assert consistency(distance + 0.003, distance) > 0


def test_opposed_contacts_are_stabler_than_one_sided_ones(contact):
    """Thumb and fingers on two sides of a box balance; all on one side cannot."""
    box = trimesh.creation.box((0.04, 0.2, 0.2))
    grids = SignedDistanceGrids.from_meshes([(box.vertices, box.faces)], cells=64)
    index = torch.zeros(1, dtype=torch.long)

    def residual(thumb_side):
        points = torch.zeros(1, len(contact.skin), 3)
        points[..., 0] = 0.3  # far away
        for finger, ids in enumerate(contact.sets[:5]):
            points[0, ids, 0] = 0.02 * (thumb_side if finger == 0 else 1.0)
            points[0, ids, 2] = 0.0 if finger == 0 else 0.02 * (finger - 2.5)
        return float(contact.stability(points, grids.query(points, index), grids, index))

    assert residual(-1.0) < 0.15 < 0.5 < residual(1.0)


def test_the_wrench_loss_is_of_residuals_beyond_the_tolerance():
    residuals = torch.tensor([[0.2, 0.5, RESIDUAL_TOLERANCE, 0.0, 0.1, 0.3], [9.8] * 6])
    torch.testing.assert_close(wrench_loss(residuals), torch.tensor((9.8 - RESIDUAL_TOLERANCE) / 2))


def test_stable_hands_hold_in_every_direction_and_do_not_penetrate():
    residuals = torch.tensor([[0.1] * 6, [0.1] * 5 + [3.0], [0.1] * 6])
    distance = torch.tensor([[0.0, 0.02], [0.0, 0.02], [-2 * STABLE_DEPTH, 0.02]])
    assert stable(residuals, distance).tolist() == [1.0, 0.0, 0.0]


def test_the_gradient_of_the_wrench_loss_leads_to_a_more_stable_hand(contact):
    """A hand that lies on a slab balances more than one far away, and a small step down the slope more yet."""
    hand = ManoLayer.from_file()
    slab = trimesh.creation.box((1.0, 1.0, 0.02))
    grids = SignedDistanceGrids.from_meshes([(slab.vertices, slab.faces)], cells=64)
    index = torch.zeros(1, dtype=torch.long)
    rest = hand.from_parameters(torch.zeros(1, 61)).vertices
    rest = rest - rest.mean(1, keepdim=True)
    lying = 0.0085 - float(rest[..., 2].min())  # 1.5 mm deep in the slab's upper face

    def unbalanced(pose, lift=lying):
        vertices = hand.from_parameters(torch.cat([torch.zeros(1, 13), pose, torch.zeros(1, 3)], dim=1)).vertices
        vertices = vertices - vertices.detach().mean(1, keepdim=True) + torch.tensor([0.0, 0.0, lift])
        residuals = contact.wrench_residuals(vertices, hand.faces, grids.query(vertices, index), grids, index)
        assert residuals.shape == (1, 6)
        return wrench_loss(residuals)

    pose = torch.zeros(1, 45, requires_grad=True)
    before = unbalanced(pose)
    before.backward()
    after = unbalanced(pose.detach() - 0.002 * torch.nn.functional.normalize(pose.grad, dim=1))
    far = unbalanced(torch.zeros(1, 45), 0.5)
    assert float(after) < float(before) - 1e-3 and float(before) < float(far) - 0.5
    torch.testing.assert_close(far, torch.tensor(9.8 - RESIDUAL_TOLERANCE))
