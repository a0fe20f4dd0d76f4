"""Normals of clouds point outwards, or towards the sensor."""

import numpy as np
import pytest
import torch
import trimesh

from fastgrasp_evaluation.simulated_views import visible_points
from fastgrasp_model.geometry.normals import averaged_normals, orient_outward, prepare_cloud


def _sampled(mesh, count=6000):
    points, face = trimesh.sample.sample_surface(mesh, count, seed=0)
    return np.asarray(points, dtype=np.float32), mesh.face_normals[face].astype(np.float32)


@pytest.mark.parametrize("mesh", [trimesh.creation.box((0.06, 0.1, 0.04)), trimesh.creation.cylinder(0.03, 0.2)])
def test_normals_of_a_whole_cloud_point_outwards(mesh):
    points, _ = _sampled(mesh)
    view, normals = prepare_cloud(points + 0.3, np.random.default_rng(0))
    assert view.shape == normals.shape == (1024, 3) and view.dtype == np.float32
    outward = (normals * (view - 0.3)).sum(1) > 0
    assert outward.mean() > 0.99
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-3)


def test_normals_of_a_single_view_point_to_the_sensor():
    """The inside of a bowl faces the camera although it leads towards the centroid."""
    bowl = trimesh.creation.annulus(0.05, 0.055, 0.1)
    points, true_normals = _sampled(bowl, 20000)
    camera = np.array([0.25, 0.0, 0.45])
    cloud = points[visible_points(points, true_normals, camera)]
    view, normals = prepare_cloud(cloud, np.random.default_rng(0), camera)
    assert ((normals * (camera - view)).sum(1) > 0).mean() > 0.99


def test_given_normals_are_turned_outwards():
    points, true_normals = _sampled(trimesh.creation.icosphere(radius=0.05))
    turned = orient_outward(points + 0.5, true_normals * -1)
    assert (turned * true_normals).sum(1).min() > 0.9


def test_few_points_are_repeated():
    points, _ = _sampled(trimesh.creation.icosphere(radius=0.05), 200)
    view, normals = prepare_cloud(points, np.random.default_rng(0))
    assert len(view) == len(normals) == 1024 and len(np.unique(view, axis=0)) == 200


def test_averaged_normals_average_out_noise():
    g = torch.Generator().manual_seed(0)
    points = torch.cat([0.05 * torch.rand(1, 2000, 2, generator=g), torch.zeros(1, 2000, 1)], dim=-1)
    up = torch.tensor([0.0, 0.0, 1.0])
    noisy = torch.nn.functional.normalize(up + 0.3 * torch.randn(1, 2000, 3, generator=g), dim=-1)
    steady = averaged_normals(points, noisy, torch.tensor([[0.025, 0.025, 0.0]]))
    assert steady[0, 2] > 0.998
