"""Penetration against shapes whose overlap is known exactly, and the bias of the legacy figure."""

import numpy as np
import pytest
import trimesh

from fastgrasp_model.geometry.meshes import MeshError
from fastgrasp_model.metrics.penetration import (
    penetration_depth_cm,
    penetration_volume_legacy_cm3,
    penetration_volume_solid_cm3,
)
from fastgrasp_model.metrics.solid import Solid, inside, occupancy, signed_distance, solid_of


def box(size: float = 0.1, top: float = 0.0) -> trimesh.Trimesh:
    """A cube of edge `size` whose upper side lies at z = top."""
    mesh = trimesh.creation.box((size, size, size))
    mesh.apply_translation((0, 0, top - size / 2))
    return mesh


def ball(radius: float, centre=(0.0, 0.0, 0.0)) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=5, radius=radius)
    mesh.apply_translation(centre)
    return mesh


def finger(depth: float) -> trimesh.Trimesh:
    """A lying capsule, 8 mm in radius and 60 mm between the ends' centres, pressed `depth` into the plane z =
    0."""
    mesh = trimesh.creation.capsule(height=0.06, radius=0.008, count=(48, 48))
    mesh.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (0, 1, 0)))
    mesh.apply_translation(-mesh.bounds.mean(axis=0) + (0, 0, 0.008 - depth))
    return mesh


def finger_volume_cm3(depth: float) -> float:
    """The exact volume of `finger(depth)` below z = 0: a cylinder's segment and a sphere's cap."""
    r = 0.008
    h = min(depth, 2 * r)
    segment = r**2 * np.arccos((r - h) / r) - (r - h) * np.sqrt(max(2 * r * h - h**2, 0))
    return (0.06 * segment + np.pi * h**2 * (3 * r - h) / 3) * 1e6


def volume(hand: trimesh.Trimesh, target, **options) -> float:
    """The figure after turning both, so that no side runs along the grid (a circle of 8 cells centred on one
    counts 3 % too many)."""
    turn = trimesh.transformations.rotation_matrix(0.6, (3, 2, 1))
    if isinstance(target, trimesh.Trimesh):
        hand, target = hand.copy().apply_transform(turn), target.copy().apply_transform(turn)
    return float(penetration_volume_solid_cm3(np.asarray(hand.vertices), hand.faces, target, **options)[0])


def test_lens_of_two_balls_matches_the_formula():
    r, d = 0.03, 0.04
    lens = np.pi * (2 * r - d) ** 2 * (d**2 + 4 * d * r) / (12 * d) * 1e6
    assert volume(ball(r), ball(r, (d, 0, 0))) == pytest.approx(lens, rel=0.02)


def test_boxes_that_share_a_corner():
    moved = trimesh.creation.box((0.05, 0.05, 0.05))
    moved.apply_translation((0.03, 0.02, 0.01))
    exact = 20 * 30 * 40 / 1000.0
    assert volume(trimesh.creation.box((0.05, 0.05, 0.05)), moved) == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("depth_mm", [2, 8, 16, 24])
def test_a_finger_pressed_into_a_box(depth_mm):
    exact = finger_volume_cm3(depth_mm / 1000)
    assert volume(finger(depth_mm / 1000), box()) == pytest.approx(exact, rel=0.04 if depth_mm == 2 else 0.02)


def test_the_legacy_figure_overstates_a_touch_and_forgets_a_buried_finger():
    def legacy(depth: float) -> float:
        hand, values = finger(depth), []
        for shift in np.linspace(
            0, 0.005, 5, endpoint=False
        ):  # the voxels' place decides: take the mean over it
            target, moved = box(top=-shift), np.asarray(hand.vertices) - (0, 0, shift)
            values.append(penetration_volume_legacy_cm3(moved, hand.faces, target)[0])
        return float(np.mean(values))

    assert legacy(0.002) > 1.5 * finger_volume_cm3(0.002)
    assert legacy(0.016) < 0.5 * finger_volume_cm3(0.016)
    assert legacy(0.026) == 0.0
    assert volume(finger(0.026), box()) == pytest.approx(finger_volume_cm3(0.016), rel=0.02)


