"""Hold what the cheap checks of synthesis let through to the full test, on a random sample of a grasp set.

    python -m fastgrasp_synthesis.audit SET --grasps 2000 --seed 0 --workers 2 --out audit.json

Every drawn grasp is tested for one second with gravity along each of six directions and friction 0.8 (`metrics.hold`,
the benchmark's column "held 1 s"), and measured as the benchmark measures it. The report gives the share that holds
with its interval, and what each cheap check would be worth at tighter limits. After Ctrl-C the same command goes on
where it stopped. The same seed gives the same figures, whatever the number of processes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from tyro.conf import Positional, arg

from fastgrasp_model.commands.shared import AtLeastOne, InputError, NotNegative, check_output, parse
from fastgrasp_model.files import write_json

PROBLEM = "problem"
FIGURES = {  # name in the report -> measured column, factor to the unit of the name
    "depth_mm": ("penetration_depth_cm", 10.0),
    "volume_cm3": ("penetration_volume_cm3", 1.0),
    "self_penetration_mm": ("self_penetration_cm", 10.0),
    "joint_limit_violation_deg": ("joint_limit_violation_deg", 1.0),
    "thumb_and_two_share": ("contact_thumb_and_two_share", 1.0),
    "slip_mean_cm": ("slip_mean_cm", 1.0),
}
CHECKS = {  # the cheap checks, all of them the better the lower, and limits at which they are tried
    "gravity_gap_newtons": (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5),
    "slip_worst_cm": (0.1, 0.2, 0.5, 1.0, 1.5, 2.0),
    "depth_stored_mm": (1.0, 1.5, 2.0, 2.5, 3.0),
}


@dataclass
class AuditOptions:
    """Measure random grasps of a set by every figure, to compare the cheap checks of synthesis with the held share."""

    set: Annotated[Positional[Path], arg(metavar="SET")]
    """a packed set (.npz or folder) or a folder of shards"""
    out: Annotated[Path, arg(metavar="FILE.json")]
    """the report"""
    grasps: AtLeastOne = 2000
    """how many random grasps"""
    seed: NotNegative = 0
    """which ones"""
    workers: AtLeastOne = os.cpu_count() or 1
    """processes (default: one for each core)"""
    meshes: Annotated[Path | None, arg(metavar="DIR")] = None
    """folder of the own meshes (default: the one in objects.json)"""
    quiet: bool = False
    """no progress bar"""


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 when the report is written, 2 for a mistake in the call, 130 if interrupted."""
    from fastgrasp_evaluation.metrics.parallel import WorkerError
    from fastgrasp_model.hand.mano_layer import HandModelError
    from fastgrasp_synthesis.grasp_set import GraspSetError, load_grasp_set
    from fastgrasp_synthesis.sources import mesh_folder

    try:
        options = parse(AuditOptions, sys.argv[1:] if argv is None else argv, "python -m fastgrasp_synthesis.audit")
        check_output(options.out, (".json",))
        parts, meshes = options.out.with_name(f"{options.out.name}.parts"), options.meshes or mesh_folder(options.set)
        grasps = load_grasp_set(options.set)
        report = audit(grasps, options.grasps, options.seed, options.workers, parts, meshes, options.quiet)
    except (InputError, GraspSetError, HandModelError, WorkerError, OSError) as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        return 130
    write_json(options.out, {"set": str(options.set), **report})
    shutil.rmtree(parts, ignore_errors=True)
    print("\n".join(lines(report)))
    print(f"wrote {options.out}")
    return 0


def audit(grasps, count: int, seed: int, workers: int, parts: Path, meshes: Path | None = None,
          quiet: bool = True) -> dict:
    """Return the report on `count` random grasps of a `GraspSet`; `parts` is a folder for what is done so far.

    meshes: folder of the own meshes. Raises InputError for an empty set or parts of another audit.
    """
    from fastgrasp_evaluation.metrics.parallel import run_jobs
    from fastgrasp_synthesis.workers import ONE_THREAD

    if not len(grasps):
        raise InputError("the grasp set is empty; there is nothing to audit")
    rows = np.sort(np.random.default_rng(seed).choice(len(grasps), size=min(count, len(grasps)), replace=False))
    _claim(parts, grasps, rows)
    jobs = [(parts / f"{number}.json", grasps.objects[number], rows[grasps.object[rows] == number], meshes)
            for number in np.unique(grasps.object[rows]).tolist()]
    todo = [(*job, _of(grasps, job[2])) for job in jobs if not job[0].is_file()]
    if len(todo) < len(jobs) and not quiet:
        print(f"{len(jobs) - len(todo)} of {len(jobs)} objects were done before", file=sys.stderr)
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)  # before the processes start
    run_jobs(_measure_to_file, todo, workers, "Testing", quiet)
    measured = [row for job in jobs for row in json.loads(job[0].read_text())]
    return {"grasps_in_set": len(grasps), "sample": len(rows), "seed": seed, **summary(measured), "rows": measured}


