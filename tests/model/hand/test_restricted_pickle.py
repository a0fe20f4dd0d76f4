"""MANO's official file, rebuilt byte by byte as Python 2 wrote it."""

import pickle
import pickletools
import struct

import numpy as np
import pytest
import torch
from scipy import sparse

from fastgrasp_model.hand.mano_file import load_hand_file
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer
from fastgrasp_model.hand.restricted_pickle import PickleRefused, read_pickle


class Python2Pickle:
    """Writes the opcodes that Python 2.7's cPickle writes: byte strings, names of old modules.

    Checked against files that Python 2.7 with NumPy 1.16, SciPy 1.2 and chumpy 0.70 wrote: the same names, the
    same attributes, protocol 2 with NEWOBJ, protocols 0 and 1 with copy_reg.
    """

    def __init__(self, protocol: int = 2) -> None:
        self.protocol = protocol
        self.memo: dict[tuple[str, str], int] = {}
        self.out = bytearray(b"\x80\x02" if protocol == 2 else b"")

    def text(self, value: str) -> None:
        self.bytes(value.encode("latin1"))

    def bytes(self, value: bytes) -> None:
        short = len(value) < 256
        self.out += b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<i", len(value))
        self.out += value

    def name(self, module: str, attribute: str) -> None:
        if (module, attribute) in self.memo:
            self.out += b"h" + bytes([self.memo[module, attribute]])
            return
        self.memo[module, attribute] = len(self.memo)
        self.out += f"c{module}\n{attribute}\n".encode() + b"q" + bytes([len(self.memo) - 1])

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
        """A new-style object, and its state."""
        if self.protocol == 2:
            self.name(module, kind)
            self.out += b")\x81"
        else:
            self.name("copy_reg", "_reconstructor")
            self.out += b"("
            self.name(module, kind)
            self.name("__builtin__", "object")
            self.out += b"NtR"
        self.mapping(state)
        self.out += b"b"

    def empty_set(self) -> None:
        self.name("__builtin__", "set")
        self.out += b"(]tR"

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
        elif isinstance(value, set):
            self.empty_set()
        elif isinstance(value, dict):
            self.mapping(value)
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
    larger = np.concatenate([array, np.full(array.shape, 9.0)], axis=2)  # (778, 3, 20) in the official file
    places = np.arange(larger.size).reshape(larger.shape)[..., : array.shape[2]].reshape(-1)
    common = {"_make_sparse": False, "_make_dense": False, "_itr": None, "_status": "new"}
    common = {**common, "_dirty_vars": set(), "_depends_on_deps": {}}
    inner = Objects(["chumpy.ch", "Ch", {**common, "x": larger}])
    return Objects(
        ["chumpy.reordering", "Select", {**common, "a": inner, "idxs": places, "preferred_shape": array.shape}]
    )


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


@pytest.fixture(params=[1, 2])
def official(tmp_path, request):
    writer = Python2Pickle(request.param)
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


def test_the_official_form_names_what_the_real_file_names(official):
    """The names in the file that Python 2.7 wrote with the real libraries, and no other."""
    names = {argument for opcode, argument, _ in pickletools.genops(official.read_bytes()) if opcode.name == "GLOBAL"}
    for_python = {"copy_reg _reconstructor", "__builtin__ object"}  # in protocols 0 and 1 only
    assert names - for_python == {
        "__builtin__ set",
        "chumpy.ch Ch",
        "chumpy.reordering Select",
        "numpy dtype",
        "numpy ndarray",
        "numpy.core.multiarray _reconstruct",
        "scipy.sparse.csc csc_matrix",
    }


def test_escaped_strings_of_protocol_0_are_bytes(tmp_path):
    data = np.array([[1.5, -2.25], [np.pi, 1e300]])
    text = "".join(f"\\x{byte:02x}" for byte in data.tobytes()).encode()
    program = b"(dp0\nS'v_template'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntS'b'\ntR"
    program += b"(I1\n(I2\nI2\ntcnumpy\ndtype\np4\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'"
    path = tmp_path / "hand.pkl"
    path.write_bytes(program + text + b"'\ntbs.")
    np.testing.assert_array_equal(read_pickle(path, ["v_template"])["v_template"], data)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_a_file_saved_again_by_python_3_is_read(tmp_path, protocol):
    model = load_hand_file(OPEN_HAND)
    model["J_regressor"] = sparse.csc_matrix(model["J_regressor"])
    path = tmp_path / "again.pkl"
    path.write_bytes(pickle.dumps(model, protocol=protocol))
    np.testing.assert_array_equal(load_hand_file(path)["J_regressor"], load_hand_file(OPEN_HAND)["J_regressor"])


def test_select_and_sparse_must_stay_inside_their_arrays(tmp_path):
    select = Objects(["chumpy.reordering", "Select", {"a": np.zeros(3), "idxs": np.array([7])}])
    vast, outside = sparse.csc_matrix(np.eye(2)), sparse.csc_matrix(np.eye(2))
    vast._shape = (90_000, 90_000)
    outside.indices = np.array([0, 2])
    for value, reason in ((select, "damaged"), (vast, "90000 x 90000"), (outside, "damaged sparse")):
        writer = Python2Pickle()
        writer.mapping({"shapedirs": value})
        path = tmp_path / "hand.pkl"
        path.write_bytes(bytes(writer.out) + b".")
        with pytest.raises(PickleRefused, match=reason):
            read_pickle(path, ["shapedirs"])
