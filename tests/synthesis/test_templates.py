"""Grasp types and their pre-shaped hands: the taxonomy's names, postures inside the limits, each as its type asks."""

import pytest
import torch

from fastgrasp_model.hand.anatomy import FINGER_JOINTS
from fastgrasp_model.hand.joint_angles import JOINT_LIMITS
from fastgrasp_model.hand.mano_layer import HandModelError
from fastgrasp_synthesis.grasp_types import FINGERS, GRASP_TYPES, SETS, TYPE_NAMES
from fastgrasp_synthesis.hands import Hands
from fastgrasp_synthesis.templates import TEMPLATES, sample_template


@pytest.fixture(scope="module")
def hands() -> Hands:
    try:
        return Hands()
    except HandModelError as error:
        pytest.skip(f"no hand file: {error}")


def sampled(hands, name: str, count: int = 64, seed: int = 0) -> torch.Tensor:
    return sample_template(name, count, hands.layer, hands.spheres, torch.Generator().manual_seed(seed))


def bend(angles: torch.Tensor, finger: str) -> torch.Tensor:
    """Mean bend of MCP, PIP, DIP in degrees (3,)."""
    return torch.rad2deg(angles[:, [joint - 1 for joint in FINGER_JOINTS[finger]], 2]).mean(0)


def test_types_are_of_the_taxonomy():
    assert len(GRASP_TYPES) >= 16 and len(set(TYPE_NAMES)) == len(GRASP_TYPES)
    numbers = [kind.feix for kind in GRASP_TYPES]
    assert len(set(numbers)) == len(numbers) and all(1 <= number <= 33 for number in numbers)
    assert {kind.family for kind in GRASP_TYPES} == {"power", "intermediate", "precision"}


def test_every_type_asks_for_the_thumb_and_two_fingers():
    for kind in GRASP_TYPES:
        assert set(kind.weights) <= set(SETS) and set(kind.opposed) <= set(kind.weights), kind.name
        used = {finger for finger in FINGERS if any(name.startswith(finger) for name in kind.weights)}
        assert "thumb" in kind.weights and len(used) >= 2, kind.name
        assert 0.002 < kind.width[0] < kind.width[1] < 0.1 and kind.share > 0 and kind.template in TEMPLATES


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_postures_keep_the_limits_and_do_not_cross(hands, name):
    angles = sampled(hands, name)
    low, high = torch.as_tensor(JOINT_LIMITS, dtype=torch.float32).unbind(-1)
    assert (angles >= low - 1e-6).all() and (angles <= high + 1e-6).all()
    zeros = torch.zeros(len(angles), 10)
    rotations = hands.rotations(torch.eye(3)[:, :2].T.reshape(1, 6).expand(len(angles), 6), angles)
    overlap = hands.spheres.overlap(hands.layer.pose_joints(zeros, rotations, zeros[:, :3])).amax(1)
    assert overlap.max() <= 0.001
    assert angles.std(0).max() > 0.05  # no two alike
    assert torch.equal(angles, sampled(hands, name)) and not torch.equal(angles, sampled(hands, name, seed=1))


def test_an_unknown_template_is_a_key_error(hands):
    with pytest.raises(KeyError):
        sampled(hands, "hook")


def test_postures_are_of_their_types(hands):
    index_out = sampled(hands, "index_out")
    assert bend(index_out, "index")[1] + 25 < bend(index_out, "middle")[1]  # stretched along the handle
    straight = sampled(hands, "straight")
    assert all(bend(straight, finger)[1] < 15 and bend(straight, finger)[0] > 30 for finger in FINGERS)
    adducted, wrapped = sampled(hands, "adducted"), sampled(hands, "wrap")
    thumb = FINGER_JOINTS["thumb"][0] - 1
    assert adducted[:, thumb, 1].mean() + 0.4 < wrapped[:, thumb, 1].mean()  # beside the fingers, not opposed
    disk, pads = sampled(hands, "disk"), sampled(hands, "pads_4")
    spread = [FINGER_JOINTS[finger][0] - 1 for finger in ("index", "pinky")]
    fans = [(angles[:, spread[0], 1] - angles[:, spread[1], 1]).mean() for angles in (disk, pads)]
    assert fans[0] > fans[1] + 0.2


def test_the_sides_of_the_fingers_face_the_thumb(hands):
    rest = hands.layer.v_template
    thumb = rest[hands.pads["thumb"]].mean(0)
    for side, pad in (("index_side", "index"), ("middle_side", "middle")):
        finger = rest[hands.layer.weights.argmax(1) == FINGER_JOINTS[pad][2]]
        assert (rest[hands.pads[side]].mean(0) - thumb)[2].abs() < (finger.mean(0) - thumb)[2].abs()


def test_both_sides_of_every_grip_have_weight(hands):
    assert (hands.sides.sum(2) > 0).all()
    assert not ((hands.sides[:, 0] > 0) & (hands.sides[:, 1] > 0)).any()  # nothing opposes itself
