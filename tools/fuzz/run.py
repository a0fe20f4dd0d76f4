"""Feeds a worker process with inputs, starts another where it is killed or hangs, and keeps the place."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from fastgrasp_model.files import write_json

HANGS = 90.0  # seconds without a new input, after which a worker is ended
STARTS = 600.0  # seconds in which a worker has to begin
_STEP = 20_000  # inputs of one worker; a new one frees what libraries keep


@dataclass
class Progress:
    """How far a run is; kept in its folder."""

    seed: int
    done: int = 0
    faults: list[dict] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path, seed: int) -> Progress:
        """Read the place of an earlier run of this seed, or begin. Raises SystemExit for another seed's folder."""
        path = folder / "progress.json"
        if not path.is_file():
            return cls(seed)
        content = json.loads(path.read_text())
        if content["seed"] != seed:
            raise SystemExit(f"{folder} holds a run of seed {content['seed']}; give --seed or another --out")
        return cls(**content)

    def save(self, folder: Path) -> None:
        write_json(folder / "progress.json", vars(self))


def run(folder: Path, seed: int, inputs: int | None = None, seconds: float | None = None, report=print) -> Progress:
    """Read inputs until `inputs` of the seed are done, or for `seconds`; goes on where an earlier run stopped."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    progress, begin = Progress.of(folder, seed), time.monotonic()
    deadline = None if seconds is None else begin + seconds
    first = progress.done
    while (inputs is None or progress.done < inputs) and (deadline is None or time.monotonic() < deadline):
        stop = progress.done + _STEP if inputs is None else min(progress.done + _STEP, inputs)
        _step(folder, progress, stop, deadline)
        progress.save(folder)
        rate = (progress.done - first) / max(time.monotonic() - begin, 1e-9)
        report(f"{progress.done} inputs, {len(progress.faults)} faults, {rate:.0f} inputs/s")
    return progress


def _step(folder: Path, progress: Progress, stop: int, deadline: float | None) -> None:
    """Let one worker read inputs up to `stop`; what ended it early is a fault of the input that it was at."""
    place, faults, said = folder / "place", folder / "faults.jsonl", folder / "said.txt"
    place.write_bytes(struct.pack("<q", -1))
    faults.write_text("")
    words = map(str, (progress.seed, progress.done, stop, place, faults))
    command = [sys.executable, "-m", "tools.fuzz.worker", *words]
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    with open(said, "wb") as output:
        worker = subprocess.Popen(command, stdout=output, stderr=output, env=environment, cwd=root)
        try:
            ending = _watched(worker, place, deadline)
        finally:
            if worker.poll() is None:
                worker.kill()
                worker.wait()
    reached = struct.unpack("<q", place.read_bytes())[0]
    if reached < 0 and ending:
        raise SystemExit(f"the worker did not begin: {ending}; {said.read_text(errors='replace')[-2000:]}")
    progress.faults += [json.loads(line) for line in faults.read_text().splitlines()]
    progress.done = max(reached, progress.done)
    if ending:
        last = said.read_text(errors="replace")[-400:]
        progress.faults.append({"input": progress.done, "fault": f"{ending}; {last}"})
        progress.done += 1


def _watched(worker: subprocess.Popen, place: Path, deadline: float | None) -> str | None:
    """Wait for a worker; return why it ended early, None where it did its work or the time is over."""
    at, since = -1, time.monotonic()
    while worker.poll() is None:
        try:
            worker.wait(0.5)
        except subprocess.TimeoutExpired:
            now, index = time.monotonic(), struct.unpack("<q", place.read_bytes())[0]
            if index != at:
                at, since = index, now
            elif now - since > (HANGS if index >= 0 else STARTS):
                return f"no answer within {now - since:.0f} s"
            if deadline is not None and now > deadline:
                return None
    code = worker.returncode
    if not code:
        return None
    return f"the process was killed by {signal.Signals(-code).name}" if code < 0 else f"the process ended with {code}"
