"""MANO's official file, rebuilt byte by byte as Python 2 wrote it; and pickles that try to run code."""

import builtins
import os
import pickle
import struct

import numpy as np
import pytest
import torch
from scipy import sparse

from fastgrasp_model.hand.mano import OPEN_HAND, ManoLayer
from fastgrasp_model.hand.model_file import HandModelError, load_hand_file
from fastgrasp_model.hand.restricted_pickle import PickleRefused, read_pickle


class Python2Pickle:
    """Writes the opcodes that Python 2's cPickle writes with protocol 2: byte strings, names of old
    modules.
    """

    def __init__(self) -> None:
        self.out = bytearray(b"\x80\x02")

    def text(self, value: str) -> None:
        self.bytes(value.encode("latin1"))

    def bytes(self, value: bytes) -> None:
        short = len(value) < 256
        self.out += b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<i", len(value))
        self.out += value

    def name(self, module: str, attribute: str) -> None:
        self.out += f"c{module}\n{attribute}\n".encode()

    def number(self, value: int) -> None:
        self.out += b"J" + struct.pack("<i", value)

    def numbers(self, values: tuple[int, ...]) -> None:
        self.out += b"("
        for value in values:
            self.number(value)
        self.out += b"t"

    def array(self, value: np.ndarray) -> None:
        value = np.asarray(value)
        self.name("numpy.core.multiarray", "_reconstruct")
        self.name("numpy", "ndarray")
        self.numbers((0,))
        self.text("b")
        self.out += b"\x87R("  # three arguments, call, begin the state
        self.number(1)
        self.numbers(value.shape)
        self.name("numpy", "dtype")
        self.text(value.dtype.str[1:])
        self.out += b"K\x00K\x01\x87R(K\x03"
        self.text("<")
        self.out += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        fortran = value.ndim > 1 and value.flags.f_contiguous
        self.out += b"\x88" if fortran else b"\x89"
        self.bytes(value.tobytes("F" if fortran else "C"))
        self.out += b"tb"

    def instance(self, module: str, kind: str, state: dict) -> None:
        """A new-style object as copy_reg makes it, and its state."""
        self.name("copy_reg", "_reconstructor")
        self.name(module, kind)
        self.name("__builtin__", "object")
        self.out += b"N\x87R"
        self.mapping(state)
        self.out += b"b"

    def mapping(self, content: dict) -> None:
        self.out += b"}("
        for key, value in content.items():
            self.text(key)
            self.value(value)
        self.out += b"u"

    def value(self, value: object) -> None:
        if isinstance(value, np.ndarray):
            self.array(value)
        elif isinstance(value, str):
            self.text(value)
        elif isinstance(value, bool) or value is None:
            self.out += {None: b"N", True: b"\x88", False: b"\x89"}[value]
        elif isinstance(value, int):
            self.number(value)
        elif isinstance(value, tuple):
            self.numbers(value)
        elif isinstance(value, sparse.csc_matrix):
            state = {"_shape": value.shape, "maxprint": 50, "data": value.data, "indptr": value.indptr}
            self.instance("scipy.sparse.csc", "csc_matrix", {**state, "indices": value.indices, "format": "csc"})
        else:
            module, kind, state = value
            self.instance(module, kind, state)


class Objects(list):
    """(module, class, state): an object of a class that need not be installed here."""


def chumpy_select(array: np.ndarray) -> Objects:
    """As MANO's shapedirs are stored: entries picked from a larger chumpy array."""
    larger = np.concatenate([array, np.full((*array.shape[:2], 3), 9.0)], axis=2)
    places = np.arange(larger.size).reshape(larger.shape)[..., : array.shape[2]].reshape(-1)
    inner = Objects(["chumpy.ch", "Ch", {"x": larger, "_dirty_vars": None}])
    state = {"a": inner, "idxs": places, "preferred_shape": array.shape, "_itr": None}
    return Objects(["chumpy.reordering", "Select", state])


def official_content() -> dict:
    """The open hand in the exact types of MANO_RIGHT.pkl."""
    model = load_hand_file(OPEN_HAND)
    kintree = model["kintree_table"].copy()
    kintree[0, 0] = 2**32 - 1
    return {
        "hands_components": model["hands_components"],
        "f": model["f"].astype(np.uint32),
        "J_regressor": sparse.csc_matrix(model["J_regressor"]),
        "kintree_table": kintree.astype(np.uint32),
        "J": model["J_regressor"] @ model["v_template"],
        "hands_coeffs": np.zeros((5, 45)),
        "weights": model["weights"],
        "posedirs": np.asfortranarray(model["posedirs"]),
        "hands_mean": model["hands_mean"],
        "v_template": model["v_template"],
        "shapedirs": chumpy_select(model["shapedirs"]),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }


