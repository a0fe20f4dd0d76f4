"""Does the hand keep the object? Displacement under gravity as published, from six sides, and a hold of one second.

- Legacy (ObMan, GraspTTA, FastGrasp, OakInk): 35 steps of 1/240 s in pybullet with gravity along +y; a simulator
  failure counts 10 cm. It depends on how the object happens to lie in its file; free fall is 10.68 cm, the cap.
- Strict: the mean of the same run over the six axis directions (+y is the legacy run itself), the share of grasps
  that move less than 2 cm in all six, and the share that hold for one second (`metrics.hold`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_evaluation.metrics.simulation import DIRECTIONS as SIX_DIRECTIONS
from fastgrasp_evaluation.metrics.simulation import GraspSimulator, SimulationError

LEGACY_DIRECTION = 2  # +y
KEPT_CM = 2.0
FAILURE_CM = 10.0  # what the published code counts when the simulator fails


@dataclass(frozen=True)
class Displacement:
    """What the simulators said of B grasps.

    directions_cm: (B,6) distances for `SIX_DIRECTIONS`; NaN where the simulator failed or the hand was left out.
    held_1s: (B,) 1 or 0; NaN where that failed, was left out or not asked for.
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
        known = np.isfinite(self.directions_cm).all(axis=1)
        return np.where(known, (self.directions_cm < KEPT_CM).all(axis=1), np.nan)


def measure_displacement(
    hands: HandSet, mesh, hold: bool = True, progress: Callable[[], None] | None = None
) -> Displacement:
    """Simulate every hand that has no problem of its own.

    Args:
        hands: in the frame of the mesh; of any mesh each.
        mesh: closed trimesh.Trimesh, metres.
        hold: also run the one-second test.
        progress: called after each hand.

    A failure is recorded for its hand, and the next goes on. Raises SimulationError if the object itself cannot be
    simulated.
    """
    simulator = GraspSimulator(mesh, "legacy")
    test = _hold_test(mesh) if hold else None
    directions, held = np.full((len(hands), len(SIX_DIRECTIONS)), np.nan), np.full(len(hands), np.nan)
    problems: list[str | None] = [None] * len(hands)
    for row, (vertices, faces) in enumerate(zip(hands.vertices, hands.faces, strict=True)):
        if hands.problems[row] is None:
            try:
                directions[row] = 100.0 * simulator.displacement(vertices, faces)
                if test is not None:
                    held[row] = test.held(vertices, faces)
            except Exception as error:  # whatever an engine raises: it belongs to this grasp, and is counted
                problems[row] = f"{type(error).__name__}: {error}"
        if progress is not None:
            progress()
    return Displacement(directions, held, problems)


def prepare_simulation(mesh) -> None:
    """Make what the simulators of an object keep on disk. Raises SimulationError if they cannot take it."""
    GraspSimulator(mesh, "legacy").close()
    _hold_test(mesh)


def _hold_test(mesh):
    from fastgrasp_evaluation.metrics.hold import HoldTest

    try:
        return HoldTest(mesh)
    except ValueError as error:
        raise SimulationError(str(error)) from error
