"""What `evaluate` and `benchmark` share: finding objects, measuring them, and the tables, JSON and page of a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fastgrasp_model.commands.shared import write_json

if TYPE_CHECKING:
    from fastgrasp_evaluation.metrics.parallel import MeshFile, Task


def find_meshes(places: Sequence[Path]) -> list[MeshFile]:
    """Mesh files among files and folders, sorted by name.

    Raises:
        BenchmarkError: nothing there, or a place that does not exist. MeshError: two meshes of one name.
    """
    from fastgrasp_evaluation.metrics.parallel import MeshFile
    from fastgrasp_evaluation.metrics.summary import BenchmarkError
    from fastgrasp_model.geometry.meshes import MESH_ENDINGS, mesh_files

    for place in places:
        if not place.exists():
            raise BenchmarkError(
                f"{place} does not exist; give mesh files, or a folder with {', '.join(MESH_ENDINGS)}."
            )
    found = mesh_files(places)
    if not found:
        raise BenchmarkError(f"No meshes ({', '.join(MESH_ENDINGS)}) in {', '.join(map(str, places))}.")
    return [MeshFile(name, path) for name, path in found.items()]


def print_report(report: dict, title: str, rows: str = "objects") -> None:
    """The tables of a report, the figures of the whole set, and everything that was not measured."""
    from rich.console import Console

    from fastgrasp_evaluation.metrics.tables import diversity_lines, problem_lines, protocol_tables

    console = Console()
    for table in protocol_tables(report, title, rows):
        console.print(table)
    for line in [*diversity_lines(report), *problem_lines(report)]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def write_outputs(
    report: dict,
    tasks: Sequence[Task],
    json_file: Path | None,
    page: Path | None,
    compare: Sequence[dict] = (),
    objects_shown: int = 20,
    workers: int = 1,
    quiet: bool = False,
) -> list[Path]:
    """Write the report as JSON and as a page where asked; the page shows the first seed's hands of `objects_shown`
    objects. Returns the paths."""
    written = []
    if json_file:
        write_json(json_file, report)
        written.append(json_file)
    if page:
        from fastgrasp_evaluation.report import write_report

        pictures = _pictures(report, tasks, objects_shown, workers, quiet)
        written.append(write_report(report, page, pictures, compare))
    return written


def _pictures(report: dict, tasks: Sequence[Task], shown: int, workers: int, quiet: bool) -> dict:
    from fastgrasp_evaluation.metrics.parallel import run_jobs

    rows = {row["object"]: row["grasps"] for row in report["objects"]}
    seed = min((task.seed for task in tasks), default=0)
    first: dict[str, tuple] = {}
    for task in tasks:
        if task.seed == seed:
            name, hands = task.target.name, task.hands
            first[name] = (task.target, first[name][1].with_other_side(hands) if name in first else hands)
    jobs = [
        (target, hands, [row for row in rows[name] if row["seed"] == seed])
        for name, (target, hands) in list(first.items())[:shown]
    ]
    drawn = run_jobs(_draw, jobs, workers, "Drawing", quiet)
    return {job[0].name: panels for job, panels in zip(jobs, drawn, strict=True)}


def _draw(job: tuple) -> list[tuple[str, bytes]]:
    """(object, hands, rows of its report): best, median and worst grasp as (caption, PNG)."""
    from fastgrasp_evaluation.report.pictures import badness, captions, object_pictures
    from fastgrasp_model.geometry.meshes import MeshError

    target, hands, rows = job
    try:
        mesh, _ = target.load()
    except MeshError:
        return []
    return object_pictures(hands, mesh, badness(rows), texts=captions(rows))
