"""Measuring grasps: penetration, contact, displacement under gravity, diversity. Start with
`evaluate_grasps`."""

from fastgrasp_model.metrics.diversity import diversity_halo, mean_pairwise_joint_distance_cm
from fastgrasp_model.metrics.evaluate import evaluate_grasps, evaluation_table
from fastgrasp_model.metrics.penetration import (
    penetration_depth_cm,
    penetration_volume_legacy_cm3,
    penetration_volume_solid_cm3,
)

__all__ = [
    "diversity_halo",
    "evaluate_grasps",
    "evaluation_table",
    "mean_pairwise_joint_distance_cm",
    "penetration_depth_cm",
    "penetration_volume_legacy_cm3",
    "penetration_volume_solid_cm3",
]
