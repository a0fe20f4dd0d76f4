"""The output of `evaluate` and `benchmark`: tables, JSON and page of a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fastgrasp_model.files import write_json

if TYPE_CHECKING:
    from fastgrasp_evaluation.metrics.parallel import Task


def print_report(report: dict, title: str, rows: str = "objects") -> None:
    """Print the tables of a report, the diversity figures, and everything that was not measured."""
    from rich.console import Console

    from fastgrasp_evaluation.metrics.tables import diversity_lines, problem_lines, protocol_tables

    console = Console()
    for table in protocol_tables(report, title, rows):
        console.print(table)
    for line in [*diversity_lines(report), *problem_lines(report)]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def write_outputs(
    report: dict, tasks: Sequence[Task], json_file: Path | None, page: Path | None, compare: Sequence[dict] = (),
    objects_shown: int = 20, workers: int = 1, quiet: bool = False,
) -> list[Path]:
    """Write the report as JSON and as a page where a path is given; return the paths.

    The page shows grasps of the first seed on the first `objects_shown` objects.
    """
    written = [write_json(json_file, report)] if json_file else []
    if page:
        from fastgrasp_evaluation.report import write_report

        pictures = _pictures(report, tasks, objects_shown, workers, quiet)
        written.append(write_report(report, page, pictures, compare))
    return written


def _pictures(report: dict, tasks: Sequence[Task], count: int, workers: int, quiet: bool) -> dict:
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
        for name, (target, hands) in list(first.items())[:count]
    ]
    drawn = run_jobs(_draw, jobs, workers, "Drawing", quiet)
    return {job[0].name: panels for job, panels in zip(jobs, drawn, strict=True)}


def _draw(job: tuple) -> list[tuple[str, bytes]]:
    """Draw the best, median and worst grasp of a job (target, hands, rows of the report) as (caption, PNG)."""
    from fastgrasp_evaluation.report.pictures import captions, object_pictures, rank_sums
    from fastgrasp_model.geometry.meshes import MeshError

    target, hands, rows = job
    try:
        mesh, _ = target.load()
    except MeshError:
        return []
    return object_pictures(hands, mesh, rank_sums(rows), texts=captions(rows))
