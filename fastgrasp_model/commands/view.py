"""`fastgrasp view GRASPS`: a picture of saved grasps."""

from __future__ import annotations

from pathlib import Path

from fastgrasp_model.commands.shared import Parser, check_output, load_object, positive


def main(argv: list[str]) -> int:
    """Draw grasps with their object, or without it."""
    options = _parser().parse_args(argv)
    out = options.out or options.grasps.with_suffix(".png")
    check_output(out, (".png", ".jpg"))

    from fastgrasp_model.grasps import Grasps
    from fastgrasp_model.render import render_grasps

    grasps = Grasps.load(options.grasps)
    shown = load_object(options.object) if options.object else None
    render_grasps(grasps, shown, out, views=options.views, max_hands=options.hands, title=options.grasps.stem)
    print(f"wrote {out}")
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="fastgrasp view", description="Draw saved grasps: a column for each hand, a row for each side."
    )
    parser.add_argument("grasps", type=Path, help="grasp file, from fastgrasp generate --out")
    parser.add_argument(
        "--object", type=Path, metavar="PATH", help="the object's mesh or cloud, in the frame of the grasps"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE.png", help="where to draw (default: beside the grasp file)"
    )
    parser.add_argument("--hands", type=positive, default=4, help="how many hands, best first (default 4)")
    parser.add_argument("--views", type=positive, default=2, help="from how many sides (default 2)")
    return parser
