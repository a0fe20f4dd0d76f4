"""What a run has done so far, and its log on disk.

`progress.jsonl` in the folder of the shards has one JSON object a line for every shard that was made or failed, also
by earlier runs: the yields and the cost of a set that took several runs.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

LOG = "progress.jsonl"
_COUNTERS = ("candidates", "kept", "rejected", "seconds")


@dataclass
class Tally:
    """Running totals over shards. Counters by grasp type (candidates, kept), reason (rejected), stage (seconds)."""

    shards: int = 0
    objects: int = 0
    candidates: Counter = field(default_factory=Counter)
    kept: Counter = field(default_factory=Counter)
    rejected: Counter = field(default_factory=Counter)
    seconds: Counter = field(default_factory=Counter)
    core_seconds: float = 0.0
    gpu_seconds: float = 0.0
    failed: dict[int, str] = field(default_factory=dict)

    @property
    def grasps(self) -> int:
        """Grasps kept."""
        return sum(self.kept.values())

    def add(self, record: dict) -> None:
        """Add one line of the log."""
        if "failed" in record:
            self.failed[record["shard"]] = record["failed"]
            return
        self.failed.pop(record["shard"], None)
        self.shards += 1
        self.objects += record["objects"]
        for name in _COUNTERS:
            getattr(self, name).update(record[name])
        self.add_cost(record)

    def add_cost(self, record: dict) -> None:
        """Add what a shard cost, also one that was made anew later."""
        self.core_seconds += record.get("core_seconds", 0.0)
        self.gpu_seconds += record.get("wall_seconds", 0.0) if record.get("device", "cpu") != "cpu" else 0.0

    def summary(self) -> dict:
        """Return plain numbers for --json and the data card; core_hours on processor cores, gpu_hours with a GPU."""
        tried, kept = sum(self.candidates.values()), self.grasps
        return {"shards": self.shards, "objects": self.objects, "candidates": tried, "grasps": kept,
                "yield": kept / tried if tried else 0.0, "core_hours": self.core_seconds / 3600,
                "gpu_hours": self.gpu_seconds / 3600,
                "grasps_per_core_second": kept / self.core_seconds if self.core_seconds else 0.0,
                "yield_by_type": {name: self.kept[name] / n for name, n in sorted(self.candidates.items()) if n},
                "kept_by_type": dict(sorted(self.kept.items())), "rejected": dict(self.rejected),
                "seconds_by_stage": dict(self.seconds),
                "failed_shards": {str(number): reason for number, reason in self.failed.items()}}


def record_of(made, objects: int, device: str) -> dict:
    """The line of the log for a `workers.Made` on so many objects."""
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    if made.failed:
        return {"shard": made.number, "time": when, "failed": made.failed}
    counts = {name: dict(getattr(made.report, name)) for name in _COUNTERS}
    return {"shard": made.number, "time": when, "host": made.host, "device": device.split(":")[0], "objects": objects,
            "grasps": len(made.grasps), "core_seconds": made.core_seconds, "wall_seconds": made.wall_seconds, **counts}


def append_record(folder: Path, record: dict) -> None:
    """Add one line to the log; a line that an earlier run left unfinished is closed first."""
    path = folder / LOG
    with open(path, "a+b") as stream:
        if stream.tell():
            stream.seek(-1, 2)
            if stream.read(1) != b"\n":
                stream.write(b"\n")
        stream.write(json.dumps(record).encode() + b"\n")


def read_log(folder: Path, shards: dict[int, Path]) -> Tally:
    """The totals over the shards that are in the folder: of each the last line; the cost of all lines.

    shards: the shards' files by number. One without a line (the log was deleted) is counted from the file itself, as
    far as it tells: its objects and grasps, no candidates by type and no cost.
    """
    from fastgrasp_synthesis.grasp_set import load_grasp_set

    tally, last = Tally(), {}
    for record in _records(folder / LOG):
        if record["shard"] in last:
            tally.add_cost(last[record["shard"]])
        last[record["shard"]] = record
    for number, record in sorted(last.items()):
        if number not in shards and "failed" not in record:
            tally.add_cost(record)
        elif number not in shards or "failed" not in record:
            tally.add(record)
    for number in sorted(set(shards) - {n for n, record in last.items() if "failed" not in record}):
        grasps = load_grasp_set(shards[number])
        tally.shards += 1
        tally.objects += len(grasps.objects)
        tally.kept.update(grasps.counts())
    return tally


def logged_shards(folder: Path) -> set[int]:
    """Numbers of the shards that were made, as the last line of each in the log says."""
    last = {record["shard"]: record for record in _records(folder / LOG)}
    return {number for number, record in last.items() if "failed" not in record}


def _records(path: Path):
    """The whole lines of a log, in order; a half line that a crash left is passed over."""
    if not path.is_file():
        return
    for line in path.read_text(errors="replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and "shard" in record and ("failed" in record or set(_COUNTERS) <= set(record)):
            yield record

