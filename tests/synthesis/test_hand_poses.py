"""Named postures, measured on the mesh: inside the limits, not in themselves, and doing what their names say."""

import numpy as np
import pytest
import torch

from fastgrasp_evaluation.metrics.self_penetration import self_penetration_cm
from fastgrasp_model.hand.anatomy import FINGER_JOINTS, joint_axes, pads, rest_normals
from fastgrasp_model.hand.fingers import FINGERS
from fastgrasp_model.hand.joint_angles import DIP_PER_PIP, angles_to_matrices, limit_violation, matrices_to_angles
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer
from fastgrasp_synthesis.hand_poses import CLOSED_POSES, OPPOSITIONS, POWER_CYLINDER, named_pose

LAYER = ManoLayer.from_file(OPEN_HAND)
PADS = pads(LAYER)
OWNER = LAYER.weights.argmax(1)
LONG = FINGERS[1:]
SHAPE_DEPTH = 4.0  # mm, shapes two deviations off the mean in the postures of the mean hand


def skin(name: str, betas: torch.Tensor | None = None, layer: ManoLayer = LAYER) -> torch.Tensor:
    """Vertices (B, 778, 3) of a posture, for shapes (B, 10) or the mean hand."""
    betas = torch.zeros(1, 10) if betas is None else betas
    matrices = torch.cat([torch.eye(3)[None, None], angles_to_matrices(named_pose(name)[None], joint_axes(layer))], 1)
    return layer.from_matrices(betas, matrices.expand(len(betas), -1, -1, -1), torch.zeros(len(betas), 3)).vertices


def depth_mm(vertices: torch.Tensor, layer: ManoLayer = LAYER) -> np.ndarray:
    hands = list(vertices.double().numpy())
    return 10 * self_penetration_cm(hands, [layer.closed_faces.numpy()] * len(hands))


def gap_mm(vertices: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> float:
    return 1e3 * float(torch.cdist(vertices[first], vertices[second]).min())


def bends(name: str) -> torch.Tensor:
    """Degrees (4, 3) of MCP, PIP and DIP of the long fingers."""
    rows = torch.tensor([FINGER_JOINTS[finger] for finger in LONG]) - 1
    return torch.rad2deg(named_pose(name)[rows, 2])


def back_of(joint: int) -> torch.Tensor:
    """Vertices on the dorsal side of a phalanx."""
    return torch.nonzero((OWNER == joint) & (rest_normals(LAYER)[:, 1] > 0.3)).squeeze(1)


@pytest.mark.parametrize("name", [*CLOSED_POSES, *OPPOSITIONS])
def test_postures_are_inside_the_limits_and_not_in_themselves(name):
    angles = named_pose(name)
    assert angles.shape == (15, 3) and angles.dtype == torch.float32
    assert limit_violation(angles[None]).max() < 1e-5
    assert depth_mm(skin(name))[0] < 2.0


@pytest.mark.parametrize("name", [*CLOSED_POSES, *OPPOSITIONS])
def test_fingers_bend_as_fingers_do(name):
    middle, last = bends(name)[:, 1], bends(name)[:, 2]
    assert (last - DIP_PER_PIP * middle).abs().max() < 25
    assert middle.min() >= 10 and last.min() >= 0


@pytest.mark.parametrize("name", OPPOSITIONS)
def test_the_thumb_reaches_every_finger(name):
    vertices = skin(name)[0]
    gaps = {finger: gap_mm(vertices, PADS["thumb"], PADS[finger]) for finger in LONG}
    target = name.removeprefix("opposition_")
    assert gaps.pop(target) <= 2.0
    assert min(gaps.values()) > 5.0  # that finger alone


def test_pads_meet_in_pinch_and_tripod():
    pinch, tripod = skin("pinch")[0], skin("tripod")[0]
    assert gap_mm(pinch, PADS["thumb"], PADS["index"]) <= 2.0
    assert gap_mm(tripod, PADS["thumb"], PADS["index"]) <= 2.0
    assert gap_mm(tripod, PADS["thumb"], PADS["middle"]) <= 2.0


def test_fist_is_rolled_up_under_the_thumb():
    assert bends("fist").sum(1).min() > 190
    vertices = skin("fist")[0]
    assert gap_mm(vertices, PADS["thumb"], back_of(FINGER_JOINTS["middle"][1])) < 4.0
    # The thumb lies on the palm's side of the fingers it covers.
    fingers = vertices[(OWNER == FINGER_JOINTS["index"][1]) | (OWNER == FINGER_JOINTS["middle"][1])]
    assert vertices[PADS["thumb"], 1].mean() < fingers[:, 1].mean() - 0.005


def test_hook_has_straight_knuckles_and_bent_fingers():
    assert bends("hook")[:, 0].abs().max() <= 12
    assert bends("hook")[:, 1].min() > 70 and bends("hook")[:, 2].min() > 45


def test_lateral_puts_the_thumb_pad_on_the_side_of_the_index_finger():
    radial = (OWNER == FINGER_JOINTS["index"][1]) & (rest_normals(LAYER)[:, 2] > 0.5)
    vertices = skin("lateral")[0]
    assert gap_mm(vertices, PADS["thumb"], torch.nonzero(radial).squeeze(1)) <= 2.0
    assert bends("lateral").sum(1).min() > 140


def test_power_holds_its_cylinder():
    radius, point, direction = POWER_CYLINDER
    axis = torch.nn.functional.normalize(torch.tensor(direction), dim=0)
    away = skin("power")[0] - torch.tensor(point)
    distance = 1e3 * ((away - (away @ axis)[:, None] * axis).norm(dim=1) - radius)
    assert radius == 0.025
    assert distance.min() > -2.5
    for name in (*FINGERS, "index_middle", "middle_middle", "ring_middle", "palm"):
        assert distance[PADS[name]].min() < 3.0, name


def test_shapes_do_not_run_into_themselves_much():
    shapes = torch.zeros(6, 10)
    shapes[range(6), [0, 0, 1, 1, 2, 2]] = torch.tensor([2.0, -2, 2, -2, 2, -2])
    depths = np.stack([depth_mm(skin(name, shapes)) for name in CLOSED_POSES])
    assert np.quantile(depths, 0.8) < 2.0 and depths.max() < SHAPE_DEPTH


@pytest.mark.parametrize("name", [*CLOSED_POSES, *OPPOSITIONS])
def test_left_hands_take_the_same_angles(name):
    left = ManoLayer.from_file(OPEN_HAND, side="left")
    mirrored = skin(name, layer=left)
    torch.testing.assert_close(mirrored * torch.tensor([-1.0, 1, 1]), skin(name), atol=2e-6, rtol=0)
    axes = joint_axes(left)
    found = matrices_to_angles(angles_to_matrices(named_pose(name)[None], axes), axes)
    torch.testing.assert_close(found[0], named_pose(name), atol=1e-4, rtol=0)


def test_left_faces_measure_the_same_depth():
    left = ManoLayer.from_file(OPEN_HAND, side="left")
    assert depth_mm(skin("fist", layer=left), left)[0] == pytest.approx(depth_mm(skin("fist"))[0], abs=0.02)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="fist, power"):
        named_pose("wave")
