"""The folder of a grasp set: which run it belongs to (`set.json`), and that one run at a time writes there.

`set.json` holds the seed, the settings and the list of objects. A run whose list begins with the one there makes the
folder grow; anything else is refused. `objects.json` describes own meshes: `root`, their folder, and by specification
`centre_of_mass` (metres, in the file's frame: add it to `transl`), `sha256` and `notes` on what was mended.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from fastgrasp_model.files import write_json


class FolderError(ValueError):
    """A folder of another run, or one in which another run is at work."""


@contextmanager
def locked(out: Path):
    """Keep others from writing into the folder, and remove what interrupted writes left.

    The lock goes with the process, however it ends. Raises FolderError if another run holds it.
    """
    import fcntl

    with open(out / ".lock", "a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise FolderError(
                f"{out}: process {stream.read().strip() or '?'} is making shards there already; wait for it or end it, "
                "or choose another --out") from None
        except OSError:
            pass  # a file system without locks: shards are written whole all the same
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        for left in out.glob(".*.part"):
            left.unlink(missing_ok=True)
        yield


def claim(out: Path, seed: int, settings, sources, shard_path) -> None:
    """Write set.json, or check that the one there describes the same run or a shorter one.

    sources: `sources.Sources`; shard_path(out, number): where a shard is kept. Raises FolderError naming what differs.
    """
    path = out / "set.json"
    asked = json.loads(json.dumps({"seed": seed, "settings": asdict(settings), "objects": sources.specs}))
    own = {"root": str(sources.root), "objects": sources.own} if sources.own else None
    if path.is_file():
        there = _read(path)
        differing = _differences(there, asked) + _changed_meshes(out, sources.own)
        if differing:
            raise FolderError(f"{out} holds a run with other settings: {'; '.join(differing)}. Give the same, or "
                              "choose another --out")
        count, size = len(there["objects"]), settings.objects_per_shard
        if len(sources.specs) > count and count % size:
            shard_path(out, count // size).unlink(missing_ok=True)  # its shard takes more objects now
    if own:
        write_json(out / "objects.json", own, sort_keys=True)
    write_json(path, asked, sort_keys=True)


def _read(path: Path) -> dict:
    try:
        there = json.loads(path.read_text())
    except ValueError as error:
        raise FolderError(f"{path} cannot be read ({error}); choose another --out") from error
    if not isinstance(there, dict):
        raise FolderError(f"{path} is not that of a grasp set; choose another --out")
    return there


def _differences(there: dict, asked: dict) -> list[str]:
    """What keeps a run from going on, one phrase each; a longer list of objects with the same beginning does not."""
    old, new = _flat({**there, "objects": None}), _flat({**asked, "objects": None})
    said = [f"{name} is {old.get(name, 'not named')} there, {new.get(name, 'not named')} asked for"
            for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    before, after = there.get("objects") or [], asked["objects"]
    other = [f"object {place} is {one} there, {two} asked for"
             for place, (one, two) in enumerate(zip(before, after, strict=False), start=1) if one != two]
    if other:
        said.append(other[0])
    elif not before:
        said.append("its objects are not named there (an earlier version of the folder)")
    elif len(before) > len(after):
        said.append(f"{len(before)} objects there, only {len(after)} asked for (a folder can grow, not shrink)")
    return said


def _changed_meshes(out: Path, own: dict[str, dict]) -> list[str]:
    path = out / "objects.json"
    known = _read(path).get("objects", {}) if path.is_file() else {}
    return [f"the mesh {spec} is not the file it was"
            for spec, about in own.items() if spec in known and known[spec].get("sha256") != about["sha256"]]


def _flat(values: dict, prefix: str = "") -> dict:
    flat = {}
    for name, value in values.items():
        flat.update(_flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value})
    return flat
