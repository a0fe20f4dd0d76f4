"""The audit of a grasp set in pybullet."""

import numpy as np
import pytest

from fastgrasp_training.synthesis.audit import audit
from fastgrasp_training.synthesis.grasp_set import load_grasp_set


@pytest.mark.slow
def test_real_grasps_hold_and_shifted_ones_fall(grasp_file):
    grasps = load_grasp_set(grasp_file)[:40]
    good = audit(grasps, 5, seed=0)
    assert good["grasps"] == 5 and good["displacement_six_cm"] < 2.5 and good["held_low"] <= good["held_share"]
    grasps.transl = grasps.transl + np.float32([0.5, 0, 0])
    away = audit(grasps, 2, seed=0)
    assert away["held_share"] == 0 and away["volume_cm3"] == 0
    assert away["displacement_six_cm"] == pytest.approx(10.68, abs=0.01)  # free fall
