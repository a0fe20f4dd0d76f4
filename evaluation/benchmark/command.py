"""Generate grasps and measure them, or measure the grasps of a set.

    fastgrasp benchmark ho3d-objects --objects YCB --samples 10 --seeds 5 --protocol both --html report.html
    fastgrasp benchmark objects --objects my_meshes --cloud partial --json figures.json
    fastgrasp benchmark open-set --grasps 1000 --json ceiling.json
    fastgrasp benchmark objects --data grab:/path --ceiling 200   # GRAB's test objects, with its own grasps beside
    fastgrasp benchmark open-set --data ho3d:/path                # the grasps of a data set alone

Every object gets one cloud per seed, of its whole surface or of one view from a random direction, and --samples grasps,
measured as they are generated. With --candidates N every grasp is the best of N by the generator's score; such figures
are labelled. The same seed gives the same figures for any number of processes. docs/benchmark.md explains the columns.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from fastgrasp_model.commands.shared import AtLeastOne, NotNegative, check_output, parse


@dataclass
class BenchmarkOptions:
    kind: Positional[Literal["ho3d-objects", "objects", "open-set"]]
    """the ten objects of HO-3D; meshes of your own, in metres; the open grasp set"""
    objects: Annotated[tuple[Path, ...], arg(metavar="PATH...")] = ()
    """mesh files, or folders of them"""
    samples: AtLeastOne = 10
    """grasps for each object"""
    candidates: AtLeastOne = 1
    """measure the best of N by the score"""
    protocol: Literal["strict", "legacy", "both"] = "both"
    """which table"""
    cloud: Literal["full", "partial"] = "full"
    """whole surface, or one camera's view"""
    seed: NotNegative = 0
    """the first seed"""
    seeds: AtLeastOne = 1
    """number of seeds; with several the tables show mean and standard deviation"""
    grasps: AtLeastOne = 100
    """open-set: number of grasps drawn from the set"""
    set: Annotated[Path | None, arg(metavar="PATH")] = None
    """open-set: another grasp set than the shipped one"""
    data: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="SOURCE")]] = ()
    """grab:/path, oakink:/path, ho3d:/path, ...: its objects, its grasps (docs/datasets.md); may be repeated"""
    split: Literal["train", "validation", "all"] = "all"
    """open-set: of which objects"""
    json: Annotated[Path | None, arg(metavar="FILE.json")] = None
    """write every figure of every grasp"""
    html: Annotated[Path | None, arg(metavar="FILE.html")] = None
    """write a page with tables, plots and pictures"""
    compare: Annotated[tuple[Path, ...], arg(metavar="FILE.json...")] = ()
    """reports to show beside this one"""
    ceiling: Annotated[AtLeastOne | None, arg(metavar="N")] = None
    """show N grasps of the set beside: what training aims at"""
    pictures: NotNegative = 20
    """number of objects that the page shows"""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """save the first seed's grasps of each object to this folder"""
    label: str | None = None
    """name of these grasps in the tables"""
    weights: Annotated[Path | None, arg(metavar="DIR")] = None
    """weights folder (default: the shipped weights)"""
    mano: Annotated[Path | None, arg(metavar="FILE")] = None
    """your MANO file (default: the open hand)"""
    device: str = "cpu"
    """cpu or cuda, for generating"""
    workers: AtLeastOne = os.cpu_count() or 1
    """processes"""
    timing: bool = False
    """also measure how long generating takes"""
    simulation: bool = True
    """leave out the columns of the simulator"""
    quiet: bool = False
    """no progress bars"""


def main(argv: list[str] | None = None) -> int:
    """Run `fastgrasp benchmark`. Returns the exit code."""
    options = parse(BenchmarkOptions, argv or [], "fastgrasp benchmark", __doc__)
    check_output(options.json, (".json",))
    check_output(options.html, (".html",))
    check_output(options.out and options.out / "name.npz", (".npz",))
    from fastgrasp_evaluation.commands.reporting import write_outputs
    from fastgrasp_evaluation.metrics.summary import add_comparisons, read_report

    compare = [read_report(path) for path in options.compare]
    begin = time.perf_counter()
    tasks, lost = _tasks(options)
    report = _measured(tasks, lost, options)
    if options.ceiling:
        compare.append(_measured(_set_tasks(options, options.ceiling, [options.seed]), [], options, of_set=True))
    add_comparisons(report, compare)
    if options.timing:
        from fastgrasp_evaluation.benchmark.timing import timing_report

        report["timing"] = timing_report(_generator(options), repeats=20, candidates=options.candidates)
    _print(report, time.perf_counter() - begin)
    for path in write_outputs(
        report, tasks, options.json, options.html, compare, options.pictures, options.workers, options.quiet
    ):
        print(f"wrote {path}")
    return 0


