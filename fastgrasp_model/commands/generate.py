"""`fastgrasp generate CLOUD`: generate grasps for one object; save, draw and report them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from fastgrasp_model.commands.shared import (
    AtLeastOne,
    InputError,
    Seed,
    Share,
    Unit,
    check_output,
    load_object,
    parse,
)


@dataclass
class GenerateOptions:
    """Generate grasps for one object, best first, in the frame of its cloud.

    example: fastgrasp generate mug.ply --num 16 --out mug.npz --render mug.png
    """

    cloud: Annotated[Positional[Path], arg(metavar="CLOUD")]
    """.ply .obj .stl .off .glb .pcd .npy .npz of one object"""
    unit: Unit = "m"
    """unit of the lengths in CLOUD; grasps are in metres"""
    num: AtLeastOne = 16
    """how many grasps"""
    candidates: AtLeastOne = 1
    """hands drawn for every grasp; the best by the score is kept"""
    seed: Seed = 0
    """the same seed gives the same grasps"""
    min_score: Share = 0.0
    """leave out grasps with a lower score"""
    out: Annotated[Path | None, arg(metavar="FILE.npz")] = None
    """save the grasps"""
    render: Annotated[Path | None, arg(metavar="FILE.png")] = None
    """draw the best four, from two sides"""
    side: Literal["right", "left"] = "right"
    """which hand"""
    viewpoint: Annotated[str | None, arg(metavar="X,Y,Z")] = None
    """where the sensor stood, metres, for a single-view cloud (default: unknown)"""
    mano: Path | None = None
    """your MANO file, .pkl or .npz (default: the open hand)"""
    weights: Annotated[Path | None, arg(metavar="DIR")] = None
    """weights folder (default: the shipped weights)"""
    device: Annotated[str, arg(metavar="NAME")] = "cpu"
    """cpu, cuda, cuda:0, ... or auto"""
    json: bool = False
    """print a report as JSON"""


def main(argv: list[str]) -> int:
    """Generate grasps. Only the files asked for are written, each in one step."""
    options = parse(GenerateOptions, argv, "fastgrasp generate")
    check_output(options.out, (".npz",))
    check_output(options.render, (".png", ".jpg"))
    viewpoint = _coordinates(options.viewpoint)

    from fastgrasp_model.geometry.cloud_files import read_cloud
    from fastgrasp_model.geometry.clouds import validate_cloud

    points = validate_cloud(read_cloud(options.cloud, seed=options.seed, unit=options.unit))  # before the slow imports

    from fastgrasp_model.device import usable_device
    from fastgrasp_model.generator import GraspGenerator

    device = usable_device(options.device)
    generator = GraspGenerator.from_pretrained(options.weights, options.mano, device=device, side=options.side)
    started = time.perf_counter()
    grasps = generator.generate(
        points, options.num, options.seed, viewpoint=viewpoint, candidates=options.candidates,
        min_score=options.min_score,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    report = {
        "cloud": str(options.cloud), "points": len(points), "grasps": len(grasps), "candidates": options.candidates,
        "side": grasps.side, "viewpoint_known": viewpoint is not None, "any_good": grasps.any_good,
        "scores": [round(float(score), 4) for score in grasps.score], "seconds": round(seconds, 4),
        "hand": generator.hand_name, "weights": generator.weights_name, "device": device,
        "written": [str(path) for path in _write(grasps, options)],
    }  # fmt: skip
    print(json.dumps(report, indent=1) if options.json else _summary(report))
    return 0


def _write(grasps, options: GenerateOptions) -> list[Path]:
    written = []
    if options.out:
        written.append(grasps.save(options.out))
    if options.render and len(grasps):
        from fastgrasp_model.pictures import render_grasps

        title = f"{options.cloud.stem}: the best of {len(grasps)} grasps"
        written.append(render_grasps(grasps, load_object(options.cloud, options.unit), options.render, title=title))
    return written


def _summary(report: dict) -> str:
    """The report in a few lines of text."""
    chosen = f", each the best of {report['candidates']} by the score," if report["candidates"] > 1 else ""
    lines = [
        f"{report['grasps']} {report['side']}-hand grasps{chosen} for {report['points']:,} points "
        f"in {1000 * report['seconds']:.0f} ms "
        f"({report['device']}; hand: {report['hand']}; weights: {report['weights']})",
    ]
    if report["scores"]:
        lines.append(f"scores {max(report['scores']):.2f} (grasp 0) to {min(report['scores']):.2f}")
    if not report["any_good"]:
        lines.append("no grasp is likely to hold: is this one object that a hand can hold?")
    lines += [f"wrote {path}" for path in report["written"]]
    if not report["written"]:
        lines.append("nothing was written; --out FILE.npz keeps the grasps, --render FILE.png draws them")
    return "\n".join(lines)


def _coordinates(text: str | None):
    """The point "x,y,z" as an array (3,). Raises InputError."""
    if text is None:
        return None
    import numpy as np

    try:
        values = np.array([float(word) for word in text.split(",")])
    except ValueError:
        values = np.empty(0)
    if values.shape != (3,) or not np.isfinite(values).all():
        raise InputError(f"--viewpoint: expected three numbers such as 0,0,0.6 in metres, got '{text}'")
    return values
