"""`fastgrasp export GRASPS --to FORMAT`: write saved grasps for other programs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from fastgrasp_model.commands.shared import (
    AtLeastOne,
    InputError,
    Unit,
    check_grasp_file,
    check_output,
    free_path,
    load_object,
    parse,
    wrote_words,
)
from fastgrasp_model.export import EXPORTERS, Exporter, ExportScene

Format = Literal[tuple(EXPORTERS)]


@dataclass
class ExportOptions:
    """Write the hands of saved grasps as files that other programs open, in metres and in the frame of the cloud.

    examples: fastgrasp export mug.npz --to glb --object mug.obj
              fastgrasp export mug.npz --to obj --many-files --out hands/
              fastgrasp export mug.npz --to glb --rigged --best 1
    """

    grasps: Annotated[Positional[Path], arg(metavar="GRASPS")]
    """grasp file, as `fastgrasp generate --out` writes it"""
    to: Format
    """format; glb and usd keep the parts apart, with materials, scores and the axis that points up"""
    object: Path | None = None
    """put this mesh of the object into every file (glb, usd: or cloud)"""
    unit: Unit = "m"
    """unit of the lengths in --object"""
    out: Annotated[Path | None, arg(metavar="PATH")] = None
    """file, or with --many-files folder (default: g.glb or g beside g.npz, never over another)"""
    indices: Annotated[str | None, arg(metavar="I,J,...")] = None
    """only these grasps, counted from 0 (default: all)"""
    best: AtLeastOne | None = None
    """only so many grasps, those with the highest scores (default: all)"""
    many_files: bool = False
    """one file for each grasp"""
    rigged: bool = False
    """with --to glb: hands with skeleton, skin and an animation from the flat hand to the grasp"""
    mano: Path | None = None
    """with --rigged: the MANO file that the grasps were generated with (default: the open hand)"""
    up: Literal["z", "y"] = "z"
    """which axis of the frame points up; glb files are turned to y-up, usd files say it"""


def main(argv: list[str]) -> int:
    """Write the files and print where they are."""
    options = parse(ExportOptions, argv, "fastgrasp export")
    exporter = EXPORTERS[options.to]
    if options.rigged:
        exporter = exporter.rigged(options.mano)
    elif options.mano is not None:
        raise InputError("--mano is for --rigged; add --rigged, or leave it out")
    if options.indices is not None and options.best is not None:
        raise InputError("--indices and --best both choose grasps; give one of them")
    wanted = None if options.indices is None else _numbers(options.indices)
    check_grasp_file(options.grasps)
    beside = options.grasps.with_suffix("" if options.many_files else exporter.endings[0])
    out = options.out or free_path(beside)
    _check_place(out, exporter, options.many_files)

    scene = _scene(options, wanted)
    ending = exporter.endings[0]
    files = {out / f"{one.names[0]}{ending}": one for one in scene.singles()} if options.many_files else {out: scene}
    if options.object is not None and options.object.resolve() in {path.resolve() for path in files}:
        raise InputError(f"cannot write {out}: it is --object itself, or holds it; give another place")
    said = wrote_words(out)
    for path, part in files.items():
        exporter.write(path, part)
    print(f"{said}: {_counted(len(files), 'file') if options.many_files else _counted(len(scene.grasps), 'hand')}")
    return 0


def _scene(options: ExportOptions, wanted: list[int] | None) -> ExportScene:
    """Return the chosen grasps and the object."""
    import numpy as np

    from fastgrasp_model.grasps import Grasps

    grasps = Grasps.load(options.grasps)
    if not len(grasps):
        raise InputError(f"{options.grasps} holds no grasps")
    rows = list(range(len(grasps))) if wanted is None else wanted
    if max(rows) >= len(grasps):
        raise InputError(f"--indices: no grasp {max(rows)}; {options.grasps} holds 0 to {len(grasps) - 1}")
    if options.best is not None:
        rows = np.argsort(-grasps.score, kind="stable")[: options.best].tolist()
    found = None
    if options.object is not None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".* m long; ")  # the scene refuses such an object
            found = load_object(options.object, options.unit)
    return ExportScene(grasps[rows], tuple(rows), found, options.up)


def _numbers(text: str) -> list[int]:
    """Return the whole numbers of "0,3". Raises InputError."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        shown = text if len(text) < 60 else f"{text[:60]}..."
        raise InputError(f"--indices: expected numbers of grasps, counted from 0, such as 0,3, got '{shown}'")
    numbers = [int(word) for word in words]
    if len(set(numbers)) < len(numbers):
        raise InputError(f"--indices: expected each grasp once, got '{text}'")
    return numbers


def _check_place(out: Path, exporter: Exporter, many_files: bool) -> None:
    """Check, before the work, that a file, or with `many_files` a folder, can be written. Raises InputError."""
    if many_files and (out.is_file() or out.suffix.lower() in exporter.endings):
        raise InputError(f"cannot write {out}: it is a file, and --many-files writes a folder; give a folder's name")
    if not many_files and out.is_dir():
        wanted = f"give a name that ends in {exporter.endings[0]}, or add --many-files"
        raise InputError(f"cannot write {out}: it is a folder; {wanted}")
    check_output(out / f"grasp_0{exporter.endings[0]}" if many_files else out, exporter.endings)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
