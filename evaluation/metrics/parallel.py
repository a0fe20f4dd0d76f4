"""Measurement in several processes: objects are prepared, then grasps are measured in small pieces.

Pieces have a fixed size and every grasp is measured on its own, so results do not depend on the number of processes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from fastgrasp_evaluation.metrics.evaluate import load_object, measure_hands, refused
from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_evaluation.metrics.summary import BenchmarkError, Measured, joined
from fastgrasp_model.geometry.meshes import MESH_SUFFIXES, MeshError

PIECE = 5  # grasps
_LOST = (
    "a worker process was killed before it had measured its grasps, most likely for want of memory; "
    "run again with fewer --workers"
)


class WorkerError(RuntimeError):
    """A worker process ended before its work was done."""


class Target(Protocol):
    """An object to measure on."""

    @property
    def name(self) -> str: ...

    def load(self) -> tuple[object, list[str]]:
        """Return the watertight trimesh.Trimesh in metres and notes on repairs. Raises MeshError."""


@dataclass(frozen=True)
class MeshFile:
    """A `Target` read from a mesh file."""

    name: str
    path: Path
    unit: str = "m"

    def load(self) -> tuple[object, list[str]]:
        return load_object(self.path, self.unit)


def find_meshes(places: Sequence[Path], unit: str = "m") -> list[MeshFile]:
    """Return the mesh files among files and folders, sorted by name.

    Raises BenchmarkError: no mesh, or a path does not exist. MeshError: two meshes of one name.
    """
    from fastgrasp_evaluation.metrics.closed_mesh import meshes_by_name

    endings = ", ".join(MESH_SUFFIXES)
    for place in places:
        if not place.exists():
            raise BenchmarkError(f"{place} does not exist; give mesh files, or a folder with {endings}.")
    found = meshes_by_name(places)
    if not found:
        raise BenchmarkError(f"No meshes ({endings}) in {', '.join(map(str, places))}.")
    return [MeshFile(name, path, unit) for name, path in found.items()]


@dataclass(frozen=True)
class Task:
    """Hands of one seed on one object.

    scores: (B,) scores that the method gives its own hands, or None. No measurement depends on them.
    """

    target: Target
    seed: int
    hands: HandSet
    scores: np.ndarray | None = None


def run_jobs(function: Callable, jobs: Sequence, workers: int, title: str, quiet: bool) -> list:
    """Return function(job) for every job, in order, run in `workers` processes with a progress bar on stderr.

    Raises WorkerError if a process is killed.
    """
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    hidden = quiet or not console.is_terminal

    def shown(results: Iterable) -> list:
        return list(track(results, title, total=len(jobs), console=console, disable=hidden, transient=True))

    if workers == 1 or len(jobs) < 2:
        return shown(map(function, jobs))
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context

    with (
        tempfile.TemporaryDirectory(prefix="fastgrasp_") as folder,
        ProcessPoolExecutor(
            min(workers, len(jobs)), get_context("spawn"), initializer=_use_temporary_folder, initargs=(folder,)
        ) as pool,
    ):
        try:
            futures = [pool.submit(function, job) for job in jobs]
            return shown(future.result() for future in futures)
        except BrokenProcessPool as error:
            raise WorkerError(_LOST) from error
        except BaseException:
            # Most likely an interrupt. Leaving the pool would wait for all queued jobs; a pool that has lost its
            # processes ends at once. (`pool.map` would cancel the futures, and Python 3.11's pool breaks over that.)
            for process in active_children():
                process.terminate()
            raise


def _use_temporary_folder(folder: str) -> None:
    """Put a worker's temporary files where they are removed even if the worker is killed."""
    tempfile.tempdir = folder


def prepare(job: tuple) -> str | None:
    """Read the mesh of a job (target, simulate) and compute what the simulators cache.

    Returns the reason why the object must be refused, or None.
    """
    target, simulate = job
    from fastgrasp_evaluation.metrics.displacement import prepare_simulation
    from fastgrasp_evaluation.metrics.simulation import SimulationError

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
    """Measure every task, in order; hands on a refused object are reported with the reason.

    mano: the MANO file that the hands' parameters belong to, for the joint limits; the open hand by default.
    """
    pieces = [(task, start) for task in tasks for start in range(0, len(task.hands), PIECE)]
    jobs = [
        (task.target, task.seed, task.hands[start : start + PIECE], tuple(protocols), simulate, mano)
        for task, start in pieces
    ]
    results = run_jobs(_measure_piece, jobs, workers, "Measuring", quiet)
    return [
        joined([result for (owner, _), result in zip(pieces, results, strict=True) if owner is task]) for task in tasks
    ]


def _measure_piece(job: tuple) -> Measured:
    from fastgrasp_evaluation.metrics.simulation import SimulationError
    from fastgrasp_model.hand import ManoLayer

    target, seed, hands, protocols, simulate, mano = job
    layer = None if mano is None else ManoLayer.from_file(mano, side=hands.side)
    try:
        mesh, notes = target.load()
        return measure_hands(hands, mesh, protocols, simulate, seed, layer, notes)
    except (MeshError, SimulationError) as error:
        return refused(target.name, seed, hands.numbers, str(error))
