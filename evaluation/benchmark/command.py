"""Generate grasps and measure them, or measure the open grasp set.

    fastgrasp benchmark ho3d-objects --objects YCB --samples 10 --seeds 5 --protocol both --html report.html
    fastgrasp benchmark objects --objects my_meshes --cloud partial --json figures.json
    fastgrasp benchmark open-set --grasps 1000 --json ceiling.json
    fastgrasp benchmark objects --data grab:/path --ceiling 200   # for GRAB's test objects, its own grasps beside
    fastgrasp benchmark open-set --data ho3d:/path                # the grasps of a data set alone

Every object gets one cloud for each seed, of its whole surface or as one depth camera sees it from a random side, and
`--samples` grasps, measured as they come out of the network: nothing is chosen among more candidates. With
`--candidates N` every grasp is the best of N by the generator's score: other figures, and labelled so. The same seed
gives the same figures, whatever the number of processes. docs/benchmark.md explains the columns.
"""

from __future__ import annotations

import os
import time
from argparse import RawDescriptionHelpFormatter
from pathlib import Path

from fastgrasp_model.commands.shared import Parser, check_output, not_negative, positive

KINDS = ("ho3d-objects", "objects", "open-set")


def main(argv: list[str] | None = None) -> int:
    """Entry point of `fastgrasp benchmark`. Returns the exit code."""
    options = _parser().parse_args(argv)
    check_output(options.json, (".json",))
    check_output(options.html, (".html",))
    check_output(options.out and options.out / "name.npz", (".npz",))
    from fastgrasp_evaluation.commands.reporting import write_outputs
    from fastgrasp_evaluation.metrics.summary import lay_beside, read_report

    compare = [read_report(path) for path in options.compare]
    begin = time.perf_counter()
    tasks, lost = _tasks(options)
    report = _measured(tasks, lost, options)
    if options.ceiling:
        compare.append(_measured(_set_tasks(options, options.ceiling, [options.seed]), [], options, True))
    lay_beside(report, compare)
    if options.timing:
        report["timing"] = _timing(options)
    _print(report, time.perf_counter() - begin)
    for path in write_outputs(
        report, tasks, options.json, options.html, compare, options.pictures, options.workers, options.quiet
    ):
        print(f"wrote {path}")
    return 0


def _tasks(options) -> tuple[list, list]:
    """What is to be measured, and the objects that are refused, as `Measured`."""
    from fastgrasp_evaluation.metrics import parallel
    from fastgrasp_evaluation.metrics.evaluate import refused
    from fastgrasp_evaluation.metrics.summary import BenchmarkError

    seeds = range(options.seed, options.seed + options.seeds)
    if options.kind == "open-set":
        return _set_tasks(options, options.grasps, seeds), []
    targets = _targets(options)
    reasons = parallel.run_jobs(
        parallel.prepare, [(target, options.simulate) for target in targets], options.workers, "Objects", options.quiet
    )
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


def _targets(options) -> list:
    """The objects that grasps are generated for, each with a `name` and `load`. Raises BenchmarkError."""
    from fastgrasp_evaluation.benchmark.measured_objects import find_ho3d_meshes
    from fastgrasp_evaluation.commands.reporting import find_meshes
    from fastgrasp_evaluation.metrics.summary import BenchmarkError
    from fastgrasp_training.sources.measured import read_measured, targets_of

    if options.data and options.kind == "objects" and not options.objects:
        return targets_of(read_measured(tuple(options.data), options.mano))
    if not options.objects:
        raise BenchmarkError(f"--objects is missing: {options.kind} needs mesh files, or a folder of them.")
    if options.kind == "ho3d-objects":
        return find_ho3d_meshes(options.objects)
    return find_meshes(options.objects)


def _set_tasks(options, count: int, seeds) -> list:
    """`count` grasps for each seed: of --data, else of the open set or --set."""
    from fastgrasp_evaluation.benchmark.open_set import draw_grasps
    from fastgrasp_evaluation.metrics.hand_set import HandSet
    from fastgrasp_evaluation.metrics.parallel import Task
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_training.sources.measured import draw, read_measured

    def drawn(seed: int) -> list:
        if not options.data:
            return draw_grasps(options.set, count, options.split, seed)
        read = read_measured(tuple(options.data), options.mano)
        return draw(read.parameters, read.object, read.objects, count, seed, ManoLayer.from_file(options.mano))

    return [Task(target, seed, HandSet.from_grasps(g, target.name)) for seed in seeds for target, g in drawn(seed)]


def _generated(targets: list, seeds, options) -> list:
    """Grasps for every object and seed, made here so that their numbers do not depend on the processes."""
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


def _generator(options):
    from fastgrasp_model.commands.shared import checked_device
    from fastgrasp_model.generator import GraspGenerator

    return GraspGenerator.from_pretrained(options.weights, options.mano, device=checked_device(options.device))


