"""Measure saved grasps of any method on their objects.

    fastgrasp evaluate mug.npz --object mug.obj
    fastgrasp evaluate theirs/ --objects meshes/ --protocol both --html report.html

GRASPS is a grasp file, an .npz of parameters or vertices, a folder of such files or of hand meshes, or what ContactGen
and GraspTTA save: docs/foreign_grasps.md lists the formats, docs/benchmark.md the figures.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from fastgrasp_model.commands.shared import AtLeastOne, InputError, Unit, check_output, parse


@dataclass
class EvaluateOptions:
    grasps: Annotated[Positional[Path], arg(metavar="GRASPS")]
    """a grasp file, or a folder of files or meshes"""
    object: Annotated[Path | None, arg(metavar="MESH")] = None
    """the object's mesh, in the frame of the grasps"""
    object_unit: Unit = "m"
    """unit of the lengths in the meshes"""
    objects: Annotated[Path | None, arg(metavar="DIR")] = None
    """a folder of meshes, for grasps on several objects"""
    protocol: Literal["strict", "legacy", "both"] = "both"
    """which table"""
    side: Literal["right", "left"] | None = None
    """side of hands whose file does not tell"""
    unit: Literal["m", "cm", "mm"] = "m"
    """unit of lengths in foreign files"""
    mano: Annotated[Path | None, arg(metavar="FILE")] = None
    """your MANO file, for parameters of that hand"""
    simulation: bool = True
    """leave out the columns of the simulator"""
    workers: AtLeastOne = os.cpu_count() or 1
    """processes"""
    label: str | None = None
    """name of these grasps in the tables"""
    json: bool = False
    """print every figure of every grasp as JSON"""
    out: Annotated[Path | None, arg(metavar="FILE.json")] = None
    """write the same JSON to a file"""
    html: Annotated[Path | None, arg(metavar="FILE.html")] = None
    """write a page with tables and pictures"""
    compare: Annotated[tuple[Path, ...], arg(metavar="FILE.json...")] = ()
    """reports to show beside this one on the page"""


def main(argv: list[str]) -> int:
    """Measure grasps and print a table for each protocol, or JSON. The exit code is 1 if none could be measured."""
    options = parse(EvaluateOptions, argv, "fastgrasp evaluate", __doc__)
    check_output(options.out, (".json",))
    check_output(options.html, (".html",))
    from fastgrasp_evaluation.commands.reporting import print_report, write_outputs
    from fastgrasp_evaluation.metrics.summary import add_comparisons, read_report

    compare = [read_report(path) for path in options.compare]
    tasks = _tasks(options)
    report = _measured(tasks, options)
    add_comparisons(report, compare)
    single = len(report["objects"]) == 1
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        name = report["settings"]["objects"][0] if single else f"{len(report['objects'])} objects"
        print_report(report, f"{report['settings']['label']} on {name}", "grasps" if single else "objects")
    for path in write_outputs(report, tasks, options.out, options.html, compare, 20, options.workers, options.json):
        if not options.json:
            print(f"wrote {path}")
    return 0 if report["counts"]["measured"] else 1


def _tasks(options: EvaluateOptions) -> list:
    """Read the hands and find the meshes of their objects."""
    from fastgrasp_evaluation.formats import read_hands
    from fastgrasp_evaluation.metrics.parallel import MeshFile, Task, find_meshes
    from fastgrasp_model.hand import ManoLayer

    if (options.object is None) == (options.objects is None):
        raise InputError("give either --object MESH (one object), or --objects DIR (meshes named as the grasps say)")
    alone = None if options.object is None else MeshFile(options.object.stem, options.object, options.object_unit)
    sets = read_hands(
        options.grasps, layer_for=lambda side: ManoLayer.from_file(options.mano, side=side), side=options.side,
        unit=options.unit, object_name=alone.name if alone else None,
    )
    names = list(dict.fromkeys(hands.object_name for hands in sets))
    if alone and len(names) > 1:
        raise InputError(
            f"{options.grasps} holds grasps on {len(names)} objects ({', '.join(names[:5])}, ...); give --objects DIR"
        )
    found = [alone] if alone else find_meshes([options.objects], options.object_unit)
    meshes = {mesh.name: mesh for mesh in found}
    missing = [name for name in names if not alone and name not in meshes]
    if missing:
        raise InputError(
            f"{options.objects} has no mesh for {', '.join(missing[:5])}; it has {', '.join(list(meshes)[:5])}, ... "
            "(meshes are found by their names)"
        )
    return [Task(alone or meshes[hands.object_name], 0, hands) for hands in sets]


def _measured(tasks: list, options: EvaluateOptions) -> dict:
    from fastgrasp_evaluation.metrics.parallel import measure_tasks
    from fastgrasp_evaluation.metrics.protocols import check_simulator, protocol_names
    from fastgrasp_evaluation.metrics.summary import BenchmarkError, build_report
    from fastgrasp_model import __version__

    protocols = protocol_names(options.protocol)
    if options.simulation:
        check_simulator(protocols)
    measured = measure_tasks(tasks, protocols, options.simulation, options.workers, options.json, options.mano)
    if all(part.refused for part in measured):
        raise BenchmarkError(f"No object can be measured. {measured[0].object_name}: {measured[0].refused}")
    settings = {
        "command": "evaluate",
        "label": options.label or options.grasps.stem,
        "samples": max(len(task.hands) for task in tasks),
        "cloud": None,
        "weights": None,
        "hand": f"MANO file {options.mano.name}" if options.mano else "open hand",
        "simulated": options.simulation,
        "version": __version__,
        "source": options.grasps.name,
    }
    return build_report(measured, protocols, settings)
