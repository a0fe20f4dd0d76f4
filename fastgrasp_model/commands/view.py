"""`fastgrasp view`: pictures of saved grasps, or a grasp set to page through, in the browser or on sheets."""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from fastgrasp_model import interrupt
from fastgrasp_model.commands.shared import (
    AtLeastOne,
    InputError,
    Port,
    Seed,
    Unit,
    check_grasp_file,
    check_output,
    free_path,
    load_object,
    parse,
    wrote_words,
)
from fastgrasp_model.files import write_bytes
from fastgrasp_model.viewer.sets import BrowsableSet, GraspFile, GraspFiles, ViewError, counts, is_set, open_set

OUTPUTS = (".png", ".jpg", ".html")


@dataclass
class ViewOptions:
    """Draw saved grasps, a column for each hand and a row for each side; or page through a grasp set, in the browser or
    with --out on sheets of pictures. An --out that ends in .html is one grasp to turn, in a file to share.

    examples: fastgrasp view g.npz --object mug.obj; fastgrasp view open;
    fastgrasp view open --out sheet.png --type tripod --seed 0 --page 2
    """

    grasps: Annotated[Positional[tuple[str, ...]], arg(metavar="GRASPS [GRASPS ...]")]
    """grasp files, or one grasp set: packed, a folder of shards, or 'open', the shipped one"""
    object: Annotated[str | None, arg(metavar="OBJECT")] = None
    """of a file: the object's mesh or cloud, in its frame; of a set: such as mug:12"""
    unit: Unit | None = None
    """of a file: unit of the lengths in OBJECT and CLOUD (default m)"""
    out: Annotated[Path | None, arg(metavar="FILE.png")] = None
    """where to draw, .png .jpg or .html (of a file: default g_view.png beside g.npz, never over another file)"""
    interactive: bool = False
    """of files: show them in the browser, and write nothing"""
    cloud: Annotated[Path | None, arg(metavar="CLOUD")] = None
    """of files, in the browser: a cloud to show beside the object, in its frame"""
    hands: AtLeastOne | None = None
    """of a file: how many hands are drawn, best first (default 4)"""
    views: AtLeastOne | None = None
    """of a file: from how many sides (default 2)"""
    family: str | None = None
    """of a set: only objects of this family, such as mug"""
    type: str | None = None
    """of a set: only grasps of this type, such as tripod"""
    split: str | None = None
    """of a set: only objects of this split: train or validation"""
    list: bool = False
    """of a set: print types, families and objects with numbers of grasps"""
    json: bool = False
    """with --list: as JSON"""
    page: AtLeastOne | None = None
    """of a set, with --out: which page (default 1)"""
    per_page: AtLeastOne | None = None
    """of a set, with --out: grasps on a page (default 25)"""
    columns: AtLeastOne | None = None
    """of a set, with --out: grasps beside each other (default 5)"""
    seed: Seed | None = None
    """of a set, with --out: shuffle the grasps first (default: as stored)"""
    port: Port | None = None
    """of the page in the browser (default: any free one)"""
    host: Annotated[str | None, arg(metavar="ADDRESS")] = None
    """of the page in the browser: 0.0.0.0 for other machines too (default: 127.0.0.1, this one alone)"""
    no_browser: bool = False
    """open no browser, only print the page's address"""


_OF_A_SET = ("family", "type", "split", "page", "per_page", "columns", "seed", "list", "json")
_OF_A_FILE = ("interactive", "hands", "views", "unit", "cloud")
_OF_SHEETS = ("page", "per_page", "columns", "seed")
_OF_THE_BROWSER = ("interactive", "cloud", "host", "port", "no_browser")


