"""How long the generator takes, warm and synchronised, from a NumPy cloud to mesh vertices and scores.

    python -m fastgrasp_evaluation.benchmark.timing [--threads 2] [--repeats 20] [--device cpu] [--weights DIR] [--view] [--json]

Everything is counted: the cloud's normals and encoding, the sampler, the adaptation module, the hand layer, the score.
A call ends with NumPy arrays, so that a GPU has finished.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np

BATCHES = (1, 16, 64, 256)
CLOUD_POINTS = 3_000


def timing_report(generator, repeats: int = 20, candidates: int = 1, view: bool = False) -> dict:
    """Times on a cloud of 3,000 points, of all sides or a single `view`; every grasp the best of `candidates` hands.

    Returns:
        {"device", "threads", "steps" of the sampler, "guidance", "candidates", "cloud" (full or partial), "batches":
        {"1": {"p50_ms", "p95_ms", "p50_ms_per_grasp", "grasps_per_second"}, ...}} for the batch sizes of `BATCHES`.
    """
    import torch

    config = generator.model.config
    return {
        "device": str(generator.device),
        "threads": torch.get_num_threads(),
        "steps": config.sampling_steps,
        "guidance": config.guidance,
        "candidates": candidates,
        "cloud": "partial" if view else "full",
        "batches": measure(generator, repeats, candidates, view),
    }


def measure(generator, repeats: int, candidates: int = 1, view: bool = False) -> dict[str, dict[str, float]]:
    """Milliseconds for each batch size: p50 and p95 of a whole call, and p50 per grasp. The first two calls warm up."""
    import trimesh

    from fastgrasp_model.geometry.partial import single_view

    mesh, sensor = trimesh.creation.cylinder(0.04, 0.1), np.array([0.2, 0.3, 0.4]) if view else None
    points = single_view(mesh, sensor, CLOUD_POINTS) if view else mesh.sample(CLOUD_POINTS, seed=0)
    report = {}
    for count in BATCHES:
        times = []
        for seed in range(-2, repeats):
            begin = time.perf_counter()
            generator.generate(np.asarray(points), count, seed + 2, viewpoint=sensor, candidates=candidates)
            if seed >= 0:
                times.append(1000 * (time.perf_counter() - begin))
        p50, p95 = np.percentile(times, [50, 95])
        report[str(count)] = {
            "p50_ms": p50, "p95_ms": p95, "p50_ms_per_grasp": p50 / count, "grasps_per_second": 1000 * count / p50,
        }  # fmt: skip
    return report


def timing_lines(report: dict) -> list[str]:
    """A timing report in words, a line for each batch size."""
    head = "{device}, {threads} threads, {steps} sampler steps, guidance {guidance:g}, {cloud} cloud".format(**report)
    if report["candidates"] > 1:
        head += f", each grasp the best of {report['candidates']} by the score"
    return [head] + [
        f"{count:>3} grasps: p50 {row['p50_ms']:.0f} ms, p95 {row['p95_ms']:.0f} ms, "
        f"{row['p50_ms_per_grasp']:.1f} ms a grasp, {row['grasps_per_second']:.0f} a second"
        for count, row in report["batches"].items()
    ]


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="timing", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of the network (default 2)")
    parser.add_argument("--repeats", type=int, default=20, help="calls per batch size (default 20)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--weights", default=None, help="folder of weights (default: the shipped ones)")
    parser.add_argument("--view", action="store_true", help="a single view in the place of a whole cloud")
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
    report = timing_report(generator, options.repeats, view=options.view)
    print(json.dumps(report, indent=1) if options.json else "\n".join(timing_lines(report)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
