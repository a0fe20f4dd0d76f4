"""Sampled postures: inside the limits, seeded, coupled as living fingers are, and of the kind they claim to
be.
"""

import pytest
import torch

from fastgrasp_model.hand.anatomy import FINGERS, pads
from fastgrasp_model.hand.collision import collision_spheres
from fastgrasp_model.hand.joints import FINGER_JOINTS, angles_to_matrices, joint_axes, limit_violation
from fastgrasp_model.hand.mano import OPEN_HAND, HandPose, ManoLayer
from fastgrasp_model.hand.synergies import KINDS, sample_kind, sample_synergies

LAYER = ManoLayer.from_file(OPEN_HAND)


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


@pytest.mark.parametrize("kind", KINDS)
def test_fingers_rarely_cross(kind):
    pose, _ = pose_hand(sample_kind(kind, 300, generator()))
    deepest = collision_spheres(LAYER).overlap(pose).amax(1)
    assert (deepest > 0.006).float().mean() < 0.12


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match="power, sphere"):
        sample_kind("fist", 3)