def _measured(tasks: list, lost: list, options, of_set: bool = False) -> dict:
    """The report of some tasks; `of_set`: they are grasps of a set, whatever else is measured."""
    from fastgrasp_evaluation.benchmark.calibration import add_scores
    from fastgrasp_evaluation.metrics.parallel import measure_tasks
    from fastgrasp_evaluation.metrics.protocols import protocol_names
    from fastgrasp_evaluation.metrics.summary import build_report
    from fastgrasp_model import __version__

    protocols = protocol_names(options.protocol)
    measured = measure_tasks(tasks, protocols, options.simulate, options.workers, options.quiet, options.mano)
    of_set = of_set or options.kind == "open-set"
    settings = {
        "command": "open-set" if of_set else options.kind,
        "label": _label(options, of_set),
        "samples": None if of_set else options.samples,
        "candidates": None if of_set else options.candidates,
        "cloud": None if of_set else options.cloud,
        "weights": None if of_set else (options.weights.name if options.weights else "shipped"),
        "hand": f"MANO file {options.mano.name}" if options.mano and (options.data or not of_set) else "open hand",
        "simulated": options.simulate,
        "version": __version__,
        "source": None,
    }
    order = sorted([*measured, *lost], key=lambda part: (part.object_name, part.seed))
    report = build_report(order, protocols, settings)
    add_scores(report, {(task.target.name, task.seed): task.scores for task in tasks if task.scores is not None})
    return report


def _label(options, of_set: bool) -> str:
    """What the tables call the grasps."""
    if of_set:
        own = f"grasps of {', '.join(options.data)}" if options.data else "open grasp set"
        return options.label if options.label and options.kind == "open-set" else own
    label = options.label or ("shipped weights" if options.weights is None else f"weights {options.weights.name}")
    return label if options.candidates == 1 else f"{label}, best of {options.candidates} by the score"


def _timing(options) -> dict:
    from fastgrasp_evaluation.benchmark.timing import timing_report

    return timing_report(_generator(options), repeats=20, candidates=options.candidates)


def _print(report: dict, seconds: float) -> None:
    from fastgrasp_evaluation.commands.reporting import print_report

    settings = report["settings"]
    seeds = ", ".join(map(str, settings["seeds"]))
    title = f"{settings['label']}: {report['counts']['grasps']} grasps on {len(settings['objects'])} objects"
    title += f", {settings['cloud']} clouds" if settings["cloud"] else ""
    print_report(report, f"{title}, seed{'s' * (len(settings['seeds']) > 1)} {seeds}")
    if "score" in report:
        from fastgrasp_evaluation.benchmark.calibration import score_lines

        for line in score_lines(report["score"]):
            print(line)
    if report["timing"]:
        from fastgrasp_evaluation.benchmark.timing import timing_lines

        print("\n".join(timing_lines(report["timing"])))
    print(f"measured in {seconds:.0f} s")


def _parser() -> Parser:
    parser = Parser(prog="fastgrasp benchmark", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("kind", choices=KINDS, help="the ten objects of HO-3D; meshes of your own, in metres; the open grasp set")
    add("--objects", type=Path, nargs="+", metavar="PATH", help="mesh files, or folders of them")
    add("--samples", type=positive, default=10, help="grasps for each object (default 10)")
    add("--candidates", type=positive, default=1, metavar="N", help="measure the best of N by the score (default 1)")
    add("--protocol", choices=["strict", "legacy", "both"], default="both", help="which table (default both)")
    add("--cloud", choices=["full", "partial"], default="full", help="whole surface, or one camera's view")
    add("--seed", type=not_negative, default=0, help="the first seed (default 0)")
    add("--seeds", type=positive, default=1, metavar="N", help="how many seeds, for a mean and a spread (default 1)")
    add("--grasps", type=positive, default=100, help="open-set: how many grasps of the set (default 100)")
    add("--set", type=Path, metavar="PATH", help="open-set: another grasp set than the shipped one")
    source = "grab:/path, oakink:/path, ho3d:/path, ...: its objects, its grasps (docs/datasets.md)"
    add("--data", action="append", default=[], metavar="SOURCE", help=source)
    add("--split", choices=["train", "validation", "all"], default="all", help="open-set: of which objects")
    add("--json", type=Path, metavar="FILE.json", help="write every figure of every grasp")
    add("--html", type=Path, metavar="FILE.html", help="write a page with tables, spreads and pictures")
    add("--compare", type=Path, nargs="+", default=[], metavar="FILE.json", help="reports to lay beside this one")
    add("--ceiling", type=positive, metavar="N", help="lay N grasps of the set beside: what training aims at")
    add("--pictures", type=not_negative, default=20, metavar="N", help="objects that the page shows (default 20)")
    add("--out", type=Path, metavar="DIR", help="save the first seed's grasps of each object to this folder")
    add("--label", help="what the tables call these grasps")
    add("--weights", type=Path, metavar="DIR", help="weights folder (default: the shipped weights)")
    add("--mano", type=Path, metavar="FILE", help="your MANO file (default: the open hand)")
    add("--device", default="cpu", help="cpu or cuda, for generating (default cpu)")
    add("--workers", type=positive, default=os.cpu_count() or 1, help="processes (default: one for each core)")
    add("--timing", action="store_true", help="also measure how long generating takes")
    add("--no-simulation", dest="simulate", action="store_false", help="leave out the columns of the simulator")
    add("--quiet", action="store_true", help="no progress bars")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
