"""Contact definitions and diversity figures on cases whose answer is known."""

import numpy as np
import pytest

from fastgrasp_evaluation.metrics import contact_ratio
from fastgrasp_evaluation.metrics.diversity import (
    DiversityError,
    canonical_keypoints_cm,
    cluster_diversity,
    degenerate_hands,
    diversity_columns,
    mean_pairwise_joint_distance_cm,
    whitened,
)

FINGERS = {name: np.array([2 * i, 2 * i + 1]) for i, name in enumerate(contact_ratio.FINGERS)}


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


def test_hands_of_different_size_are_told_apart_one_by_one():
    hands = [np.array([0.02, 0.0049]), np.array([0.1, 0.2, 0.3]), np.array([-0.001])]
    assert contact_ratio.contact_within_5mm(hands).tolist() == [True, False, True]
    assert contact_ratio.contact_inside(hands).tolist() == [False, False, True]


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


def moved(hands: np.ndarray, seed: int = 1) -> np.ndarray:
    """Every hand turned and moved by itself, kept in float32 as files keep them."""
    from scipy.spatial.transform import Rotation

    turns = Rotation.random(len(hands), rng=np.random.default_rng(seed)).as_matrix()
    places = np.random.default_rng(seed).normal(scale=0.3, size=(len(hands), 1, 3))
    return (hands @ turns.transpose(0, 2, 1) + places).astype(np.float32)


def test_identical_grasps_have_no_diversity():
    """Also when they are the same hand in many places, with the rounding of float32."""
    same = np.repeat(random_hands(1), 50, axis=0)
    for found in (diversity_columns(same), diversity_columns(moved(same))):
        assert found["entropy_nats"] == found["entropy_whitened_nats"] == 0.0
        assert found["cluster_size_cm"] == pytest.approx(0.0, abs=1e-4)
        assert found["cluster_size_whitened"] == pytest.approx(0.0, abs=1e-4)
    assert diversity_columns(same)["entropy_whitened_raw_nats"] == 0.0
    assert diversity_columns(moved(same))["entropy_whitened_raw_nats"] > 2  # the places differ


def test_a_few_hands_over_and_over_have_at_most_the_entropy_of_those_few():
    """Twenty clusters of rounding errors would have 2.8."""
    hands = moved(np.tile(random_hands(5), (12, 1, 1)))
    assert 1.3 < diversity_columns(hands)["entropy_nats"] < np.log(5) + 1e-9


def test_the_stored_case_matches_scipy():
    """60 hands of a seeded generator. The numbers come from a script that calls scipy.cluster.vq (whiten, kmeans, vq)
    and scipy.stats.entropy directly, with its own canonical frame, for k-means seeds 0 to 9."""
    found = diversity_columns(np.random.default_rng(42).normal(scale=0.04, size=(60, 21, 3)))
    stored = {
        "entropy_nats": (2.6514024392764304, 0.08230364173061341),
        "cluster_size_cm": (22.418799739944706, 0.16030976486814066),
        "entropy_whitened_nats": (2.6900659764537225, 0.05423092523960462),
        "cluster_size_whitened": (4.856899757178186, 0.029730386541926515),
        "entropy_whitened_raw_nats": (2.478654675409657, 0.1091334800691421),
        "cluster_size_whitened_raw": (5.4889765215384925, 0.04071460957096864),
    }
    for name, (mean, deviation) in stored.items():
        assert found.pop(name) == pytest.approx(mean, rel=1e-8), name
        assert found.pop(f"{name}_sd") == pytest.approx(deviation, rel=1e-6), name
    assert not found


def test_figures_match_scipy_called_now():
    """The same without stored numbers, on other features and another number of clusters."""
    from scipy.cluster.vq import kmeans, vq, whiten
    from scipy.stats import entropy

    features = np.random.default_rng(7).normal(scale=(1.0, 5.0, 0.2), size=(80, 3))
    assert np.array_equal(whitened(features), whiten(features))
    entropies, sizes = [], []
    for seed in range(10):
        label, distance = vq(features, kmeans(features, 6, rng=np.random.default_rng(seed))[0])
        entropies.append(entropy(np.bincount(label)))
        sizes.append(distance.mean())
    found = cluster_diversity(features, clusters=6)
    assert found["entropy"] == pytest.approx(np.mean(entropies), rel=1e-12)
    assert found["entropy_sd"] == pytest.approx(np.std(entropies), rel=1e-9)
    assert found["cluster_size"] == pytest.approx(np.mean(sizes), rel=1e-12)


def test_coordinates_that_only_round_are_not_whitened():
    features = np.random.default_rng(3).normal(size=(40, 3))
    features[:, 1] = 7 + 1e-6 * features[:, 1]
    assert np.array_equal(whitened(features)[:, 1], np.zeros(40))


def test_a_mirrored_set_has_the_same_figures():
    hands = random_hands(45)
    assert diversity_columns(hands * (-1, 1, 1), side="left") == diversity_columns(hands)
    assert np.array_equal(canonical_keypoints_cm(hands * (-1, 1, 1), "left"), canonical_keypoints_cm(hands))
    unmirrored = canonical_keypoints_cm(hands * (-1, 1, 1))
    assert np.allclose(unmirrored * (1, 1, -1), canonical_keypoints_cm(hands))  # curled to the other side
    with pytest.raises(DiversityError, match="side"):
        canonical_keypoints_cm(hands, "both")


def test_hands_without_a_palm_are_named_and_refused():
    hands = random_hands(50)
    hands[3, 9] = hands[3, 0]  # no length
    hands[7, 5] = hands[7, 0] + 2 * (hands[7, 9] - hands[7, 0])  # on one line
    hands[9, 20, 1] = np.nan
    hands[11] = 0.0
    assert np.flatnonzero(degenerate_hands(hands)).tolist() == [3, 7, 9, 11]
    with pytest.raises(DiversityError, match="4 of 50 hands .the first is number 3. have no palm"):
        diversity_columns(hands)
    with pytest.raises(DiversityError, match="at least two"):
        diversity_columns(hands[:1])
    with pytest.raises(DiversityError, match="not finite"):
        cluster_diversity(np.full((5, 3), np.nan))


def test_clear_clusters_of_equal_size_reach_the_greatest_entropy():
    corners = 100 * np.random.default_rng(0).normal(size=(4, 63))
    samples = np.repeat(corners, 10, axis=0) + np.random.default_rng(1).normal(scale=0.01, size=(40, 63))
    assert cluster_diversity(samples, clusters=4)["entropy"] == pytest.approx(np.log(4), abs=0.01)


def test_a_hundred_random_hands_give_the_entropy_that_says_nothing():
    found = diversity_columns(random_hands(100))
    assert 2.5 < found["entropy_nats"] < np.log(20)
    assert found["entropy_nats_sd"] > 0


def test_cluster_size_is_the_distance_to_the_centre():
    samples = np.concatenate([np.zeros((10, 3)), np.ones((10, 3))]) + np.tile(
        [[0.1, 0, 0], [-0.1, 0, 0]], (10, 1)
    )
    assert cluster_diversity(samples, clusters=2)["cluster_size"] == pytest.approx(0.1)


def test_diversity_is_seeded():
    hands = random_hands(60)
    assert diversity_columns(hands) == diversity_columns(hands)


def test_pairwise_distance():
    hands = np.zeros((3, 21, 3))
    hands[1, :, 0], hands[2, :, 0] = 0.01, 0.03
    assert mean_pairwise_joint_distance_cm(hands) == pytest.approx((1 + 3 + 2) / 3)
    assert mean_pairwise_joint_distance_cm(hands[:1]) == 0.0
