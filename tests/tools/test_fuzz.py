"""Damaged files of a fixed seed: every one is answered. `python -m tools.fuzz` makes more of them."""

import json

import numpy as np
import pytest

from tools.fuzz.damage import damaged
from tools.fuzz.run import run
from tools.fuzz.worker import Worker


def test_every_damaged_file_is_answered_by_a_result_or_a_sentence(tmp_path):
    progress = run(tmp_path, seed=20261201, inputs=1200, report=lambda line: None)
    assert progress.done == 1200
    assert not progress.faults, json.dumps(progress.faults[:5], indent=1)


def test_a_run_goes_on_where_it_stopped(tmp_path):
    run(tmp_path, seed=3, inputs=20, report=lambda line: None)
    lines = []
    assert run(tmp_path, seed=3, inputs=30, report=lines.append).done == 30
    assert len(lines) == 1 and json.loads((tmp_path / "progress.json").read_text())["done"] == 30
    with pytest.raises(SystemExit, match="seed 3"):
        run(tmp_path, seed=4, inputs=30)


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """A worker with one format, a .npy of numbers, whose reader a test may break."""
    from tools.fuzz import worker as module
    from tools.fuzz.subjects import Subject

    def make(read):
        content = tmp_path / "sound.npy"
        np.save(content, np.arange(12.0).reshape(4, 3))
        sound = content.read_bytes()
        one = Subject("numbers", {"a.npy": sound}, ("a.npy",), lambda f: (f / "a.npy").read_bytes() == sound or read())
        monkeypatch.setattr(module, "subjects", lambda: [one])
        monkeypatch.chdir(tmp_path)
        return Worker(0, tmp_path / "inputs")

    return make


def test_what_is_no_sentence_of_ours_is_a_fault(worker):
    def fail():
        raise IndexError("list index out of range")

    assert "IndexError" in worker(fail).fault(0)


def test_what_is_left_behind_or_executed_is_a_fault(worker, tmp_path):
    assert "left behind" in worker(lambda: (tmp_path / "inputs/0/.a.npy.part").write_text("half")).fault(0)
    assert "executed" in worker(lambda: (tmp_path / "executed").write_text("")).fault(0)


def test_an_input_depends_on_its_seed_and_number_only(worker):
    one, other = worker(lambda: None), worker(lambda: None)
    assert [one.input(k) for k in range(20)] == [other.input(k) for k in reversed(range(20))][::-1]
    assert len({one.input(k)[2] for k in range(20)}) > 10


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.json", "a.yaml", "a.glb", "a.pkl", "a.ply", "a.unknown"])
def test_damage_never_fails_itself(name):
    rng = np.random.default_rng(0)
    for content in (b"", b"\x00", b"solid", bytes(range(256))):
        for _ in range(30):
            assert isinstance(damaged(name, content, rng), bytes)