def _tasks(options: BenchmarkOptions) -> tuple[list, list]:
    """Return the tasks to measure, and a `Measured` for each seed of each object that is refused."""
    from fastgrasp_evaluation.metrics import parallel
    from fastgrasp_evaluation.metrics.evaluate import refused
    from fastgrasp_evaluation.metrics.summary import BenchmarkError

    seeds = range(options.seed, options.seed + options.seeds)
    if options.kind == "open-set":
        return _set_tasks(options, options.grasps, seeds), []
    targets = _targets(options)
    jobs = [(target, options.simulation) for target in targets]
    reasons = parallel.run_jobs(parallel.prepare, jobs, options.workers, "Objects", options.quiet)
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
    from fastgrasp_evaluation.benchmark.measured_objects import find_ho3d_meshes
    from fastgrasp_evaluation.benchmark.sources import source
    from fastgrasp_evaluation.metrics.parallel import find_meshes
    from fastgrasp_evaluation.metrics.summary import BenchmarkError

    if options.data and options.kind == "objects" and not options.objects:
        return source("data").objects(_selection(options))
    if not options.objects:
        raise BenchmarkError(f"--objects is missing: {options.kind} needs mesh files, or a folder of them.")
    return (find_ho3d_meshes if options.kind == "ho3d-objects" else find_meshes)(options.objects)


def _selection(options: BenchmarkOptions):
    from fastgrasp_evaluation.benchmark.sources import Selection

    return Selection(options.data, options.set, options.split, options.mano)


def _set_tasks(options: BenchmarkOptions, count: int, seeds) -> list:
    """Return tasks with `count` grasps per seed, of --data if given, else of the grasp set."""
    from fastgrasp_evaluation.benchmark.sources import source
    from fastgrasp_evaluation.metrics.hand_set import HandSet
    from fastgrasp_evaluation.metrics.parallel import Task

    grasp_set = source("data" if options.data else "open-set")
    return [
        Task(target, seed, HandSet.from_grasps(grasps, target.name))
        for seed in seeds
        for target, grasps in grasp_set.grasps(_selection(options), count, seed)
    ]


def _generated(targets: list, seeds, options: BenchmarkOptions) -> list:
    """Generate grasps for every object and seed, in this process, so that they do not depend on --workers."""
    from rich.console import Console
    from rich.progress import track

    from fastgrasp_evaluation.benchmark.measured_objects import cloud_generator, object_cloud
    from fastgrasp_evaluation.metrics.hand_set import HandSet
    from fastgrasp_evaluation.metrics.parallel import Task

    generator = _generator(options)
    tasks = []
    console = Console(stderr=True)
    hidden = options.quiet or not console.is_terminal
    for target in track(targets, "Generating", console=console, disable=hidden, transient=True):
        mesh, _ = target.load()
        for seed in seeds:
            cloud, camera = object_cloud(mesh, options.cloud, cloud_generator(target.name, seed))
            grasps = generator.generate(
                cloud, num_grasps=options.samples, seed=seed, viewpoint=camera, candidates=options.candidates
            )
            if options.out and seed == options.seed:
                grasps.save(options.out / f"{target.name}.npz")
            tasks.append(Task(target, seed, HandSet.from_grasps(grasps, target.name), grasps.score))
    return tasks


def _generator(options: BenchmarkOptions):
    from fastgrasp_model.device import usable_device
    from fastgrasp_model.generator import GraspGenerator

    return GraspGenerator.from_pretrained(options.weights, options.mano, device=usable_device(options.device))


def _measured(tasks: list, lost: list, options: BenchmarkOptions, of_set: bool = False) -> dict:
    """Measure tasks and build their report. `of_set`: they are grasps of a set, whatever `options.kind` says."""
    from fastgrasp_evaluation.benchmark.calibration import add_scores
    from fastgrasp_evaluation.metrics.parallel import measure_tasks
    from fastgrasp_evaluation.metrics.protocols import protocol_names
    from fastgrasp_evaluation.metrics.summary import build_report
    from fastgrasp_model import __version__

    protocols = protocol_names(options.protocol)
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
    return label if options.candidates == 1 else f"{label}, best of {options.candidates} by the score"


def _print(report: dict, seconds: float) -> None:
    from fastgrasp_evaluation.benchmark.calibration import score_lines
    from fastgrasp_evaluation.benchmark.timing import timing_lines
    from fastgrasp_evaluation.commands.reporting import print_report

    settings = report["settings"]
    seeds = ", ".join(map(str, settings["seeds"]))
    title = f"{settings['label']}: {report['counts']['grasps']} grasps on {len(settings['objects'])} objects"
    title += f", {settings['cloud']} clouds" if settings["cloud"] else ""
    print_report(report, f"{title}, seed{'s' * (len(settings['seeds']) > 1)} {seeds}")
    lines = score_lines(report["score"]) if "score" in report else []
    lines += timing_lines(report["timing"]) if report["timing"] else []
    print("\n".join([*lines, f"measured in {seconds:.0f} s"]))
