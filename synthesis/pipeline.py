"""Synthesis from end to end: objects in batches, one shard each, on several processes or machines, resumable.

A shard is written only when it is whole, and its content depends on the seed, its number, its objects and the settings.
So a run that was interrupted goes on where it stopped, and a second run with the same seed writes the same shards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from fastgrasp_synthesis.folder import claim, locked
from fastgrasp_synthesis.sources import Sources, load_object, resolve
from fastgrasp_synthesis.tally import Tally, append_record, read_log, record_of
from fastgrasp_synthesis.workers import Job, Made, Notice, in_process, processes


class SettingsError(ValueError):
    """Settings that cannot be read. The message names the file and the field."""


@dataclass(frozen=True)
class WorkerSettings:
    """Who works: processes on this machine, or, with the address of a Ray cluster (or "local"), its tasks."""

    workers: int = 1
    device: str = "cpu"
    ray: str | None = None

    def results(self, settings, jobs: Iterator[Job], notice: Notice) -> Iterator[Made]:
        """The jobs as they get ready."""
        if self.ray:
            from fastgrasp_synthesis.ray_workers import on_ray

            return on_ray(settings, self.device, jobs, self.ray, self.workers, notice)
        if self.workers > 1:
            return processes(settings, self.device, jobs, self.workers, notice)
        return in_process(settings, self.device, jobs)


@dataclass
class Run:
    """How far a run is: `whole` counts all shards in the folder, `now` those made by this run.

    shards: how many there are when all objects are done; wanted: grasps after which the run ends, or None.
    """

    out: Path
    shards: int
    wanted: int | None
    whole: Tally
    now: Tally = field(default_factory=Tally)
    started: float = field(default_factory=time.perf_counter)
    notices: list[str] = field(default_factory=list)

    @property
    def wall(self) -> float:
        return time.perf_counter() - self.started

    @property
    def enough(self) -> bool:
        return self.wanted is not None and self.whole.grasps >= self.wanted

    @property
    def complete(self) -> bool:
        return self.enough or self.whole.shards >= self.shards

    def notice(self, text: str) -> None:
        """Something a person should know, such as a worker that died; it is shown and kept for the summary."""
        self.notices.append(text)

    def remaining(self) -> float | None:
        """Seconds to the end at the rate of this run; None before its first shard."""
        if not self.now.shards:
            return None
        left = (self.shards - self.whole.shards) * self.wall / self.now.shards
        if self.wanted is not None and self.now.grasps:
            left = min(left, (self.wanted - self.whole.grasps) * self.wall / self.now.grasps)
        return max(0.0, left)

    def summary(self) -> dict:
        """Plain numbers: of the whole folder, and under `this_run` of this run."""
        now = {"shards": self.now.shards, "grasps": self.now.grasps, "wall_seconds": self.wall,
               "grasps_per_second": self.now.grasps / self.wall if self.wall else 0.0}  # fmt: skip
        return {**self.whole.summary(), "notices": self.notices, "complete": self.complete,
                "shards_in_all": self.shards, "out": str(self.out), "this_run": now}  # fmt: skip


def load_settings(config: str | Path | None = None, per_object: int | None = None, candidates: int | None = None):
    """Return `ShardSettings` from a YAML file of the same field names.

    per_object overrides the number of grasps kept on an object at most, and scales the candidates with it; candidates
    overrides those. Raises SettingsError naming the file and the unknown field, or the value that is no such number.
    """
    import yaml

    from fastgrasp_synthesis.shard import OptimiseSettings, ShardSettings, SlipSettings, VerifySettings

    try:
        values = yaml.safe_load(Path(config).read_text()) or {} if config is not None else {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{config}: cannot be read as YAML ({error})") from error
    groups = {"optimise": OptimiseSettings, "verify": VerifySettings, "slip": SlipSettings}
    try:
        nested = {name: kind(**_numbers(kind, values.pop(name, {}))) for name, kind in groups.items()}
        settings = ShardSettings(**_numbers(ShardSettings, values), **nested)
    except (TypeError, AttributeError) as error:
        raise SettingsError(f"{config}: {error}; the fields are those of config/synthesis.yaml") from error
    if per_object is not None:  # no rounds beyond it
        tried = max(1, round(settings.candidates * per_object / settings.grasps))
        enough = min(settings.enough, per_object)
        settings = replace(settings, grasps=per_object, candidates=tried, enough=enough)
    return settings if candidates is None else replace(settings, candidates=candidates)


def _numbers(kind: type, values: dict) -> dict:
    """The values, if those of known fields are numbers of their kind. Raises TypeError that names the field."""
    for item in fields(kind):
        value, whole = values.get(item.name, item.default), item.type == "int"
        if item.type not in ("int", "float"):
            continue
        least = 1 if whole and item.name != "enough" else 0
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or value < least:
            raise TypeError(f"{item.name} is {value!r}, expected a {'whole ' if whole else ''}number from {least} on")
    return values


def run(out: str | Path, objects: int | str | list[str] = 400, settings=None, seed: int = 0, grasps: int | None = None,
        workers: WorkerSettings | None = None, watch: Callable[[Run], None] | None = None) -> Run:
    """Make (or finish) the grasp set in folder `out`.

    objects: as `sources.resolve`; settings: ShardSettings; grasps: end when the folder holds so many (default: do all
    objects). Shards are started in order. watch(run) is called at the start and after every shard.

    Raises FolderError if `out` holds a run with another seed, other settings or objects, or if another run is writing
    there; SourceError, WorkersError as `sources.resolve` and `workers`.
    """
    out, settings = Path(out), settings or load_settings()
    sources = resolve(objects, seed)
    out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        claim(out, seed, settings, sources, shard_path)
        jobs = _jobs(sources, settings.objects_per_shard, seed)
        there = {number: shard_path(out, number) for number in jobs if shard_path(out, number).is_file()}
        state, watch = Run(out, len(jobs), grasps, read_log(out, there)), watch or (lambda state: None)
        watch(state)
        if not state.complete:
            _work(state, jobs, there, sources, settings, workers or WorkerSettings(), watch)
    return state


def shard_path(out: Path, number: int) -> Path:
    """Where shard `number` of a run is kept."""
    return out / f"shard_{number:05d}.npz"


def _jobs(sources: Sources, size: int, seed: int) -> dict[int, Job]:
    parts = [sources.specs[first : first + size] for first in range(0, len(sources.specs), size)]
    return {number: Job(number, part, seed * 1_000_003 + number) for number, part in enumerate(parts)}


def _with_meshes(job: Job, sources: Sources) -> Job:
    """The job with its own meshes, read now: workers, wherever they are, need no file."""
    loaded = {spec: load_object(spec, sources.root) for spec in job.specs if spec in sources.own}
    return replace(job, meshes={spec: (mesh.vertices.copy(), mesh.faces.copy()) for spec, mesh in loaded.items()})


def _work(state: Run, jobs: dict[int, Job], there: dict, sources: Sources, settings, workers: WorkerSettings,
          watch) -> None:
    """Do the jobs that are not there and write what comes back: first its line of the log, then the shard."""
    todo = (_with_meshes(job, sources) for number, job in jobs.items() if number not in there)
    with closing(workers.results(settings, todo, state.notice)) as results:
        for made in results:
            record = record_of(made, len(jobs[made.number].specs), workers.device)
            append_record(state.out, record)
            if not made.failed:
                made.grasps.save(shard_path(state.out, made.number))
            state.whole.add(record)
            state.now.add(record)
            watch(state)
            if state.enough:
                return
