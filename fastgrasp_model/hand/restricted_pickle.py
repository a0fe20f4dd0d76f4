"""Reading MANO's official .pkl without chumpy, without scipy, and without trusting the file.

A pickle is a program: it names Python objects and calls them. This reader knows a dozen names and answers
each with a small stand-in class of its own, which can do nothing but hold numbers; any other name is refused
before anything runs. So no code of NumPy, scipy or chumpy ever sees what the file claims, and no file can
reach a function. The official file is a Python 2 pickle that holds NumPy arrays, one scipy.sparse matrix
(J_regressor) and chumpy arrays (shapedirs).
"""

from __future__ import annotations

import io
import math
import pickle
from pathlib import Path

import numpy as np

# The official file has 3.8 MB; a larger "hand" is refused before it is read.
_MOST_BYTES = 256 << 20


class PickleRefused(ValueError):
    """The file is no readable pickle, or names something that a hand model does not need."""


class _Type:
    """Stands for numpy.dtype: a plain number type. State: (version, byte order, ...)."""

    def __new__(cls, name: str = "", align: object = 0, copy: object = 1) -> _Type:
        new = object.__new__(cls)
        new.name, new.order = str(name), "<"
        if new.name[:1] not in "fiub" or new.name[1:] not in ("1", "2", "4", "8"):
            raise PickleRefused(f"it holds an array of type {new.name!r}, expected numbers.")
        return new

    def __setstate__(self, state: tuple) -> None:
        order = state[1]
        self.order = order if order in ("<", ">") else "<"

    def numpy(self) -> np.dtype:
        return np.dtype(f"{self.order}{self.name}")


class _Array:
    """Stands for numpy.ndarray. State: (version, shape, dtype, Fortran order, bytes)."""

    array: np.ndarray = np.zeros(0)

    def __new__(cls, *_: object) -> _Array:
        return object.__new__(cls)

    def __setstate__(self, state: tuple) -> None:
        shape, kind, fortran, data = state[-4:]
        if not isinstance(kind, _Type):
            raise PickleRefused("it holds an array without a type.")
        data = data.encode("latin1") if isinstance(data, str) else bytes(data)
        shape = tuple(int(length) for length in shape)
        if min(shape, default=0) < 0 or math.prod(shape) * kind.numpy().itemsize != len(data):
            raise PickleRefused(f"it holds an array of shape {shape} with {len(data)} bytes.")
        self.array = np.frombuffer(data, kind.numpy()).reshape(shape, order="F" if fortran else "C")


class _ArrayMaker:
    """Stands for numpy.core.multiarray._reconstruct: gives an empty array that waits for its state."""

    def __new__(cls, *_: object) -> _Array:
        return _Array()


class _Holder:
    """Keeps its state as a dict of named values; the base of the stand-ins below."""

    def __new__(cls, *_: object) -> _Holder:
        new = object.__new__(cls)
        new.state = {}
        return new

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) == 2:  # (attributes, slots)
            state = {**(state[0] or {}), **(state[1] or {})}
        if not isinstance(state, dict):
            raise PickleRefused(f"it holds a {type(self).__name__.strip('_')} without named values.")
        self.state = state

    def value(self, *names: str) -> object:
        for name in names:
            if name in self.state:
                return self.state[name]
        raise PickleRefused(f"it holds an array object without '{names[0]}'.")


class _Chumpy(_Holder):
    """Stands for chumpy.ch.Ch, an array under the name x."""

    def to_array(self) -> np.ndarray:
        return _plain(self.value("x"))


class _ChumpySelect(_Holder):
    """Stands for chumpy.reordering.Select: entries `idxs` of the flattened array `a`, given a shape."""

    def to_array(self) -> np.ndarray:
        source, places = _plain(self.value("a")), _plain(self.value("idxs"))
        taken = np.asarray(source).reshape(-1)[np.asarray(places).astype(np.int64)]
        shape = self.state.get("preferred_shape")
        return taken if shape is None else taken.reshape([int(length) for length in shape])


