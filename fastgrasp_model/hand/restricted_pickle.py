"""Read MANO's official .pkl, and pickles saved from it again, without running anything from the file.

A pickle is a program for a small stack machine: it names Python objects and calls them. This is such a machine without
the calls: it knows the instructions that data need and a dozen names (those of Python 2's NumPy, scipy and chumpy in
the official file, and their later ones). A name becomes a `_Name`, a call a `_Note` of its arguments; any other name or
instruction is refused. Python's own `pickle.Unpickler` with a restricted `find_class` is no replacement: it would call
NumPy, scipy and chumpy with whatever the file claims, and a Python 3 has no chumpy to call. Here only the arrays that
the caller wants are made, after their sizes are checked.

Written from the descriptions in Python's `pickletools`. The official file (Romero, Tzionas, Black, "Embodied Hands",
2017) holds NumPy arrays, one scipy.sparse matrix (J_regressor), and chumpy objects (shapedirs: a Select of a larger Ch,
whose state also names Python's `set`).
"""

from __future__ import annotations

import codecs
import io
import math
import pickletools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

# The official file has 3.8 MB and some 700 instructions; what is much larger is no hand.
_MOST_BYTES = 64 << 20
_MOST_INSTRUCTIONS = 50_000
_MOST_SPARSE_ENTRIES = 1_000_000
_DEEPEST = 8  # arrays inside arrays; the official file has a Select of a Ch of an array

_ADMITTED = {
    "copyreg._reconstructor": "make",
    "builtins.object": "object",
    "builtins.set": "set",
    "_codecs.encode": "bytes",
    "numpy.dtype": "dtype",
    "numpy.ndarray": "array",
    "numpy.core.multiarray._reconstruct": "array",
    "numpy._core.multiarray._reconstruct": "array",
    "numpy.core.numeric._frombuffer": "buffer",
    "numpy._core.numeric._frombuffer": "buffer",
    "chumpy.Ch": "Ch",
    "chumpy.ch.Ch": "Ch",
    "chumpy.reordering.Select": "Select",
    "scipy.sparse.csc.csc_matrix": "csc",
    "scipy.sparse._csc.csc_matrix": "csc",
    "scipy.sparse.csr.csr_matrix": "csr",
    "scipy.sparse._csr.csr_matrix": "csr",
}
_OLD_MODULES = {"copy_reg": "copyreg", "__builtin__": "builtins"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_LITERALS = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE "
    "SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8".split()
)
_MARK = object()


class PickleRefused(ValueError):
    """The file is no readable pickle, or names something that a hand model does not need."""


@dataclass(frozen=True)
class _Name:
    """An admitted name of the file: the `kind` of object that it stands for."""

    kind: str


@dataclass(eq=False)
class _Note:
    """An object that the file would make: its kind, its arguments, and the state set afterwards."""

    kind: str
    arguments: tuple = ()
    state: object = field(default=None)


