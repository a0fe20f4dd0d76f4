"""A run of the benchmark: tasks from the options, their measurement, the report and its output."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import track

from fastgrasp_evaluation.benchmark.calibration import add_scores, score_lines
from fastgrasp_evaluation.benchmark.measured_objects import (
    cloud_generator,
    find_ho3d_meshes,
    object_cloud,
    told_viewpoint,
)
from fastgrasp_evaluation.benchmark.options import BenchmarkOptions
from fastgrasp_evaluation.benchmark.sources import Selection, source
from fastgrasp_evaluation.benchmark.timing import timing_lines, timing_report
from fastgrasp_evaluation.commands.reporting import print_report, write_outputs
from fastgrasp_evaluation.metrics.evaluate import refused
from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_evaluation.metrics.parallel import Task, find_meshes, measure_tasks, prepare, run_jobs
from fastgrasp_evaluation.metrics.protocols import check_simulator, protocol_names
from fastgrasp_evaluation.metrics.summary import BenchmarkError, add_comparisons, build_report, read_report
from fastgrasp_model import __version__
from fastgrasp_model.device import usable_device
from fastgrasp_model.generator import GraspGenerator


def run(options: BenchmarkOptions) -> None:
    """Measure, print the report and write the files that the options name. Raises BenchmarkError."""
    compare = [read_report(path) for path in options.compare]
    begin = time.perf_counter()
    tasks, lost = _tasks(options)
    report = _measured(tasks, lost, options)
    if options.ceiling:
        compare.append(_measured(_set_tasks(options, options.ceiling, [options.seed]), [], options, of_set=True))
    add_comparisons(report, compare)
    if options.timing:
        report["timing"] = timing_report(_generator(options), repeats=20, candidates=options.candidates)
    _print(report, time.perf_counter() - begin)
    for path in write_outputs(
        report, tasks, options.json, options.html, compare, options.pictures, options.workers, options.quiet
    ):
        print(f"wrote {path}")


def _tasks(options: BenchmarkOptions) -> tuple[list, list]:
    """Return the tasks to measure, and a `Measured` for each seed of each object that is refused."""
    seeds = range(options.seed, options.seed + options.seeds)
    if options.viewpoint != "known" and options.cloud != "partial":
        raise BenchmarkError(f"--viewpoint {options.viewpoint} is for single views; add --cloud partial")
    if options.kind == "open-set":
        return _set_tasks(options, options.grasps, seeds), []
    targets = _targets(options)
    jobs = [(target, options.simulation) for target in targets]
    reasons = run_jobs(prepare, jobs, options.workers, "Objects", options.quiet)
    good = [target for target, reason in zip(targets, reasons, strict=True) if reason is None]
    if not good:
        raise BenchmarkError(f"No object can be measured. {targets[0].name}: {reasons[0]}")
    lost = [
        refused(target.name, seed, range(options.samples), reason)
        for target, reason in zip(targets, reasons, strict=True)
        if reason is not None
        for seed in seeds
    ]
    return _generated(good, seeds, options), lost


def _targets(options: BenchmarkOptions) -> list:
    """Return the objects to generate grasps for. Raises BenchmarkError."""
    if options.data and options.kind == "objects" and not options.objects:
        return source("data").objects(_selection(options))
    if not options.objects:
        raise BenchmarkError(f"--objects is missing: {options.kind} needs mesh files, or a folder of them.")
    return (find_ho3d_meshes if options.kind == "ho3d-objects" else find_meshes)(options.objects)


def _selection(options: BenchmarkOptions):
    return Selection(options.data, options.set, options.split, options.mano)


def _set_tasks(options: BenchmarkOptions, count: int, seeds) -> list:
    """Return tasks with `count` grasps per seed, of --data if given, else of the grasp set."""
    grasp_set = source("data" if options.data else "open-set")
    return [
        Task(target, seed, HandSet.from_grasps(grasps, target.name))
        for seed in seeds
        for target, grasps in grasp_set.grasps(_selection(options), count, seed)
    ]


def _generated(targets: list, seeds, options: BenchmarkOptions) -> list:
    """Generate grasps for every object and seed, in this process, so that they do not depend on --workers."""
    generator = _generator(options)
    tasks = []
    console = Console(stderr=True)
    hidden = options.quiet or not console.is_terminal
    for target in track(targets, "Generating", console=console, disable=hidden, transient=True):
        mesh, _ = target.load()
        for seed in seeds:
            cloud, camera = object_cloud(mesh, options.cloud, cloud_generator(target.name, seed))
            told = told_viewpoint(options.viewpoint, camera, mesh.bounds.mean(axis=0))
            grasps = generator.generate(
                cloud, num_grasps=options.samples, seed=seed, viewpoint=told, candidates=options.candidates
            )
            if options.out and seed == options.seed:
                grasps.save(options.out / f"{target.name}.npz")
            tasks.append(Task(target, seed, HandSet.from_grasps(grasps, target.name), grasps.score))
    return tasks


def _generator(options: BenchmarkOptions):
    return GraspGenerator.from_pretrained(options.weights, options.mano, device=usable_device(options.device))


def _measured(tasks: list, lost: list, options: BenchmarkOptions, of_set: bool = False) -> dict:
    """Measure tasks and build their report. `of_set`: they are grasps of a set, whatever `options.kind` says."""
    protocols = protocol_names(options.protocol)
    if options.simulation:
        check_simulator(protocols)
    measured = measure_tasks(tasks, protocols, options.simulation, options.workers, options.quiet, options.mano)
    of_set = of_set or options.kind == "open-set"
    settings = {
        "command": "open-set" if of_set else options.kind,
        "label": _label(options, of_set),
        "samples": None if of_set else options.samples,
        "candidates": None if of_set else options.candidates,
        "cloud": None if of_set else options.cloud,
        "weights": None if of_set else (options.weights.name if options.weights else "shipped"),
        "hand": f"MANO file {options.mano.name}" if options.mano and (options.data or not of_set) else "open hand",
        "simulated": options.simulation,
        "version": __version__,
        "source": None,
    }
    order = sorted([*measured, *lost], key=lambda part: (part.object_name, part.seed))
    report = build_report(order, protocols, settings)
    add_scores(report, {(task.target.name, task.seed): task.scores for task in tasks if task.scores is not None})
    return report


def _label(options: BenchmarkOptions, of_set: bool) -> str:
    """Return the name of the grasps in the tables."""
    if of_set:
        name = f"grasps of {', '.join(options.data)}" if options.data else "open grasp set"
        return options.label if options.label and options.kind == "open-set" else name
    label = options.label or ("shipped weights" if options.weights is None else f"weights {options.weights.name}")
    label += f", viewpoint {options.viewpoint}" * (options.viewpoint != "known")
    return label if options.candidates == 1 else f"{label}, best of {options.candidates} by the score"


def _print(report: dict, seconds: float) -> None:
    settings = report["settings"]
    seeds = ", ".join(map(str, settings["seeds"]))
    title = f"{settings['label']}: {report['counts']['grasps']} grasps on {len(settings['objects'])} objects"
    title += f", {settings['cloud']} clouds" if settings["cloud"] else ""
    print_report(report, f"{title}, seed{'s' * (len(settings['seeds']) > 1)} {seeds}")
    lines = score_lines(report["score"]) if "score" in report else []
    lines += timing_lines(report["timing"]) if report["timing"] else []
    print("\n".join([*lines, f"measured in {seconds:.0f} s"]))
