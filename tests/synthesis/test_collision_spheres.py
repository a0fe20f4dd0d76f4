"""Spheres on the hand: inside the mesh, silent at rest, loud where fingers cross, differentiable."""

import math

import pytest
import torch

from fastgrasp_model.geometry.rotations import random_rotations
from fastgrasp_model.hand.anatomy import FINGER_JOINTS, joint_axes
from fastgrasp_model.hand.joint_angles import DIP_PER_PIP, JOINT_LIMITS, angles_to_matrices, limit_violation
from fastgrasp_model.hand.mano_layer import OPEN_HAND, HandPose, ManoLayer
from fastgrasp_synthesis.collision_spheres import LEFT_OVERLAP, collision_spheres, part_fingers

LAYER = ManoLayer.from_file(OPEN_HAND)
SPHERES = collision_spheres(LAYER)


def pose_hand(angles: torch.Tensor, root: torch.Tensor | None = None) -> HandPose:
    count = len(angles)
    root = torch.eye(3).expand(count, 1, 3, 3) if root is None else root
    matrices = torch.cat([root, angles_to_matrices(angles, joint_axes(LAYER))], 1)
    return LAYER.pose_joints(torch.zeros(count, 10), matrices, torch.zeros(count, 3))


def test_spheres_fill_the_hand_without_sticking_out():
    centres = SPHERES.centres(pose_hand(torch.zeros(1, 15, 3)))[0]
    assert centres.shape == (len(SPHERES.radii), 3)
    assert (SPHERES.radii > 0.003).all() and (SPHERES.radii < 0.022).all()
    nearest = torch.cdist(centres, LAYER.v_template).amin(1)
    on_fingers = SPHERES.joints > 0
    assert (SPHERES.radii - nearest)[on_fingers].max() < 0.004
    # Nearly all skin of the fingers is close to some sphere.
    skin = LAYER.v_template[LAYER.weights[:, 0] < 0.1]
    gap = (torch.cdist(skin, centres) - SPHERES.radii).amin(1)
    assert gap.median() < 0.002 and gap.quantile(0.95) < 0.006


def test_flat_hand_does_not_collide_with_itself():
    flat = pose_hand(torch.zeros(1, 15, 3))
    assert SPHERES.overlap(flat).max() == 0
    # Spheres so large that they meet at the webs between fingers: what touches at rest may touch.
    large = collision_spheres(LAYER, shrink=1.4)
    assert (large.distances < large.radii[large.pairs].sum(1) - 1e-4).any()
    assert large.overlap(flat).max() == 0


def test_crossing_fingers_are_felt_with_a_gradient_that_parts_them():
    index, middle = (FINGER_JOINTS[finger][0] - 1 for finger in ("index", "middle"))
    angles = torch.zeros(1, 15, 3)
    angles[0, index, 1], angles[0, middle, 1] = math.radians(-15), math.radians(8)
    angles.requires_grad_()
    overlap = SPHERES.overlap(pose_hand(angles))
    assert overlap.max() > 0.003
    overlap.square().sum().backward()
    assert torch.isfinite(angles.grad).all()
    # Descent turns the index finger to the thumb and the middle finger away from it.
    assert angles.grad[0, index, 1] < 0 < angles.grad[0, middle, 1]


def test_pairs_never_join_one_finger_to_itself():
    finger_of = {joint: finger for finger, chain in FINGER_JOINTS.items() for joint in chain} | {0: "palm"}
    for first, second in SPHERES.joints[SPHERES.pairs].tolist():
        assert finger_of[first] != finger_of[second]


def test_overlap_does_not_depend_on_where_the_hand_is():
    angles = 0.8 * torch.rand(4, 15, 3, generator=torch.Generator().manual_seed(0))
    root = random_rotations(4, torch.Generator().manual_seed(1))[:, None]
    torch.testing.assert_close(SPHERES.overlap(pose_hand(angles)), SPHERES.overlap(pose_hand(angles, root)), atol=1e-6,
                               rtol=0)


@pytest.mark.parametrize("side", ["right", "left"])
def test_both_sides_have_the_same_spheres(side):
    other = collision_spheres(ManoLayer.from_file(OPEN_HAND, side=side))
    torch.testing.assert_close(other.radii, SPHERES.radii)
    assert torch.equal(other.pairs, SPHERES.pairs)


def crossed(count: int) -> torch.Tensor:
    """Random postures anywhere inside the limits: some of them cross fingers."""
    low, high = torch.as_tensor(JOINT_LIMITS, dtype=torch.float32).unbind(-1)
    return low + (high - low) * torch.rand(count, 15, 3, generator=torch.Generator().manual_seed(0))


def test_crossing_fingers_are_parted_within_the_limits():
    given = crossed(200)
    assert (SPHERES.overlap(pose_hand(given)).amax(1) > 0.004).sum() > 5
    parted = part_fingers(given, LAYER, SPHERES)
    assert SPHERES.overlap(pose_hand(parted)).max() <= LEFT_OVERLAP + 1e-6
    assert limit_violation(parted).max() < 1e-6


def test_free_postures_are_left_alone_and_rows_do_not_mix():
    given = torch.cat([torch.zeros(2, 15, 3), crossed(6), 0.2 * torch.ones(1, 15, 3).clamp(max=0.05)])
    parted = part_fingers(given, LAYER, SPHERES)
    assert torch.equal(parted[:2], given[:2]) and torch.equal(parted[-1], given[-1])
    torch.testing.assert_close(part_fingers(given[2:4], LAYER, SPHERES), parted[2:4], atol=1e-4, rtol=0)
    assert part_fingers(given[:0], LAYER, SPHERES).shape == (0, 15, 3)


def test_a_light_crossing_is_parted_by_a_small_natural_move():
    index, middle = ([joint - 1 for joint in FINGER_JOINTS[finger]] for finger in ("index", "middle"))
    given = torch.zeros(1, 15, 3)
    given[0, index[0], 1], given[0, middle[0], 1] = math.radians(-14), math.radians(6)
    assert SPHERES.overlap(pose_hand(given)).max() > LEFT_OVERLAP
    change = part_fingers(given, LAYER, SPHERES)[0] - given[0]
    assert 0 < torch.rad2deg(change.abs().max()) < 15
    assert change[index + middle, 0].abs().max() == 0  # no twist
    assert change[index[0], 1] > 0 > change[middle[0], 1]
    for chain in (index, middle):
        torch.testing.assert_close(change[chain[2], 2], DIP_PER_PIP * change[chain[1], 2], atol=1e-4, rtol=0)


def test_what_descent_cannot_part_is_opened_towards_the_flat_hand():
    given = crossed(60)
    opened = part_fingers(given, LAYER, SPHERES, steps=0)
    assert SPHERES.overlap(pose_hand(opened)).max() <= LEFT_OVERLAP + 1e-6
    changed = (opened != given).flatten(1).any(1)
    assert 0 < changed.sum() < 60
    assert (opened[changed].norm(dim=(1, 2)) < given[changed].norm(dim=(1, 2))).all()
