"""Solids: the volume two of them share, inside tests, signed distances."""

import numpy as np
import pytest
import trimesh

from fastgrasp_evaluation.metrics.solid import (
    GRID_ROTATION,
    closed_hand,
    hand_solid,
    inside,
    shared_volume,
    signed_distance,
    solid_of,
    winding_number,
)
from fastgrasp_model.geometry.meshes import MeshError


def ball(radius: float, centre=(0.0, 0.0, 0.0)) -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=4, radius=radius).apply_translation(centre)


BOX = trimesh.creation.box((0.2, 0.2, 0.2))


def own_volume(mesh: trimesh.Trimesh) -> float:
    """What a box around everything shares with the mesh, cm3."""
    return shared_volume(solid_of(mesh), solid_of(BOX)) * 1e6


def test_the_grid_is_turned_by_a_rotation():
    assert np.allclose(GRID_ROTATION @ GRID_ROTATION.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(GRID_ROTATION) == pytest.approx(1)
    assert np.abs(GRID_ROTATION[2]).min() > 0.1  # no axis of the object runs along or across the columns


@pytest.mark.parametrize("shape", ["cylinder", "box", "annulus"])
@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0)])
def test_shapes_along_the_axes_have_their_volume(shape, axis):
    """Whatever the place: cells along the axes would be 3.4 % off for this cylinder of radius 8."""
    mesh = {
        "cylinder": trimesh.creation.cylinder(radius=0.008, height=0.06, sections=64),
        "box": trimesh.creation.box((0.0155, 0.0245, 0.05)),
        "annulus": trimesh.creation.annulus(r_min=0.02, r_max=0.025, height=0.05),
    }[shape]
    mesh.apply_transform(trimesh.geometry.align_vectors((0, 0, 1), axis))
    for place in np.random.default_rng(0).random((4, 3)) * 0.002:
        moved = mesh.copy().apply_translation(place)
        assert own_volume(moved) == pytest.approx(mesh.volume * 1e6, rel=0.01)


def test_volume_is_the_same_from_both_sides_and_turned():
    first, second = solid_of(ball(0.02)), solid_of(ball(0.015, (0.01, 0.012, 0.003)))
    shared = shared_volume(first, second)
    assert shared == pytest.approx(shared_volume(second, first), rel=1e-12) and shared > 0
    assert shared_volume(first, second, 0.0005) == pytest.approx(shared, rel=0.005)
    assert shared_volume(first, solid_of(ball(0.01, (0.05, 0, 0)))) == 0.0
    assert shared_volume(first, solid_of(ball(0.0001))) == pytest.approx(0, abs=1e-9)


def test_overlapping_fingers_count_once_and_stay_inside():
    pair = trimesh.util.concatenate([ball(0.01), ball(0.01, (0.01, 0, 0))])
    union = 2 * 4 / 3 * np.pi - np.pi * (2 - 1) ** 2 * (1 + 4) / 12
    assert own_volume(pair) == pytest.approx(union, rel=0.01)
    assert winding_number(solid_of(pair), np.array([[0.005, 0, 0]]))[0] == pytest.approx(2, abs=0.01)


def test_a_hollow_stays_empty():
    outer, inner = ball(0.02), ball(0.01)
    faces = np.concatenate([outer.faces, inner.faces[:, ::-1] + len(outer.vertices)])
    shell = trimesh.Trimesh(np.concatenate([outer.vertices, inner.vertices]), faces)
    assert own_volume(shell) == pytest.approx(4 / 3 * np.pi * 7, rel=0.02)
    assert inside(solid_of(shell), np.array([[0, 0, 0], [0, 0.015, 0]])).tolist() == [False, True]


def test_an_inverted_mesh_is_the_same_solid():
    inverted = trimesh.Trimesh(BOX.vertices, BOX.faces[:, ::-1], process=False)
    assert np.array_equal(np.sort(solid_of(inverted).faces), np.sort(solid_of(BOX).faces))
    assert shared_volume(solid_of(ball(0.02)), solid_of(inverted)) == shared_volume(
        solid_of(ball(0.02)), solid_of(BOX)
    )


def test_signed_distance_is_negative_inside():
    box = trimesh.creation.box((0.1, 0.1, 0.1)).apply_translation((0, 0, -0.05))
    points = np.array([[[0, 0, -0.01], [0, 0, 0.02]], [[0.04, 0, -0.05], [0.08, 0.04 + 0.05, 0.04]]])
    found = signed_distance(solid_of(box), points)
    assert found.shape == (2, 2)
    assert found == pytest.approx(np.array([[-0.01, 0.02], [-0.01, np.linalg.norm([0.03, 0.04, 0.04])]]), abs=1e-9)


def test_hands_are_closed_at_the_wrist_or_refused():
    from fastgrasp_model.hand import ManoLayer

    layer = ManoLayer.from_file()
    faces, vertices = layer.faces.numpy(), layer.v_template.numpy()
    closed = closed_hand(faces)
    assert np.array_equal(closed_hand(closed), closed) and len(closed) > len(faces)
    assert hand_solid(vertices, closed).closed
    mirrored = hand_solid(vertices * (-1, 1, 1), closed)  # with the faces of the other side, which look inwards
    around = solid_of(trimesh.creation.box((1, 1, 1)))
    volumes = [shared_volume(hand, around) for hand in (mirrored, hand_solid(vertices, closed))]
    assert volumes[0] == pytest.approx(volumes[1], rel=2e-3) and volumes[0] > 1e-4
    with pytest.raises(ValueError, match="close the wrist"):
        hand_solid(vertices, faces)


def test_objects_without_a_surface_are_refused():
    with pytest.raises(MeshError, match="no faces"):
        solid_of(trimesh.Trimesh(np.zeros((3, 3)), np.zeros((0, 3), dtype=int), process=False))
    with pytest.raises(MeshError, match="not finite"):
        solid_of(trimesh.Trimesh(np.full((3, 3), np.nan), [[0, 1, 2]], process=False))
    assert not solid_of(trimesh.Trimesh(BOX.vertices, BOX.faces[1:], process=False)).closed
