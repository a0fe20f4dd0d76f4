"""Pickles that try to run code, or to take all the time or memory there is: refused, with one line that says why."""

import builtins
import os
import pickle
import re
import struct
import subprocess
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from fastgrasp_model.hand.mano_file import HandModelError, load_hand_file
from fastgrasp_model.hand.restricted_pickle import PickleRefused, read_pickle


class Calls:
    """Pickles as a call of any function with any arguments."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


MARK = "touched"


@pytest.mark.parametrize(
    "attack",
    [
        Calls(os.system, f"touch {MARK}"),
        Calls(subprocess.Popen, ["touch", MARK]),
        Calls(subprocess.check_call, ["touch", MARK]),
        Calls(builtins.eval, f"open('{MARK}', 'w')"),
        Calls(builtins.exec, f"open('{MARK}', 'w')"),
        Calls(builtins.getattr, np.ndarray, "tofile"),
        Calls(builtins.open, MARK, "w"),
        Calls(np.load, MARK),
        Calls(np.memmap, MARK, "u1", "w+", 0, (4,)),
        Calls(np.fromfile, MARK),
        Calls(np.array, [1.0]),
        Calls(sparse.load_npz, MARK),
        Calls(pickle.loads, b"cos\nsystem\n."),
    ],
    ids=lambda attack: getattr(attack.call[0], "__name__", "call"),
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_every_function_is_refused_before_it_runs(tmp_path, monkeypatch, attack, protocol):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hand.pkl"
    path.write_bytes(pickle.dumps({"v_template": attack}, protocol=protocol))
    with pytest.raises(HandModelError, match="hand.pkl.*which no hand model needs"):
        load_hand_file(path)
    assert not (tmp_path / MARK).exists()


def array_program(kind: bytes = b"f8", shape: bytes = b"I2\nI2\n", data: bytes = b"T\x20\0\0\0" + bytes(32)) -> bytes:
    """One array, with any type, lengths and bytes."""
    start = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(" + shape + b"t"
    return start + b"cnumpy\ndtype\n(S'" + kind + b"'\nI0\nI1\ntRI00\n" + data + b"tb"


def below_key(value: bytes, key: bytes = b"v_template") -> bytes:
    return b"(dS'" + key + b"'\n" + value + b"s."


def refusal(tmp_path, program: bytes) -> str:
    """Why a program is refused: one short line, in the reader and in `load_hand_file`."""
    path = tmp_path / "hand.pkl"
    path.write_bytes(program)
    with pytest.raises(PickleRefused) as caught:
        read_pickle(path, ["v_template", "shapedirs", "J_regressor"])
    with pytest.raises(HandModelError, match="hand.pkl.*mano.is.tue.mpg.de"):
        load_hand_file(path)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 200
    return message


def test_the_plain_array_of_these_tests_is_read(tmp_path):
    path = tmp_path / "hand.pkl"
    path.write_bytes(below_key(array_program()))
    np.testing.assert_array_equal(read_pickle(path, ["v_template"])["v_template"], np.zeros((2, 2)))


CH = b"cchumpy.ch\nCh\n"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"cnumpy\nndarray.tofile\n", "names 'numpy.ndarray.tofile'"),  # a dotted name, which Python would follow
        (b"\x8c\x05numpy\x8c\x0endarray.tofile\x93", "names 'numpy.ndarray.tofile'"),
        (b"cnumpy.core.multiarray\n_reconstruct\n(cposix\nsystem\n(I0\ntS'b'\ntR", "names 'posix.system'"),
        (b"cbuiltins\nset\n(cbuiltins\neval\ntR", "names 'builtins.eval'"),  # hidden in what is admitted
        (b"cnumpy\n" + b"x" * 100_000 + b"\n", "names 'numpy.xxx"),
        (b"ios\nsystem\n", "instruction INST"),
        (b"(cnumpy\nndarray\no", "instruction OBJ"),
        (b"cnumpy\nndarray\n)}\x92", "instruction NEWOBJ_EX"),
        (b"Pevil\n", "instruction PERSID"),
        (b"N\x51", "instruction BINPERSID"),
        (b"\x82\x01", "instruction EXT1"),
        (b"\x97", "instruction NEXT_BUFFER"),
        (b"S'os'\n(S'id'\ntR", "calls something"),
        (CH + b")\x81" + b")R", "calls something"),  # an object, not a class
        (b"ccopy_reg\n_reconstructor\n(S'os.system'\nNNtR", "builds an object"),
        (CH + b"}b", "sets the state"),  # of a class instead of an object
        (b"ccopy_reg\n_reconstructor\n(N}S'__new__'\nNstb", "sets the state"),
        (b"(l}b", "sets the state"),
        (CH + b")\x81" + b"(l" + b"b", "without 'x'"),
        (CH + b")\x81", "without 'x'"),
        (b"cchumpy.reordering\nSelect\n)\x81}b", "without 'a'"),
        (b"cbuiltins\nset\n(]tR", "holds a set where"),
        (b"cbuiltins\nobject\n)\x81", "holds a object where"),
        (b"cnumpy\ndtype\n(S'f8'\ntR", "holds a dtype where"),
        (b"(F1.0\nF2.0\nl", "holds a list where"),
        (b"S'text'\n", "holds a str where"),
        (array_program(kind=b"O8"), "type 'O8'"),
        (array_program(kind=b"V8"), "type 'V8'"),
        (array_program(kind=b"O"), "type 'O'"),
        (array_program(data=b"I99999999999\n"), "without bytes"),  # bytes(n) would be n zeros
        (array_program(data=b"c_codecs\nencode\n(S'a'\nS'zip'\ntR"), "other than latin1"),
        (array_program(shape=b"I-2\nI-2\n"), "no list of lengths"),
        (array_program(shape=b"F2.0\nI2\n"), "no list of lengths"),
        (array_program(shape=b"I2000000000\nI2000000000\n"), r"\(2000000000, 2000000000\) with 32 bytes"),
        (b"(F1.0\nN" + b"d", "keys are not texts"),
        (b"\x88I1\na", "something other than a list"),
        (b"0" * 20, "damaged"),
        (b"h\x05", "damaged"),
        (b"N0" * 30_000, "more than 50000 instructions"),
    ],
)
def test_crafted_values_are_refused(tmp_path, value, reason):
    assert re.search(reason, refusal(tmp_path, below_key(value)))


@pytest.mark.parametrize(
    "program", [b"", b"\x80\x02}(", b"not a pickle at all", b"\x80\x02}", b".", b"N.", b"(.", b"]q\x00.", b"\x80\x63}."]
)
def test_damaged_pickles_are_refused(tmp_path, program):
    path = tmp_path / "hand.pkl"
    path.write_bytes(program)
    with pytest.raises(HandModelError, match="mano.is.tue.mpg.de"):
        load_hand_file(path)


def nested(repeat: bytes, levels: int) -> bytes:
    """A container that holds the one before it ten times, and so on: 10^levels numbers in a few hundred bytes."""
    program = b"I1\np0\n"
    for level in range(levels):
        program += repeat % (b"g%d\n" % level * 10) + b"p%d\n" % (level + 1)
    return program


def sparse_program(starts: list[int]) -> bytes:
    matrix = sparse.csc_matrix(np.eye(2))
    matrix.indptr = np.array(starts)
    return pickle.dumps(matrix, protocol=2)[:-1]


BOMBS = {
    "place in the memo": below_key(b"Nr\xff\xff\xff\x7f"),
    "nested lists": below_key(nested(b"(%sl", 7)),
    "nested tuples": below_key(nested(b"(%st", 9)),
    "nested tuples for a key": b"(d" + nested(b"(%st", 9) + b"Ns.",
    "nested tuples in a set": below_key(b"cbuiltins\nset\n((" + nested(b"(%st", 9) + b"ltR"),
    "declared bytes": below_key(b"\x8e" + struct.pack("<Q", 1 << 40)),
    "declared text": below_key(b"T" + struct.pack("<i", 2**31 - 1)),
    "declared frame": b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + below_key(b"N"),
    "bytes of a number": below_key(array_program(data=b"I1000000000\n")),
    "sparse columns": below_key(sparse_program([0, 0, 10**8])),
    "sparse columns back": below_key(sparse_program([0, 10**8, 2])),
    "array in array": below_key((CH + b")\x81}S'x'\n") * 8000 + b"N" + b"sb" * 8000),
    "array in itself": below_key(CH + b")\x81p0\n}S'x'\ng0\nsb"),
    "instructions": b"N" * 3_000_000,
    "text made bytes": b"(d" + b"T" + struct.pack("<i", 1 << 20) + b"x" * (1 << 20) + b"p0\nNs"
    + b"S'k'\nc_codecs\nencode\n(g0\nS'latin1'\ntRs" * 2000 + b".",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_take_no_memory(tmp_path, name):
    path = tmp_path / "hand.pkl"
    path.write_bytes(BOMBS[name])
    tracemalloc.start()
    try:
        with pytest.raises(HandModelError):
            load_hand_file(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30e6


def test_a_file_of_no_sensible_size_is_refused_unread(tmp_path):
    path = tmp_path / "hand.pkl"
    with open(path, "wb") as file:
        file.truncate(1 << 33)  # a hole: it takes no room
    with pytest.raises(HandModelError, match="8589934592 bytes"):
        load_hand_file(path)


def test_only_the_wanted_arrays_are_made(tmp_path):
    path = tmp_path / "hand.pkl"
    path.write_bytes(b"(dS'other'\n" + array_program(kind=b"O8") + b"sS'v_template'\n" + array_program() + b"s.")
    assert list(read_pickle(path, ["v_template", "f"])) == ["v_template"]