@pytest.fixture
def official(tmp_path):
    writer = Python2Pickle()
    writer.mapping(official_content())
    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(bytes(writer.out) + b".")
    return path


def test_official_form_is_read_without_chumpy(official):
    expected, found = load_hand_file(OPEN_HAND), load_hand_file(official)
    for key in set(expected) - {"tip_ids"}:
        np.testing.assert_array_equal(found[key], expected[key], err_msg=key)
    ours, theirs = ManoLayer.from_file(OPEN_HAND), ManoLayer.from_file(official)
    assert theirs.name == "MANO_RIGHT.pkl" and theirs.side == "right"
    parameters = 0.3 * torch.randn(2, 61, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ours.from_parameters(parameters).vertices, theirs.from_parameters(parameters).vertices)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_file_saved_again_by_python_3_is_read(tmp_path, protocol):
    model = load_hand_file(OPEN_HAND)
    model["J_regressor"] = sparse.csc_matrix(model["J_regressor"])
    path = tmp_path / "again.pkl"
    path.write_bytes(pickle.dumps(model, protocol=protocol))
    np.testing.assert_array_equal(load_hand_file(path)["J_regressor"], load_hand_file(OPEN_HAND)["J_regressor"])


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


@pytest.mark.parametrize(
    "program",
    [
        b"cnumpy\nndarray.tofile\n.",  # a dotted name, which later protocols would follow
        b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.tofile\x93.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cposix\nsystem\n(I0\ntS'b'\ntR.",
        b"ccopy_reg\n_reconstructor\n(cnumpy\ndtype\nc__builtin__\nobject\nNtR.",  # builds what is no holder
        b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.",  # arrays of objects
        b"cnumpy\ndtype\n(S'V8'\ntR.",
        b"c_codecs\nencode\n(S'a'\nS'zip'\ntR.",
        b"c_codecs\ndecode\n(S'a'\nS'zip'\ntR.",
        b"Pevil\n.",  # persistent id
        b"\x80\x02\x82\x01.",  # extension registry
        b"cchumpy.ch\nCh\n}(S'__setstate__'\nS'x'\nubb.",  # sets the state of a class instead of an object
        b"",
        b"\x80\x02}(",
        b"not a pickle at all",
    ],
)
def test_crafted_and_damaged_programs_are_refused(tmp_path, program):
    path = tmp_path / "hand.pkl"
    path.write_bytes(program)
    with pytest.raises(PickleRefused):
        read_pickle(path)
    with pytest.raises(HandModelError, match="mano.is.tue.mpg.de"):
        load_hand_file(path)


def test_stand_ins_cannot_be_changed_for_later_files(tmp_path, official):
    """BUILD on a class object would patch it for the whole process; it must fail, and leave the class as it
    is.
    """
    path = tmp_path / "patch.pkl"
    path.write_bytes(b"cchumpy.ch\nCh\n(N}(S'to_array'\nS'gone'\nutb.")
    with pytest.raises(PickleRefused):
        read_pickle(path)
    assert load_hand_file(official)["shapedirs"].shape == (778, 3, 10)


def test_arrays_must_have_as_many_bytes_as_their_shape_says(tmp_path):
    writer = Python2Pickle()
    writer.mapping({"v_template": np.zeros((4, 3))})
    data = bytes(writer.out).replace(struct.pack("<i", 4) + b"J", struct.pack("<i", 400000) + b"J") + b"."
    path = tmp_path / "hand.pkl"
    path.write_bytes(data)
    with pytest.raises(PickleRefused, match="400000"):
        read_pickle(path)


def test_select_and_sparse_must_stay_inside_their_arrays(tmp_path):
    select = Objects(["chumpy.reordering", "Select", {"a": np.zeros(3), "idxs": np.array([7])}])
    vast = sparse.csc_matrix(np.eye(2))
    vast._shape = (90_000, 90_000)
    for value in (select, vast):
        writer = Python2Pickle()
        writer.mapping({"shapedirs": value})
        path = tmp_path / "hand.pkl"
        path.write_bytes(bytes(writer.out) + b".")
        with pytest.raises(PickleRefused):
            read_pickle(path)
