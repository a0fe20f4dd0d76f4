"""`fastgrasp evaluate GRASPS --object MESH`: the figures of saved grasps."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from fastgrasp_model.commands.shared import InputError, Parser, check_output, write_json


def main(argv: list[str]) -> int:
    """Measure grasps and print a table, or JSON."""
    options = _parser().parse_args(argv)
    check_output(options.out, (".json",))

    from fastgrasp_model.grasps import Grasps
    from fastgrasp_model.metrics import evaluate_grasps

    grasps = Grasps.load(options.grasps)
    mesh = _load_mesh(options.object)
    with _progress(len(grasps), options.simulate) as advance:
        report = evaluate_grasps(grasps, mesh, simulate=options.simulate, progress=advance)
    report = {"grasps": str(options.grasps), "object": str(options.object), **report}
    if options.out:
        write_json(options.out, report)
    if options.json:
        print(json.dumps(report, indent=1))
        return 0
    from rich.console import Console

    from fastgrasp_model.metrics import evaluation_table

    Console().print(evaluation_table(report, title=f"{options.grasps.name} on {options.object.name}"))
    if options.out:
        print(f"wrote {options.out}")
    return 0


def _load_mesh(path: Path):
    from fastgrasp_model.geometry.meshes import load_mesh

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # figures of an object in millimetres would mean nothing
        try:
            return load_mesh(path)
        except UserWarning as warning:
            raise InputError(str(warning)) from None


def _progress(count: int, shown: bool):
    """A context that gives a function to call after each simulated grasp; the bar goes to stderr and only to
    a terminal."""
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import Progress

    @contextmanager
    def bar():
        console = Console(stderr=True)
        with Progress(
            console=console, transient=True, disable=not (shown and console.is_terminal)
        ) as progress:
            task = progress.add_task("simulating", total=count)
            yield lambda: progress.advance(task)

    return bar()


def _parser() -> Parser:
    parser = Parser(
        prog="fastgrasp evaluate",
        description="Penetration, contact, displacement under gravity and diversity of saved grasps.",
        epilog="example: fastgrasp evaluate mug.npz --object mug.obj --json",
    )
    parser.add_argument("grasps", type=Path, help="grasp file, from fastgrasp generate --out")
    parser.add_argument(
        "--object",
        type=Path,
        required=True,
        metavar="MESH",
        help="the object's mesh, in metres, in the frame of the grasps",
    )
    parser.add_argument(
        "--no-simulation", dest="simulate", action="store_false", help="leave out the displacement columns"
    )
    parser.add_argument("--json", action="store_true", help="print every figure of every grasp as JSON")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write the same JSON to a file")
    return parser
