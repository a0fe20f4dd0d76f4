"""The clouds that the benchmark shows to the generator."""

import numpy as np
import pytest
import trimesh

from fastgrasp_evaluation.benchmark.measured_objects import cloud_generator, object_cloud, told_viewpoint


def test_clouds_are_as_asked():
    mesh = trimesh.creation.icosphere(radius=0.05)
    full, camera = object_cloud(mesh, "full", np.random.default_rng(0))
    assert full.shape == (3000, 3) and camera is None
    partial, camera = object_cloud(mesh, "partial", np.random.default_rng(0))
    assert np.linalg.norm(camera) == pytest.approx(0.6)
    assert 500 < len(partial) <= 3000
    assert (partial @ camera > -0.01).all()


def test_a_cloud_depends_on_name_and_seed_only():
    first = cloud_generator("mug", 1).random(3)
    assert np.array_equal(first, cloud_generator("mug", 1).random(3))
    assert not np.array_equal(first, cloud_generator("mug", 2).random(3))
    assert not np.array_equal(first, cloud_generator("can", 1).random(3))


def test_the_viewpoint_can_be_told_or_not_or_wrongly():
    camera, centre = np.array([0.1, 0.0, 0.6]), np.array([0.1, 0.0, 0.1])
    assert told_viewpoint("known", camera, centre) is camera
    assert told_viewpoint("unknown", camera, centre) is None
    np.testing.assert_allclose(told_viewpoint("wrong", camera, centre), [0.1, 0.0, -0.4])
    assert told_viewpoint("wrong", None, centre) is None  # of a full cloud
