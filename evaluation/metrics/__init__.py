"""Measuring grasps: penetration, contact, displacement under gravity, anatomy, diversity. Start with
`evaluate_grasps`; `protocols.py` says what each figure means."""

from fastgrasp_evaluation.metrics.evaluate import evaluate_grasps, measure_hands
from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_evaluation.metrics.summary import BenchmarkError, build_report

__all__ = ["BenchmarkError", "HandSet", "build_report", "evaluate_grasps", "measure_hands"]
