"""`fastgrasp export GRASPS --to FORMAT`: write saved grasps as meshes that other programs open."""

from __future__ import annotations

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
    load_object,
    parse,
)

HAND_COLOUR, OBJECT_COLOUR = (230, 158, 122, 255), (150, 160, 175, 255)


@dataclass
class ExportOptions:
    """Write the hands of saved grasps as meshes, in the frame of the object and in metres.

    examples: fastgrasp export mug.npz --to glb --object mug.obj
              fastgrasp export mug.npz --to obj --split --out hands/
    """

    grasps: Annotated[Positional[Path], arg(metavar="GRASPS")]
    """grasp file, as `fastgrasp generate --out` writes it"""
    to: Literal["obj", "ply", "glb"]
    """format; glb keeps the object and every hand apart, with colours"""
    object: Path | None = None
    """put this mesh or cloud of the object into every file (obj: meshes only)"""
    unit: Unit = "m"
    """unit of the lengths in --object"""
    out: Annotated[Path | None, arg(metavar="PATH")] = None
    """file, or with --split folder (default: beside GRASPS)"""
    num: AtLeastOne | None = None
    """only so many grasps, best first (default: all)"""
    split: bool = False
    """one file for each grasp"""


def main(argv: list[str]) -> int:
    """Write the meshes and print their paths."""
    options = parse(ExportOptions, argv, "fastgrasp export")
    check_grasp_file(options.grasps)
    ending = f".{options.to}"
    out = options.out or options.grasps.with_suffix("" if options.split else ending)
    check_output(out / f"grasp_000{ending}" if options.split else out, (ending,))

    from fastgrasp_model.grasps import Grasps

    grasps = Grasps.load(options.grasps)[: options.num]
    if not len(grasps):
        raise InputError(f"{options.grasps} holds no grasps")
    extra = {} if options.object is None else {"object": _object(options.object, options.to, options.unit)}
    hands = {f"grasp_{number:03d}": _hand(grasps, number) for number in range(len(grasps))}
    split = {out / f"{name}{ending}": {**extra, name: hand} for name, hand in hands.items()}
    files = split if options.split else {out: {**extra, **hands}}
    for path, parts in files.items():
        _write(path, parts)
    print(f"wrote {out}" + (f": {len(files)} files" if options.split else f": {len(grasps)} hands"))
    return 0


def _hand(grasps, number: int):
    import trimesh

    return trimesh.Trimesh(grasps.vertices[number], grasps.faces, process=False, vertex_colors=HAND_COLOUR)


def _object(path: Path, ending: str, unit: str):
    """The object's mesh, or its points where the file has no faces."""
    import trimesh

    found = load_object(path, unit)
    if hasattr(found, "faces"):
        return trimesh.Trimesh(found.vertices, found.faces, process=False, vertex_colors=OBJECT_COLOUR)
    if ending != "glb":
        raise InputError(f"--object {path}: a cloud without faces can only be exported with --to glb")
    return trimesh.PointCloud(found, colors=OBJECT_COLOUR)


def _write(path: Path, parts: dict) -> None:
    """Write named meshes to one file: a scene of parts where the format knows them, otherwise one mesh."""
    import trimesh

    from fastgrasp_model.files import write_bytes

    whole = trimesh.Scene(parts) if path.suffix == ".glb" else trimesh.util.concatenate(list(parts.values()))
    content = whole.export(file_type=path.suffix[1:])
    write_bytes(path, content.encode() if isinstance(content, str) else content)