class _SparseColumns(_Holder):
    """Stands for scipy.sparse.csc_matrix."""

    by_rows = False

    def to_array(self) -> np.ndarray:
        data, places, starts = (np.asarray(_plain(self.value(key))) for key in ("data", "indices", "indptr"))
        rows, columns = (int(length) for length in self.value("_shape", "shape"))
        if not (0 <= rows <= 100_000 and 0 <= columns <= 100_000 and rows * columns <= 10_000_000):
            raise PickleRefused(f"it holds a sparse matrix of {rows} x {columns}.")
        lines = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        dense = np.zeros((rows, columns))
        np.add.at(dense, (lines, places) if self.by_rows else (places, lines), data)
        return dense


class _SparseRows(_SparseColumns):
    """Stands for scipy.sparse.csr_matrix."""

    by_rows = True


class _Maker:
    """Stands for copy_reg._reconstructor(class, base, state): an empty object of one of the stand-ins."""

    def __new__(cls, kind: type, *_: object) -> _Holder:
        if not (isinstance(kind, type) and issubclass(kind, _Holder)):
            raise PickleRefused("it builds an object that a hand model does not need.")
        return kind()


class _Encoded:
    """Stands for _codecs.encode(text, "latin1"), as Python 3 writes bytes for Python 2."""

    def __new__(cls, text: str, encoding: str = "latin1") -> bytes:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise PickleRefused("it decodes something other than latin1 text.")
        return text.encode("latin1")


class _Object(_Holder):
    """Stands for Python's object, which only appears as the base in copy_reg._reconstructor."""


_ADMITTED: dict[tuple[str, str], type] = {
    ("copyreg", "_reconstructor"): _Maker,
    ("builtins", "object"): _Object,
    ("_codecs", "encode"): _Encoded,
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _ArrayMaker,
    ("numpy._core.multiarray", "_reconstruct"): _ArrayMaker,
    ("chumpy.ch", "Ch"): _Chumpy,
    ("chumpy", "Ch"): _Chumpy,
    ("chumpy.reordering", "Select"): _ChumpySelect,
    ("scipy.sparse.csc", "csc_matrix"): _SparseColumns,
    ("scipy.sparse._csc", "csc_matrix"): _SparseColumns,
    ("scipy.sparse.csr", "csr_matrix"): _SparseRows,
    ("scipy.sparse._csr", "csr_matrix"): _SparseRows,
}


class _Reader(pickle.Unpickler):
    """The standard unpickler with every name that is not admitted refused."""

    def find_class(self, module: str, name: str) -> type:
        module = {"copy_reg": "copyreg", "__builtin__": "builtins"}.get(module, module)
        if (module, name) not in _ADMITTED:
            raise PickleRefused(f"it names '{module}.{name}', which no hand model needs, so it was not loaded.")
        return _ADMITTED[module, name]

    def persistent_load(self, pid: object) -> object:
        raise PickleRefused("it refers to objects outside the file.")


def read_pickle(path: Path) -> object:
    """The content of a pickle, array-like objects as NumPy arrays. Raises nothing but PickleRefused."""
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise PickleRefused(f"it has {size} bytes; a hand model has a few million.")
    try:
        content = _Reader(io.BytesIO(path.read_bytes()), encoding="latin1").load()
        return {key: _plain(value) for key, value in content.items()} if isinstance(content, dict) else content
    except PickleRefused:
        raise
    except Exception as error:  # a damaged pickle can raise almost anything
        raise PickleRefused(f"it is damaged or no pickle ({type(error).__name__}: {error}).") from error


def _plain(value: object) -> object:
    """A stand-in as its NumPy array; anything else as it is."""
    if isinstance(value, _Array):
        return value.array
    return value.to_array() if isinstance(value, _Chumpy | _ChumpySelect | _SparseColumns) else value
