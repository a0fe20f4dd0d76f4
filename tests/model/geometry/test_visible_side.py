"""The side that a single view shows is found in any frame, wherever its origin lies; a whole cloud has none."""

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from fastgrasp_evaluation.simulated_views import single_view
from fastgrasp_model.geometry.visible_side import stand_in_sensor

HAMMER = trimesh.util.concatenate(
    [
        trimesh.creation.cylinder(0.014, 0.26),
        trimesh.creation.box((0.1, 0.03, 0.03), trimesh.transformations.translation_matrix((0.02, 0, 0.14))),
    ]
)
SOLIDS = {
    "box": trimesh.creation.box((0.06, 0.16, 0.09)),
    "can": trimesh.creation.cylinder(0.035, 0.12),
    "ball": trimesh.creation.icosphere(4, 0.05),
    "hammer": HAMMER,
}


def _random_frame(rng):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(random_state=int(rng.integers(1000))).as_matrix()
    matrix[:3, 3] = rng.uniform(-1, 1, 3)
    return matrix


@pytest.mark.parametrize("name", SOLIDS)
def test_a_view_tells_where_it_was_seen_from(name):
    """In eight random frames, from eight sides: never from behind, and mostly within 45 degrees."""
    off = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        camera = rng.normal(size=3)
        camera *= 0.6 / np.linalg.norm(camera)
        frame = _random_frame(rng)
        cloud = trimesh.transform_points(single_view(SOLIDS[name], camera, 3000, rng=rng), frame)
        found = stand_in_sensor(cloud) - cloud.mean(0)
        truth = trimesh.transform_points([camera], frame)[0] - cloud.mean(0)
        cosine = found @ truth / np.linalg.norm(found) / np.linalg.norm(truth)
        off.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    assert max(off) < 90 and np.mean(np.array(off) < 45) >= 0.75, np.round(off)


@pytest.mark.parametrize("name", SOLIDS)
@pytest.mark.parametrize("noise", [0.0, 0.002])
def test_a_whole_cloud_has_no_visible_side(name, noise):
    rng = np.random.default_rng(0)
    points = trimesh.sample.sample_surface(SOLIDS[name], 3000, seed=0)[0] + rng.normal(scale=noise, size=(3000, 3))
    for seed in range(3):
        frame = _random_frame(np.random.default_rng(seed))
        assert stand_in_sensor(trimesh.transform_points(points, frame)) is None


def test_the_same_cloud_gives_the_same_answer_in_a_shifted_frame():
    cloud = single_view(SOLIDS["can"], np.array([0.3, 0.1, 0.5]))
    first = stand_in_sensor(cloud)
    np.testing.assert_array_equal(first, stand_in_sensor(cloud))
    np.testing.assert_allclose(stand_in_sensor(cloud + np.float64([5, -3, 1])) - [5, -3, 1], first, atol=1e-4)


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((60, 3)),
        np.random.default_rng(0).random((60, 3)) * [0.1, 0, 0],
        np.random.default_rng(0).random((60, 3)) * [0.1, 0.1, 0],
    ],
    ids=["spot", "line", "plane"],
)
def test_degenerate_clouds_are_answered(points):
    found = stand_in_sensor(points)
    assert found is None or np.isfinite(found).all()