def read_pickle(path: str | Path, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Read the arrays under `keys` of a pickled dict; without `keys` everything under a string, texts as arrays.

    Keys that the file lacks are left out. Arrays keep their shapes and number types; sparse matrices come dense, chumpy
    objects evaluated. Raises PickleRefused with one line that says why, OSError where the file cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise PickleRefused(f"it has {size} bytes; a hand model has a few million.")
    try:
        content = _Machine().run(path.read_bytes())
        if not isinstance(content, dict):
            raise PickleRefused("it holds no dict of arrays.")
        if keys is None:
            named = {key: value for key, value in content.items() if isinstance(key, str)}
            return {key: np.array(v) if isinstance(v, str) else _array(v) for key, v in named.items()}
        return {key: _array(content[key]) for key in keys if key in content}
    except PickleRefused:
        raise
    except Exception as error:  # a damaged pickle can raise almost anything
        said = " ".join(str(error).split())[:120]
        raise PickleRefused(f"it is damaged or no pickle ({type(error).__name__}: {said}).") from error


def _instructions(data: bytes) -> Iterator[tuple[str, object]]:
    """Yield (name, argument) of each instruction. The argument readers check lengths before they take memory."""
    stream = io.BytesIO(data)
    for _ in range(_MOST_INSTRUCTIONS):
        operation = pickletools.code2op.get(stream.read(1).decode("latin1"))
        if operation is None:
            raise PickleRefused("it is damaged or no pickle.")
        if operation.name == "STRING":  # bytes of Python 2 with escapes; pickletools takes ASCII only
            argument: object = codecs.escape_decode(stream.readline().strip()[1:-1])[0].decode("latin1")
        else:
            argument = operation.arg.reader(stream) if operation.arg else None
        yield operation.name, argument
    raise PickleRefused(f"it has more than {_MOST_INSTRUCTIONS} instructions; a hand model has some hundred.")


class _Machine:
    """The stack, the memo, and what each instruction does to them."""

    def __init__(self) -> None:
        self.stack: list = []
        self.memo: dict[int, object] = {}
        push, take, since_mark = self.stack.append, self.take, self.since_mark
        self.actions: dict[str, Callable] = {
            "PROTO": lambda _: None, "FRAME": lambda _: None,
            "POP": lambda _: self.stack.pop(), "POP_MARK": lambda _: since_mark(), "MARK": lambda _: push(_MARK),
            "EMPTY_TUPLE": lambda _: push(()), "EMPTY_LIST": lambda _: push([]), "EMPTY_DICT": lambda _: push({}),
            "TUPLE": lambda _: push(tuple(since_mark())), "TUPLE1": lambda _: push(tuple(take(1))),
            "TUPLE2": lambda _: push(tuple(take(2))), "TUPLE3": lambda _: push(tuple(take(3))),
            "LIST": lambda _: push(since_mark()), "DICT": lambda _: self.make_dict(since_mark()),
            "APPEND": lambda _: self.extend(take(1)), "APPENDS": lambda _: self.extend(since_mark()),
            "SETITEM": lambda _: self.set_items(take(2)), "SETITEMS": lambda _: self.set_items(since_mark()),
            "MEMOIZE": lambda _: self.remember(len(self.memo)),
            **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), self.remember),
            **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda place: push(self.memo[place])),
            "GLOBAL": lambda pair: self.name(*pair.split(" ", 1)), "STACK_GLOBAL": lambda _: self.name(*take(2)),
            **dict.fromkeys(("REDUCE", "NEWOBJ"), lambda _: self.call(*take(2))),
            "BUILD": lambda _: self.set_state(*take(1)),
        }  # fmt: skip

    def run(self, data: bytes) -> object:
        for instruction, argument in _instructions(data):
            if instruction == "STOP":
                return self.take(1)[0]
            if instruction in _LITERALS:
                self.stack.append(argument)
            elif instruction in _CONSTANTS:
                self.stack.append(_CONSTANTS[instruction])
            elif instruction in self.actions:
                self.actions[instruction](argument)
            else:
                raise PickleRefused(f"it uses the pickle instruction {instruction}, which no hand model needs.")
        raise AssertionError("unreachable")

    def take(self, count: int) -> list:
        if len(self.stack) < count or any(value is _MARK for value in self.stack[-count:]):
            raise PickleRefused("it is damaged: its stack runs empty.")
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    def since_mark(self) -> list:
        taken = []
        while (value := self.stack.pop()) is not _MARK:
            taken.append(value)
        return taken[::-1]

    def remember(self, place: int) -> None:
        if self.stack[-1] is _MARK:
            raise PickleRefused("it is damaged: it remembers a mark.")
        self.memo[place] = self.stack[-1]

    def make_dict(self, items: list) -> None:
        self.stack.append({})
        self.set_items(items)

    def extend(self, items: list) -> None:
        if not isinstance(self.stack[-1], list):
            raise PickleRefused("it appends to something other than a list.")
        self.stack[-1].extend(items)

    def set_items(self, items: list) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2 or not all(isinstance(key, str) for key in items[::2]):
            raise PickleRefused("it holds a dict whose keys are not texts.")
        target.update(zip(items[::2], items[1::2], strict=True))

    def name(self, module: object, attribute: object) -> None:
        full = f"{_OLD_MODULES.get(str(module), str(module))}.{attribute}"
        if full not in _ADMITTED:
            shown = ascii(full)[1:-1][:80]
            raise PickleRefused(f"it names '{shown}', which no hand model needs, so it was not loaded.")
        self.stack.append(_Name(_ADMITTED[full]))

    def call(self, called: object, arguments: object) -> None:
        if not isinstance(called, _Name) or not isinstance(arguments, tuple):
            raise PickleRefused("it calls something that a hand model does not need.")
        kind = called.kind
        if kind == "make":  # copy_reg._reconstructor(class, base, state)
            if not arguments or not isinstance(arguments[0], _Name):
                raise PickleRefused("it builds an object that a hand model does not need.")
            kind, arguments = arguments[0].kind, ()
        self.stack.append(_Note(kind, arguments))

    def set_state(self, state: object) -> None:
        if not isinstance(self.stack[-1], _Note):
            raise PickleRefused("it sets the state of something that is no array.")
        self.stack[-1].state = state


