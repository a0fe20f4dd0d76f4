"""`fastgrasp view`: a picture of saved grasps, or a grasp set to page through, in the browser or on sheets."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from fastgrasp_model.commands.shared import InputError, Parser, check_output, load_object, not_negative, positive
from fastgrasp_model.viewer.sets import BrowsableSet, ViewError, is_set, open_set

PICTURES = (".png", ".jpg")
_OF_A_SET = ("family", "type", "split", "page", "per_page", "columns", "seed", "list", "port", "no_browser", "json")


def main(argv: list[str]) -> int:
    """Draw a grasp file, or show a grasp set."""
    options = _parser().parse_args(argv)
    if not is_set(options.grasps):
        return _draw_file(options)
    if options.hands is not None or options.views is not None:
        raise InputError("--hands and --views are for grasp files; a set is shown with --page and --per-page")
    if options.out:
        check_output(options.out, PICTURES)
    elif any(getattr(options, name) is not None for name in ("page", "per_page", "columns", "seed")):
        words = "--page, --per-page, --columns and --seed are for sheets"
        raise InputError(f"{words}; add --out sheet.png, or leave them out")
    if options.json and not options.list:
        raise InputError("--json is for --list; add --list, or leave it out")
    grasps = open_set(options.grasps)
    rows = grasps.select(options.family, options.type, options.split, options.object)
    if options.list:
        return _list(grasps, rows, options.json)
    if not len(rows):
        raise ViewError(f"no grasp of {grasps.name} fits {_chosen(options)}; --list shows what there is")
    return _draw_sheet(grasps, rows, options) if options.out else _serve(grasps, options)


def _draw_file(options) -> int:
    """A picture of the first grasps of a grasp file."""
    given = [name for name in _OF_A_SET if getattr(options, name) not in (None, False)]
    out = options.out or Path(options.grasps).with_suffix(".png")
    check_output(out, PICTURES)

    from fastgrasp_model.grasps import Grasps
    from fastgrasp_model.pictures import render_grasps

    grasps = Grasps.load(options.grasps)
    if given:
        raise InputError(f"--{given[0].replace('_', '-')} is for grasp sets; {options.grasps} is a grasp file")
    shown = load_object(Path(options.object)) if options.object else None
    views, hands = options.views or 2, options.hands or 4
    render_grasps(grasps, shown, out, views=views, max_hands=hands, title=Path(options.grasps).stem)
    print(f"wrote {out}")
    return 0


def _draw_sheet(grasps: BrowsableSet, rows, options) -> int:
    """One page of the chosen grasps as a picture."""
    from fastgrasp_model.viewer.sheet import COLUMNS, SheetPage, draw_sheet

    page = SheetPage(options.page or 1, options.per_page or 25, options.seed)
    shown = page.of(rows)
    words = f"{grasps.name}, {_chosen(options)}: page {page.number} of {page.pages(len(rows))}"
    words += f", seed {page.seed}" if page.seed is not None else ""
    draw_sheet(grasps, shown, options.out, words, options.columns or COLUMNS)
    print(f"wrote {options.out}: {len(shown)} of {len(rows)} grasps")
    return 0


def _list(grasps: BrowsableSet, rows, as_json: bool) -> int:
    """Print how many of the chosen grasps there are of each type, family, split and object."""
    import numpy as np

    objects = np.bincount(grasps.object_of[rows], minlength=len(grasps.objects))
    types = np.bincount(grasps.type_of[rows], minlength=len(grasps.grasp_types))
    report = {
        "set": grasps.name,
        "hand": grasps.hand,
        "grasps": len(rows),
        "types": _summed(grasps.grasp_types, types),
        "splits": _summed(grasps.splits, objects),
        "families": _summed(grasps.families, objects),
        "objects": _summed(grasps.objects, objects),
    }
    print(json.dumps(report, indent=1) if as_json else _table(report))
    return 0


def _summed(names: list[str], numbers) -> dict[str, int]:
    total: dict[str, int] = {}
    for name, number in zip(names, numbers, strict=True):
        total[name] = total.get(name, 0) + int(number)
    return total


def _table(report: dict) -> str:
    lines = [f"{report['set']}: {report['grasps']} grasps, {report['hand'] or 'hand unknown'}"]
    for name in ("types", "splits", "families", "objects"):
        found = {key: number for key, number in report[name].items() if number}
        lines += ["", f"{name} ({len(found)} of {len(report[name])} with grasps)"]
        wide = max(map(len, found), default=0)
        for key, number in sorted(found.items()) if name != "types" else found.items():
            share = f"  {number / report['grasps']:6.1%}" if name != "objects" else ""
            lines.append(f"  {key:<{wide}}  {number:>7}{share}")
    return "\n".join(lines)


def _serve(grasps: BrowsableSet, options) -> int:
    """Run the page until Ctrl-C."""
    from threading import Thread

    from fastgrasp_model.viewer.answers import ViewerAnswers
    from fastgrasp_model.viewer.server import HOST, make_server

    answers = ViewerAnswers(grasps)
    with make_server(answers, options.port or 0) as server:
        wanted = {name: getattr(options, name) for name in ("family", "type", "split") if getattr(options, name)}
        address = f"http://{HOST}:{server.server_port}/" + _fragment(wanted, grasps, options.object)
        print(f"{grasps.name}: {len(grasps)} grasps at {address}\nCtrl-C ends", flush=True)
        Thread(target=answers.warm_up, daemon=True).start()  # while the browser opens
        if not options.no_browser and (
            os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or _has_desktop()
        ):
            import webbrowser

            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nended")
    return 0


def _has_desktop() -> bool:
    return sys.platform in ("darwin", "win32")


def _fragment(wanted: dict[str, str], grasps: BrowsableSet, spec: str | None) -> str:
    """What the page starts with, as the part of its address behind the #."""
    from urllib.parse import urlencode

    if spec:
        wanted = {**wanted, "row": int(grasps.select(spec=spec)[0])}
    return f"#{urlencode(wanted)}" if wanted else ""


