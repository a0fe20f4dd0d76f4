"""From measured objects to one report: means, spreads over seeds, counts of everything that could not be measured.

The report is plain data (`json.dump` takes it, with null where a figure is not known); docs/benchmark.md describes
it. A row's figure is the mean over all measured grasps of a seed; with several seeds, the mean and the standard
deviation over them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.metrics.protocols import COLUMNS, PROTOCOLS, columns_of, described

FORMAT, FORMAT_VERSION = "fastgrasp-benchmark", 1
LEAST_FOR_CLUSTERS = 40  # two samples for each of HALO's 20 clusters
_CLUSTERED = ("entropy_nats", "cluster_size_cm", "entropy_whitened_nats", "cluster_size_whitened",
              "entropy_whitened_raw_nats", "cluster_size_whitened_raw")  # fmt: skip


# The parts of a report, and what a row of its objects holds at least.
_PARTS = {
    "settings": dict, "columns": dict, "protocols": dict, "table": dict, "seeds": list, "objects": list, "counts": dict,
}  # fmt: skip
_OF_OBJECT = {"object", "refused", "notes", "count", "measured", "mean", "grasps"}


class BenchmarkError(ValueError):
    """What was asked of the benchmark cannot be done; the message says what is missing and the remedy."""


@dataclass(frozen=True)
class Measured:
    """The hands of one seed on one object, measured.

    rows: for each hand {"seed", "index", "problem", "simulator_problem", column: value or None}; index is its number
        (`HandSet.numbers`).
    keypoints: (B', 21, 3) of the measured hands, metres, mirrored to right hands; None where unknown.
    refused: why the object could not be measured at all, or None. notes: what was mended on its mesh.
    """

    object_name: str
    seed: int
    rows: list[dict]
    keypoints: np.ndarray | None = None
    refused: str | None = None
    notes: list[str] = field(default_factory=list)


def build_report(measured: Sequence[Measured], protocols: Sequence[str], settings: dict) -> dict:
    """One report of all seeds and objects.

    Args:
        measured: any order of objects; the seeds' rows of one object are joined.
        protocols: names of `PROTOCOLS`.
        settings: what was run; its keys are passed on, "objects", "seeds" and "protocols" are added.
    """
    names = columns_of(protocols, settings.get("simulated", True))
    seeds = sorted({part.seed for part in measured})
    per_seed = [_seed_table([part for part in measured if part.seed == seed], names) for seed in seeds]
    objects = _by_object(measured, names)
    settings = {**settings, "objects": [row["object"] for row in objects], "seeds": seeds, "protocols": list(protocols)}
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "settings": settings,
        "columns": described(names),
        "protocols": {name: [column for column in PROTOCOLS[name] if column in names] for name in protocols},
        "table": _over_seeds([table for table, _ in per_seed], [spread for _, spread in per_seed], names),
        "seeds": [{"seed": seed, "table": table} for seed, (table, _) in zip(seeds, per_seed, strict=True)],
        "objects": objects,
        "counts": _counts(objects),
        "beside": [],
        "timing": None,
    }


def lay_beside(report: dict, others: Sequence[dict]) -> None:
    """Put the rows of other reports (their settings, counts and table) beside the row of this one."""
    report["beside"] = [{key: other[key] for key in ("settings", "counts", "table")} for other in others]


def read_report(path: Path) -> dict:
    """A report that an earlier run wrote as JSON. Raises BenchmarkError with the reason."""
    remedy = "Give a file that fastgrasp benchmark or evaluate wrote as JSON."
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_no_number)
    except (OSError, ValueError, RecursionError) as error:
        raise BenchmarkError(f"{path} cannot be read as a report ({error}). {remedy}") from error
    check_report(report, str(path))
    return report


def check_report(report: object, name: str) -> None:
    """Raises BenchmarkError, which calls the report `name`, where this is no whole report that can be shown."""
    remedy = "Give a file that fastgrasp benchmark or evaluate wrote as JSON."
    if not isinstance(report, dict) or report.get("format") != FORMAT:
        raise BenchmarkError(f"{name} is no benchmark report. {remedy}")
    if report.get("format_version") != FORMAT_VERSION:
        raise BenchmarkError(
            f"{name} has format {report.get('format_version')}, this FastGrasp reads {FORMAT_VERSION}. Measure again."
        )
    damaged = [key for key, kind in _PARTS.items() if not isinstance(report.get(key), kind)]
    if not damaged and not all(isinstance(cell, dict) and "mean" in cell for cell in report["table"].values()):
        damaged = ["table"]
    if not damaged and not all(isinstance(row, dict) and _OF_OBJECT <= row.keys() for row in report["objects"]):
        damaged = ["objects"]
    if not damaged and not all(isinstance(report["counts"].get(key), int) for key in _counts([])):
        damaged = ["counts"]
    if damaged:
        raise BenchmarkError(f"{name} is damaged: {', '.join(damaged)} missing or not as written. {remedy}")


def _no_number(word: str):
    raise ValueError(f"it holds {word}, which no report does")


def joined(parts: Sequence[Measured]) -> Measured:
    """Parts of one object and seed, measured one after the other, as one."""
    known = [part.keypoints for part in parts if part.keypoints is not None]
    rows = [row for part in parts for row in part.rows]
    first = parts[0]
    keypoints = np.concatenate(known) if known else None
    return Measured(first.object_name, first.seed, rows, keypoints, first.refused, first.notes)


def mean_of(rows: Iterable[dict], name: str) -> float | None:
    """Mean of one column over the rows that know it; None where none does."""
    values = [row[name] for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else None


def _seed_table(parts: list[Measured], names: list[str]) -> tuple[dict, dict]:
    """The figures of one seed, and the deviation over k-means starts of those that have one."""
    rows = [row for part in parts for row in part.rows]
    table = {name: None if COLUMNS[name].of_set else mean_of(rows, name) for name in names}
    diversity, spread = _diversity([part for part in parts if part.keypoints is not None and len(part.keypoints)])
    table.update({name: value for name, value in diversity.items() if name in names})
    return table, {name: value for name, value in spread.items() if name in names}


def _diversity(parts: list[Measured]) -> tuple[dict, dict]:
    from fastgrasp_evaluation.metrics import diversity

    if not parts:
        return {}, {}
    apart = [diversity.mean_pairwise_joint_distance_cm(part.keypoints) for part in parts if len(part.keypoints) > 1]
    figures: dict = {"pairwise_joint_distance_cm": float(np.mean(apart)) if apart else None}
    keypoints = np.concatenate([part.keypoints for part in parts])
    if len(keypoints) < LEAST_FOR_CLUSTERS:
        return figures, {}
    found = diversity.diversity_columns(keypoints)
    figures.update({name: found[name] for name in _CLUSTERED})
    return figures, {name: found[f"{name}_sd"] for name in _CLUSTERED}


def _over_seeds(tables: list[dict], spreads: list[dict], names: list[str]) -> dict:
    """{column: {"mean", "sd"}}: sd over seeds; for cluster figures of one seed, "kmeans_sd" over k-means starts."""
    answer = {}
    for name in names:
        values = [table[name] for table in tables if table[name] is not None]
        cell = {
            "mean": float(np.mean(values)) if values else None,
            "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        }
        within = [spread[name] for spread in spreads if name in spread]
        if within:
            cell["kmeans_sd"] = float(np.mean(within))
        answer[name] = cell
    return answer


def _by_object(measured: Sequence[Measured], names: list[str]) -> list[dict]:
    """A row for each object, in the order of first mention, with all its grasps."""
    rows: dict[str, dict] = {}
    for part in measured:
        row = rows.setdefault(
            part.object_name,
            {"object": part.object_name, "refused": None, "notes": [], "count": 0, "measured": 0, "grasps": []},
        )
        row["refused"] = row["refused"] or part.refused
        row["notes"] += [note for note in part.notes if note not in row["notes"]]
        row["count"] += len(part.rows)
        row["measured"] += sum(grasp["problem"] is None for grasp in part.rows)
        row["grasps"] += part.rows
    for row in rows.values():
        row["grasps"].sort(key=lambda grasp: (grasp["seed"], grasp["index"]))  # right and left hands among each other
        row["mean"] = {name: mean_of(row["grasps"], name) for name in names if not COLUMNS[name].of_set}
        apart = _diversity([part for part in measured if part.object_name == row["object"] and _several(part)])[0]
        if "pairwise_joint_distance_cm" in names:
            row["mean"]["pairwise_joint_distance_cm"] = apart.get("pairwise_joint_distance_cm")
    return list(rows.values())


def _several(part: Measured) -> bool:
    return part.keypoints is not None and len(part.keypoints) > 1


def _counts(objects: list[dict]) -> dict[str, int]:
    grasps = [grasp for row in objects for grasp in row["grasps"]]
    measured = sum(grasp["problem"] is None for grasp in grasps)
    return {
        "objects": len(objects),
        "refused_objects": sum(row["refused"] is not None for row in objects),
        "grasps": len(grasps),
        "measured": measured,
        "unmeasured": len(grasps) - measured,
        "simulator_failures": sum(grasp["simulator_problem"] is not None for grasp in grasps),
    }
