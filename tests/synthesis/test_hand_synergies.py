"""Sampled postures: inside the limits, seeded, coupled as living fingers are, free of themselves on the mesh, varied,
and of the kind they claim to be.
"""

import time

import numpy as np
import pytest
import torch

from fastgrasp_evaluation.metrics.self_penetration import self_penetration_cm
from fastgrasp_model.hand.anatomy import FINGER_JOINTS, joint_axes, pads
from fastgrasp_model.hand.fingers import FINGERS
from fastgrasp_model.hand.joint_angles import angles_to_matrices, limit_violation
from fastgrasp_model.hand.mano_layer import OPEN_HAND, HandPose, ManoLayer
from fastgrasp_synthesis.hand_synergies import KINDS, sample_kind, sample_synergies

LAYER = ManoLayer.from_file(OPEN_HAND)
LONG = ("index", "middle", "ring", "pinky")


def pose_hand(angles: torch.Tensor) -> tuple[HandPose, torch.Tensor]:
    """Skeletons and vertices (B, 778, 3) for anatomical angles (B, 15, 3)."""
    count = len(angles)
    root = torch.eye(3).expand(count, 1, 3, 3)
    matrices = torch.cat([root, angles_to_matrices(angles, joint_axes(LAYER))], 1)
    pose = LAYER.pose_joints(torch.zeros(count, 10), matrices, torch.zeros(count, 3))
    return pose, LAYER.skin(pose, torch.zeros(count, 10), matrices)


def pad_gaps(vertices: torch.Tensor) -> torch.Tensor:
    """Distance of the thumb's pad to the four others, (B, 4) metres."""
    ids = pads(LAYER)
    centres = torch.stack([vertices[:, ids[finger]].mean(1) for finger in FINGERS], 1)
    return (centres[:, 1:] - centres[:, :1]).norm(dim=-1)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_samples_stay_inside_the_limits_and_follow_the_seed():
    angles = sample_synergies(500, generator())
    assert angles.shape == (500, 15, 3) and angles.dtype == torch.float32
    assert limit_violation(angles).max() < 1e-6
    assert torch.equal(angles, sample_synergies(500, generator()))
    assert not torch.equal(angles, sample_synergies(500, generator(1)))
    assert sample_synergies(0).shape == (0, 15, 3)


def test_outer_joints_follow_middle_joints():
    angles = sample_synergies(2000, generator())
    for finger in ("index", "middle", "ring", "pinky"):
        pip, dip = (angles[:, FINGER_JOINTS[finger][place] - 1, 2] for place in (1, 2))
        assert torch.corrcoef(torch.stack([pip, dip]))[0, 1] > 0.85
        assert 0.5 < float((dip / pip.clamp(min=0.2)).median()) < 0.75


def test_precision_brings_pads_together_and_open_keeps_them_apart():
    gaps = {kind: pad_gaps(pose_hand(sample_kind(kind, 300, generator()))[1])[:, 0] for kind in KINDS}
    assert gaps["precision"].quantile(0.1) < 0.022
    assert gaps["precision"].quantile(0.95) > 0.045
    assert gaps["open"].median() > 0.05
    assert gaps["power"].median() < gaps["open"].median()


def test_power_grasps_close_more_round_thin_cylinders():
    angles = sample_kind("power", 500, generator())
    pip = torch.rad2deg(angles[:, FINGER_JOINTS["middle"][1] - 1, 2])
    assert pip.min() < 35 and pip.max() > 80


def deepest_mm(count: int, seed: int) -> np.ndarray:
    """Depth of each sampled hand in itself, measured on the mesh, millimetres (B,)."""
    vertices = pose_hand(sample_synergies(count, generator(seed)))[1].double().numpy()
    return 10 * self_penetration_cm(list(vertices), [LAYER.closed_faces.numpy()] * count)


def test_no_sample_runs_deep_into_itself():
    assert deepest_mm(150, 7).max() < 2.0


@pytest.mark.slow
def test_none_of_a_thousand_samples_runs_deep_into_itself():
    assert deepest_mm(1000, 0).max() < 2.0


def test_fingers_keep_their_order():
    joints = pose_hand(sample_synergies(2000, generator(2)))[0].joints
    for place in (1, 2):
        across = torch.stack([joints[:, FINGER_JOINTS[finger][place], 2] for finger in LONG], 1)
        assert (across[:, :-1] - across[:, 1:]).min() > -0.003  # the thumb side is +z


def test_samples_are_varied_yet_of_few_dimensions():
    angles = torch.rad2deg(sample_synergies(5000, generator(3)))
    rows = torch.tensor([FINGER_JOINTS[finger] for finger in LONG]) - 1
    bends = angles[:, rows, 2]  # (B, 4, 3)
    assert bends.std(0).min() > 8
    assert angles[:, rows[:, 0], 1].std(0).min() > 2 and angles[:, 12].std(0).min() > 5
    values = torch.linalg.eigvalsh(torch.cov(bends.flatten(1).T)).flip(0)
    # Two components hold over 80 % of the variance of hands that shape themselves to grasp (Santello et al. 1998).
    assert 0.75 < float(values[:2].sum() / values.sum()) < 0.95


def test_fingers_cover_the_range_of_daily_life():
    # 19-71, 23-87 and 10-64 degrees do 90 % of what hands do (Bain et al., J. Hand Surg. Eur. 40(4), 2015).
    angles = torch.rad2deg(sample_synergies(5000, generator(4)))
    rows = torch.tensor([FINGER_JOINTS[finger] for finger in LONG]) - 1
    for place, (low, high) in enumerate(((19, 71), (23, 87), (10, 64))):
        bends = angles[:, rows[:, place], 2]
        assert bends.quantile(0.02) < low + 5 and bends.quantile(0.98) > high - 15
        assert ((bends > low - 15) & (bends < high + 15)).float().mean() > 0.9


def test_neighbouring_fingers_bend_together():
    angles = sample_synergies(3000, generator(5))
    middle = angles[:, [FINGER_JOINTS[finger][1] - 1 for finger in LONG], 2]
    alike = torch.corrcoef(middle.T)
    assert alike[0, 1] > 0.7 and alike[1, 2] > 0.7 and alike[2, 3] > 0.7
    assert alike[0, 3] < alike[2, 3]


def test_sampling_is_quick():
    sample_synergies(10)
    start = time.process_time()
    sample_synergies(2000, generator())
    assert time.process_time() - start < 3.0


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="power, sphere"):
        sample_kind("fist", 3)