def _claim(parts: Path, grasps, rows: np.ndarray) -> None:
    """Make the folder of parts, or find that it belongs to this audit. Raises InputError."""
    key = hashlib.sha256(np.ascontiguousarray(grasps.parameters()[rows]).tobytes())
    key.update(json.dumps([grasps.objects, rows.tolist()]).encode())
    owner = parts / "owner.txt"
    if owner.is_file() and owner.read_text() != key.hexdigest():
        raise InputError(f"{parts} holds a begun audit of another set or sample; delete it, or choose another --out")
    parts.mkdir(parents=True, exist_ok=True)
    owner.write_text(key.hexdigest())


def _of(grasps, rows: np.ndarray) -> dict:
    """What a worker must know of these grasps."""
    moved = 100.0 * grasps.displacement[rows].astype(float)
    return {"hand": grasps.hand, "parameters": grasps.parameters()[rows],
            "type": [grasps.grasp_types[kind] for kind in grasps.grasp_type[rows]],
            "depth_stored_mm": 1000.0 * grasps.depth[rows].astype(float), "slip_worst_cm": moved.max(axis=1),
            "slip_mean_cm": moved.mean(axis=1)}


def _measure_to_file(job: tuple) -> None:
    path, spec, rows, meshes, stored = job
    write_json(path, measure(spec, rows, stored, meshes))


def measure(spec: str, rows: np.ndarray, stored: dict, meshes: Path | None = None) -> list[dict]:
    """One dictionary for each grasp on one object: the cheap figures, the full test, the benchmark's columns.

    stored: as `_of` gives it. A grasp that cannot be tested has the reason as its "problem", and no figures.
    """
    import torch

    from fastgrasp_evaluation.metrics.simulation import SimulationError
    from fastgrasp_model.geometry.meshes import MeshError
    from fastgrasp_synthesis.object_specs import ObjectSpecError, split_of
    from fastgrasp_synthesis.packing import hand_layer
    from fastgrasp_synthesis.sources import load_object

    torch.set_num_threads(1)
    layer = hand_layer(stored["hand"])
    names = ("type", "depth_stored_mm", "slip_worst_cm", "slip_mean_cm")
    table = [{"row": int(row), "object": spec, "family": spec.split(":")[0],
              "split": split_of(spec)} | {name: stored[name][i] for name in names} for i, row in enumerate(rows)]
    try:
        found = _figures(stored["parameters"], load_object(spec, meshes), layer)
    except (MeshError, ObjectSpecError, SimulationError, ValueError) as error:
        return [line | {PROBLEM: f"{type(error).__name__}: {error}"} for line in table]
    return [line | {name: values[i] for name, values in found.items()} for i, line in enumerate(table)]


def _figures(parameters: np.ndarray, mesh, layer) -> dict[str, list]:
    """Columns of the grasps with these parameters (N,61) on one object: Python values."""
    from fastgrasp_evaluation.metrics.evaluate import measure_hands
    from fastgrasp_evaluation.metrics.hand_set import HandSet
    from fastgrasp_evaluation.metrics.hold import HoldTest
    from fastgrasp_model.grasps import Grasps
    from fastgrasp_synthesis.stability import residuals_on

    grasps = Grasps.from_parameters(parameters, layer)
    hands, test = HandSet.from_grasps(grasps), HoldTest(mesh)
    geometry = measure_hands(hands, mesh, ("strict",), simulate=False, layer=layer).rows
    moved = [test(skin, faces) for skin, faces in zip(hands.vertices, hands.faces, strict=True)]
    names = sorted({column for column, _ in FIGURES.values() if column in geometry[0]})
    return {name: [line[name] for line in geometry] for name in names} | {
        "gravity_gap_newtons": residuals_on(grasps.vertices, layer, mesh),
        "moved_cm": [float(100.0 * directions.max()) for directions in moved],
        "held": [bool((directions < test.settings.limit).all()) for directions in moved]}


