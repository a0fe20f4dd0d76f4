"""Arrays from files: what is written comes back, and no header is believed before the content is there."""

import io
import struct
import zipfile

import numpy as np
import pytest

from fastgrasp_model.numpy_files import NumpyFileError, read_npy, read_npz


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, allow_pickle=True)
    return out.getvalue()


def with_header(header: str, content: bytes = b"\0" * 24) -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.array(3), np.zeros((0, 3), "f4"),
     np.array(["mug", "Ü"]), np.array([True, False]), np.arange(3, dtype=">i2"), np.array([""])],
)  # fmt: skip
def test_arrays_come_back(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", one=array, other=np.ones(2))
    for found in (read_npy(tmp_path / "a.npy"), read_npz(tmp_path / "a.npz")["one"]):
        assert found.dtype == array.dtype and found.flags.writeable
        np.testing.assert_array_equal(found, array)
    assert list(read_npz(tmp_path / "a.npz", ["other", "missing"])) == ["other"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (6442450944, 3)}"), "ends before"),
        (with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3)}"), "claims"),
        (with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999, 9999)}"), "claims"),
        (with_header("{'descr': '<f4', ("), "damaged"),
        (with_header(","), "damaged"),
        (with_header("{'descr': '|V7', 'fortran_order': False, 'shape': (3,)}"), "expected numbers or texts"),
        (npy(np.array([None, {}], dtype=object)), "Python objects"),
        (b"", "damaged"),
        (b"\x80\x04K\x01.", "damaged"),
    ],
)
def test_a_damaged_header_is_one_reason_and_allocates_nothing(tmp_path, content, reason):
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("one.npy", content)
    with pytest.raises(NumpyFileError, match=reason):
        read_npy(tmp_path / "a.npy")
    with pytest.raises(NumpyFileError, match=reason):
        read_npz(tmp_path / "a.npz")


def test_members_that_are_no_arrays_are_left_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("betas", b"bytes without an ending")
        archive.writestr("one.npy", npy(np.ones(3)))
    assert list(read_npz(tmp_path / "a.npz")) == ["one"]


def test_an_archive_that_unfolds_to_too_much_is_not_unfolded(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", one=np.zeros(1 << 20), two=np.zeros(3))
    with pytest.raises(NumpyFileError, match="unfolds to"):
        read_npz(tmp_path / "a.npz", most_bytes=1 << 20)
    assert list(read_npz(tmp_path / "a.npz", ["two"], most_bytes=1 << 20)) == ["two"]


@pytest.mark.parametrize("place", [0, 60, 130, -40])
def test_a_cut_or_changed_archive_is_one_reason(tmp_path, place):
    np.savez_compressed(tmp_path / "a.npz", one=np.random.default_rng(0).random(100))
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content[:place])
    with pytest.raises(NumpyFileError):
        read_npz(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(content[:place] + b"\xff" * 8 + content[place:][8:])
    try:
        read_npz(tmp_path / "a.npz")
    except NumpyFileError as error:
        assert "\n" not in str(error) and len(str(error)) < 200
