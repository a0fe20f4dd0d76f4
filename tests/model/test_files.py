"""Atomic writes: whole files with open permissions, and nothing left behind after a failure."""

import json

import numpy as np
import pytest

from fastgrasp_model.files import write_atomically, write_bytes, write_json, write_text


def test_writes_replace_a_file_and_create_folders(tmp_path):
    path = tmp_path / "new" / "folder" / "name.json"
    assert write_json(path, {"grün": [1, None]}) == path
    assert json.loads(path.read_text()) == {"grün": [1, None]} and path.read_text().endswith("}\n")
    write_text(path, "grün\n")
    assert path.read_bytes() == "grün\n".encode()
    write_bytes(path, b"\x00\r\n")
    assert path.read_bytes() == b"\x00\r\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in path.parent.iterdir()] == ["name.json"]


def test_writer_receives_a_binary_file(tmp_path):
    write_atomically(str(tmp_path / "a.npz"), lambda file: np.savez(file, a=np.arange(3)))
    assert np.load(tmp_path / "a.npz")["a"].tolist() == [0, 1, 2]


def test_failed_write_keeps_the_old_file_and_leaves_no_temporary(tmp_path):
    path = write_text(tmp_path / "kept.txt", "old")

    def fail(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, fail)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_unwritable_place_raises(tmp_path):
    write_text(tmp_path / "file", "")
    with pytest.raises(OSError):
        write_text(tmp_path / "file" / "below.txt", "")
