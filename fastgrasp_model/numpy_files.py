"""Read .npy and .npz without unpickling, and without believing what a damaged header claims.

NumPy allocates the shape that a header names before it looks for the content, gives other members of an archive back as
bytes, and lets the errors of a dozen modules through.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

MOST_BYTES = 2 << 30  # that an archive may unfold to


class NumpyFileError(ValueError):
    """A file holds no arrays of plain numbers or texts; the message is the reason alone, in a few words."""


def read_npy(path: str | Path, most_bytes: int = MOST_BYTES) -> np.ndarray:
    """Read the array in a .npy. Raises NumpyFileError, OSError."""
    path = Path(path)
    _check_size(path.stat().st_size, most_bytes)
    return plain_array(path.read_bytes())


def read_npz(
    path: str | Path, names: Iterable[str] | None = None, most_bytes: int = MOST_BYTES
) -> dict[str, np.ndarray]:
    """Read the arrays of a .npz by name: all, or those of `names` that are there. Raises NumpyFileError, OSError."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename[:-4]: info for info in archive.infolist() if info.filename.endswith(".npy")}
            wanted = list(members) if names is None else [name for name in names if name in members]
            _check_size(sum(members[name].file_size for name in wanted), most_bytes)
            return {name: plain_array(archive.read(members[name])) for name in wanted}
    except (NumpyFileError, OSError, MemoryError):
        raise
    except Exception as error:  # zipfile, zlib, struct and codecs each have their own
        raise NumpyFileError(f"damaged, or no NumPy archive: {_short(error)}") from error


def plain_array(data: bytes) -> np.ndarray:
    """Return the array in the content of a .npy. Raises NumpyFileError, also for Python objects."""
    shape, fortran, dtype, start = npy_header(data)
    if dtype.kind not in "fiubcUS":
        held = "Python objects" if dtype.hasobject else f"an array of {dtype}"
        raise NumpyFileError(f"{held}, expected numbers or texts")
    count = math.prod(shape)
    if count * dtype.itemsize > len(data) - start:
        raise NumpyFileError(f"damaged: it ends before an array of shape {shape} and type {dtype} does")
    array = np.frombuffer(data, dtype, count, start) if count and dtype.itemsize else np.zeros(count, dtype)
    return array.reshape(shape, order="F" if fortran else "C").copy()


def npy_header(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Return shape, whether in Fortran's order, type and start of the content of a .npy. Raises NumpyFileError."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise NumpyFileError(f"a .npy of version {version}, expected 1.0 or 2.0")
        shape, fortran, dtype = readers[version](stream)
    except NumpyFileError:
        raise
    except Exception as error:  # the header is a Python expression: tokenizer and parser have their own errors
        raise NumpyFileError(f"damaged, or no NumPy array: {_short(error)}") from error
    if any(length < 0 for length in shape) or math.prod(shape) > 1 << 40:
        raise NumpyFileError(f"damaged: it claims an array of shape {shape}")
    return shape, fortran, dtype, stream.tell()


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise NumpyFileError(f"it unfolds to {size} bytes, {most} are allowed")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