def main(argv: list[str]) -> int:
    """Draw a grasp file, or show a grasp set."""
    options = parse(ViewOptions, argv, "fastgrasp view")
    if not options.grasps:
        raise InputError("missing: GRASPS, a grasp file or 'open', the shipped grasp set (fastgrasp view --help)")
    from fastgrasp_model.geometry.cloud_files import CLOUD_SUFFIXES

    for name in options.grasps:
        if Path(name).suffix.lower() in CLOUD_SUFFIXES and Path(name).suffix.lower() != ".npz":
            raise InputError(f"{name} is an object or a cloud, and no grasps; view g.npz --object {name} shows both")
    if not any(map(is_set, options.grasps)):
        return _view_files(options)
    if len(options.grasps) > 1:
        raise InputError(f"{next(filter(is_set, options.grasps))} is a grasp set; give it alone, or grasp files only")
    return _view_set(options)


def _view_set(options: ViewOptions) -> int:
    """List a grasp set, draw a sheet of it, or show it in the browser."""
    _refuse(options, _OF_A_FILE, "for grasp files; a set is shown with --page and --per-page")
    if options.out:
        check_output(options.out, OUTPUTS)
    if options.out is None or _is_page(options.out):
        _refuse(options, _OF_SHEETS, "for sheets; add --out sheet.png, or leave it out")
    if options.json and not options.list:
        raise InputError("--json is for --list; add --list, or leave it out")
    grasps = open_set(options.grasps[0])
    rows = grasps.select(options.family, options.type, options.split, options.object)
    if options.list:
        return _list(grasps, rows, options.json)
    if not len(rows):
        raise ViewError(f"no grasp of {grasps.name} fits {_chosen(options)}; --list shows what there is")
    if options.out and not _is_page(options.out):
        return _draw_sheet(grasps, rows, options)
    return _serve(grasps, options, int(rows[0]) if options.object or options.out else 0)


def _view_files(options: ViewOptions) -> int:
    """Draw the first grasps of each grasp file, or show the files in the browser."""
    page = options.out is not None and _is_page(options.out)
    interactive = bool(_given(options, _OF_THE_BROWSER)) and not page
    if interactive or page:
        _refuse(options, ("hands", "views"), "for pictures; leave it out, or add --out picture.png")
    if interactive:
        _refuse(options, ("out",), "for pictures and pages; leave it out, or leave out --interactive")
    if page:
        _refuse(options, ("interactive", "host", "port", "no_browser"), "for the browser; leave out --out")
    if options.out and len(options.grasps) > 1:
        raise InputError("--out is one file; leave it out, and a picture is written beside each grasp file")
    paths = [Path(name) for name in options.grasps]
    for path in paths:
        check_output(options.out or free_name(path), OUTPUTS)
        check_grasp_file(path)

    from fastgrasp_model.grasps import Grasps

    batches = [Grasps.load(path) for path in paths]
    _refuse(options, _OF_A_SET, f"for grasp sets; {paths[0]} is a grasp file")
    shown = load_object(Path(options.object), options.unit or "m") if options.object else None
    if interactive or page:
        names = _names(paths)
        object_name = Path(options.object or "").name
        files = [GraspFile(*found, object_name) for found in zip(batches, [shown] * len(paths), names, strict=True)]
        return _serve(files[0] if len(files) == 1 else GraspFiles(files), options)

    from fastgrasp_model.pictures import render_grasps

    for path, grasps in zip(paths, batches, strict=True):
        out = options.out or free_name(path)
        wrote = wrote_words(out)
        render_grasps(grasps, shown, out, views=options.views or 2, max_hands=options.hands or 4, title=path.stem)
        print(wrote)
    return 0


