"""Range images: from a cloud to pixels and back, and the surface that a sensor cannot see."""

import numpy as np
import pytest
import trimesh

from fastgrasp_model.geometry.range_image import PIXELS, STEP, RangeImage, hidden_surface

EYE = np.array([0.1, -0.5, 0.3])


def _ball(count=20_000, radius=0.05):
    points, _ = trimesh.sample.sample_surface(trimesh.creation.icosphere(4, radius), count, seed=0)
    return np.asarray(points)


def _ranges_through_a_ball(image, radius=0.05):
    """Where the rays enter and leave a ball about the origin, exactly, and which rays meet it."""
    row, column = np.indices((PIXELS, PIXELS))
    places = image.places(row, column, np.zeros((PIXELS, PIXELS)))
    along = places @ image.axes[:, 2]
    half = radius**2 - ((places**2).sum(-1) - along**2)
    inside = half > 0
    half = np.sqrt(np.maximum(half, 0))
    return (-along - half) / image.scale, (-along + half) / image.scale, inside


def test_points_come_back_from_their_pixels():
    points = _ball()
    seen = points[(points * (EYE - points)).sum(1) > 0]
    image = RangeImage.around(seen, EYE)
    pixel, ranges = image.pixels(seen)
    assert (pixel >= 0).all()
    back = image.places(*np.unravel_index(pixel, (PIXELS, PIXELS)), ranges)
    assert np.linalg.norm(back - seen, axis=1).max() < 0.75 * STEP * image.scale  # half a pixel's diagonal
    count, mean = image.mean_ranges(seen)
    front, _, inside = _ranges_through_a_ball(image)
    steady = (count > 3) & inside & (front < 0.2)
    assert steady.sum() > 500 and np.abs(mean - front)[steady].mean() * image.scale < 0.001
    assert count.sum() == len(seen)


def test_the_cloud_fills_the_image_but_for_its_margin_however_it_is_turned():
    points = _ball()
    for up in ([1.0, 0, 0], [0.3, -1.0, 0.2]):
        pixel, _ = RangeImage.around(points, EYE, up=np.array(up)).pixels(points)
        rows, columns = np.unravel_index(pixel, (PIXELS, PIXELS))
        for cells in (rows, columns):
            assert 3 <= cells.min() <= 9 and PIXELS - 10 <= cells.max() <= PIXELS - 4


def test_the_hidden_side_of_a_ball():
    image = RangeImage.around(_ball(), EYE)
    front, back, inside = _ranges_through_a_ball(image)
    points, normals = hidden_surface(image, front, back, inside)
    assert points.dtype == normals.dtype == np.float32 and len(points) > 1000
    away = np.linalg.norm(points, axis=1)
    np.testing.assert_allclose(away[: inside.sum()], 0.05, atol=1e-5)
    np.testing.assert_allclose(away, 0.05, atol=0.002)  # the rim, which is filled straight
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)
    turned = (normals * points).sum(1) / away
    assert np.median(turned) > 0.999 and (turned > 0.9).mean() > 0.95
    assert (points[: inside.sum()] @ image.axes[:, 2] > 0).all(), "what the sensor sees is no hidden side"


def test_steep_sides_are_filled_between_front_and_back():
    """A box from straight above: four walls that no ray meets."""
    box = trimesh.creation.box((0.06, 0.08, 0.1))
    points = np.asarray(trimesh.sample.sample_surface(box, 20_000, seed=0)[0])
    image = RangeImage.around(points, np.array([0.0, 0.0, 5.0]))
    row, column = np.indices((PIXELS, PIXELS))
    inside = (np.abs(image.places(row, column, np.zeros((PIXELS, PIXELS)))[..., :2]) < [0.03, 0.04]).all(-1)
    top, bottom = (np.full((PIXELS, PIXELS), (image.centre[2] - z) / image.scale) for z in (0.05, -0.05))
    made, normals = hidden_surface(image, top, bottom, inside)
    walls = np.abs(normals[:, 2]) < 0.2
    assert walls.sum() > 500
    outside = np.abs(made[walls]) - [0.03, 0.04, 0.05]
    assert np.abs(outside[:, :2].max(1)).max() < STEP * image.scale  # they lie on a wall, to a pixel
    assert (normals[walls] * made[walls])[:, :2].sum(1).min() > 0
    assert np.ptp(made[walls][:, 2]) > 0.08


@pytest.mark.parametrize("inside", [np.zeros((PIXELS, PIXELS), bool), np.eye(PIXELS, dtype=bool)])
def test_nothing_and_next_to_nothing(inside):
    image = RangeImage.around(_ball(500), EYE)
    points, normals = hidden_surface(image, np.zeros((PIXELS, PIXELS)), np.full((PIXELS, PIXELS), 0.01), inside)
    assert len(points) == len(normals) == inside.sum() and np.isfinite(normals).all()
