"""Where hands begin: chords of known bodies, types that fit what a body offers, wrists in free air."""

import pytest
import torch
import trimesh

from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
from fastgrasp_model.hand.mano_layer import HandModelError
from fastgrasp_synthesis.grasp_types import GRASP_TYPES
from fastgrasp_synthesis.hands import Hands
from fastgrasp_synthesis.starts import StartSampler, find_chords


@pytest.fixture(scope="module")
def sampler() -> StartSampler:
    try:
        return StartSampler(Hands())
    except HandModelError as error:
        pytest.skip(f"no hand file: {error}")


def chords_of(mesh, count: int = 400):
    grids = SignedDistanceGrids.from_meshes([(mesh.vertices, mesh.faces)], 64, dtype=torch.float32)
    points, faces = trimesh.sample.sample_surface(mesh, count, seed=0)
    normals = torch.tensor(mesh.face_normals[faces], dtype=torch.float32)
    return find_chords(torch.tensor(points, dtype=torch.float32), normals, grids, 0), grids


def test_chords_of_a_box_are_its_sides():
    chords, _ = chords_of(trimesh.creation.box((0.03, 0.06, 0.2)))
    across = chords.directions.abs().argmax(1)
    for axis, side in ((0, 0.03), (1, 0.06)):
        assert (chords.widths[across == axis] - side).abs().max() < 0.003
        assert chords.middles[across == axis][:, axis].abs().max() < 0.003
    assert not (across == 2).any()  # 20 cm are more than a hand spans
    assert chords.opposition.median() > 0.98


def test_a_wedge_opposes_badly():
    wedge = trimesh.creation.cone(0.03, 0.05)
    chords, _ = chords_of(wedge)
    assert chords.opposition.min() < 0.8


def test_a_cup_has_chords_through_its_wall_and_round_the_whole():
    cup = trimesh.creation.annulus(0.030, 0.036, 0.09)
    chords, _ = chords_of(cup)
    level = chords.directions[:, 2].abs() < 0.1
    wall, whole = (chords.widths - 0.006).abs() < 0.002, (chords.widths - 0.072).abs() < 0.003
    assert (level & wall).sum() > 50 and (level & whole).sum() > 50
    assert chords.middles[level & whole][:, :2].norm(dim=1).max() < 0.004


def test_types_are_drawn_for_the_widths_on_offer(sampler):
    chords, grids = chords_of(trimesh.creation.cylinder(0.006, 0.16))
    starts = sampler.draw([chords], grids, torch.zeros(200, dtype=torch.long), torch.Generator().manual_seed(0))
    widest = torch.tensor([kind.width[0] for kind in GRASP_TYPES])[starts.kind]
    assert (widest < 0.016).float().mean() > 0.85  # hardly anything for wide things on a pen of 12 mm
    assert len(starts.kind.unique()) >= 6


def test_hands_start_across_the_chord_with_the_wrist_outside(sampler):
    mesh = trimesh.creation.cylinder(0.025, 0.18)
    chords, grids = chords_of(mesh)
    objects = torch.zeros(150, dtype=torch.long)
    starts = sampler.draw([chords], grids, objects, torch.Generator().manual_seed(1))
    rotations = sampler.hands.rotations(_six(starts.orient), starts.angles)
    vertices, joints = sampler.hands.layer.from_matrices(starts.betas, rotations, starts.transl)
    assert (grids.query(joints[:, :1], objects)[:, 0] > 0.01).float().mean() > 0.9
    thumb = vertices[:, sampler.hands.pads["thumb"]].mean(1)
    index = vertices[:, sampler.hands.pads["index"]].mean(1)
    across = (thumb[:, 0] * index[:, 0] + thumb[:, 1] * index[:, 1]) < 0  # on two sides of the axis
    opposed = torch.tensor([kind.against == "thumb" and "index" in kind.opposed for kind in GRASP_TYPES])[starts.kind]
    assert across[opposed].float().mean() > 0.7


def test_fingers_lie_along_what_goes_on(sampler):
    """A row of four pads stands along a long bar, not across it."""
    mesh = trimesh.creation.cylinder(0.012, 0.2)
    chords, grids = chords_of(mesh)
    starts = sampler.draw([chords], grids, torch.zeros(300, dtype=torch.long), torch.Generator().manual_seed(2))
    rows = torch.tensor([kind.row == 1.0 and kind.against == "thumb" for kind in GRASP_TYPES])[starts.kind]
    rotations = sampler.hands.rotations(_six(starts.orient), starts.angles)
    joints = sampler.hands.layer.from_matrices(starts.betas, rotations, starts.transl)[1]
    row = torch.nn.functional.normalize(joints[rows, 1] - joints[rows, 7], dim=1)  # knuckles of index and little finger
    assert row[:, 2].abs().median() > 0.8


def test_the_same_seed_draws_the_same(sampler):
    chords, grids = chords_of(trimesh.creation.box((0.03, 0.06, 0.2)))
    first, again, other = (sampler.draw([chords], grids, torch.zeros(20, dtype=torch.long),
                                        torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(first.transl, again.transl) and torch.equal(first.kind, again.kind)
    assert not torch.equal(first.transl, other.transl)


def _six(matrices: torch.Tensor) -> torch.Tensor:
    from fastgrasp_model.geometry.rotations import matrix_to_rotation_6d

    return matrix_to_rotation_6d(matrices)
