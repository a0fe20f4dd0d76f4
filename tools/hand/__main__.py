"""`python -m tools.hand --out open_hand.npz`: build the open hand from its CC0 source."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from .pipeline import SHAPE_SAMPLES, build_hand, write_hand
from .source import HandBuildError


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.hand", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the .npz to write")
    text = f"bodies behind the shape space (default {SHAPE_SAMPLES})"
    parser.add_argument("--shape-samples", type=int, default=SHAPE_SAMPLES, help=text)
    options = parser.parse_args(arguments)
    begin = time.perf_counter()
    try:
        arrays = build_hand(options.shape_samples, lambda s: print(f"[{time.perf_counter() - begin:5.1f} s] {s}"))
    except HandBuildError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    write_hand(arrays, options.out)
    print(f"wrote {options.out} ({options.out.stat().st_size / 1e6:.2f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
