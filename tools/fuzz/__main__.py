"""The command; see the package."""

from __future__ import annotations

import argparse
import collections
import os
import tempfile
from pathlib import Path

from tools.fuzz.run import run


def main() -> int:
    """Run it; the exit code is 1 where an input was answered wrongly."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, help="how many inputs in all")
    parser.add_argument("--seconds", type=float, help="for how long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder that keeps the place and the faults (default: a new one)")
    parser.add_argument("--only", type=int, metavar="K", help="read input K again and keep its file in --out")
    options = parser.parse_args()
    out = options.out or Path(tempfile.mkdtemp(prefix="fastgrasp_fuzz_"))
    if options.only is not None:
        return _again(options.only, options.seed, out)
    if options.inputs is None and options.seconds is None:
        parser.error("give --inputs or --seconds")
    progress = run(out, options.seed, options.inputs, options.seconds, lambda line: print(line, flush=True))
    kinds = collections.Counter((f.get("subject", "?"), f["fault"][:90]) for f in progress.faults)
    for (subject, fault), count in kinds.most_common():
        print(f"{count:6} {subject}: {fault}")
    print(f"{progress.done} inputs of seed {progress.seed}: {len(progress.faults)} faults ({out}/progress.json)")
    return bool(progress.faults)


def _again(index: int, seed: int, out: Path) -> int:
    from tools.fuzz.worker import Worker

    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        worker = Worker(seed, Path(folder))
        number, target, content = worker.input(index)
        path = out / f"{index}_{Path(target).name}"
        path.write_bytes(content)
        print(f"input {index}: {worker.subjects[number].name}, {path}: {worker.fault(index) or 'answered'}")
        return bool(worker.fault(index))


if __name__ == "__main__":
    raise SystemExit(main())
