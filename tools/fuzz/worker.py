"""The process that reads damaged files; whatever happens to it is seen by `run`."""

from __future__ import annotations

import json
import mmap
import os
import resource
import shutil
import struct
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from tools.fuzz.damage import damaged
from tools.fuzz.subjects import Subject, subjects

MEMORY = 4 << 30  # bytes beyond what the process has when all is loaded
SECONDS = 20.0  # of processor time for one input
_OURS = "fastgrasp"
_GENERATED = 2000  # one in so many of the clouds that are accepted goes on to `fastgrasp generate`


class Worker:
    """Reads inputs of one seed; every input depends on the seed and its number only."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.subjects = subjects()
        weights = np.array([subject.weight for subject in self.subjects])
        self._bounds = np.cumsum(weights / weights.sum())
        self.folder = folder
        for number, subject in enumerate(self.subjects):
            for name, content in subject.files.items():
                path = folder / str(number) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            subject.read(folder / str(number))  # a sound sample is read, or nothing that follows means anything

    def input(self, index: int) -> tuple[int, str, bytes]:
        """Return input `index`: the number of its subject, the file in it that is damaged, and its content."""
        rng = np.random.default_rng([self.seed, index])
        number = int(np.searchsorted(self._bounds, rng.random()))
        subject = self.subjects[min(number, len(self.subjects) - 1)]
        target = subject.targets[int(rng.integers(len(subject.targets)))]
        return self.subjects.index(subject), target, damaged(target, subject.files[target], rng)

    def fault(self, index: int) -> str | None:
        """Read input `index` and return what is wrong with the answer, None where nothing is."""
        number, target, content = self.input(index)
        subject, folder = self.subjects[number], self.folder / str(number)
        (folder / target).write_bytes(content)
        before, started = _written(), time.process_time()
        try:
            fault = self._read(subject, folder, index)
        finally:
            (folder / target).write_bytes(subject.files[target])
        if _written() != before:
            fault = fault or "it was printed by a library instead of being answered"
        if time.process_time() - started > SECONDS:
            fault = fault or f"it took {time.process_time() - started:.0f} s of processor time"
        if (folder / "executed").exists() or Path("executed").exists():
            fault = "a call in the file was executed"
        if sum(path.is_file() for path in folder.rglob("*")) != len(subject.files):
            fault = fault or f"files were left behind in {sorted(path.name for path in folder.rglob('*'))[:5]}"
        return fault

    def _read(self, subject: Subject, folder: Path, index: int) -> str | None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the commands print warnings in a line each
            try:
                subject.read(folder)
            except Exception as error:
                return self._error_fault(error)
            if subject.name.startswith("cloud") and index % _GENERATED < len(self.subjects):
                return _generate_fault(next(folder.iterdir()))
        return None

    @staticmethod
    def _error_fault(error: Exception) -> str | None:
        kind = type(error)
        if not (kind.__module__.startswith(_OURS) and isinstance(error, ValueError)):
            return f"{kind.__module__}.{kind.__name__}: {str(error)[:300]}"
        text = str(error)
        if not text.strip() or "Traceback" in text or len(text) > 3000:
            return f"{kind.__name__} has no sentence but {len(text)} characters: {text[:200]!r}"
        return None


def _generate_fault(cloud: Path) -> str | None:
    """Run `fastgrasp generate` on a file whose cloud was accepted; return what is wrong with its end."""
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    from fastgrasp_model import cli

    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.main(["generate", str(cloud), "--num", "2"])
    said = err.getvalue()
    return None if code in (0, 2) and "defect" not in said else f"`fastgrasp generate` ended with {code}: {said[-300:]}"


def _written() -> int:
    """Return how much has been written to stdout and stderr, which are files."""
    sys.stdout.flush()
    sys.stderr.flush()
    return os.fstat(1).st_size + os.fstat(2).st_size


def main() -> None:
    """Read inputs START to STOP of SEED; note the place in the file PROGRESS, faults in FAULTS as lines of JSON."""
    seed, start, stop, progress, faults = sys.argv[1:]
    folder = Path(tempfile.mkdtemp(prefix="fastgrasp_fuzz_", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    os.chdir(folder)
    try:
        worker = Worker(int(seed), folder)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
        with open(progress, "r+b") as file, mmap.mmap(file.fileno(), 8) as place:
            for index in range(int(start), int(stop)):
                place[:] = struct.pack("<q", index)
                fault = worker.fault(index)
                if fault:
                    number, target, _ = worker.input(index)
                    found = {"input": index, "subject": worker.subjects[number].name, "file": target, "fault": fault}
                    with open(faults, "a") as lines:
                        lines.write(json.dumps(found) + "\n")
            place[:] = struct.pack("<q", int(stop))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
