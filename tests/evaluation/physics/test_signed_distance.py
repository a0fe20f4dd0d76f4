"""Signed distance grids against shapes whose distance is known in closed form."""

import numpy as np
import pytest
import torch
import trimesh

from fastgrasp_evaluation.physics.signed_distance import (
    SignedDistanceError,
    SignedDistanceGrids,
    is_closed,
    mesh_distance_grid,
)


@pytest.fixture(scope="module")
def grids() -> SignedDistanceGrids:
    ball = trimesh.creation.icosphere(4, radius=0.04)
    box = trimesh.creation.box((0.06, 0.1, 0.16))
    return SignedDistanceGrids.from_meshes([(ball.vertices, ball.faces), (box.vertices, box.faces)], cells=64)


def test_a_batch_mixes_objects_and_is_exact_near_the_surface(grids):
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(2, 200, 3, generator=generator), dim=-1)
    points = directions * torch.linspace(0.038, 0.042, 200)[:, None]
    distance = grids.query(points, torch.tensor([0, 1]))
    assert (distance[0] - (points[0].norm(dim=-1) - 0.04)).abs().max() < 1.5e-4
    q = points[1].abs() - torch.tensor([0.03, 0.05, 0.08])  # (200,3)
    exact = q.clamp_min(0).norm(dim=-1) + q.amax(-1).clamp_max(0)
    near = exact > -0.01  # deeper in, the medial axis of a box is a kink
    assert (distance[1] - exact)[near].abs().max() < 1.2e-3  # edges are cut by the grid
    assert (distance[1] - exact).abs().median() < 1e-4


def test_negative_inside_and_growing_outside_the_box(grids):
    points = torch.tensor([[[0.0, 0, 0], [0, 0, 0.3], [0.5, 0.5, 0.5]]])
    inside, above, far = grids.query(points, torch.tensor([0]))[0].tolist()
    assert inside == pytest.approx(-0.04, abs=6e-3)  # a kink, between coarse nodes
    assert above == pytest.approx(0.26, abs=5e-3)
    assert far == pytest.approx(0.5 * 3**0.5 - 0.04, abs=0.02)


def test_gradient_is_that_of_the_interpolant(grids):
    double = grids.to(dtype=torch.float64)
    points = (torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(1)) * 0.04).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: double.query(x, torch.tensor([0, 1])), points, eps=1e-7, atol=1e-3)


def test_normals_point_outwards(grids):
    points = 0.041 * torch.nn.functional.normalize(
        torch.randn(1, 50, 3, generator=torch.Generator().manual_seed(2)), dim=-1
    )
    _, normals = grids.query_with_normals(points, torch.tensor([0]))
    assert ((normals * points / 0.041).sum(-1) > 0.99).all()


def test_a_thin_wall_is_seen_from_both_sides():
    tube = trimesh.creation.annulus(r_min=0.036, r_max=0.040, height=0.09, sections=48)
    grids = SignedDistanceGrids.from_meshes([(tube.vertices, tube.faces)], cells=96)
    places = torch.tensor([[[0.0, 0, 0], [0.038, 0, 0], [0.045, 0, 0]]])
    hollow, wall, outside = grids.query(places, torch.tensor([0]))[0].tolist()
    assert hollow > 0.03 and wall < -0.001 and outside > 0.004


def test_far_nodes_differ_little_from_the_exact_distance():
    ball = trimesh.creation.icosphere(3, radius=0.03)
    values, origin, spacing = mesh_distance_grid(ball.vertices, ball.faces, cells=48)
    places = origin + spacing * np.stack(np.meshgrid(*map(np.arange, values.shape), indexing="ij"), -1)
    assert np.abs(values - (np.linalg.norm(places, axis=-1) - 0.03)).max() < 4e-3


def test_errors_name_the_remedy():
    with pytest.raises(SignedDistanceError, match="at least one"):
        SignedDistanceGrids.from_meshes([])
    with pytest.raises(SignedDistanceError, match="finite"):
        SignedDistanceGrids.from_meshes([(np.full((3, 3), np.nan), np.array([[0, 1, 2]]))])


def test_open_and_flipped_meshes_are_not_closed():
    faces = trimesh.creation.box().faces.copy()
    assert is_closed(faces)
    assert not is_closed(faces[1:])
    faces[0] = faces[0][::-1]
    assert not is_closed(faces)
