"""The generator with the shipped weights: any cloud, any frame, either hand, the same seed the same answer."""

import numpy as np
import pytest
import torch
import trimesh

from fastgrasp_model.generator import GraspGenerator
from fastgrasp_model.geometry.clouds import CloudError
from fastgrasp_model.weights import PRETRAINED

pytestmark = pytest.mark.skipif(not PRETRAINED.exists(), reason="the package carries no weights yet")


@pytest.fixture(scope="module")
def generator():
    return GraspGenerator.from_pretrained()


@pytest.fixture(scope="module")
def can():
    points, _ = trimesh.sample.sample_surface(trimesh.creation.cylinder(0.033, 0.12), 4000, seed=0)
    return np.asarray(points, dtype=np.float32)


def _distance(grasps, points):
    """From each hand (B,) to the cloud, metres."""
    from scipy.spatial import cKDTree

    return cKDTree(points).query(grasps.vertices.reshape(-1, 3))[0].reshape(len(grasps), -1).min(1)


def test_grasps_hold_the_object(generator, can):
    grasps = generator.generate(can, 16, seed=3)
    assert len(grasps) == 16 and grasps.vertices.shape == (16, 778, 3) and grasps.side == "right"
    assert (_distance(grasps, can) < 0.006).mean() > 0.9
    assert (np.diff(grasps.score) <= 1e-6).all()
    for name in ("betas", "global_orient", "hand_pose", "transl", "keypoints", "wrist_position", "wrist_quaternion"):
        assert np.isfinite(getattr(grasps, name)).all(), name
    centres = grasps.vertices.mean(1)
    assert np.linalg.norm(centres - centres.mean(0), axis=1).mean() > 0.02, "the grasps are all the same"


