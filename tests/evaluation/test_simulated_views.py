"""Visibility of sampled points and simulated single-view clouds."""

import numpy as np
import pytest

from fastgrasp_evaluation.simulated_views import depth_noise, random_camera, visible_points


def sphere(count: int, radius: float = 0.05, centre=(0.0, 0.0, 0.0), seed: int = 0):
    normals = np.random.default_rng(seed).normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return (normals * radius + np.asarray(centre)).astype(np.float32), normals.astype(np.float32)


def plate(count: int, z: float, half: float, up: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    points = np.column_stack([rng.uniform(-half, half, (count, 2)), np.full(count, z)])
    return points.astype(np.float32), np.tile(np.float32([0, 0, up]), (count, 1))


def test_of_a_sphere_the_cap_towards_the_camera_is_seen():
    points, normals = sphere(4096)
    camera = np.array([0.6, 0.0, 0.0])
    seen = visible_points(points, normals, camera, grazing_degrees=90)
    # The tangent cone touches the sphere where x = r^2 / d.
    expected = points[:, 0] > 0.05**2 / 0.6
    mask = np.zeros(len(points), dtype=bool)
    mask[seen] = True
    assert (mask != expected).mean() < 0.01


def test_a_plate_behind_another_is_hidden_and_the_front_one_is_whole():
    front, front_normals = plate(3000, 0.02, 0.05, 1.0)
    rear, rear_normals = plate(3000, 0.0, 0.04, 1.0, seed=1)
    points, normals = np.vstack([front, rear]), np.vstack([front_normals, rear_normals])
    seen = visible_points(points, normals, np.array([0.0, 0.0, 0.6]))
    assert (seen < 3000).sum() > 0.99 * 3000
    assert (seen >= 3000).sum() < 0.02 * 3000


def test_a_slanted_plate_keeps_its_points():
    points, normals = plate(4000, 0.0, 0.05, 1.0)
    slope = np.radians(70)
    camera = 0.6 * np.array([np.sin(slope), 0.0, np.cos(slope)])
    assert len(visible_points(points, normals, camera)) > 0.97 * 4000


def test_the_sphere_behind_a_sphere_is_hidden():
    near, near_normals = sphere(4000, 0.04, (0.1, 0, 0))
    far, far_normals = sphere(4000, 0.03, (-0.1, 0, 0), seed=1)
    points, normals = np.vstack([near, far]), np.vstack([near_normals, far_normals])
    seen = visible_points(points, normals, np.array([0.6, 0.0, 0.0]))
    assert (seen >= 4000).sum() < 40
    assert (seen < 4000).sum() > 1500


def test_points_that_face_away_give_an_empty_answer():
    points, normals = plate(500, 0.0, 0.05, -1.0)
    assert len(visible_points(points, normals, np.array([0.0, 0.0, 0.6]))) == 0


def test_depth_noise_runs_along_the_ray_with_the_given_deviation():
    points, _ = sphere(5000)
    camera = np.array([0.6, 0.0, 0.0])
    moved = depth_noise(points, camera, 0.002, np.random.default_rng(0))
    rays = points - camera
    rays = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    along = ((moved - points) * rays).sum(axis=1)
    assert along.std() == pytest.approx(0.002, rel=0.05)
    assert np.abs(moved - points - along[:, None] * rays).max() < 1e-6
    assert moved.dtype == np.float32


def test_random_cameras_keep_their_distance():
    rng = np.random.default_rng(0)
    cameras = np.stack([random_camera(rng, np.ones(3), 0.5) for _ in range(200)])
    assert np.allclose(np.linalg.norm(cameras - 1, axis=1), 0.5)
    assert np.abs((cameras - 1).mean(axis=0)).max() < 0.1


def test_single_view_of_a_mesh_is_one_sided_and_seeded():
    trimesh = pytest.importorskip("trimesh")
    from fastgrasp_evaluation.simulated_views import single_view

    mesh = trimesh.creation.icosphere(radius=0.05)
    camera = np.array([0.0, 0.6, 0.0])
    first = single_view(mesh, camera, points=1000, noise=0.001, rng=np.random.default_rng(3))
    again = single_view(mesh, camera, points=1000, noise=0.001, rng=np.random.default_rng(3))
    assert first.shape == (1000, 3) and first.dtype == np.float32
    assert np.array_equal(first, again)
    assert first[:, 1].min() > 0.0
