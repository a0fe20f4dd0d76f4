"""Check a random sample of a grasp set in pybullet, with the constants of the published protocol.

    python -m fastgrasp_training.synthesis.audit [--grasps FILE_OR_FOLDER] [--sample 150] [--seed 0] [--json]

Synthesis verifies with a fast contact model of its own (`fastgrasp_model.metrics.slip`); this tells how far that can be
trusted: penetration volume, displacement along six directions, and the share that moves less than 2 cm along all.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np

HELD_CM = 2.0


def audit(grasps, sample: int, seed: int, progress=None) -> dict[str, float]:
    """Figures of `sample` random grasps of a `GraspSet`: means, and the 95 % interval of the share that holds.

    Returns keys grasps, volume_cm3, depth_mm, displacement_six_cm, held_share, held_low, held_high.
    """
    import torch
    from scipy.stats import binomtest

    from fastgrasp_model.hand import ManoLayer

    rows = np.random.default_rng(seed).choice(len(grasps), size=min(sample, len(grasps)), replace=False)
    rows = rows[np.argsort(grasps.object[rows], kind="stable")]
    layer = ManoLayer.from_file()
    vertices = layer.from_parameters(torch.from_numpy(grasps.parameters()[rows])).vertices.numpy()
    faces = layer.closed_faces.numpy()
    volumes, moved = [], []
    for done, (row, hand) in enumerate(zip(rows, vertices, strict=True)):
        volume, distances = _measured(grasps.objects[grasps.object[row]], hand, faces)
        volumes.append(volume)
        moved.append(distances)
        if progress:
            progress(done + 1, len(rows))
    held = int((np.max(moved, axis=1) < HELD_CM).sum())
    interval = binomtest(held, len(rows)).proportion_ci(method="wilson")
    return {
        "grasps": len(rows), "volume_cm3": float(np.mean(volumes)), "depth_mm": float(1000 * grasps.depth[rows].mean()),
        "displacement_six_cm": float(np.mean(moved)), "held_share": held / len(rows),
        "held_low": float(interval.low), "held_high": float(interval.high),
    }  # fmt: skip


def _measured(spec: str, vertices: np.ndarray, faces: np.ndarray) -> tuple[float, np.ndarray]:
    """Solid volume (cm3) and the six displacements (cm) of one hand (778, 3) on the object of a specification."""
    from fastgrasp_model.metrics.penetration import penetration_volume_solid_cm3
    from fastgrasp_model.metrics.simulation import GraspSimulator
    from fastgrasp_training.synthesis.objects import make_object

    mesh = make_object(spec)
    volume = float(penetration_volume_solid_cm3(vertices[None], faces, mesh)[0])
    with GraspSimulator(mesh, "legacy") as simulator:
        return volume, 100 * simulator.displacement(vertices, faces)


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="audit", description=__doc__.splitlines()[0])
    parser.add_argument("--grasps", default="", help="packed file or folder of shards (default: the open grasp set)")
    parser.add_argument("--sample", type=int, default=150, help="how many grasps (default 150)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(argv)
    from rich.progress import Progress

    from fastgrasp_training.configuration import PACKED_GRASPS
    from fastgrasp_training.synthesis.grasp_set import GraspSetError, load_grasp_set

    try:
        grasps = load_grasp_set(options.grasps or PACKED_GRASPS)
    except GraspSetError as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    with Progress(transient=True, disable=options.json) as bars:
        task = bars.add_task("grasps", total=options.sample)
        report = audit(grasps, options.sample, options.seed, lambda done, _: bars.update(task, completed=done))
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        print("\n".join(f"{name:>22}  {value:.3g}" for name, value in report.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
