"""Measuring in several processes: objects are prepared, then grasps are measured in small pieces.

Pieces have a fixed size and every grasp is measured on its own, so the number of processes changes nothing but the
time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastgrasp_model.geometry.meshes import MeshError
from fastgrasp_model.metrics.evaluate import load_object, measure_hands, refused
from fastgrasp_model.metrics.hand_set import HandSet
from fastgrasp_model.metrics.summary import Measured, joined

PIECE = 5  # grasps


@dataclass(frozen=True)
class MeshFile:
    """An object to measure on: its name and its mesh file."""

    name: str
    path: Path

    def load(self):
        """The watertight mesh in metres and the notes on it. Raises MeshError with the reason."""
        return load_object(self.path)


@dataclass(frozen=True)
class Task:
    """Hands of one seed on one object: a `MeshFile`, or anything else with its `name` and `load`."""

    target: MeshFile
    seed: int
    hands: HandSet


def run_jobs(function: Callable, jobs: Sequence, workers: int, title: str, quiet: bool) -> list:
    """function(job) for every job, in order, in `workers` processes, with a progress bar on stderr."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    hidden = quiet or not console.is_terminal

    def shown(results: Iterable) -> list:
        return list(track(results, title, total=len(jobs), console=console, disable=hidden, transient=True))

    if workers == 1 or len(jobs) < 2:
        return shown(map(function, jobs))
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        return shown(pool.map(function, jobs))


def prepare(job: tuple) -> str | None:
    """(object, simulate): read the mesh; make its convex pieces and distance grid, which are kept on disk.

    Returns the reason why the object must be refused, or None.
    """
    target, simulate = job
    from fastgrasp_model.metrics.displacement import prepare_simulation
    from fastgrasp_model.metrics.simulation import SimulationError

    try:
        mesh, _ = target.load()
        if simulate:
            prepare_simulation(mesh)
    except (MeshError, SimulationError) as error:
        return str(error)
    return None


def measure_tasks(
    tasks: Sequence[Task], protocols, simulate: bool, workers: int, quiet: bool, mano: Path | None = None
) -> list[Measured]:
    """Every task measured, in order; hands on an object that is refused are reported with the reason.

    mano: the MANO file that the hands' parameters belong to, for the joint limits; the open hand by default.
    """
    pieces = [(task, start) for task in tasks for start in range(0, len(task.hands), PIECE)]
    jobs = [
        (task.target, task.seed, task.hands[start : start + PIECE], tuple(protocols), simulate, mano)
        for task, start in pieces
    ]
    results = run_jobs(_measure_piece, jobs, workers, "Measuring", quiet)
    answer = []
    for task in tasks:
        mine = [result for (owner, _), result in zip(pieces, results, strict=True) if owner is task]
        answer.append(joined(mine))
    return answer


def _measure_piece(job: tuple) -> Measured:
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_model.metrics.simulation import SimulationError

    target, seed, hands, protocols, simulate, mano = job
    layer = None if mano is None else ManoLayer.from_file(mano, side=hands.side)
    try:
        mesh, notes = target.load()
        return measure_hands(hands, mesh, protocols, simulate, seed, layer, notes)
    except (MeshError, SimulationError) as error:
        return refused(target.name, seed, len(hands), str(error))