def _names(paths: list[Path]) -> list[str]:
    """Return what tells files apart: the names, or where two are alike, the paths."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path.with_suffix("")) for path in paths]


def _draw_sheet(grasps: BrowsableSet, rows, options: ViewOptions) -> int:
    """Write one page of the chosen grasps as a picture."""
    from fastgrasp_model.viewer.sheet import COLUMNS, draw_sheet, page_of

    page, size = options.page or 1, options.per_page or 25
    shown = page_of(rows, page, size, options.seed)
    words = f"{grasps.name}, {_chosen(options)}: page {page} of {math.ceil(len(rows) / size)}"
    words += f", seed {options.seed}" if options.seed is not None else ""
    wrote = wrote_words(options.out)
    draw_sheet(grasps, shown, options.out, words, options.columns or COLUMNS)
    print(f"{wrote}: {len(shown)} of {len(rows)} grasps")
    return 0


def _list(grasps: BrowsableSet, rows, as_json: bool) -> int:
    """Print how many of the chosen grasps there are of each type, family, split and object."""
    report = {"set": grasps.name, "hand": grasps.hand, "grasps": len(rows), **counts(grasps, rows)}
    if as_json:
        print(json.dumps(report, indent=1))
        return 0
    print(f"{grasps.name}: {len(rows)} grasps, {grasps.hand or 'hand unknown'}")
    for name in ("types", "splits", "families", "objects"):
        found = {key: number for key, number in report[name].items() if number}
        print(f"\n{name} ({len(found)} of {len(report[name])} with grasps)")
        wide = max(map(len, found), default=0)
        for key, number in found.items() if name == "types" else sorted(found.items()):
            share = f"  {number / len(rows):6.1%}" if name != "objects" else ""
            print(f"  {key:<{wide}}  {number:>7}{share}")
    return 0


def _serve(grasps: BrowsableSet, options: ViewOptions, row: int = 0) -> int:
    """Show grasps in the browser until Ctrl-C; or, with --out, write the first as a page."""
    from fastgrasp_model.viewer.server import HOST
    from fastgrasp_model.viewer.window import GraspViewer

    cloud = _read_cloud(options.cloud, options.unit or "m") if options.cloud else None
    viewer = None
    try:
        viewer = GraspViewer(
            grasps, options.port or 0, row, options.family, options.type, options.split,
            HOST if options.host is None else options.host, cloud,
        )  # fmt: skip
        if options.out:
            wrote = wrote_words(options.out)
            write_bytes(options.out, viewer.page().encode())
            print(f"{wrote}: grasp {viewer.row}")
            return 0
        print(f"{grasps.name}: {len(grasps)} grasps at {viewer.address}")
        if options.host not in (None, HOST, "localhost"):
            print("every machine that reaches this one can open the page")
        print("Ctrl-C ends", flush=True)
        if not options.no_browser and _has_screen():
            import webbrowser

            webbrowser.open(viewer.address)
        viewer.wait()
    except KeyboardInterrupt:
        interrupt.forget()
        print("\nended")
    finally:
        if viewer is not None:
            viewer.stop()
    return 0


def _read_cloud(path: Path, unit: str):
    from fastgrasp_model.geometry.cloud_files import read_cloud

    return read_cloud(path, unit=unit)


def free_name(grasps: Path) -> Path:
    """Return where a picture of a grasp file is written by default: the first free name of g_view.png, g_view_2.png ...

    Never g.png, which `fastgrasp generate --out g.npz --render g.png` writes.
    """
    return free_path(grasps.parent / f"{grasps.stem}_view.png")


def _has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def _is_page(path: Path) -> bool:
    return path.suffix.lower() == ".html"


def _given(options: ViewOptions, names: tuple[str, ...]) -> list[str]:
    return [f"--{name.replace('_', '-')}" for name in names if getattr(options, name) not in (None, False)]


def _refuse(options: ViewOptions, names: tuple[str, ...], why: str) -> None:
    """Raise InputError where one of these options was given."""
    given = _given(options, names)
    if given:
        raise InputError(f"{given[0]} is {why}")


def _chosen(options: ViewOptions) -> str:
    """Return the filters in words."""
    names = ("object", "family", "type", "split")
    return ", ".join(f"{name} {getattr(options, name)}" for name in names if getattr(options, name)) or "all grasps"
