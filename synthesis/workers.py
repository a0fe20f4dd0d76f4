"""Who makes the shards: this process, or several processes of one thread each (`ray_workers`: other machines).

Workers hand shards back; only the process that started them writes files. A worker ends with that process, however it
ends; a worker that dies is replaced and its shard tried once more.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "IGL_NUM_THREADS")}
_PATIENCE = 3.0  # seconds a worker has to end before it is killed
Notice = Callable[[str], None]


class WorkersError(RuntimeError):
    """The workers cannot work at all: no hand file, no such device, no Ray, or they die one after another."""


@dataclass(frozen=True)
class Job:
    """One shard to make: its number, its objects, its seed, and the own meshes among them as (vertices, faces)."""

    number: int
    specs: list[str]
    seed: int
    meshes: dict[str, tuple] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """What a job came to: a GraspSet and its ShardReport with what it cost, or `failed`, the reason why not."""

    number: int
    grasps: object = None
    report: object = None
    wall_seconds: float = 0.0
    core_seconds: float = 0.0
    host: str = ""
    failed: str = ""


class JobMaker:
    """A `ShardMaker` for jobs. Errors of a job come back as text: one bad object must not end a run of hours."""

    def __init__(self, settings, device: str) -> None:
        from fastgrasp_synthesis.shard import ShardMaker

        self.meshes: dict[str, tuple] = {}
        try:
            self.maker = ShardMaker(settings, device=device, make_object=self._object)
        except (ValueError, OSError, RuntimeError) as error:  # no hand file; a device that cannot be used
            raise WorkersError(f"{type(error).__name__}: {error}") from error

    def make(self, job: Job) -> Made:
        """Make one shard and measure what it cost."""
        self.meshes = job.meshes
        wall, core = time.perf_counter(), time.process_time()
        try:
            made = self.maker.make(job.specs, job.seed)
        except Exception as error:  # noqa: BLE001  reported in the summary; the next run makes the shard
            return Made(job.number, failed=f"{type(error).__name__}: {error}")
        return Made(job.number, *made, time.perf_counter() - wall, time.process_time() - core, socket.gethostname())

    def _object(self, spec: str):
        import trimesh

        from fastgrasp_synthesis.sources import load_object

        return trimesh.Trimesh(*self.meshes[spec], process=False) if spec in self.meshes else load_object(spec)


def in_process(settings, device: str, jobs: Iterable[Job]) -> Iterator[Made]:
    """Make the jobs here, one after another, with one thread: the shards are then those of `processes`."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        maker = JobMaker(settings, device)
        for job in jobs:
            yield maker.make(job)
    finally:
        torch.set_num_threads(threads)


def processes(settings, device: str, jobs: Iterable[Job], count: int, notice: Notice) -> Iterator[Made]:
    """Make the jobs in `count` processes; yields them as they get ready. Closing the generator ends the processes.

    Raises WorkersError if they cannot start or die one after another.
    """
    pool = _WorkerPool(settings, device, iter(jobs), notice)
    try:
        for _ in range(count):
            pool.start()
        while pool.members:
            yield from pool.results()
    finally:
        pool.stop()


class _WorkerPool:
    """Processes, each with the job it is at, and the jobs that lost their process."""

    def __init__(self, settings, device: str, jobs: Iterator[Job], notice: Notice) -> None:
        import multiprocessing

        self._context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
        self._setup = (settings, device)
        self._jobs, self._again, self._notice = jobs, deque(), notice
        self.members: dict = {}  # pipe -> (process, job)
        self._tried_twice: set[int] = set()
        self._deaths = 0  # without a shard between them

    def start(self) -> None:
        """Start one more process on the next job, if there is one."""
        job = self._next()
        if job is None:
            return
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, *self._setup), daemon=True)
        with _conditions_of_a_worker():
            process.start()
        theirs.close()
        self.members[ours] = (process, job)
        ours.send(job)

    def results(self) -> Iterator[Made]:
        """Wait for answers; give whoever answered its next job."""
        from multiprocessing.connection import wait

        for pipe in wait(list(self.members)):
            try:
                made = pipe.recv()
            except (EOFError, OSError):
                yield from self._lost(pipe)
                continue
            if isinstance(made, WorkersError):
                raise made
            self._deaths = 0
            process, _ = self.members.pop(pipe)
            job = self._next()
            if job is None:
                pipe.close()  # the process ends by itself
            else:
                self.members[pipe] = (process, job)
                with suppress(OSError):  # it died in between; the next call finds the pipe closed
                    pipe.send(job)
            yield made

    def stop(self) -> None:
        """End all processes, now."""
        for process, _ in self.members.values():
            process.terminate()
        end = time.monotonic() + _PATIENCE
        for process, _ in self.members.values():
            process.join(max(0.0, end - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()
        self.members.clear()

    def _next(self) -> Job | None:
        return self._again.popleft() if self._again else next(self._jobs, None)

    def _lost(self, pipe) -> Iterator[Made]:
        """A process died: replace it and try its job once more."""
        process, job = self.members.pop(pipe)
        process.join(_PATIENCE)
        reason = _reason(process.exitcode)
        self._deaths += 1
        if self._deaths > 2 + 2 * len(self.members):
            raise WorkersError(f"workers die one after another; the last one {reason}")
        if job.number in self._tried_twice:
            yield Made(job.number, failed=f"its worker twice {reason}")
        else:
            self._tried_twice.add(job.number)
            self._again.append(job)
            self._notice(f"shard {job.number}: its worker {reason}; trying it once more")
        self.start()


def _reason(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        hint = ", most likely for want of memory: run with fewer --workers" if -code == signal.SIGKILL else ""
        return f"was killed ({name}{hint})"
    return f"ended with exit code {code}"


def _serve(pipe, settings, device: str) -> None:
    """What a worker process does: answer jobs until the pipe is closed or the parent process is gone."""
    import multiprocessing
    import threading

    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
    try:
        import torch

        torch.set_num_threads(1)
        maker = JobMaker(settings, device)
        while True:
            pipe.send(maker.make(pipe.recv()))
    except WorkersError as error:
        pipe.send(error)
    except (EOFError, OSError):
        pass


@contextmanager
def _conditions_of_a_worker():
    """Processes started inside have libraries of one thread, and leave the terminal's Ctrl-C to their parent."""
    saved = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name, value in saved.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})

