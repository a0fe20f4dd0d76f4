"""The analytic score: a ball held between thumb and fingers outranks hands that miss it or sink into it."""

import numpy as np
import pytest

from fastgrasp_model.score import _balance_quality, score_grasps

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
PADS = {name: np.arange(12 * i, 12 * i + 12) for i, name in enumerate(FINGERS)}
RADIUS = 0.035


def cloud(count: int = 2048):
    normals = np.random.default_rng(0).normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return normals * RADIUS, normals


def hand(directions: dict[str, tuple], gap: float = 0.0) -> np.ndarray:
    """778 vertices: small round fingertips at `gap` from the ball in the given directions, the rest of the
    hand far off."""
    rng = np.random.default_rng(1)
    vertices = np.array([0, 0, 0.15]) + rng.normal(scale=0.02, size=(778, 3))
    for name, direction in directions.items():
        unit = np.asarray(direction) / np.linalg.norm(direction)
        tip = rng.normal(size=(12, 3))
        tip *= 0.006 / np.linalg.norm(tip, axis=1, keepdims=True)
        tip[0] = -0.006 * unit  # one vertex right at the contact
        vertices[PADS[name]] = unit * (RADIUS + gap + 0.006) + tip
    return vertices


OPPOSED = {"thumb": (0, -1, 0), "index": (0.5, 1, 0.2), "middle": (0, 1, 0), "ring": (-0.5, 1, -0.2)}
ONE_SIDED = {"thumb": (0.3, 1, 0.4), "index": (0.5, 1, 0.2), "middle": (0, 1, 0), "ring": (-0.5, 1, -0.2)}


def score(*hands) -> np.ndarray:
    return score_grasps(np.stack(hands), *cloud(), PADS)


def test_scores_are_shares_and_a_good_grasp_stands_out():
    found = score(hand(OPPOSED), hand(OPPOSED) + (0, 0, 0.03), hand({}))
    assert found.shape == (3,) and found.dtype == np.float32
    assert (found >= 0).all() and (found <= 1).all()
    assert found[0] > 0.3
    assert found[0] > 2 * found[1:].max()


def test_a_buried_hand_ranks_below():
    good, buried = score(hand(OPPOSED), hand(OPPOSED, gap=-0.015))
    assert good > 2 * buried


def test_a_hand_that_does_not_touch_ranks_below():
    good, away = score(hand(OPPOSED), hand(OPPOSED, gap=0.012))
    assert good > 2 * away


def test_pushing_from_one_side_only_ranks_below():
    good, pushing = score(hand(OPPOSED), hand(ONE_SIDED))
    assert good > 1.5 * pushing


def test_moving_object_and_hand_together_changes_nothing():
    from scipy.spatial.transform import Rotation

    points, normals = cloud()
    turn = Rotation.from_rotvec([0.3, -1.2, 0.8])
    plain = score_grasps(hand(OPPOSED)[None], points, normals, PADS)
    shifted = score_grasps(hand(OPPOSED)[None] + 0.5, points + 0.5, normals, PADS)
    turned = score_grasps(turn.apply(hand(OPPOSED))[None], turn.apply(points), turn.apply(normals), PADS)
    assert shifted == pytest.approx(plain, abs=1e-4)
    assert turned == pytest.approx(
        plain, abs=0.12
    )  # the disturbances it is tested against are fixed in the frame


def test_a_batch_scores_as_its_members():
    hands = [hand(OPPOSED), hand(ONE_SIDED), hand(OPPOSED, gap=-0.004)]
    assert score(*hands) == pytest.approx(np.concatenate([score(h) for h in hands]))


def test_repeated_points_change_nothing():
    points, normals = cloud()
    again = np.concatenate([points, points[:500]]), np.concatenate([normals, normals[:500]])
    assert score_grasps(hand(OPPOSED)[None], *again, PADS) == pytest.approx(score(hand(OPPOSED)))


def test_a_palm_inside_the_object_ranks_below_though_the_fingers_are_right():
    inside = hand(OPPOSED)
    inside[60:] = np.random.default_rng(2).normal(scale=0.008, size=(718, 3))
    good, sunk = score(hand(OPPOSED), inside)
    assert good > 2 * sunk


def test_balance_wants_forces_that_cancel():
    place = np.array([[[0, -1, 0], [0, 1, 0]], [[0, 1, 0], [0.1, 1, 0]], [[0, -1, 0], [0.6, 0, 0]]]) * RADIUS
    normal = place / np.linalg.norm(place, axis=2, keepdims=True)
    opposed, one_sided, around_a_corner = _balance_quality(np.ones((3, 2)), place, normal)
    assert opposed > 0.95
    assert one_sided < 0.2 < opposed
    assert one_sided < around_a_corner < opposed
    touching, doubtful = _balance_quality(np.array([[1, 1], [1, 0.2]]), place[[0, 0]], normal[[0, 0]])
    assert doubtful < 0.6 * touching
