"""Spheres on the hand: inside the mesh, silent at rest, loud where fingers cross, differentiable."""

import math

import pytest
import torch

from fastgrasp_model.geometry.rotations import random_rotations
from fastgrasp_model.hand.collision import collision_spheres
from fastgrasp_model.hand.joints import FINGER_JOINTS, angles_to_matrices, joint_axes
from fastgrasp_model.hand.mano import OPEN_HAND, HandPose, ManoLayer

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
    angles[0, index, 1], angles[0, middle, 1] = math.radians(-20), math.radians(12)
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
    torch.testing.assert_close(
        SPHERES.overlap(pose_hand(angles)), SPHERES.overlap(pose_hand(angles, root)), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("side", ["right", "left"])
def test_both_sides_have_the_same_spheres(side):
    other = collision_spheres(ManoLayer.from_file(OPEN_HAND, side=side))
    torch.testing.assert_close(other.radii, SPHERES.radii)
    assert torch.equal(other.pairs, SPHERES.pairs)
