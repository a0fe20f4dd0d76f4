"""From one view to the hidden side: what comes back, in which frame, and when nothing does."""

import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial import cKDTree

from fastgrasp_evaluation.simulated_views import single_view
from fastgrasp_model.completion import predicted_surface
from fastgrasp_model.generator import GraspGenerator
from fastgrasp_model.networks.shape_completion import ShapeCompletion

SENSOR = np.array([0.1, -0.2, 0.55])


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return ShapeCompletion(8).eval()


@pytest.fixture(scope="module")
def can():
    return trimesh.creation.cylinder(0.033, 0.1)


def test_hidden_points_move_with_the_cloud(network, can):
    view = single_view(can, SENSOR).astype(np.float64)
    points, normals = predicted_surface(network, view, SENSOR)
    assert points.dtype == normals.dtype == np.float32 and points.shape == normals.shape and len(points) > 200
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)
    shift = np.array([0.5, -2.0, 1.0])
    moved, same = predicted_surface(network, view + shift, SENSOR + shift)
    np.testing.assert_allclose(moved - shift, points, atol=1e-5)
    np.testing.assert_allclose(same, normals, atol=1e-3)


@pytest.mark.parametrize("sensor", [np.zeros(3), np.array([0.0, 0.0, 0.05]), np.full(3, np.nan)])
def test_a_sensor_within_the_cloud_sees_nothing_hidden(network, can, sensor):
    points, normals = predicted_surface(network, single_view(can, SENSOR), sensor)
    assert points.shape == normals.shape == (0, 3)


def test_the_shipped_weights_know_the_back_of_a_can(can):
    """Points of the guess lie near the can's surface, and the back is among them."""
    model = GraspGenerator.from_pretrained().model
    true, _ = trimesh.sample.sample_surface(can, 20_000, seed=0)
    whole, covered, seen = [], [], []
    for number in range(8):
        sensor = 0.6 * np.random.default_rng(number).normal(size=3) / 1.7
        view = single_view(can, sensor, rng=np.random.default_rng(number))
        hidden, _ = predicted_surface(model.shape_completion, view, sensor)
        whole.append(np.median(cKDTree(true).query(hidden)[0]))
        seen.append(cKDTree(view).query(true)[0].mean())
        covered.append(cKDTree(np.concatenate([view, hidden])).query(true)[0].mean())
    assert np.median(whole) < 0.005
    assert np.median(covered) < 0.4 * np.median(seen)


def test_the_generator_completes_views_and_leaves_whole_clouds_alone(can):
    generator = GraspGenerator.from_pretrained()
    view, whole = single_view(can, SENSOR), np.asarray(can.sample(3000), dtype=np.float32)
    random = torch.Generator().manual_seed(0)
    for cloud, sensor, spread in ((view, SENSOR, 0.9), (whole, None, 0.9)):
        encoded = generator.encode_object(cloud, random, sensor)
        points = encoded.points.numpy() + encoded.centre
        assert len(points) == 1024
        # On both sides of the can, along the view.
        along = points @ SENSOR / np.linalg.norm(SENSOR)
        assert np.ptp(along) > spread * np.ptp(np.asarray(can.vertices) @ SENSOR / np.linalg.norm(SENSOR))
    assert cKDTree(whole).query(points)[0].max() < 1e-5, "nothing is added to a whole cloud"
    in_sensor_frame = generator.encode_object((view - SENSOR).astype(np.float32), random)
    origins = in_sensor_frame.frames.origin.numpy() + in_sensor_frame.centre + SENSOR
    assert cKDTree(view).query(origins)[0].max() < 1e-3, "frames lie on what was measured"
    assert len(np.unique(np.round(in_sensor_frame.points.numpy()[512:], 4), axis=0)) > 200
