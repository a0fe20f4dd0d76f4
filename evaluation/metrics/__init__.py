"""Metrics of grasps: penetration, contact, displacement under gravity, anatomy, diversity.

`evaluate_grasps` measures grasps on one object; `protocols.py` describes every column.
"""

from fastgrasp_evaluation.metrics.evaluate import evaluate_grasps, measure_hands
from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_evaluation.metrics.summary import BenchmarkError, build_report

__all__ = ["BenchmarkError", "HandSet", "build_report", "evaluate_grasps", "measure_hands"]
