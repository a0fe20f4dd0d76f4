"""Generate grasps for a folder of objects and measure them: `fastgrasp benchmark objects --objects DIR
--samples 10`.

Every object gets one cloud, either of its whole surface or as one depth camera sees it from a random side,
and `--samples` grasps, measured as they come out of the network. Nothing is chosen among more candidates.
Distances are in the units that the column heads say; diversity is taken over all samples of all objects.
"""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path

import numpy as np

from fastgrasp_model.commands.shared import Parser, check_output, positive, write_json

MESH_ENDINGS = (".obj", ".ply", ".stl")
CLOUD_POINTS = 3000
CAMERA_DISTANCE = 0.6
DEPTH_NOISE = 0.0015


def main(argv: list[str] | None = None) -> int:
    """Entry point of `fastgrasp benchmark`. Returns the exit code."""
    options = _parser().parse_args(argv)
    meshes = find_meshes(options.objects)
    check_output(options.json, (".json",))
    if options.out:
        check_output(options.out / "name.npz", (".npz",))
    report = run_benchmark(meshes, options)
    _print_report(report)
    if options.json:
        write_json(options.json, report)
        print(f"Wrote {options.json}")
    return 0


class BenchmarkError(ValueError):
    """What was asked of the benchmark cannot be done."""


def find_meshes(places: list[Path]) -> list[Path]:
    """Mesh files among files and folders, sorted by name.

    Raises:
        BenchmarkError: nothing there, or a place that does not exist.
    """
    found: list[Path] = []
    for place in places:
        if not place.exists():
            raise BenchmarkError(
                f"{place} does not exist; give mesh files, or a folder with {', '.join(MESH_ENDINGS)}."
            )
        found += (
            [place] if place.is_file() else [p for p in place.iterdir() if p.suffix.lower() in MESH_ENDINGS]
        )
    if not found:
        raise BenchmarkError(f"No meshes ({', '.join(MESH_ENDINGS)}) in {', '.join(map(str, places))}.")
    return sorted(found, key=lambda path: path.stem)


