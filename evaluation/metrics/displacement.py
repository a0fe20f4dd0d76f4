"""Whether the hand keeps the object: displacement under gravity as published, along six axes, and a hold of 1 s.

- Legacy (ObMan, GraspTTA, FastGrasp, OakInk): 35 steps of 1/240 s in pybullet with gravity along +y; a simulator
  failure counts 10 cm. It depends on the object's orientation in its file; free fall gives the maximum, 10.68 cm.
- Strict: the mean of the same run over the six axis directions, the share of grasps that move less than 2 cm in all
  six, and the share that hold for one second (`metrics.hold`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_evaluation.metrics.hold import HoldTest
from fastgrasp_evaluation.metrics.protocols import has_pybullet
from fastgrasp_evaluation.metrics.simulation import GraspSimulator
from fastgrasp_evaluation.physics import DIRECTIONS

LEGACY_DIRECTION = 2  # row of `DIRECTIONS`: +y
KEPT_CM = 2.0
FAILURE_CM = 10.0  # of the published code where the simulator fails


@dataclass(frozen=True)
class Displacement:
    """Results of the simulators for B grasps.

    directions_cm: (B, 6) distances for `DIRECTIONS`; NaN where the simulator failed, the hand was left out, or pybullet
        is not installed.
    held_1s: (B,) 1 or 0; NaN where that failed, was left out or was not requested.
    problems: for each grasp why a simulator failed, or None.
    """

    directions_cm: np.ndarray
    held_1s: np.ndarray
    problems: list[str | None]

    @property
    def legacy_cm(self) -> np.ndarray:
        """(B,) the published figure: gravity along +y, 10 where the simulator failed; NaN for hands left out."""
        failed = np.array([problem is not None for problem in self.problems], dtype=bool)
        moved = self.directions_cm[:, LEGACY_DIRECTION]
        return np.where(failed & np.isnan(moved), FAILURE_CM, moved)

    @property
    def six_directions_cm(self) -> np.ndarray:
        """(B,) mean over the six directions; NaN where unknown."""
        return self.directions_cm.mean(axis=1)

    @property
    def kept_35_steps(self) -> np.ndarray:
        """(B,) 1 where the object moved less than 2 cm in all six directions, else 0; NaN where unknown."""
        finite = np.isfinite(self.directions_cm).all(axis=1)
        return np.where(finite, (self.directions_cm < KEPT_CM).all(axis=1), np.nan)


def measure_displacement(hands: HandSet, mesh, hold: bool = True) -> Displacement:
    """Simulate every hand that has no problem of its own. A failure is recorded for its hand only.

    Args:
        hands: in the frame of the mesh, with any topology.
        mesh: closed trimesh.Trimesh, metres.
        hold: also run the hold test of one second.

    Raises:
        SimulationError: the object itself cannot be simulated.
    """
    simulator = GraspSimulator(mesh) if has_pybullet() else None
    test = HoldTest(mesh) if hold else None
    directions, held = np.full((len(hands), len(DIRECTIONS)), np.nan), np.full(len(hands), np.nan)
    problems: list[str | None] = [None] * len(hands)
    for row, (vertices, faces) in enumerate(zip(hands.vertices, hands.faces, strict=True)):
        if hands.problems[row] is None:
            try:
                if simulator is not None:
                    directions[row] = 100.0 * simulator.displacement(vertices, faces)
                if test is not None:
                    held[row] = test.held(vertices, faces)
            except Exception as error:  # whatever an engine raises concerns this grasp, and is counted
                problems[row] = f"{type(error).__name__}: {error}"
    return Displacement(directions, held, problems)


def prepare_simulation(mesh) -> None:
    """Compute what the simulators cache for an object. Raises SimulationError if it cannot be simulated."""
    if has_pybullet():
        GraspSimulator(mesh)
    HoldTest(mesh)
