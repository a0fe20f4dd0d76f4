"""How long the generator takes, warm, from a NumPy cloud to mesh vertices and scores.

    python -m fastgrasp_training.timing [--threads 2] [--repeats 20] [--device cpu] [--weights DIR] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np

BATCHES = (1, 16, 64)


def measure(generator, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds per batch size: p50 and p95 of a whole call, and p50 per grasp, for a cloud of 20,000 points."""
    import trimesh

    points, _ = trimesh.sample.sample_surface(trimesh.creation.cylinder(0.04, 0.1), 20_000, seed=0)
    report = {}
    for count in BATCHES:
        times = []
        for seed in range(-2, repeats):  # the first two warm up
            begin = time.perf_counter()
            generator.generate(np.asarray(points), count, seed=seed + 2)  # ends with NumPy arrays: synchronised
            if seed >= 0:
                times.append(1000 * (time.perf_counter() - begin))
        p50, p95 = np.percentile(times, [50, 95])
        report[str(count)] = {"p50_ms": p50, "p95_ms": p95, "p50_ms_per_grasp": p50 / count}
    return report


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="timing", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of the network (default 2)")
    parser.add_argument("--repeats", type=int, default=20, help="calls per batch size (default 20)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--weights", default=None, help="folder of weights (default: the shipped ones)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(argv)
    import torch

    from fastgrasp_model import GraspGenerator, WeightsError

    torch.set_num_threads(options.threads)
    try:
        generator = GraspGenerator.from_pretrained(options.weights, device=options.device)
    except WeightsError as error:
        print(f"timing: {error}", file=sys.stderr)
        return 2
    report = measure(generator, options.repeats)
    if options.json:
        print(json.dumps(report, indent=1))
        return 0
    for count, row in report.items():
        print(f"{count:>3} grasps: p50 {row['p50_ms']:.0f} ms, p95 {row['p95_ms']:.0f} ms, "
              f"{row['p50_ms_per_grasp']:.1f} ms a grasp")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
