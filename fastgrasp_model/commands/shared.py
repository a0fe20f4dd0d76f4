"""What the commands share: options declared as a dataclass, errors of one line, outputs checked before the work."""

from __future__ import annotations

import itertools
import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import tyro

Options = TypeVar("Options")


class InputError(ValueError):
    """A wrong request: an option, a path or a file of the user's."""


def parse(
    command: type[Options], argv: Sequence[str], prog: str, description: str | None = None
) -> Options:
    """Read the command line `argv` into the dataclass `command` (or a Union of dataclasses: subcommands).

    A field's docstring is its help. A flag that is off by default reads --flag, one that is on --no-flag. Positional
    fields are Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="CLOUD")]; numbers with a bound are
    AtLeastOne, NotNegative, Seed, Port, Share or AboveZero.

    prog: what the user types before the options, such as "fastgrasp generate"; description: first lines of --help, the
    dataclass's docstring where omitted. Raises InputError for a wrong option or value, SystemExit(0) after --help.
    """
    if any("\0" in word for word in argv):
        raise InputError("the command line holds a NUL character, which no path or text has; leave it out")
    out, err = StringIO(), StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err), _width(None if {"-h", "--help"} & set(argv) else 10000):
            return tyro.cli(command, prog=prog, description=description, args=list(argv), config=_MARKERS)
    except SystemExit as leaving:
        if leaving.code:
            raise InputError(f"{_complaint(err.getvalue())} ({prog} --help lists the options)") from None
        print(_plain(out.getvalue()))
        raise


_MARKERS = (
    tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes, tyro.conf.DisallowNone,
    tyro.conf.HelptextFromCommentsOff,
)  # fmt: skip


@contextmanager
def _width(columns: int | None):
    """Set the width that tyro writes in; errors get a large one, so that no path is broken over two lines."""
    before = os.environ.get("COLUMNS")
    if columns:
        os.environ["COLUMNS"] = str(columns)
    try:
        yield
    finally:
        os.environ.pop("COLUMNS", None)
        if before is not None:
            os.environ["COLUMNS"] = before


def _complaint(printed: str) -> str:
    """Return tyro's error as one line. It prints a title, what was wrong, and hints, with rules between them."""
    parts = re.split(r"\n *-{5,} *\n", printed)
    if len(parts) < 3:
        return " ".join(printed.split())
    _title, told, *hints = parts
    if told.strip().startswith("Missing from"):
        return "missing: " + ", ".join(re.findall(r"^ {6}(\S.*?) *$", told, re.MULTILINE))
    told = " ".join(told.split())
    if ": no type matching" in told:  # of a Union: what the last alternative said
        told = told.partition(": no type matching")[0] + ": " + told.rpartition(": ")[2]
    for theirs, ours in _PLAINER.items():
        told = re.sub(theirs, ours, told)
    if hints[0].strip().startswith("Perhaps you meant:"):
        told += f"; perhaps you meant {hints[0].split()[3]}"
    return told


_PLAINER = {
    r"^Error parsing ": "",
    r"^(?=[A-Z])(.)": lambda first: first[0].lower(),
    r"invalid literal for int\(\) with base 10: ": "expected a whole number, got ",
    r"could not convert string to float: ": "expected a number, got ",
    r"\. Expected 1 values|\[/?bold\]|\.$": "",
}


def _plain(printed: str) -> str:
    """Return tyro's help without rules, and without the defaults None, False and True."""
    text = re.sub(r"^ (\w.*?) *\n -{5,} *$", r"\1:", printed, flags=re.MULTILINE)
    text = re.sub(r" *$", "", text, flags=re.MULTILINE)
    return re.sub(r"\s*\(default:\s*(None|False|True)?\s*\)", "", text).strip()


def _checked(kind: type, wanted: str, accepts) -> tyro.constructors.PrimitiveConstructorSpec:
    """Return how tyro reads a number for which `accepts(value)` must hold."""
    noun = "a whole number" if kind is int else "a number"

    def read(words: list[str]):
        try:
            value = kind(words[0])
        except ValueError:
            raise ValueError(f"expected {noun}, got {words[0]!r}") from None
        if not accepts(value):
            raise ValueError(f"expected {wanted}, got {words[0]}")
        return value

    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1, metavar="N" if kind is int else "X", instance_from_str=read,
        is_instance=lambda value: isinstance(value, (int, kind)), str_from_instance=lambda value: [str(value)],
    )  # fmt: skip


AtLeastOne = Annotated[int, _checked(int, "1 or more", lambda value: value >= 1)]
NotNegative = Annotated[int, _checked(int, "0 or more", lambda value: value >= 0)]
Seed = Annotated[int, _checked(int, "0 to 2^63 - 1", lambda value: 0 <= value < 1 << 63)]
Port = Annotated[int, _checked(int, "1 to 65535", lambda value: 1 <= value < 1 << 16)]
Share = Annotated[float, _checked(float, "0 to 1", lambda value: 0 <= value <= 1)]
Unit = Literal["m", "cm", "mm", "inch"]
AboveZero = Annotated[float, _checked(float, "a number greater than 0", lambda value: 0 < value < float("inf"))]


def check_grasp_file(path: Path) -> None:
    """Check, before slow imports, that a grasp file is there. Raises InputError."""
    if not path.is_file():
        raise InputError(f"No grasp file at {path}. Write one with Grasps.save or `fastgrasp generate`.")


def check_output(path: Path | None, endings: tuple[str, ...]) -> None:
    """Check, before the work, that `path` can be written. Raises InputError, with the reason."""
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
        raise InputError(f"cannot write {path}: {reason}; choose another place or change its permissions") from error


def free_path(path: Path) -> Path:
    """Return the first of a.png, a_2.png, a_3.png ... that does not exist, for `path` a.png; the same for folders."""
    for number in itertools.count(1):
        free = path.parent / f"{path.stem}{f'_{number}' if number > 1 else ''}{path.suffix}"
        if not free.exists():
            return free


def wrote_words(path: Path) -> str:
    """Return what to say once `path`, which may exist now, is written."""
    return f"replaced {path}" if path.exists() else f"wrote {path}"


def load_object(path: Path, unit: str = "m"):
    """Return the mesh of a file that has faces, otherwise its points (N, 3), in metres."""
    from fastgrasp_model.geometry.meshes import MESH_SUFFIXES, MeshError, load_mesh

    if path.suffix.lower() in MESH_SUFFIXES:
        try:
            return load_mesh(path, unit)
        except MeshError:
            pass
    from fastgrasp_model.geometry.cloud_files import read_cloud

    return read_cloud(path, unit=unit)