def test_seed(generator, can):
    one, two, other = (generator.generate(can, 4, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.vertices, two.vertices)
    assert np.abs(one.vertices - other.vertices).max() > 0.005


def test_any_frame(generator, can):
    """Far from the origin and turned, the hands are as close to the object as at home."""
    turn = trimesh.transformations.rotation_matrix(2.0, [1, 2, 3])[:3, :3]
    moved = can @ turn.T + [12.0, -7.0, 3.0]
    grasps = generator.generate(moved, 8, seed=0)
    assert (_distance(grasps, moved) < 0.006).mean() > 0.8
    assert np.abs(grasps.wrist_position - [12.0, -7.0, 3.0]).max() < 0.4


def test_left_hand_is_the_mirror_image(generator, can):
    mirrored = can * np.float32([-1, 1, 1])
    right, left = generator.generate(can, 4, seed=5), generator.generate(mirrored, 4, seed=5, side="left")
    assert left.side == "left"
    np.testing.assert_allclose(left.vertices * [-1, 1, 1], right.vertices, atol=1e-4)


@pytest.mark.parametrize("count", [200, 1000, 100_000])
def test_clouds_of_any_size(generator, count):
    points, _ = trimesh.sample.sample_surface(trimesh.creation.box((0.06, 0.09, 0.04)), count, seed=0)
    grasps = generator.generate(np.asarray(points), 4, seed=0)
    assert len(grasps) == 4 and (_distance(grasps, points) < 0.015).mean() >= 0.75


def test_organised_cloud_with_nan(generator, can):
    organised = np.full((100, 60, 3), np.nan, dtype=np.float32)
    organised.reshape(-1, 3)[:4000] = can
    assert len(generator.generate(organised, 2)) == 2


def test_many_grasps_share_one_encoding(generator, can):
    calls = []
    hook = generator.model.object_encoder.register_forward_hook(lambda *_: calls.append(1))
    try:
        assert len(generator.generate(can, 100)) == 100
    finally:
        hook.remove()
    assert len(calls) == 1


def test_grasp_points_are_drawn_by_their_graspability(generator, monkeypatch):
    """If only the upper half of a rod is graspable, the generator draws its grasp points there."""
    if generator.model.graspability is None:
        pytest.skip("weights without graspability")
    points, _ = trimesh.sample.sample_surface(trimesh.creation.cylinder(0.02, 0.3), 3000, seed=0)
    seen = []

    def upper(conditions, _shapes):
        return torch.where(seen[-1][:, 2] > 0, 0.0, -30.0)

    frames = generator.model.candidate_frames

    def watched(*args):
        made = frames(*args)
        seen.append(made.origin)
        return made

    monkeypatch.setattr(generator.model, "candidate_frames", watched)
    monkeypatch.setattr(generator.model.graspability, "forward", upper)
    encoded = generator.encode_object(np.asarray(points, dtype=np.float32), torch.Generator().manual_seed(0))
    assert (encoded.frames.origin[:20, 2] > 0).all()
    assert encoded.shape_latents is None or len(encoded.shape_latents) == len(encoded.conditions)


def test_the_noise_is_as_wide_as_configured(generator, can, monkeypatch):
    seen = []

    def sample(condition, noise, **_):
        seen.append(noise)
        return torch.zeros_like(noise)

    monkeypatch.setattr(generator.model, "sample", sample)
    generator.generate(can, 64, seed=0)
    assert abs(float(seen[0].std()) / generator.model.config.noise_scale - 1) < 0.05


def test_wrong_requests(generator, can):
    with pytest.raises(ValueError, match="num_grasps: expected 1 to 4096, got 0"):
        generator.generate(can, 0)
    with pytest.raises(ValueError, match="candidates: expected 1 to 1024, got 0"):
        generator.generate(can, 1, candidates=0)
    with pytest.raises(ValueError, match="seed: expected 0 to"):
        generator.generate(can, 1, seed=-1)
    for place in ((0, 0), (0, 0, np.nan), "above"):
        with pytest.raises(ValueError, match="viewpoint: expected three finite numbers"):
            generator.generate(can, 1, viewpoint=place)
    with pytest.raises(ValueError, match="side: expected 'right' or 'left', got 'both'"):
        generator.generate(can, 1, side="both")
    with pytest.raises(CloudError):
        generator.generate(can * 1000, 1)
    with pytest.raises(CloudError):
        generator.generate(can[:20], 1)


@pytest.mark.parametrize("shape", ["flat", "wall", "table"])
def test_what_cannot_be_grasped_gets_no_good_grasp(generator, can, shape):
    """A plane is answered, but the answer says that nothing in it holds, and `min_score` leaves nothing of it."""
    size = {"flat": (0.4, 0.4), "wall": (1.2, 1.2), "table": (1.4, 0.7)}[shape]
    plane = np.random.default_rng(0).random((4000, 3)) * [*size, 0.001] + [0, 0, 1]
    grasps = generator.generate(plane, 16)
    assert len(grasps) == 16 and not grasps.any_good
    assert len(generator.generate(plane, 16, min_score=0.1)) == 0
    assert generator.generate(can, 16).any_good


def test_min_score_drops_the_grasps_below_it(generator, can):
    everything = generator.generate(can, 16)
    bound = float(np.median(everything.score))
    kept = generator.generate(can, 16, min_score=bound)
    np.testing.assert_array_equal(kept.score, everything.score[everything.score >= bound])
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match="min_score: expected 0 to 1"):
            generator.generate(can, min_score=wrong)


def _buried_share(grasps, centre):
    """Of the hands' vertices the share that lies more than 5 mm inside an upright cylinder of 35 mm x 140 mm."""
    at = grasps.vertices - np.float32(centre)
    return float(((np.linalg.norm(at[..., :2], axis=-1) < 0.03) & (np.abs(at[..., 2]) < 0.065)).mean())


@pytest.mark.parametrize("origin", [(0.0, 0.0, 0.0), (-0.5, 0.2, -0.6), (0.05, 0.9, -0.3)])
def test_a_view_in_any_frame_is_grasped_without_its_sensor(generator, origin):
    """Wherever the frame's origin lies, hands do not reach through the side that the view hides."""
    from fastgrasp_evaluation.simulated_views import single_view

    mesh = trimesh.creation.cylinder(0.035, 0.14)
    camera = np.array([0.35, 0.25, 0.4])
    view = single_view(mesh, camera, rng=np.random.default_rng(0))
    shifted = generator.generate(view - np.float32(origin), 16)
    known = generator.generate(view, 16, viewpoint=camera)
    assert _buried_share(shifted, -np.array(origin)) < 0.01 and shifted.any_good
    assert abs(np.median(shifted.score) - np.median(known.score)) < 0.25