def test_legacy_voxels_are_the_published_ones():
    """Against the definition itself: trimesh's 5 mm surface voxels, centres tested with trimesh's own ray
    test."""
    target, hand = box(), ball(0.02, (0.02, 0.011, 0.004))
    centres = target.voxelized(0.005).points
    expected = (np.linalg.norm(centres - (0.02, 0.011, 0.004), axis=1) < 0.02).sum() * 0.125
    assert penetration_volume_legacy_cm3(hand.vertices, hand.faces, target)[0] == pytest.approx(
        expected, abs=0.26
    )


def test_hands_apart_share_nothing_and_a_batch_keeps_its_order():
    near, far = ball(0.02), ball(0.02, (0.5, 0, 0))
    hands = np.stack([far.vertices, near.vertices, far.vertices])
    volumes = penetration_volume_solid_cm3(hands, near.faces, box())
    assert volumes.shape == (3,)
    assert volumes[0] == volumes[2] == 0
    assert volumes[1] == pytest.approx(2 / 3 * np.pi * 8, rel=0.02)


def test_depth_of_a_ball_in_a_box_is_the_distance_to_the_nearest_side():
    assert penetration_depth_cm(ball(0.01, (0, 0, 0.004)).vertices, box())[0] == pytest.approx(0.6, abs=1e-3)
    assert penetration_depth_cm(ball(0.01, (0, 0, 0.011)).vertices, box())[0] == 0.0
    # Buried: the deepest vertex counts, the box's middle is 5 cm from every side.
    assert penetration_depth_cm(ball(0.001, (0, 0, -0.05)).vertices, box())[0] == pytest.approx(5.0, abs=0.11)


def test_an_inverted_object_is_turned_and_an_open_one_still_measured():
    whole, hand = box(), ball(0.02)
    inverted = trimesh.Trimesh(whole.vertices, whole.faces[:, ::-1], process=False)
    assert volume(hand, inverted) == pytest.approx(volume(hand, whole))
    fine = whole.subdivide().subdivide().subdivide()
    opened = trimesh.Trimesh(fine.vertices, fine.faces[1:], process=False)  # one of 768 triangles is missing
    assert not solid_of(opened).closed
    assert volume(hand, opened) == pytest.approx(volume(hand, whole), rel=0.05)


def test_columns_agree_with_the_winding_number_on_a_tilted_hollow_shape():
    cup = trimesh.creation.annulus(r_min=0.02, r_max=0.03, height=0.05)
    cup.apply_transform(trimesh.transformations.rotation_matrix(0.7, (1, 2, 3)))
    solid = solid_of(cup)
    low, pitch = solid.bounds[0] - 0.002, 0.0023
    shape = tuple(np.ceil((solid.bounds[1] + 0.002 - low) / pitch).astype(int))
    centres = low + pitch * (np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1) + 0.5)
    expected = inside(solid, centres.reshape(-1, 3)).reshape(shape)
    found = occupancy(solid, low, shape, pitch)
    assert expected.sum() > 1000
    assert (found != expected).sum() <= 3  # centres within the jitter of the surface


def test_overlapping_fingers_count_once_and_stay_inside():
    pair = trimesh.util.concatenate([ball(0.01), ball(0.01, (0.01, 0, 0))])
    union = 2 * 4 / 3 * np.pi - np.pi * (2 - 1) ** 2 * (1 + 4) / 12
    whole = Solid(np.asarray(pair.vertices), np.asarray(pair.faces), True)
    cells = occupancy(whole, pair.bounds[0] - 0.001, (34, 24, 24), 0.001)
    assert cells.sum() / 1000 == pytest.approx(union, rel=0.02)


def test_signed_distance_is_negative_inside():
    found = signed_distance(solid_of(box()), np.array([[[0, 0, -0.01], [0, 0, 0.02]]]))
    assert found.shape == (1, 2)
    assert found[0] == pytest.approx([-0.01, 0.02], abs=1e-7)


def test_an_object_without_faces_is_refused():
    with pytest.raises(MeshError, match="no faces"):
        solid_of(trimesh.Trimesh(np.zeros((3, 3)), np.zeros((0, 3), dtype=int), process=False))
