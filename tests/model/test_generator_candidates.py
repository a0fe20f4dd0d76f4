"""Several hands for every grasp: one candidate changes nothing, more of them give the best of each group."""

import numpy as np
import pytest
import torch
import trimesh

from fastgrasp_model import generator as module
from fastgrasp_model.generator import GraspGenerator, _grasp_points
from fastgrasp_model.weights import PRETRAINED

needs_weights = pytest.mark.skipif(not PRETRAINED.exists(), reason="the package carries no weights yet")


@pytest.fixture(scope="module")
def generator():
    return GraspGenerator.from_pretrained()


@pytest.fixture(scope="module")
def box():
    points, _ = trimesh.sample.sample_surface(trimesh.creation.box((0.06, 0.09, 0.04)), 2000, seed=0)
    return np.asarray(points, dtype=np.float32)


@pytest.fixture
def drawn(generator, monkeypatch):
    """What `_hands` was asked for and gave, a tuple (which, noise, parameters, score) for each call."""
    calls, hands = [], generator._hands

    def watched(encoded, which, noise):
        parameters, score = hands(encoded, which, noise)
        calls.append((which.numpy(), noise.numpy(), parameters.numpy(), score))
        return parameters, score

    monkeypatch.setattr(generator, "_hands", watched)
    return calls


@needs_weights
@pytest.mark.parametrize("count", [1, 5, 70])
def test_one_candidate_is_the_plain_call(generator, box, drawn, monkeypatch, count):
    """Bit for bit: all rows at once, frames in order, noise drawn in one piece, every hand kept, best first."""
    monkeypatch.setattr(module, "BATCH", 16)
    plain, one = generator.generate(box, count, seed=3), generator.generate(box, count, seed=3, candidates=1)
    np.testing.assert_array_equal(plain.vertices, one.vertices)
    assert len(drawn) == 2
    which, noise, parameters, score = drawn[0]
    assert (which == np.arange(count) % 64).all()
    random = torch.Generator().manual_seed(3)
    generator.encode_object(box, random)
    np.testing.assert_array_equal(noise, torch.randn(count, noise.shape[1], generator=random).numpy())
    order = np.argsort(-score, kind="stable")
    np.testing.assert_array_equal(plain.score, score[order])
    np.testing.assert_array_equal(plain.betas, parameters[order, :10])


@needs_weights
def test_every_grasp_is_the_best_of_its_own_group(generator, box, drawn):
    grasps = generator.generate(box, 4, seed=0, candidates=8)
    ((which, noise, parameters, score),) = drawn
    groups = score.reshape(8, 4)  # a row for each round, a column for each grasp
    best = groups.argmax(0)
    assert len(set(best)) > 1, "this seed tells nothing: all groups keep the same round"
    kept = best * 4 + np.arange(4)
    kept = kept[np.argsort(-score[kept])]
    np.testing.assert_array_equal(grasps.score, score[kept])
    np.testing.assert_array_equal(grasps.betas, parameters[kept, :10])
    assert all(len(set(group)) == 8 for group in which.reshape(8, 4).T), "a bad frame could not be dropped"
    assert len(np.unique(noise, axis=0)) == 32
    assert not (set(score) - set(grasps.score)) & {score.max()}


@needs_weights
def test_more_candidates_never_score_worse_and_hands_stay_apart(generator, box):
    """The plain hand of a group is its first candidate, so no group can lose by having more."""
    plain, best = generator.generate(box, 8, seed=1), generator.generate(box, 8, seed=1, candidates=8)
    assert len(best) == 8 and (np.diff(best.score) <= 0).all()
    assert (best.score >= plain.score - 1e-4).all()  # both sorted: true of the groups, so of the ranks
    assert best.score.mean() > plain.score.mean() + 0.05
    apart = np.linalg.norm(best.keypoints[:, None] - best.keypoints[None], axis=-1).mean(-1)
    assert apart[~np.eye(8, dtype=bool)].min() > 0.01, "two groups gave the same hand"


@needs_weights
def test_the_first_candidates_are_the_plain_hands(generator, box, drawn):
    generator.generate(box, 3, seed=2)
    generator.generate(box, 3, seed=2, candidates=5)
    for plain, several in zip(drawn[0], drawn[1], strict=True):
        np.testing.assert_allclose(several[:3], plain, atol=1e-3)


@needs_weights
def test_a_seed_repeats(generator, box):
    one, two, other = (generator.generate(box, 3, seed=s, candidates=4) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.vertices, two.vertices)
    assert np.abs(one.vertices - other.vertices).max() > 0.005


@needs_weights
def test_hands_are_made_in_pieces_and_the_pieces_change_nothing(generator, box, drawn, monkeypatch):
    whole = generator.generate(box, 3, seed=0, candidates=8)
    monkeypatch.setattr(module, "BATCH", 7)
    pieces = generator.generate(box, 3, seed=0, candidates=8)
    assert [len(call[0]) for call in drawn] == [24, 6, 6, 6, 6]
    np.testing.assert_allclose(pieces.vertices, whole.vertices, atol=1e-4)
    np.testing.assert_array_equal(np.concatenate([call[1] for call in drawn[1:]]), drawn[0][1])


@needs_weights
def test_a_left_hand_is_the_best_of_its_candidates_too(generator, box):
    right = generator.generate(box, 2, seed=5, candidates=4)
    left = generator.generate(box * np.float32([-1, 1, 1]), 2, seed=5, side="left", candidates=4)
    np.testing.assert_allclose(left.vertices * [-1, 1, 1], right.vertices, atol=1e-4)


@pytest.mark.parametrize("frames", [64, 48, 7, 1])
@pytest.mark.parametrize("count", [1, 3, 8, 16, 64, 100])
def test_groups_meet_every_frame_once_and_frames_are_used_evenly(frames, count):
    which = _grasp_points(range(frames), count, frames).reshape(frames, count).numpy()
    assert (which[0] == np.arange(count) % frames).all()
    assert all(sorted(group) == list(range(frames)) for group in which.T)
    for rounds in range(1, frames + 1):
        used = np.bincount(which[:rounds].ravel(), minlength=frames)
        assert np.ptp(used) <= 1 + count // frames
    later = _grasp_points(range(frames // 2, frames), count, frames)
    np.testing.assert_array_equal(later, which[frames // 2 :].ravel())
