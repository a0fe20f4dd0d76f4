"""What the verbs share: option parsing in one line of error, outputs checked before the work and written in
one step."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path


class InputError(ValueError):
    """A wrong request: an option, a path or a file of the user's."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose complaints are one line with the remedy, through the same door as all other
    errors."""

    def error(self, message: str):
        raise InputError(f"{message} ({self.prog} --help lists the options)")


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    return _at_least(1, text)


def not_negative(text: str) -> int:
    """A whole number of at least 0, such as a seed, for argparse."""
    return _at_least(0, text)


def above_zero(text: str) -> float:
    """A finite number greater than 0, for argparse."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number greater than 0, got {text}")
    return value


def _at_least(least: int, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"expected {least} or more, got {value}")
    return value


def check_output(path: Path | None, endings: tuple[str, ...]) -> None:
    """Find out now, before the work, whether `path` can be written later.

    Raises:
        InputError: a wrong ending, a folder, or a place where no file can be made.
    """
    if path is None:
        return
    if path.suffix.lower() not in endings:
        raise InputError(f"cannot write {path}: expected a name that ends in {' or '.join(endings)}")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    place = path.absolute().parent
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"cannot write {path}: {reason}; choose another place or change its permissions"
        ) from error


def write_json(path: Path, report: dict) -> None:
    """Write `report` to `path` in one step: a reader sees the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(report, indent=1) + "\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def load_object(path: Path):
    """What a picture shows of a file: its mesh where it has faces, otherwise its points (N, 3)."""
    from fastgrasp_model.geometry.meshes import MeshError, load_mesh

    if path.suffix.lower() in (".obj", ".ply", ".stl"):
        try:
            return load_mesh(path)
        except MeshError:
            pass
    from fastgrasp_model.geometry.cloud_files import read_cloud

    return read_cloud(path)


def checked_device(name: str) -> str:
    """`name` if PyTorch can use it. Raises InputError with the devices there are."""
    import torch

    usable = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
    if name.split(":")[0] not in usable:
        raise InputError(f"device '{name}' is not usable here; choose from {', '.join(usable)}")
    return name
