"""Pickles, and .npy and .npz files with Python objects, read as plain values without running code from them.

Published data sets keep dictionaries in pickles and in NumPy's object arrays, whose content NumPy would run. Here
`numpy.lib.format` reads the header of such an array, and `fastgrasp_model.hand.restricted_pickle`, which calls nothing
and accepts a dozen names, its content. A value is returned as None, bool, int, float, str, bytes, list (also for tuples
and object arrays), dict with text keys, or a NumPy array of numbers.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

from fastgrasp_model.hand import restricted_pickle as restricted
from fastgrasp_model.hand.restricted_pickle import PickleRefused
from fastgrasp_model.numpy_files import NumpyFileError, npy_header, plain_array

_MOST_BYTES = 4 << 30  # of one file, or of one array in an archive; GRAB's largest have some hundred million
_MOST_VALUES = 200_000
_DEEPEST = 12  # lists and dictionaries inside one another
_MORE_NAMES = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
_ARRAYS = ("array", "buffer")


def read_pickled(path: str | Path) -> object:
    """Read the value in a .pkl. Raises PickleRefused with the reason in one line, OSError."""
    path = Path(path)
    _check_bytes(path.stat().st_size)
    return _value(path.read_bytes())


def read_npy(path: str | Path) -> object:
    """Read the array in a .npy, or the value in one of Python objects. Raises as `read_pickled`."""
    path = Path(path)
    _check_bytes(path.stat().st_size)
    return _array_or_value(path.read_bytes())


def read_npz(path: str | Path, keys: Collection[str]) -> dict[str, object]:
    """Read the arrays or values under those of `keys` that a .npz has. Raises as `read_pickled`."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: info for info in archive.infolist()}
            wanted = {key: members[f"{key}.npy"] for key in keys if f"{key}.npy" in members}
            found = {}
            for key, info in wanted.items():
                _check_bytes(info.file_size)
                found[key] = _array_or_value(archive.read(info))
            return found
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        said = " ".join(str(error).split())[:120]  # zipfile quotes the file's content
        raise PickleRefused(f"it is damaged or no NumPy archive ({said}).") from error


def _check_bytes(size: int) -> None:
    if size > _MOST_BYTES:
        raise PickleRefused(f"it has {size} bytes; {_MOST_BYTES} are allowed.")


def _array_or_value(data: bytes) -> object:
    try:
        _, _, dtype, start = npy_header(data)
        return _value(data[start:]) if dtype.hasobject else plain_array(data)
    except NumpyFileError as error:
        raise PickleRefused(f"it is {error}.") from error


def _value(data: bytes) -> object:
    try:
        return _Unfolding().plain(_DataMachine().run(data))
    except PickleRefused:
        raise
    except Exception as error:  # a damaged pickle can raise almost anything
        said = " ".join(str(error).split())[:120]
        raise PickleRefused(f"it is damaged or no pickle ({type(error).__name__}: {said}).") from error


class _DataMachine(restricted._Machine):
    """The machine for hand models, extended by NumPy scalars."""

    def name(self, module: object, attribute: object) -> None:
        full = f"{module}.{attribute}"
        if full in _MORE_NAMES:
            self.stack.append(restricted._Name("scalar"))
            return
        try:
            super().name(module, attribute)
        except PickleRefused:
            shown = ascii(full)[1:-1][:80]
            raise PickleRefused(f"it names '{shown}', which no data set needs, so it was not loaded.") from None


class _Unfolding:
    """Turn the machine's notes into plain values; `left` bounds their number, as a small file can repeat a value."""

    def __init__(self) -> None:
        self.left = _MOST_VALUES

    def plain(self, value: object, depth: int = 0) -> object:
        self.left -= 1
        if depth > _DEEPEST or self.left < 0:
            raise PickleRefused("it nests or repeats values beyond what a data set needs.")
        if value is None or isinstance(value, bool | int | float | str | bytes | bytearray):
            return value
        if isinstance(value, dict):
            return {key: self.plain(one, depth + 1) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(one, depth + 1) for one in value]
        if isinstance(value, restricted._Note):
            return self.noted(value, depth)
        raise PickleRefused(f"it holds a {type(value).__name__}, which no data set needs.")

    def noted(self, note: object, depth: int) -> object:
        if note.kind == "scalar":
            kind, data = note.arguments
            return restricted._from_bytes(data, kind, (1,), "C")[0].item()
        if note.kind == "array" and _holds_objects(note):
            shape, items = note.state[-4], note.state[-1]
            if not isinstance(items, list):
                raise PickleRefused("it holds an array of objects without them.")
            return self.plain(items[0] if tuple(shape) == () and len(items) == 1 else items, depth + 1)
        if note.kind in _ARRAYS:
            return restricted._array(note)
        raise PickleRefused(f"it holds a {note.kind}, which no data set needs.")


def _holds_objects(note: object) -> bool:
    kind = note.state[-3]
    return isinstance(kind, restricted._Note) and kind.kind == "dtype" and str(kind.arguments[0]).startswith("O")
