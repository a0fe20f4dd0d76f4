"""Processes that make shards: they answer as one process does, survive a lost one, and never outlive their parent.

The toy stands in for the maker of shards, but for the tests of real shards at the end.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("manifold3d")
pytest.importorskip("igl")
sys.path.insert(0, str(Path(__file__).parent))  # the processes find the toy there, too
import toy_synthesis

from fastgrasp_synthesis import command, pipeline
from fastgrasp_synthesis.grasp_set import load_grasp_set
from fastgrasp_synthesis.workers import Job, WorkersError, in_process, processes

TOY = toy_synthesis.Settings(objects_per_shard=1)
SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import toy_synthesis
from fastgrasp_synthesis import command, pipeline
from fastgrasp_synthesis.sources import Sources
if __name__ == "__main__":
    pipeline.load_settings = lambda *options: toy_synthesis.Settings(objects_per_shard=1)
    pipeline.resolve = lambda objects, seed: Sources(list(objects))
    sys.exit(command.main(sys.argv[1:]))
"""


def jobs(*specs: str) -> list[Job]:
    return [Job(number, [spec], number) for number, spec in enumerate(specs)]


@pytest.mark.slow
def test_processes_answer_as_one_does_and_a_lost_one_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_FOLDER", str(tmp_path))
    work = jobs("thing:0", "once:1", "thing:2", "fail:3", "kill:4", "thing:5")
    notices = []
    made = {one.number: one for one in processes(TOY, "cpu", iter(work), 2, notices.append)}
    assert sorted(made) == [0, 1, 2, 3, 4, 5]
    assert [number for number, one in made.items() if one.failed] in ([3, 4], [4, 3])
    assert "fail:3 cannot be made" in made[3].failed
    assert "twice was killed (SIGKILL, most likely for want of memory: run with fewer --workers)" in made[4].failed
    assert sorted(text[:8] for text in notices) == ["shard 1:", "shard 4:"]
    monkeypatch.setattr("fastgrasp_synthesis.shard.ShardMaker", toy_synthesis.ShardMaker)
    alone = next(in_process(TOY, "cpu", jobs("thing:0")))
    assert (alone.grasps.parameters() == made[0].grasps.parameters()).all()


@pytest.mark.slow
def test_workers_that_all_die_end_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_FOLDER", str(tmp_path))
    with pytest.raises(WorkersError, match="die one after another; the last one was killed"):
        list(processes(TOY, "cpu", iter(jobs(*["kill:0"] * 9)), 1, lambda text: None))
    with pytest.raises(WorkersError, match="no hand file"):
        list(processes(TOY, "no hand", iter(jobs("thing:0")), 1, lambda text: None))


def children(pid: int) -> set[int]:
    """Processes below `pid`, as Linux tells them."""
    found = set()
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in map(int, (task / "children").read_text().split()):
            found |= {child} | children(child)
    return found


def running(pid: int) -> bool:
    """Whether there is such a process, and it is not a dead one that nobody has asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc to find the processes")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_command_however_it_ends(tmp_path, number):
    """Started as a shell starts it in the background: with SIGINT ignored."""
    script, out = tmp_path / "run.py", tmp_path / "set"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent)))
    call = [sys.executable, str(script), "--out", str(out), "--workers", "2"]
    call += ["--objects", "thing:1", *[f"sleep:{n}" for n in range(9)]]
    with open(tmp_path / "said.txt", "w") as said:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            run = subprocess.Popen(call, stderr=said, stdout=said, start_new_session=True)
        finally:
            signal.signal(signal.SIGINT, before)
    below: set[int] = set()
    try:
        assert wait_for(lambda: (out / "shard_00000.npz").is_file(), 60), (tmp_path / "said.txt").read_text()
        below = children(run.pid)
        assert len(below) >= 2
        os.kill(run.pid, number)
        code = run.wait(10)
        assert wait_for(lambda: not any(map(running, below)), 10)
    finally:
        for pid in filter(running, {run.pid, *below}):
            os.kill(pid, signal.SIGKILL)
    text = (tmp_path / "said.txt").read_text()
    assert "Traceback" not in text
    if number != signal.SIGKILL:
        assert code == 130 and "keeps 1 whole shards, the same command goes on" in text
    assert sorted(path.name for path in out.glob("*.npz")) == ["shard_00000.npz"]


def test_ray_that_is_not_installed(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert command.main(["--out", str(tmp_path / "a"), "--objects", "can:3", "--ray", "local"]) == 2
    assert 'pip install "fastgrasp-ros2[ray]"' in capsys.readouterr().err


OBJECTS = ["ball:4", "cylinder:2"]  # each is held by a hand of its shard


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    config = tmp_path_factory.mktemp("settings") / "quick.yaml"
    config.write_text(
        "{objects_per_shard: 1, grasps: 3, candidates: 16, rounds: 1, cells: 40, chords: 100, optimise: {steps: 50}}\n")
    return pipeline.load_settings(config)


@pytest.fixture(scope="module")
def alone(tmp_path_factory, quick) -> Path:
    """The shards that one process makes."""
    out = tmp_path_factory.mktemp("alone")
    run = pipeline.run(out, OBJECTS, quick, seed=1)
    assert run.complete and run.whole.grasps > 0
    return out


def shards(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("shard_*.npz")}


@pytest.mark.slow
@pytest.mark.parametrize("ray", [None, "local"])
def test_real_shards_are_the_same_from_one_process_two_or_a_ray_cluster_of_two(tmp_path, quick, alone, ray):
    if ray:
        pytest.importorskip("ray", reason="Ray is not installed: pip install ray")
    several = pipeline.run(tmp_path / "several", OBJECTS, quick, seed=1, workers=pipeline.WorkerSettings(2, ray=ray))
    assert several.complete and len(shards(tmp_path / "several")) == 2
    assert shards(tmp_path / "several") == shards(alone)
    packed = command.packed(tmp_path / "several", tmp_path / "packed.npz")
    assert len(load_grasp_set(packed)) == several.whole.grasps
