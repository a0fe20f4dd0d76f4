"""`fastgrasp synthesize`: make a grasp set. Heavy imports wait until there is work, so --help answers at once."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from fastgrasp_model.commands.shared import AboveZero, AtLeastOne, InputError, Seed, check_output, parse

_DESCRIPTION = """\
Make verified human grasps on procedural objects or on your own meshes, in resumable shards.
Interrupt with Ctrl-C; the same command continues where it stopped.

The folder of the set holds shard_00000.npz and so on, set.json (seed, settings, objects), progress.jsonl (one line a
shard: counts, yields, cost), and for own meshes objects.json (the centre of mass that became the origin).

  fastgrasp synthesize --out set --objects 400 --workers 8
  fastgrasp synthesize --out set --objects 400 --grasps 10000      ends when the set holds 10,000
  fastgrasp synthesize --out mine --objects meshes/ --per-object 50
  fastgrasp synthesize --out set --objects 2000 --ray auto         on the machines of a Ray cluster
  fastgrasp synthesize --out set --objects 400 --pack set.npz --pack-gap 2.5    one file of the stable ones
"""


@dataclass
class SynthesizeOptions:
    """The options of `fastgrasp synthesize`."""

    out: Path
    """folder of the set"""
    objects: Annotated[tuple[str, ...], arg(metavar="WHAT")] = ("400",)
    """a number of procedural objects; or specifications (mug:12,urdf:017), mesh files in metres, a folder of them, or
    @FILE with one of these a line"""
    grasps: AtLeastOne | None = None
    """end when the set holds so many (default: do all objects)"""
    per_object: AtLeastOne | None = None
    """kept on each object, at most; scales the candidates (default: the configuration's)"""
    candidates: AtLeastOne | None = None
    """hands optimised on each object"""
    config: Path | None = None
    """YAML like config/synthesis.yaml (default: the built-in values)"""
    seed: Seed = 0
    """same seed, same shards"""
    device: str = "cpu"
    """cpu or cuda"""
    workers: AtLeastOne = 1
    """processes, of one thread each"""
    ray: Annotated[str | None, arg(metavar="ADDRESS")] = None
    """make the shards on this Ray cluster, or on any (auto), or on a new one here (local)"""
    pack: Annotated[Path | None, arg(metavar="FILE.npz")] = None
    """afterwards write all shards into this file"""
    pack_gap: AboveZero | None = None
    """pack only grasps with a wrench residual of at most so many newtons of 9.8 (such as 2.5), and in any case the most
    stable 40 of each object"""
    pack_grasps: AtLeastOne | None = None
    """pack at most so many, objects and types balanced"""
    json: bool = False
    """print the summary of the whole folder as JSON"""


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 if all was made, 1 if shards failed, 2 for what cannot be done, 130 if interrupted."""
    try:
        words = sys.argv[1:] if argv is None else argv
        arguments = parse(SynthesizeOptions, words, "fastgrasp synthesize", _DESCRIPTION)
        check_output(arguments.pack, (".npz",))
        if not arguments.pack and (arguments.pack_gap or arguments.pack_grasps):
            raise InputError("--pack-gap and --pack-grasps choose what is packed; give --pack FILE.npz as well")
    except InputError as error:
        return _complain(error)
    from fastgrasp_synthesis.workers import WorkersError

    before = _catch_signals()
    try:
        state = _run(arguments)
        _finish(arguments, state)
    except (ValueError, OSError, WorkersError) as error:
        return _complain(error)
    except KeyboardInterrupt:
        kept = len(list(arguments.out.glob("shard_*.npz")))
        print(f"\nfastgrasp synthesize: interrupted; {arguments.out} keeps {kept} whole shards, the same command goes "
              "on there", file=sys.stderr)
        return 130
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 1 if state.now.failed else 0


def _complain(error: Exception) -> int:
    print(f"fastgrasp synthesize: error: {error}", file=sys.stderr)
    return 2


def _catch_signals() -> dict:
    """SIGINT and SIGTERM end the run in order, also in the background, where a shell has SIGINT ignored."""

    def stop(number, frame):
        raise KeyboardInterrupt

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        numbers.append(signal.SIGHUP)
    try:
        return {number: signal.signal(number, stop) for number in numbers}
    except ValueError:  # not in the main thread
        return {}


def _run(arguments):
    from fastgrasp_synthesis.display import shown
    from fastgrasp_synthesis.pipeline import WorkerSettings, load_settings, run

    settings = load_settings(arguments.config, arguments.per_object, arguments.candidates)
    if not arguments.ray:
        _check_device(arguments.device)
    workers = WorkerSettings(arguments.workers, arguments.device, arguments.ray)
    with shown() as watch:
        return run(arguments.out, arguments.objects, settings, arguments.seed, arguments.grasps, workers, watch)


def _check_device(name: str) -> None:
    """Raise InputError if PyTorch cannot use the device, with the reason and the remedy."""
    import torch

    kind, _, number = name.partition(":")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cpu":
        return
    if kind != "cuda":
        raise InputError(f"--device {name}: expected cpu or cuda")
    if torch.version.cuda is None:
        raise InputError(
            f"--device {name}: this PyTorch ({torch.__version__}) is built without CUDA; install one that is "
            "(https://pytorch.org/get-started), or use --device cpu")
    if count == 0:
        raise InputError(f"--device {name}: no GPU that PyTorch can use; see `nvidia-smi`, or use --device cpu")
    if ":" in name and not (number.isdigit() and int(number) < count):
        raise InputError(f"--device {name}: there are {count} GPUs, cuda:0 to cuda:{count - 1}")


def _finish(arguments, state) -> None:
    """Print the summary, and pack. Raises what packing raises, after the summary."""
    from fastgrasp_evaluation.metrics.parallel import WorkerError

    summary, problem = state.summary(), None
    if arguments.pack and state.whole.shards:
        try:
            summary["packed"] = str(packed(arguments.out, arguments.pack, arguments.pack_gap, arguments.pack_grasps,
                                           arguments.seed, arguments.workers, arguments.json))
        except (ValueError, OSError, WorkerError) as error:
            problem = error
    print(json.dumps(summary, indent=1)) if arguments.json else _print(summary)
    if problem:
        raise ValueError(f"not packed: {problem}") from problem


def _print(summary: dict) -> None:
    now = summary["this_run"]
    print(f"{summary['grasps']} grasps on {summary['objects']} objects in {summary['out']}, {_cost(summary)}")
    print(f"this run: {now['shards']} shards, {now['grasps']} grasps, {now['grasps_per_second']:.1f}/s")
    if summary["candidates"]:
        print(f"{summary['candidates']} hands optimised, {summary['yield']:.0%} kept; by type:")
        for name, share in summary["yield_by_type"].items():
            print(f"  {name:22} {summary['kept_by_type'].get(name, 0):7} kept  {share:4.0%}")
        print("turned away: " + ", ".join(f"{name} {count}" for name, count in summary["rejected"].items()))
    if "packed" in summary:
        print(f"packed into {summary['packed']}")
    for number, reason in summary["failed_shards"].items():
        print(f"shard {number} failed ({reason}); the same command tries it again", file=sys.stderr)


def _cost(summary: dict) -> str:
    hours = {"core": summary["core_hours"], "GPU": summary["gpu_hours"]}
    said = [f"{h:.1f} {kind} hours" if h >= 1 else f"{60 * h:.1f} {kind} minutes" for kind, h in hours.items() if h]
    return " and ".join(said) or "no cost on record"


def packed(folder: Path, path: Path, gap: float | None = None, most: int | None = None, seed: int = 0,
           workers: int = 1, quiet: bool = True) -> Path:  # fmt: skip
    """Write the shards of a folder into one file: all grasps, or those with a `gap` of so many newtons (see
    `stability.stable`), and `most` of them. Raises GraspSetError and what making an object again raises."""
    from fastgrasp_synthesis.grasp_set import load_grasp_set
    from fastgrasp_synthesis.packing import pack, thin
    from fastgrasp_synthesis.sources import mesh_folder
    from fastgrasp_synthesis.stability import stable

    grasps = load_grasp_set(folder)
    if gap is not None:
        grasps = stable(grasps, gap, workers, mesh_folder(folder), quiet)
    if most is not None:
        grasps = thin(grasps, most, seed)
    return pack(grasps, path)


if __name__ == "__main__":
    raise SystemExit(main())