def _chosen(options) -> str:
    """The filter in words."""
    names = ("object", "family", "type", "split")
    return ", ".join(f"{name} {getattr(options, name)}" for name in names if getattr(options, name)) or "all grasps"


def _parser() -> Parser:
    parser = Parser(
        prog="fastgrasp view",
        description="Draw saved grasps, a column for each hand and a row for each side; or page through a grasp set, "
        "in the browser or with --out on sheets of pictures.",
        epilog="examples: fastgrasp view g.npz --object mug.obj; fastgrasp view open; "
        "fastgrasp view open --out sheet.png --type tripod --seed 0 --page 2",
    )
    parser.add_argument(
        "grasps",
        metavar="GRASPS",
        help="grasp file, or grasp set: packed, a folder of shards, or 'open', the shipped one",
    )
    parser.add_argument(
        "--object",
        metavar="OBJECT",
        help="of a file: the object's mesh or cloud, in its frame; of a set: such as mug:12",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.png", help="where to draw (of a file: default beside it)")
    parser.add_argument("--hands", type=positive, help="of a file: how many hands, best first (default 4)")
    parser.add_argument("--views", type=positive, help="of a file: from how many sides (default 2)")
    chosen = parser.add_argument_group("grasp sets")
    chosen.add_argument("--family", help="only objects of this family, such as mug")
    chosen.add_argument("--type", help="only grasps of this type, such as tripod")
    chosen.add_argument("--split", help="only objects of this split: train or validation")
    chosen.add_argument("--list", action="store_true", help="print types, families and objects with numbers of grasps")
    chosen.add_argument("--json", action="store_true", help="with --list: as JSON")
    chosen.add_argument("--page", type=positive, help="with --out: which page (default 1)")
    chosen.add_argument("--per-page", type=positive, metavar="N", help="with --out: grasps on a page (default 25)")
    chosen.add_argument(
        "--columns", type=positive, metavar="N", help="with --out: grasps beside each other (default 5)"
    )
    chosen.add_argument("--seed", type=not_negative, help="with --out: shuffle the grasps first (default: as stored)")
    chosen.add_argument("--port", type=positive, help="of the page (default: any free one)")
    chosen.add_argument("--no-browser", action="store_true", help="only print the page's address")
    return parser
