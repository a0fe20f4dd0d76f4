"""`fastgrasp generate CLOUD_OR_MESH`: grasps for one object, saved, drawn and told."""

from __future__ import annotations

import json
import time
from pathlib import Path

from fastgrasp_model.commands.shared import (
    InputError,
    Parser,
    check_output,
    checked_device,
    load_object,
    positive,
)

_PICTURES = (".png", ".jpg")


def main(argv: list[str]) -> int:
    """Generate grasps; writes only what was asked for, each file in one step."""
    options = _parser().parse_args(argv)
    check_output(options.out, (".npz",))
    check_output(options.render, _PICTURES)

    from fastgrasp_model.geometry.cloud_files import read_cloud
    from fastgrasp_model.geometry.clouds import validate_cloud

    points = validate_cloud(read_cloud(options.cloud, seed=options.seed))  # before the slow imports
    device = checked_device(options.device)

    from fastgrasp_model.generator import GraspGenerator

    generator = GraspGenerator.from_pretrained(
        options.weights, options.mano, device=device, side=options.side
    )
    started = time.perf_counter()
    grasps = generator.generate(
        points, options.num, seed=options.seed, viewpoint=options.viewpoint, candidates=options.candidates
    )
    seconds = time.perf_counter() - started
    written = _write(grasps, options)
    report = {
        "cloud": str(options.cloud),
        "points": len(points),
        "grasps": len(grasps),
        "candidates": options.candidates,
        "side": grasps.side,
        "scores": [round(float(score), 4) for score in grasps.score],
        "seconds": round(seconds, 4),
        "hand": generator.hand_name,
        "weights": generator.weights_name,
        "device": device,
        "written": [str(path) for path in written],
    }
    print(json.dumps(report, indent=1) if options.json else _story(report))
    return 0


def _write(grasps, options) -> list[Path]:
    written = []
    if options.out:
        written.append(grasps.save(options.out))
    if options.render:
        from fastgrasp_model.render import render_grasps

        title = f"{options.cloud.stem}: the best of {len(grasps)} grasps"
        written.append(render_grasps(grasps, load_object(options.cloud), options.render, title=title))
    return written


def _story(report: dict) -> str:
    best, worst = max(report["scores"]), min(report["scores"])
    chosen = f", each the best of {report['candidates']} by the score," if report["candidates"] > 1 else ""
    lines = [
        f"{report['grasps']} {report['side']}-hand grasps{chosen} for {report['points']:,} points "
        f"in {1000 * report['seconds']:.0f} ms "
        f"({report['device']}; hand: {report['hand']}; weights: {report['weights']})",
        f"scores {best:.2f} (grasp 1) to {worst:.2f}",
    ]
    lines += [f"wrote {path}" for path in report["written"]]
    if not report["written"]:
        lines.append("nothing was written; --out FILE.npz keeps the grasps, --render FILE.png draws them")
    return "\n".join(lines)


def _parser() -> Parser:
    parser = Parser(
        prog="fastgrasp generate",
        description="Grasps for one object, best first, in the frame of the cloud.",
        epilog="example: fastgrasp generate mug.ply --num 16 --out mug.npz --render mug.png",
    )
    parser.add_argument("cloud", type=Path, help=".ply .obj .stl .pcd .npy .npz of one object, in metres")
    parser.add_argument("--num", type=positive, default=16, help="how many grasps (default 16)")
    parser.add_argument(
        "--candidates",
        type=positive,
        default=1,
        metavar="N",
        help="hands drawn for every grasp; the best by the score is kept (default 1)",
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same grasps (default 0)")
    parser.add_argument("--out", type=Path, metavar="FILE.npz", help="save the grasps")
    parser.add_argument("--render", type=Path, metavar="FILE.png", help="draw the best four, from two sides")
    parser.add_argument(
        "--side", choices=("right", "left"), default="right", help="which hand (default right)"
    )
    parser.add_argument(
        "--viewpoint",
        type=_viewpoint,
        metavar="X,Y,Z",
        help="where the sensor stood, for a single-view cloud",
    )
    parser.add_argument(
        "--mano", type=Path, metavar="PATH", help="your MANO file, .pkl or .npz (default: the open hand)"
    )
    parser.add_argument(
        "--weights", type=Path, metavar="DIR", help="weights folder (default: the shipped weights)"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    parser.add_argument("--json", action="store_true", help="print a report as JSON")
    return parser


def _viewpoint(text: str):
    import numpy as np

    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 3 or not np.isfinite(values).all():
        raise InputError(f"--viewpoint: expected three numbers such as 0,0,0.6 in metres, got '{text}'")
    return np.array(values)
