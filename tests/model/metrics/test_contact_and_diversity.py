"""Contact definitions, diversity and displacement figures on cases whose answer is known."""

import numpy as np
import pytest

from fastgrasp_model.metrics import contact_ratio
from fastgrasp_model.metrics.displacement import SIX_DIRECTIONS, displacement
from fastgrasp_model.metrics.diversity import (
    canonical_keypoints_cm,
    cluster_diversity,
    diversity_halo,
    mean_pairwise_joint_distance_cm,
)

FINGERS = {name: np.array([2 * i, 2 * i + 1]) for i, name in enumerate(contact_ratio.FINGER_NAMES)}


def distances(**millimetres: float) -> np.ndarray:
    """(1, 12) distances: 50 mm everywhere but where a finger or "palm" is named."""
    values = np.full((1, 12), 0.05)
    for name, value in millimetres.items():
        values[0, FINGERS[name][0] if name in FINGERS else 11] = value / 1000
    return values


@pytest.mark.parametrize(
    ("palm", "near", "within"), [(-0.1, True, True), (0.1, True, False), (5.1, False, False)]
)
def test_contact_by_one_vertex(palm, near, within):
    values = distances(palm=palm)
    assert contact_ratio.contact_within_5mm(values)[0] == near
    assert contact_ratio.contact_inside(values)[0] == within


@pytest.mark.parametrize(
    ("touching", "expected"),
    [
        ({"thumb": 1, "index": 1.9, "ring": -4}, True),
        ({"thumb": 1, "index": 1.9, "ring": 2.1}, False),
        ({"index": 1, "middle": 1, "ring": 1, "pinky": 1}, False),
        ({"thumb": 1, "palm": 0, "index": 0}, False),
    ],
)
def test_thumb_and_two_fingers(touching, expected):
    assert contact_ratio.contact_thumb_and_two_fingers(distances(**touching), FINGERS)[0] == expected


def test_legacy_contact_is_a_volume_that_is_not_zero():
    assert contact_ratio.contact_legacy_volume([0.0, 0.125]).tolist() == [False, True]


def random_hands(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=0.04, size=(count, 21, 3))


def test_canonical_hands_do_not_depend_on_where_the_hand_is():
    from scipy.spatial.transform import Rotation

    hands = random_hands(5)
    moved = (
        Rotation.random(rng=np.random.default_rng(1)).apply(hands.reshape(-1, 3)).reshape(hands.shape) + 0.3
    )
    canonical = canonical_keypoints_cm(hands)
    assert np.allclose(canonical_keypoints_cm(moved), canonical, atol=1e-9)
    assert np.allclose(canonical[:, 0], 0)
    assert np.allclose(canonical[:, 9, [0, 2]], 0) and (canonical[:, 9, 1] < 0).all()
    assert np.allclose(canonical[:, 5, 2], 0)
    assert np.linalg.norm(canonical[:, 9], axis=1) == pytest.approx(
        100 * np.linalg.norm(hands[:, 9] - hands[:, 0], axis=1)
    )


def test_identical_grasps_have_no_diversity():
    found = diversity_halo(np.repeat(random_hands(1), 30, axis=0))
    assert found["entropy_nats"] == 0.0
    assert found["cluster_size_cm"] == pytest.approx(0.0, abs=1e-4)


def test_clear_clusters_of_equal_size_reach_the_greatest_entropy():
    corners = 100 * np.random.default_rng(0).normal(size=(4, 63))
    samples = np.repeat(corners, 10, axis=0) + np.random.default_rng(1).normal(scale=0.01, size=(40, 63))
    assert cluster_diversity(samples, clusters=4)["entropy"] == pytest.approx(np.log(4), abs=0.01)


def test_a_hundred_random_hands_give_the_entropy_that_says_nothing():
    found = diversity_halo(random_hands(100))
    assert 2.5 < found["entropy_nats"] < np.log(20)
    assert found["entropy_nats_sd"] > 0


def test_cluster_size_is_the_distance_to_the_centre():
    samples = np.concatenate([np.zeros((10, 3)), np.ones((10, 3))]) + np.tile(
        [[0.1, 0, 0], [-0.1, 0, 0]], (10, 1)
    )
    assert cluster_diversity(samples, clusters=2)["cluster_size"] == pytest.approx(0.1)


def test_diversity_is_seeded():
    hands = random_hands(60)
    assert diversity_halo(hands) == diversity_halo(hands)


def test_pairwise_distance():
    hands = np.zeros((3, 21, 3))
    hands[1, :, 0], hands[2, :, 0] = 0.01, 0.03
    assert mean_pairwise_joint_distance_cm(hands) == pytest.approx((1 + 3 + 2) / 3)
    assert mean_pairwise_joint_distance_cm(hands[:1]) == 0.0


class FakeSimulator:
    """Moves the object by the hand's first coordinate; fails where that is negative."""

    def displacement(self, hand_vertices, hand_faces, directions, steps, friction):
        assert np.array_equal(directions, SIX_DIRECTIONS) and steps == 35 and friction == 3.0
        if hand_vertices[0, 0] < 0:
            raise RuntimeError("boom")
        return hand_vertices[0, 0] * np.array([1, 1, 2, 1, 1, 6])


def test_displacement_columns_and_failures():
    hands = np.zeros((3, 4, 3))
    hands[:, 0, 0] = 0.003, 0.004, -1
    found = displacement(hands, None, FakeSimulator())
    assert found.six_directions_cm == pytest.approx([0.6, 0.8, 10.0])
    assert found.legacy_cm == pytest.approx([0.6, 0.8, 10.0])
    assert found.held.tolist() == [True, False, False]
    assert found.failed.tolist() == [False, False, True]
