"""Reports of measured objects: means, standard deviations over seeds, counts of what could not be measured.

A report is plain data for JSON, with null for unknown figures; docs/benchmark.md describes it. A figure is the mean
over all measured grasps of a seed; with several seeds, the mean and the standard deviation over them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.metrics.protocols import COLUMNS, PROTOCOLS, columns_of, described

FORMAT, FORMAT_VERSION = "fastgrasp-benchmark", 1
LEAST_FOR_CLUSTERS = 40  # two samples for each of HALO's 20 clusters
CLUSTER_COLUMNS = tuple(
    name for name, column in COLUMNS.items() if column.of_set and name != "pairwise_joint_distance_cm"
)

# Required parts of a report, and required keys of its objects.
_PARTS = {
    "settings": dict, "columns": dict, "protocols": dict, "table": dict, "seeds": list, "objects": list, "counts": dict,
}  # fmt: skip
_OBJECT_KEYS = {"object", "refused", "notes", "count", "measured", "mean", "grasps"}
_REMEDY = "Give a file that fastgrasp benchmark or evaluate wrote as JSON."


class BenchmarkError(ValueError):
    """The benchmark cannot do what was requested; the message says what is missing and the remedy."""


@dataclass(frozen=True)
class Measured:
    """The measurements of the hands of one seed on one object.

    rows: for each hand {"seed", "index", "problem", "simulator_problem", column: value or None}; index is its number
        (`HandSet.numbers`).
    keypoints: (B', 21, 3) of the measured hands, metres, mirrored to right hands; None where unknown.
    refused: why the object could not be measured at all, or None. notes: repairs of its mesh.
    """

    object_name: str
    seed: int
    rows: list[dict]
    keypoints: np.ndarray | None = None
    refused: str | None = None
    notes: list[str] = field(default_factory=list)


def build_report(measured: Sequence[Measured], protocols: Sequence[str], settings: dict) -> dict:
    """Build the report of all seeds and objects.

    Args:
        measured: in any order of objects; the rows of one object's seeds are joined.
        protocols: names of `PROTOCOLS`.
        settings: what was run; "objects", "seeds" and "protocols" are added to its keys.
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


def add_comparisons(report: dict, others: Sequence[dict]) -> None:
    """Add the settings, counts and tables of other reports under the key "beside"."""
    report["beside"] = [{key: other[key] for key in ("settings", "counts", "table")} for other in others]


def read_report(path: Path) -> dict:
    """Read a report written as JSON. Raises BenchmarkError with the reason."""
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_no_number)
    except (OSError, ValueError, RecursionError) as error:
        raise BenchmarkError(f"{path} cannot be read as a report ({error}). {_REMEDY}") from error
    check_report(report, str(path))
    return report


def check_report(report: object, name: str) -> None:
    """Raise BenchmarkError, with `name` in the message, if `report` is no complete report of this version."""
    if not isinstance(report, dict) or report.get("format") != FORMAT:
        raise BenchmarkError(f"{name} is no benchmark report. {_REMEDY}")
    if report.get("format_version") != FORMAT_VERSION:
        raise BenchmarkError(
            f"{name} has format {report.get('format_version')}, this FastGrasp reads {FORMAT_VERSION}. Measure again."
        )
    damaged = [key for key, kind in _PARTS.items() if not isinstance(report.get(key), kind)]
    if not damaged and not all(isinstance(cell, dict) and "mean" in cell for cell in report["table"].values()):
        damaged = ["table"]
    if not damaged and not all(isinstance(row, dict) and _OBJECT_KEYS <= row.keys() for row in report["objects"]):
        damaged = ["objects"]
    if not damaged and not all(isinstance(report["counts"].get(key), int) for key in _counts([])):
        damaged = ["counts"]
    if damaged:
        raise BenchmarkError(f"{name} is damaged: {', '.join(damaged)} missing or not as written. {_REMEDY}")


def _no_number(word: str):
    raise ValueError(f"it holds {word}, which no report does")


def joined(parts: Sequence[Measured]) -> Measured:
    """Concatenate the measurements of parts of one object and seed."""
    known = [part.keypoints for part in parts if part.keypoints is not None]
    rows = [row for part in parts for row in part.rows]
    return replace(parts[0], rows=rows, keypoints=np.concatenate(known) if known else None)


def mean_of(rows: Iterable[dict], name: str) -> float | None:
    """Return the mean of a column over the rows that have a value; None if none has."""
    values = [row[name] for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else None


def _seed_table(parts: list[Measured], names: list[str]) -> tuple[dict, dict]:
    """Return the figures of one seed, and the deviations over k-means starts of cluster figures."""
    rows = [row for part in parts for row in part.rows]
    table = {name: None if COLUMNS[name].of_set else mean_of(rows, name) for name in names}
    diversity, spread = _diversity([part for part in parts if part.keypoints is not None and len(part.keypoints)])
    table.update({name: value for name, value in diversity.items() if name in names})
    return table, {name: value for name, value in spread.items() if name in names}


def _diversity(parts: list[Measured]) -> tuple[dict, dict]:
    from fastgrasp_evaluation.metrics.diversity import diversity_columns

    if not parts:
        return {}, {}
    figures: dict = {"pairwise_joint_distance_cm": _joint_distance(parts)}
    keypoints = np.concatenate([part.keypoints for part in parts])
    if len(keypoints) < LEAST_FOR_CLUSTERS:
        return figures, {}
    found = diversity_columns(keypoints)
    figures.update({name: found[name] for name in CLUSTER_COLUMNS})
    return figures, {name: found[f"{name}_sd"] for name in CLUSTER_COLUMNS}


def _joint_distance(parts: list[Measured]) -> float | None:
    """Return the mean pairwise joint distance of the parts with several hands, cm; None if there is none."""
    from fastgrasp_evaluation.metrics.diversity import mean_pairwise_joint_distance_cm

    several = [part.keypoints for part in parts if part.keypoints is not None and len(part.keypoints) > 1]
    return float(np.mean([mean_pairwise_joint_distance_cm(keypoints) for keypoints in several])) if several else None


def _over_seeds(tables: list[dict], spreads: list[dict], names: list[str]) -> dict:
    """Return {column: {"mean", "sd"}}, sd over seeds; for cluster figures also "kmeans_sd" over k-means starts."""
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
    """Return a row for each object, in the order of first occurrence, with all its grasps."""
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
        row["grasps"].sort(key=lambda grasp: (grasp["seed"], grasp["index"]))  # merges right and left hands
        row["mean"] = {name: mean_of(row["grasps"], name) for name in names if not COLUMNS[name].of_set}
        if "pairwise_joint_distance_cm" in names:
            row["mean"]["pairwise_joint_distance_cm"] = _joint_distance(
                [part for part in measured if part.object_name == row["object"]]
            )
    return list(rows.values())


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
