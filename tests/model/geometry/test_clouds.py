"""Clouds: every bad input refused with its remedy, sampling, and normals."""

import numpy as np
import pytest
import torch

from fastgrasp_model.geometry.clouds import (
    MIN_POINTS,
    CloudError,
    estimate_normals,
    sample_cloud,
    validate_cloud,
)


def ball(count: int = 500, radius: float = 0.05, seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).standard_normal((count, 3))
    return radius * points / np.linalg.norm(points, axis=1, keepdims=True)


def test_good_clouds_pass_unchanged():
    points = ball() + [3, -2, 1]
    checked = validate_cloud(points)
    assert checked.dtype == np.float32 and checked.flags.c_contiguous
    np.testing.assert_array_equal(checked, points.astype(np.float32))
    np.testing.assert_array_equal(validate_cloud(torch.from_numpy(points)), checked)
    np.testing.assert_array_equal(validate_cloud(points.tolist()), checked)
    assert validate_cloud(ball(MIN_POINTS)).shape == (MIN_POINTS, 3)


def test_organised_clouds_lose_their_unseen_points():
    image = ball(480).reshape(20, 24, 3)
    image[3, 4], image[5, 6, 1], image[7, 8, 2] = np.nan, np.inf, -np.inf
    checked = validate_cloud(image)
    assert checked.shape == (477, 3) and np.isfinite(checked).all()


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((100, 4)), r"shape \(100, 4\), expected \(N, 3\) or \(H, W, 3\)"),
        (np.zeros(300), "shape"),
        (np.zeros((2, 3, 4, 3)), "shape"),
        (np.array([["a", "b", "c"]]), "dtype"),
        (np.zeros((100, 3), complex), "dtype"),
        (np.zeros((100, 3), bool), "dtype"),
        (None, "dtype"),
        (np.zeros((0, 3)), "0 finite points of 0, expected at least 50"),
        (ball(49), "49 finite points"),
        (np.full((100, 3), np.nan), "0 finite points of 100"),
        (1000 * ball(), "millimetres, or a whole scene.*times 0.001"),
        (100 * ball(), "looks like centimetres or inches, or a whole scene.*times 0.01.*--unit cm or --unit inch"),
        (40 * ball(), "looks like centimetres or inches"),
        (1e6 * ball(), "no usual unit"),
        (0.001 * ball(), "single spot"),
        (np.ones((100, 3)), "0 m long"),
    ],
)
def test_bad_clouds_are_refused_with_the_remedy(points, message):
    with pytest.raises(CloudError, match=message):
        validate_cloud(points)


def test_sampling_is_exact_seeded_and_without_repetition_where_possible():
    points = ball(100)
    few = sample_cloud(points, 60, np.random.default_rng(0))
    assert few.shape == (60, 3) and len(np.unique(few, axis=0)) == 60
    many = sample_cloud(points, 250, np.random.default_rng(0))
    assert many.shape == (250, 3) and len(np.unique(many, axis=0)) == 100
    np.testing.assert_array_equal(few, sample_cloud(points, 60, np.random.default_rng(0)))
    assert not np.array_equal(few, sample_cloud(points, 60, np.random.default_rng(1)))
    with pytest.raises(CloudError, match="empty"):
        sample_cloud(np.zeros((0, 3)), 5, np.random.default_rng(0))


def test_normals_of_a_ball_are_its_radii():
    points = ball(2000) + [0.5, 0, 2]
    normals = estimate_normals(points)
    assert normals.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    assert ((normals * (points - [0.5, 0, 2]) / 0.05).sum(1)).min() > 0.97


def test_normals_face_the_viewpoint():
    grid = np.stack(np.meshgrid(np.linspace(0, 0.1, 20), np.linspace(0, 0.1, 20), [0.0]), -1).reshape(-1, 3)
    np.testing.assert_allclose(estimate_normals(grid, viewpoint=np.array([0, 0, -1])), [[0, 0, -1]] * 400, atol=1e-6)
    np.testing.assert_allclose(estimate_normals(grid, viewpoint=np.array([0, 0, 1])), [[0, 0, 1]] * 400, atol=1e-6)


def test_normals_agree_with_the_general_eigenvalue_solver():
    points = np.random.default_rng(0).standard_normal((300, 3))
    normals = estimate_normals(points, neighbours=12)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    for row in range(0, 300, 17):
        near = points[np.argsort(distances[row])[:12]]
        expected = np.linalg.eigh(np.cov(near.T))[1][:, 0]
        assert abs(expected @ normals[row]) > 1 - 1e-6


def test_degenerate_clouds_still_get_unit_normals():
    line = np.zeros((60, 3))
    line[:, 0] = np.linspace(0, 1, 60)
    for points in (line, np.ones((60, 3)), ball(3)):
        normals = estimate_normals(points)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(estimate_normals(line)[:, 0], 0, atol=1e-6)
    with pytest.raises(CloudError, match="at least 3"):
        estimate_normals(ball(2))


def test_a_cloud_too_far_out_for_float32_is_refused_with_the_remedy(ball):
    with pytest.raises(CloudError, match="Subtract an offset"):
        validate_cloud(ball.astype(np.float64) + [1e6, 0, 0])
    far = ball.astype(np.float64) + [900.0, 0, 0]
    assert np.abs(validate_cloud(far) - far).max() < 1e-4
