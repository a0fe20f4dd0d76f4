"""Data set files that try to run code or to take all memory are refused before anything happens."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import official_layouts as layouts
import pytest

from fastgrasp_evaluation.datasets import DatasetError, read_grab, read_ho3d, read_oakink_shape
from fastgrasp_evaluation.datasets.plain_files import PickleRefused, read_npy, read_npz, read_pickled

MARK = "touched"


class Attack:
    def __reduce__(self):
        return os.system, (f"touch {MARK}",)


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / MARK).exists()


def test_values_come_back_as_they_are(tmp_path):
    value = {"s1": {"rh_vtemp": np.arange(6.0).reshape(2, 3), "name": "s1", "n": 3, "x": None, "t": (1, [2.5, True])},
             "one": np.float32(1.5), "objects": np.array([None, "b"], dtype=object)}  # fmt: skip
    for protocol in (0, 2, 4, 5):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps(value, protocol=protocol))
        found = read_pickled(tmp_path / "a.pkl")
        assert np.array_equal(found["s1"].pop("rh_vtemp"), value["s1"]["rh_vtemp"])
        assert found == {"s1": {"name": "s1", "n": 3, "x": None, "t": [1, [2.5, True]]}, "one": 1.5,
                         "objects": [None, "b"]}  # fmt: skip
    np.save("b.npy", value)
    assert read_npy("b.npy")["s1"]["n"] == 3
    np.savez("c.npz", whole=np.array(value, dtype=object), numbers=np.asfortranarray(np.eye(3)[:2]), text="hello")
    found = read_npz("c.npz", ("whole", "numbers", "text", "none"))
    assert set(found) == {"whole", "numbers", "text"} and found["whole"]["one"] == 1.5
    assert np.array_equal(found["numbers"], np.eye(3)[:2]) and str(found["text"]) == "hello"


@pytest.mark.parametrize("where", ["pickle", "array", "archive"])
def test_a_function_is_refused_before_it_runs(where):
    if where == "pickle":
        Path("a").write_bytes(pickle.dumps({"pose": Attack()}))
        reader = read_pickled
    elif where == "array":
        with open("a", "wb") as stream:
            np.save(stream, np.array({"pose": Attack()}, dtype=object))
        reader = read_npy
    else:
        with open("a", "wb") as stream:
            np.savez(stream, pose=np.array(Attack(), dtype=object))
        reader = lambda path: read_npz(path, ("pose",))  # noqa: E731
    with pytest.raises(PickleRefused, match="it names '(posix|nt).system', which no data set needs"):
        reader("a")


def test_no_data_set_runs_what_its_files_say(tmp_path):
    attack = pickle.dumps({"objRot": Attack()})
    for name, write in (("g", layouts.write_grabnet), ("o", layouts.write_oakink), ("h", layouts.write_ho3d)):
        (tmp_path / name).mkdir()
        write(tmp_path / name)
    np.save("g/sbj_info.npy", {"s1": Attack()})
    next(Path("o").rglob("hand_param.pkl")).write_bytes(attack)
    next(Path("h").rglob("*.pkl")).write_bytes(attack)
    with pytest.raises(DatasetError, match="sbj_info.npy: it names .*system"):
        read_grab("g")
    with pytest.raises(DatasetError, match="hand_param.pkl: it names .*system"):
        read_oakink_shape("o", "all")
    with pytest.raises(DatasetError, match="pkl: it names .*system"):
        read_ho3d("h")


def test_repeated_and_endless_values_are_refused():
    doubled: object = [1] * 10
    for _ in range(10):
        doubled = [doubled] * 10
    Path("laughs.pkl").write_bytes(pickle.dumps(doubled))
    endless: list = []
    endless.append(endless)
    Path("endless.pkl").write_bytes(pickle.dumps(endless))
    for name in ("laughs.pkl", "endless.pkl"):
        with pytest.raises(PickleRefused, match="nests or repeats values"):
            read_pickled(name)


def npy(shape: tuple, dtype: str = "<f8", data: bytes = b"") -> bytes:
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + np.uint16(len(header)).tobytes() + header + data


@pytest.mark.parametrize("content", [
    npy((1 << 40,)), npy((1 << 62, 1 << 62)), npy((3,), "<U99999999"), npy((1,), "|V8", b"12345678"), b"", b"\x93NUMPY",
    npy((), "|O", b"garbage"), npy((), "|O", b"]."), npy((2,), "<f8", bytes(8)),
])  # fmt: skip
def test_damaged_arrays_are_refused(content):
    Path("a.npy").write_bytes(content)
    if content.endswith(b"]."):
        assert read_npy("a.npy") == []
        return
    with pytest.raises(PickleRefused):
        read_npy("a.npy")
    with zipfile.ZipFile("a.npz", "w") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(PickleRefused):
        read_npz("a.npz", ("x",))


def test_what_is_no_archive_is_refused():
    Path("a.npz").write_bytes(b"PK no")
    with pytest.raises(PickleRefused, match="no NumPy archive"):
        read_npz("a.npz", ("x",))
    np.savez_compressed("b.npz", x=np.random.default_rng(0).normal(size=500))
    whole = Path("b.npz").read_bytes()
    for start in (60, 300, 2000):
        Path("b.npz").write_bytes(whole[:start] + bytes(200) + whole[start + 200 :])
        with pytest.raises(PickleRefused, match="no NumPy archive"):
            read_npz("b.npz", ("x",))
