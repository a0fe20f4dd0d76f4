"""Synthesis from end to end: objects in batches, one shard each, on several processes, resumable.

A shard is written only when it is whole, and its content depends on the seed, its number, and the settings. So a run
that was interrupted goes on where it stopped, and a second run with the same seed writes the same shards.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path


class SynthesisError(ValueError):
    """A folder or settings a run cannot go on with."""


@dataclass
class Tally:
    """Running totals of a run: counts by grasp type and reason, seconds by stage."""

    shards: int = 0
    candidates: Counter = field(default_factory=Counter)
    kept: Counter = field(default_factory=Counter)
    rejected: Counter = field(default_factory=Counter)
    seconds: Counter = field(default_factory=Counter)
    wall: float = 0.0
    failed: dict[int, str] = field(default_factory=dict)

    def add(self, report) -> None:
        """Add the `ShardReport` of one more shard."""
        self.shards += 1
        for name in ("candidates", "kept", "rejected", "seconds"):
            getattr(self, name).update(getattr(report, name))

    def summary(self) -> dict:
        """Plain numbers for printing and for --json."""
        tried, kept = sum(self.candidates.values()), sum(self.kept.values())
        return {
            "shards": self.shards, "candidates": tried, "grasps": kept, "yield": kept / tried if tried else 0.0,
            "grasps_per_second": kept / self.wall if self.wall else 0.0, "wall_seconds": self.wall,
            "yield_by_type": {name: self.kept[name] / n for name, n in sorted(self.candidates.items())},
            "kept_by_type": dict(self.kept), "rejected": dict(self.rejected),
            "seconds_by_stage": dict(self.seconds), "failed_shards": self.failed,
        }  # fmt: skip


def load_settings(config: str | Path | None = None, grasps: int | None = None):
    """`ShardSettings` from a YAML file of the same field names; grasps overrides the number kept per object.

    Raises SynthesisError naming the file and the unknown field.
    """
    import yaml

    from fastgrasp_training.synthesis.shard import OptimiseSettings, ShardSettings, SlipSettings, VerifySettings

    values: dict = {}
    if config is not None:
        try:
            values = yaml.safe_load(Path(config).read_text()) or {}
        except (OSError, yaml.YAMLError) as error:
            raise SynthesisError(f"{config}: cannot be read as YAML ({error})") from error
    try:
        groups = {"optimise": OptimiseSettings, "verify": VerifySettings, "slip": SlipSettings}
        nested = {name: kind(**values.pop(name, {})) for name, kind in groups.items()}
        if grasps is not None:
            kept = values.get("grasps", ShardSettings.grasps)
            tried = values.get("candidates", ShardSettings.candidates)
            values.update(grasps=grasps, candidates=max(1, round(tried * grasps / kept)))
        return ShardSettings(**values, **nested)
    except (TypeError, AttributeError) as error:
        raise SynthesisError(f"{config}: {error}; the fields are those of config/synthesis.yaml") from error


def run(out: str | Path, objects: int = 400, grasps: int | None = None, seed: int = 0, workers: int = 1,
        config: str | Path | None = None,
        on_shard: Callable[[int, int, Tally], None] | None = None) -> Tally:  # fmt: skip
    """Make (or finish) the grasp set in folder `out`: `objects` objects, at most `grasps` kept on each.

    on_shard(done, total, tally) is called after every shard. Returns the tally of the shards made now.
    Raises SynthesisError if `out` holds a run with other settings.
    """
    from fastgrasp_training.synthesis.objects import object_list

    settings = load_settings(config, grasps)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    _claim(out, {"seed": seed, "settings": asdict(settings)})
    specs = object_list(objects, seed)
    size = settings.objects_per_shard
    batches = {number: specs[first : first + size] for number, first in enumerate(range(0, len(specs), size))}
    todo = {number: batch for number, batch in batches.items() if not shard_path(out, number).is_file()}
    tally, start = Tally(), time.perf_counter()
    done = len(batches) - len(todo)
    for number, result in _results(todo, out, seed, settings, workers):
        if isinstance(result, str):
            tally.failed[number] = result
        else:
            tally.add(result)
        done += 1
        tally.wall = time.perf_counter() - start
        if on_shard is not None:
            on_shard(done, len(batches), tally)
    return tally


def shard_path(out: Path, number: int) -> Path:
    """Where shard `number` of a run is kept."""
    return out / f"shard_{number:05d}.npz"


def _claim(out: Path, identity: dict) -> None:
    """Write set.json, or check that the one there describes the same run."""
    path = out / "set.json"
    text = json.dumps(identity, indent=1, sort_keys=True)
    if path.is_file():
        if json.loads(path.read_text()) != json.loads(text):
            raise SynthesisError(
                f"{path} is of a run with another seed or settings; choose another --out, or delete it"
            )
        return
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(text)
    os.replace(part, path)


def _results(todo: dict[int, list[str]], out: Path, seed: int, settings, workers: int):
    """(number, ShardReport or the text of an error) as shards get ready, from processes of one thread each."""
    if workers <= 1:
        _start_worker(settings, one_thread=False)
        for number, batch in todo.items():
            yield number, _work(number, batch, out, seed)
        return
    # spawn, not fork: torch's threads do not survive a fork
    context = multiprocessing.get_context("spawn")
    saved = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        with ProcessPoolExecutor(workers, context, _start_worker, (settings, True)) as pool:
            futures = {pool.submit(_work, number, batch, out, seed): number for number, batch in todo.items()}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            finally:  # an interrupt: let the running shards go, start no more
                for future in futures:
                    future.cancel()
    finally:
        for name, value in saved.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "IGL_NUM_THREADS": "1"}
_MAKER: list = []  # the process's own ShardMaker


def _start_worker(settings, one_thread: bool) -> None:
    import torch

    from fastgrasp_training.synthesis.shard import ShardMaker

    if one_thread:
        torch.set_num_threads(1)
    _MAKER[:] = [ShardMaker(settings)]


def _work(number: int, specs: list[str], out: Path, seed: int):
    """Make and write one shard. An error is returned as text: one bad object must not end a run of hours."""
    try:
        grasps, report = _MAKER[0].make(specs, seed * 1_000_003 + number)
        grasps.save(shard_path(out, number))
        return report
    except Exception as error:  # noqa: BLE001  reported in the summary; the shard is made by the next run
        return f"{type(error).__name__}: {error}"
