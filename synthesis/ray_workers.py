"""Shards made by a Ray cluster: each is a task of one core (or one GPU), on whichever machine is free.

The machines need this package in the same version (`pip install "fastgrasp-ros2[ray]"`) and no shared folder: own
meshes travel with the task. A cluster that wants a token is reached with RAY_AUTH_MODE=token in the environment
(https://docs.ray.io/en/latest/ray-security/token-auth.html).
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from fastgrasp_synthesis.workers import ONE_THREAD, Job, JobMaker, Made, Notice, WorkersError

_RETRIES = 2  # of a task whose process or machine is lost
_STARTED: dict = {}  # in a Ray worker: its JobMaker, and the settings it is for


def on_ray(settings, device: str, jobs: Iterable[Job], address: str, count: int, notice: Notice) -> Iterator[Made]:
    """Make the jobs on the cluster at `address`; yields them as they get ready. Closing the generator ends the tasks.

    address: "local" starts one on this machine with `count` workers; otherwise what `ray.init` takes, such as "auto",
    "10.0.0.5:6379" or "ray://host:10001".

    Raises WorkersError: Ray is not installed, does not answer, or has no GPU where one is asked for.
    """
    ray = _connected(address, count, device)
    running: dict = {}
    try:
        kind = "CPU" if device == "cpu" else "GPU"
        task = ray.remote(num_cpus=1, num_gpus=0 if kind == "CPU" else 1, max_retries=_RETRIES)(_make)
        shared = ray.put((settings, device))
        jobs = iter(jobs)
        while True:
            slots = max(1, int(ray.cluster_resources().get(kind, 0)))  # machines may join while it runs
            while len(running) < slots and (job := next(jobs, None)) is not None:
                running[task.remote(shared, job)] = job
            if not running:
                return
            done, _ = ray.wait(list(running), num_returns=1, timeout=5.0)
            for reference in done:
                yield _answer(ray, reference, running.pop(reference))
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
        ray.shutdown()


def _connected(address: str, count: int, device: str):
    """Return the module ray, connected to the cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of a change to come
    try:
        import ray
    except ImportError as error:
        raise WorkersError(
            f'--ray needs Ray, which is not installed ({error}): pip install "fastgrasp-ros2[ray]"') from error
    local = {"num_cpus": count, "include_dashboard": False} if address == "local" else {}
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with _signals_kept():
            if host and port.isdigit():  # whether anybody listens there Ray itself takes minutes to say
                socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
            ray.init(address=address, logging_level="ERROR", log_to_driver=False, **local)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise WorkersError(f"--ray {address}: no cluster answers ({error}); start one with `ray start --head`, or give "
                           "`--ray local`; if it wants a token, set RAY_AUTH_MODE=token") from error
    if device != "cpu" and not ray.cluster_resources().get("GPU"):
        ray.shutdown()
        raise WorkersError(f"--ray {address}: the cluster has no GPU; add a machine with one, or use --device cpu")
    return ray


@contextmanager
def _signals_kept():
    """Ray takes SIGTERM over, and its handler ends the process at once; ours ends the run in order."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


def _make(shared: tuple, job: Job) -> Made:
    """What a task does, in a Ray worker; the hand is loaded once for each of these processes."""
    settings, device = shared
    if _STARTED.get("for") != shared:
        os.environ.update(ONE_THREAD)
        import torch

        torch.set_num_threads(1)
        _STARTED.update({"for": shared, "maker": JobMaker(settings, device)})
    return _STARTED["maker"].make(job)


def _answer(ray, reference, job: Job) -> Made:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = error.as_instanceof_cause()
        if isinstance(cause, (WorkersError, ImportError)):
            raise WorkersError(
                f"{cause}; every machine of the cluster needs the same version of fastgrasp and its hand") from error
        return Made(job.number, failed=f"{type(cause).__name__}: {cause}".splitlines()[0])
    except ray.exceptions.RayError as error:
        reason = str(error).strip().splitlines()[0]
        return Made(job.number, failed=f"its Ray worker was lost {_RETRIES + 1} times ({reason})")
