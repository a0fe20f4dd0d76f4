"""Time of a call of the generator, warm and synchronised, from a NumPy cloud to mesh vertices and scores.

    python -m fastgrasp_evaluation.benchmark.timing [--threads 2] [--repeats 20] [--device cpu] [--weights DIR] [--view]

The time includes the cloud's normals and encoding, the sampler, the adaptation module, the hand layer and the score.
A call ends with NumPy arrays, so a GPU has finished.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from tyro.conf import arg

from fastgrasp_evaluation.benchmark.measured_objects import OBJECT_CLOUD_POINTS
from fastgrasp_model.commands.shared import AtLeastOne, InputError, parse

BATCHES = (1, 16, 64, 256)


@dataclass
class TimingOptions:
    threads: AtLeastOne = 2
    """CPU threads of the network"""
    repeats: AtLeastOne = 20
    """calls per batch size"""
    device: str = "cpu"
    """cpu or cuda"""
    weights: Annotated[Path | None, arg(metavar="DIR")] = None
    """weights folder (default: the shipped weights)"""
    view: bool = False
    """a cloud of a single view instead of the whole surface"""
    json: bool = False
    """print the figures as JSON"""


def timing_report(generator, repeats: int = 20, candidates: int = 1, view: bool = False) -> dict:
    """Time the generator on a cloud of 3,000 points, of the whole surface or of a single `view`.

    Returns {"device", "threads", "steps" of the sampler, "guidance", "candidates" per grasp, "cloud" ("full" or
    "partial"), "batches": {"1": {"p50_ms", "p95_ms", "p50_ms_per_grasp", "grasps_per_second"}, ...}} for the batch
    sizes of `BATCHES`.
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
        "batches": _batches(generator, repeats, candidates, view),
    }


def _batches(generator, repeats: int, candidates: int, view: bool) -> dict[str, dict[str, float]]:
    """Return p50 and p95 of a whole call and p50 per grasp for each batch size, after two calls that warm up."""
    import trimesh

    from fastgrasp_evaluation.simulated_views import single_view

    mesh, sensor = trimesh.creation.cylinder(0.04, 0.1), np.array([0.2, 0.3, 0.4]) if view else None
    count = OBJECT_CLOUD_POINTS
    points = np.asarray(single_view(mesh, sensor, count) if view else mesh.sample(count, seed=0))
    report = {}
    for count in BATCHES:
        times = []
        for seed in range(repeats + 2):
            begin = time.perf_counter()
            generator.generate(points, count, seed, viewpoint=sensor, candidates=candidates)
            times.append(1000 * (time.perf_counter() - begin))
        p50, p95 = np.percentile(times[2:], [50, 95])
        report[str(count)] = {
            "p50_ms": p50,
            "p95_ms": p95,
            "p50_ms_per_grasp": p50 / count,
            "grasps_per_second": 1000 * count / p50,
        }
    return report


def timing_lines(report: dict) -> list[str]:
    """Describe a timing report, one line for each batch size."""
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
    import torch

    from fastgrasp_model import GraspGenerator, WeightsError

    argv = sys.argv[1:] if argv is None else argv
    try:
        options = parse(TimingOptions, argv, "timing", __doc__.splitlines()[0])
        torch.set_num_threads(options.threads)
        generator = GraspGenerator.from_pretrained(options.weights, device=options.device)
    except (InputError, WeightsError) as error:
        print(f"timing: {error}", file=sys.stderr)
        return 2
    report = timing_report(generator, options.repeats, view=options.view)
    print(json.dumps(report, indent=1) if options.json else "\n".join(timing_lines(report)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
