"""The batched slip test on a box between two walls, where statics say what must happen."""

import numpy as np
import pytest
import torch
import trimesh

from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
from fastgrasp_evaluation.physics.slip import SlipSettings, slip_distances, unit_inertia

FREE_FALL = 0.5 * 9.8 * (35 / 240) ** 2


@pytest.fixture(scope="module")
def box():
    mesh = trimesh.creation.box((0.04, 0.06, 0.08))
    grids = SignedDistanceGrids.from_meshes([(mesh.vertices, mesh.faces)], cells=64)
    return grids, unit_inertia(mesh)[None]


def _walls(depth: float, sides=(-1, 1)) -> torch.Tensor:
    """Patches of 5 x 5 points that go `depth` into the box's two x faces: (1,V,3)."""
    y, z = torch.meshgrid(torch.linspace(-0.02, 0.02, 5), torch.linspace(-0.02, 0.02, 5), indexing="ij")
    patches = [torch.stack([torch.full_like(y, side * (0.02 - depth)), y, z], -1).reshape(-1, 3) for side in sides]
    return torch.cat(patches)[None]


def _slip(box, points, **settings) -> torch.Tensor:
    grids, inertia = box
    return slip_distances(points, torch.zeros(len(points), dtype=torch.long), grids, inertia, SlipSettings(**settings))


def test_without_a_hand_it_falls_freely(box):
    moved = _slip(box, _walls(-0.05), enough=1.0)
    assert moved.shape == (1, 6)
    assert np.allclose(moved[0, 2:].numpy(), FREE_FALL, rtol=0.02)  # along x the walls stand 5 cm off


def test_two_pressing_walls_hold_in_all_directions(box):
    assert _slip(box, _walls(0.001)).max() < 0.002


def test_without_friction_it_slides_along_the_walls_only(box):
    along_x, others = _slip(box, _walls(0.001), friction=0.0, enough=1.0)[0].split([2, 4])
    assert along_x.max() < 0.002
    assert np.allclose(others.numpy(), FREE_FALL, rtol=0.05)


def test_one_wall_stops_one_direction(box):
    moved = _slip(box, _walls(0.0005, sides=(-1,)), enough=1.0)[0]
    assert moved[1] < 0.01 and moved[0] > 0.05  # falls to -x onto the wall at -x; to +x it leaves


def test_friction_must_carry_the_weight(box):
    force = 25 * 8000 * 0.0005  # N on each wall, 1 kg needs mu > 9.8 / (2 x 100)
    assert force == pytest.approx(100)
    weak, strong = _slip(box, _walls(0.0005), friction=0.02)[0], _slip(box, _walls(0.0005), friction=0.3)[0]
    assert weak[4] > 0.02 and strong[4] < 0.003


def test_no_hands_give_no_rows(box):
    assert _slip(box, torch.zeros(0, 10, 3)).shape == (0, 6)
