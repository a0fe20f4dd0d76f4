"""`fastgrasp synthesize`: make a grasp set. Heavy imports wait until there is work, so --help answers at once."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    made = argparse.ArgumentParser(
        prog="fastgrasp synthesize",
        description="Make verified human grasps on procedural objects, in resumable shards. Interrupt with Ctrl-C; the "
        "same command goes on where it stopped.",
    )
    made.add_argument("--out", type=Path, required=True, help="folder for the shards")
    made.add_argument("--objects", type=int, default=400, help="number of objects (default 400)")
    made.add_argument("--grasps", type=int, help="kept on each object, at most (default: the configuration's)")
    made.add_argument("--seed", type=int, default=0, help="same seed, same shards (default 0)")
    made.add_argument("--workers", type=int, default=1, help="processes of one thread each (default 1)")
    made.add_argument("--config", type=Path, help="YAML like config/synthesis.yaml (default: the built-in values)")
    made.add_argument("--pack", type=Path, help="afterwards write all shards into this one .npz")
    made.add_argument("--json", action="store_true", help="print the summary as JSON")
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 if every shard was made, 1 if some failed, 2 for a mistake in the call, 130 if interrupted."""
    arguments = parser().parse_args(argv)
    if arguments.objects < 1 or arguments.workers < 1 or (arguments.grasps is not None and arguments.grasps < 1):
        print("fastgrasp synthesize: --objects, --grasps and --workers must be at least 1", file=sys.stderr)
        return 2
    from fastgrasp_training.synthesis.pipeline import SynthesisError, run

    try:
        tally = _with_progress(run, arguments)
    except (SynthesisError, OSError) as error:
        print(f"fastgrasp synthesize: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"\ninterrupted; whole shards are in {arguments.out}, the same command goes on from there", file=sys.stderr
        )
        return 130
    _finish(arguments, tally)
    return 1 if tally.failed else 0


def _with_progress(run, arguments):
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("shards"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=None)

        def on_shard(done: int, total: int, tally) -> None:
            s = tally.summary()
            text = f"{s['grasps']} grasps  {s['grasps_per_second']:.1f}/s  yield {s['yield']:.0%}"
            progress.update(task, completed=done, total=total, description=text)

        return run(
            arguments.out,
            arguments.objects,
            arguments.grasps,
            arguments.seed,
            arguments.workers,
            arguments.config,
            on_shard,
        )


def _finish(arguments, tally) -> None:
    from fastgrasp_training.synthesis.grasp_set import load_grasp_set

    grasps = load_grasp_set(arguments.out)
    summary = {
        **tally.summary(),
        "grasps_in_folder": len(grasps),
        "objects_in_folder": len(set(grasps.object.tolist())),
        "out": str(arguments.out),
    }
    if arguments.pack:
        summary["packed"] = str(grasps.save(arguments.pack))
    if arguments.json:
        print(json.dumps(summary, indent=1))
        return
    print(f"{summary['grasps_in_folder']} grasps on {summary['objects_in_folder']} objects in {arguments.out}")
    print(
        f"this run: {summary['candidates']} hands optimised, {summary['grasps']} kept ({summary['yield']:.0%}), "
        f"{summary['grasps_per_second']:.1f}/s"
    )
    print("yield by type: " + ", ".join(f"{name} {share:.0%}" for name, share in summary["yield_by_type"].items()))
    print("turned away: " + ", ".join(f"{name} {count}" for name, count in summary["rejected"].items()))
    for number, reason in tally.failed.items():
        print(f"shard {number} failed ({reason}); the same command tries it again", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