def object_cloud(mesh, kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """The cloud of a mesh, (N, 3) float32 metres, and the camera's position, or None for a full cloud.

    Args:
        kind: "full" (3,000 surface points) or "partial" (one view from 0.6 m in a random direction, 1.5 mm of
            depth noise).
    """
    from fastgrasp_model.geometry.meshes import sample_surface
    from fastgrasp_model.geometry.partial import random_camera, single_view

    if kind == "full":
        return sample_surface(mesh, CLOUD_POINTS, seed=int(rng.integers(2**31)))[0], None
    camera = random_camera(rng, mesh.bounds.mean(axis=0), CAMERA_DISTANCE)
    return single_view(mesh, camera, CLOUD_POINTS, DEPTH_NOISE, rng), camera


def run_benchmark(meshes: list[Path], options) -> dict:
    """Measure all objects, in `options.workers` processes, and collect one report (a dictionary that json can
    write)."""
    from rich.progress import track

    started = time.perf_counter()
    jobs = [(path, vars(options)) for path in meshes]
    if options.workers == 1:
        rows = [_measure_object(job) for job in track(jobs, description="Measuring", disable=options.quiet)]
    else:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        with ProcessPoolExecutor(min(options.workers, len(jobs)), mp_context=get_context("spawn")) as pool:
            results = pool.map(_measure_object, jobs)
            rows = list(track(results, "Measuring", total=len(jobs), disable=options.quiet))
    return _summarise(rows, options, time.perf_counter() - started)


_GENERATORS: dict = {}  # one for each process, loaded with its first object


def _generator(options: dict):
    key = (options["weights"], options["mano"], options["device"])
    if key not in _GENERATORS:
        import torch

        from fastgrasp_model.generator import GraspGenerator

        torch.set_num_threads(max(1, (os.cpu_count() or 1) // options["workers"]))
        _GENERATORS[key] = GraspGenerator.from_pretrained(
            options["weights"], options["mano"], device=options["device"]
        )
        rng = np.random.default_rng(0)
        _GENERATORS[key].generate(
            rng.normal(scale=0.03, size=(1000, 3)), num_grasps=options["samples"]
        )  # warm up
    return _GENERATORS[key]


def _measure_object(job: tuple[Path, dict]) -> dict:
    from fastgrasp_model.geometry.meshes import load_mesh
    from fastgrasp_model.metrics import evaluate_grasps

    path, options = job
    generator = _generator(options)
    mesh = load_mesh(path)
    seed = options["seed"]
    cloud, camera = object_cloud(
        mesh, options["cloud"], np.random.default_rng([seed, zlib.crc32(path.stem.encode())])
    )
    started = time.perf_counter()
    grasps = generator.generate(cloud, num_grasps=options["samples"], seed=seed, viewpoint=camera)
    seconds = time.perf_counter() - started
    if options["out"]:
        options["out"].mkdir(parents=True, exist_ok=True)
        grasps.save(options["out"] / f"{path.stem}.npz")
    report = evaluate_grasps(grasps, mesh, simulate=options["simulate"])
    report["mean"]["seconds_per_grasp"] = seconds / len(grasps)
    return {"object": path.stem, "points": len(cloud), "keypoints": grasps.keypoints.tolist(), **report}


def _summarise(rows: list[dict], options, seconds: float) -> dict:
    from fastgrasp_model.metrics.evaluate import grasp_diversity

    keypoints = np.concatenate([row.pop("keypoints") for row in rows]).astype(np.float64)
    mean = {name: float(np.mean([row["mean"][name] for row in rows])) for name in rows[0]["mean"]}
    spread = [row["diversity"]["mean_pairwise_joint_distance_cm"] for row in rows]
    diversity = {**grasp_diversity(keypoints), "mean_pairwise_joint_distance_cm": float(np.mean(spread))}
    settings = {
        "objects": len(rows),
        "samples": options.samples,
        "cloud": options.cloud,
        "seed": options.seed,
        "weights": str(options.weights) if options.weights else "shipped",
        "hand": str(options.mano) if options.mano else "default",
        "device": options.device,
        "simulated": options.simulate,
        "seconds": round(seconds, 1),
    }
    return {"settings": settings, "mean": mean, "diversity": diversity, "objects": rows}


def _print_report(report: dict) -> None:
    from rich.console import Console

    from fastgrasp_model.metrics.evaluate import COLUMNS, diversity_line, format_value, metrics_table

    settings = report["settings"]
    title = "{objects} objects x {samples} grasps, {cloud} clouds, seed {seed}".format(**settings)
    caption = (
        f"{diversity_line(report['diversity'])}; "
        f"generation {1000 * report['mean']['seconds_per_grasp']:.1f} ms a grasp on {settings['device']}"
    )
    names = [name for name in COLUMNS if name in report["mean"]]
    table = metrics_table(title, caption, "object", names)
    for row in report["objects"]:
        table.add_row(row["object"], *(format_value(name, row["mean"][name]) for name in names))
    table.add_section()
    table.add_row("mean", *(format_value(name, report["mean"][name]) for name in names), style="bold")
    Console().print(table)


def _parser() -> Parser:
    parser = Parser(prog="fastgrasp benchmark", description=__doc__)
    parser.add_argument("protocol", choices=["objects"], help="objects: meshes of your own, in metres")
    parser.add_argument(
        "--objects", type=Path, nargs="+", required=True, metavar="PATH", help="mesh files or folders"
    )
    parser.add_argument("--samples", type=positive, default=10, help="grasps for each object (default 10)")
    parser.add_argument(
        "--cloud", choices=["full", "partial"], default="full", help="whole surface, or one camera's view"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write every figure of every grasp to this file"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="save the grasps of each object to this folder"
    )
    parser.add_argument(
        "--weights", type=Path, metavar="DIR", help="weights folder (default: the shipped weights)"
    )
    parser.add_argument("--mano", type=Path, metavar="FILE", help="your MANO file (default: the open hand)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--workers", type=positive, default=1, help="processes (default 1)")
    parser.add_argument(
        "--no-simulation", dest="simulate", action="store_false", help="leave out the displacement columns"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