def _array(value: object, depth: int = 0) -> np.ndarray:
    """Make the array that a note describes."""
    makers = {"array": _dense, "buffer": _buffer, "Ch": _chumpy, "Select": _select, "csc": _sparse, "csr": _sparse}
    if not isinstance(value, _Note) or value.kind not in makers or depth > _DEEPEST:
        found = value.kind if isinstance(value, _Note) else type(value).__name__
        raise PickleRefused(f"it holds a {found} where a hand model has an array.")
    return makers[value.kind](value, depth)


def _dense(note: _Note, _depth: int) -> np.ndarray:
    """numpy.ndarray. State: (version, shape, dtype, Fortran order, bytes)."""
    shape, kind, fortran, data = note.state[-4:]
    return _from_bytes(data, kind, shape, "F" if fortran else "C")


def _buffer(note: _Note, _depth: int) -> np.ndarray:
    """numpy's _frombuffer(bytes, dtype, shape, order), as protocol 5 writes arrays."""
    data, kind, shape, order = note.arguments
    return _from_bytes(data, kind, shape, "F" if order == "F" else "C")


def _from_bytes(data: object, kind: object, shape: object, order: str) -> np.ndarray:
    if isinstance(data, _Note) and data.kind == "bytes":  # _codecs.encode(text, "latin1"), Python 3's protocol 2
        data, encoding = data.arguments
        if encoding not in ("latin1", "latin-1"):
            raise PickleRefused("it decodes something other than latin1 text.")
    data = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(data, bytes | bytearray):
        raise PickleRefused("it holds an array without bytes.")
    dtype = _number_type(kind)
    shape = _lengths(shape)
    if math.prod(shape) * dtype.itemsize != len(data):
        raise PickleRefused(f"it holds an array of shape {shape} with {len(data)} bytes.")
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _number_type(note: object) -> np.dtype:
    """numpy.dtype(name, align, copy). State: (version, byte order, ...)."""
    if not isinstance(note, _Note) or note.kind != "dtype":
        raise PickleRefused("it holds an array without a type.")
    name = note.arguments[0]
    if not isinstance(name, str) or name[:1] not in "fiub" or name[1:] not in ("1", "2", "4", "8"):
        raise PickleRefused(f"it holds an array of type {ascii(name)[:40]}, expected numbers.")
    return np.dtype(f"{'>' if note.state and note.state[1] == '>' else '<'}{name}")


def _lengths(shape: object) -> tuple[int, ...]:
    shape = (shape,) if isinstance(shape, int) else shape
    if not isinstance(shape, tuple | list) or len(shape) > 8 or not all(type(n) is int and n >= 0 for n in shape):
        raise PickleRefused("it holds an array whose shape is no list of lengths.")
    return tuple(shape)


def _value(note: _Note, *names: str) -> object:
    """Return a value of an object's state, under the first of the names that it has."""
    state = note.state
    if isinstance(state, tuple) and len(state) == 2 and state[0]:  # (attributes, slots)
        state = state[0]
    for name in names:
        if isinstance(state, dict) and name in state:
            return state[name]
    raise PickleRefused(f"it holds a {note.kind} without '{names[0]}'.")


def _chumpy(note: _Note, depth: int) -> np.ndarray:
    """chumpy.ch.Ch, an array under the name x."""
    return _array(_value(note, "x"), depth + 1)


def _select(note: _Note, depth: int) -> np.ndarray:
    """chumpy.reordering.Select: entries `idxs` of the flattened array `a`, in the shape `preferred_shape`."""
    source, places = _array(_value(note, "a"), depth + 1), _array(_value(note, "idxs"), depth + 1)
    taken = source.reshape(-1)[places.astype(np.int64)]
    return taken.reshape(_lengths(note.state["preferred_shape"])) if "preferred_shape" in note.state else taken


def _sparse(note: _Note, depth: int) -> np.ndarray:
    """scipy.sparse.csc_matrix or csr_matrix, made dense."""
    data, places, starts = (_array(_value(note, key), depth + 1) for key in ("data", "indices", "indptr"))
    rows, columns = _lengths(_value(note, "_shape", "shape"))
    if rows * columns > _MOST_SPARSE_ENTRIES:
        raise PickleRefused(f"it holds a sparse matrix of {rows} x {columns}.")
    starts, places = starts.astype(np.int64), places.astype(np.int64)
    lines, across = (columns, rows) if note.kind == "csc" else (rows, columns)
    sound = len(starts) == lines + 1 and starts[0] == 0 and starts[-1] == len(places) == len(data)
    if not sound or (np.diff(starts) < 0).any() or (len(places) and not 0 <= places.min() <= places.max() < across):
        raise PickleRefused("it holds a damaged sparse matrix.")
    dense = np.zeros((lines, across))
    np.add.at(dense, (np.repeat(np.arange(lines), np.diff(starts)), places), data)
    return dense.T.copy() if note.kind == "csc" else dense