def summary(measured: list[dict]) -> dict:
    """Return the figures of a report from the rows of `measure`."""
    good = [row for row in measured if PROBLEM not in row]
    problems = [{name: row[name] for name in ("row", "object", PROBLEM)} for row in measured if PROBLEM in row]
    parts = {f"held_by_{key}": {name: held_share([row for row in good if row[key] == name])
                                for name in sorted({row[key] for row in good})} for key in ("type", "split", "family")}
    return {"held": held_share(good), **parts,
            "figures": {name: _spread(good, column, factor) for name, (column, factor) in FIGURES.items()},
            "checks": {name: check_worth(good, name, limits) for name, limits in CHECKS.items()} if good else {},
            "problems": problems}


def held_share(rows: list[dict]) -> dict:
    """{grasps, share, low, high}: the share that holds and its 95 % interval after Wilson; None without grasps."""
    from fastgrasp_evaluation.study.tally import wilson_interval

    hits = sum(row["held"] for row in rows)
    low, high = wilson_interval(hits, len(rows))
    return {"grasps": len(rows), "share": hits / len(rows) if rows else None, "low": low, "high": high}


def _spread(rows: list[dict], column: str, factor: float) -> dict:
    """{mean, p95} of a column over the grasps that have it."""
    values = factor * np.array([row[column] for row in rows if row.get(column) is not None], dtype=float)
    if not len(values):
        return {"mean": None, "p95": None}
    return {"mean": float(values.mean()), "p95": float(np.percentile(values, 95))}


def check_worth(rows: list[dict], name: str, limits: tuple[float, ...]) -> dict:
    """Return what a cheap check says of the full test within the set.

    auc: how often a grasp that holds has the lower figure than one that falls, ties half (None if all do the same).
    limits: for each limit the confusion if the check kept what is at most that: kept_held, kept_fell, lost_held,
    lost_fell, and the share of the kept that holds.
    """
    from scipy.stats import rankdata

    value, held = np.array([row[name] for row in rows]), np.array([row["held"] for row in rows], dtype=bool)
    good, bad = int(held.sum()), int((~held).sum())
    auc = float((rankdata(-value)[held].sum() - good * (good + 1) / 2) / (good * bad)) if good and bad else None
    table = []
    for limit in limits:
        kept = value <= limit
        counts = {f"{one}_{two}": int((a & b).sum()) for one, a in (("kept", kept), ("lost", ~kept))
                  for two, b in (("held", held), ("fell", ~held))}
        table.append({"limit": limit, "held_share": float(held[kept].mean()) if kept.any() else None} | counts)
    return {"auc": auc, "limits": table}


def lines(report: dict) -> list[str]:
    """Return the report as a table for a terminal."""
    text = [f"{report['sample']} of {report['grasps_in_set']} grasps, seed {report['seed']}: {_share(report['held'])}"]
    parts = [*report["held_by_split"].items(), *report["held_by_type"].items()]
    worst = sorted(report["held_by_family"].items(), key=lambda item: item[1]["share"])[:10]
    text += [f"  {name:28s} {_share(part)}" for name, part in parts]
    text += ["families that hold least:"] + [f"  {name:28s} {_share(part)}" for name, part in worst]
    text += [f"{'figure':30s} {'mean':>8s} {'95 %':>8s}"]
    text += [f"  {name:28s} {figure['mean']:8.3f} {figure['p95']:8.3f}"
             for name, figure in report["figures"].items() if figure["mean"] is not None]
    for name, check in report["checks"].items():
        worth = "-" if check["auc"] is None else f"{check['auc']:.3f}"
        text.append(f"{name}: area under the curve {worth}; if only what is at most this were kept:")
        for row in check["limits"]:
            held = "-" if row["held_share"] is None else f"{row['held_share']:.1%}"
            text.append(f"  {row['limit']:<6g} keeps {row['kept_held'] + row['kept_fell']:5d}, of which {held} hold")
    if report["problems"]:
        text.append(f"{len(report['problems'])} could not be tested, such as: {report['problems'][0][PROBLEM]:.120}")
    return text


def _share(part: dict) -> str:
    if not part["grasps"]:
        return "no grasp could be tested"
    return f"{part['share']:6.1%} of {part['grasps']} hold ({part['low']:.1%} to {part['high']:.1%})"


if __name__ == "__main__":
    raise SystemExit(main())
