"""Where a run computes: device, precision, and its place among the processes that share a batch.

    fastgrasp train all --config FILE --devices 8                        # eight processes on one machine
    MASTER_ADDR=first MASTER_PORT=29500 NODE_RANK=1 fastgrasp train all --config FILE --devices 8 --nodes 2
    torchrun --nnodes 2 --nproc-per-node 8 ... -m fastgrasp_training.cli all --config FILE

`launch` starts the processes of one machine; each of them is `Machine.chosen` and joins the others (`Machine.join`).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch

PRECISIONS = ("auto", "32", "bf16")
PATIENCE = timedelta(hours=6)  # how long processes wait for one another, such as for the first that makes the cache
_PARENT = "FASTGRASP_LAUNCHER"  # process number of the launcher, which its processes do not outlive


class MachineError(ValueError):
    """Devices, processes or a precision that cannot be had here."""


@dataclass(frozen=True)
class Machine:
    """A device ("cpu" or "cuda"), a precision ("32" or "bf16"), and the rank of this process among `world`."""

    kind: str = "cpu"
    precision: str = "32"
    rank: int = 0
    world: int = 1
    local_rank: int = 0
    nodes: int = 1

    @classmethod
    def chosen(cls, device: str = "auto", precision: str = "auto", devices: int = 1, nodes: int = 1) -> Machine:
        """What the command asks for and the launcher's environment says. Raises MachineError."""
        if device not in ("auto", "cpu", "gpu", "cuda"):
            raise MachineError(f"--device: expected auto, cpu or gpu, got {device!r}")
        if precision not in PRECISIONS:
            raise MachineError(f"--precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}")
        there = torch.cuda.is_available()
        if device in ("gpu", "cuda") and not there:
            raise MachineError(
                "--device gpu: torch sees no CUDA device; install a CUDA build of torch, or --device cpu"
            )
        kind = "cuda" if there and device != "cpu" else "cpu"
        if precision == "auto":
            precision = "bf16" if kind == "cuda" else "32"
        rank, world, local = (int(os.environ.get(name, 0)) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
        if world > 1 and "LOCAL_WORLD_SIZE" in os.environ:  # torchrun, or `launch`
            nodes = world // int(os.environ["LOCAL_WORLD_SIZE"])
            machine = cls(kind, precision, rank, world, local, nodes)
        elif devices * nodes > 1:
            raise MachineError("several processes are started by the command line: fastgrasp train ... --devices N")
        else:
            machine = cls(kind, precision)
        if kind == "cuda" and machine.local_rank >= torch.cuda.device_count():
            raise MachineError(f"--devices: this machine has {torch.cuda.device_count()} GPUs")
        return machine

    @property
    def device(self) -> torch.device:
        return torch.device("cuda", self.local_rank) if self.kind == "cuda" else torch.device("cpu")

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def join(self) -> None:
        """Meet the other processes, once; their launcher's end is ours."""
        if self.kind == "cuda":
            torch.cuda.set_device(self.device)
        if self.world == 1 or torch.distributed.is_initialized():
            return
        _end_with_launcher()
        torch.distributed.init_process_group(
            "nccl" if self.kind == "cuda" else "gloo", rank=self.rank, world_size=self.world, timeout=PATIENCE
        )

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            torch.distributed.barrier()

    @contextmanager
    def in_turn(self):
        """The first process of each machine goes first, the others follow: for what is made once and then read."""
        if self.local_rank:
            self.wait()
        yield
        if not self.local_rank:
            self.wait()

    def described(self) -> dict:
        """For the run folder: plain types."""
        name = torch.cuda.get_device_name(self.device) if self.kind == "cuda" else "CPU"
        return {"device": name, "precision": self.precision, "processes": self.world, "machines": self.nodes,
                "threads": torch.get_num_threads()}  # fmt: skip

    def trainer_options(self) -> dict:
        """What Lightning's Trainer is told."""
        if self.world == 1:
            return {"accelerator": self.kind, "devices": 1}
        from lightning.pytorch.plugins.environments import LightningEnvironment
        from lightning.pytorch.strategies import DDPStrategy

        # The running statistics agree without being sent (`networks.layers.Standardise`); a scorer that a
        # configuration does not train has no gradient.
        strategy = DDPStrategy(
            cluster_environment=LightningEnvironment(), find_unused_parameters=True, broadcast_buffers=False,
            process_group_backend="nccl" if self.kind == "cuda" else "gloo",
        )  # fmt: skip
        here = self.world // self.nodes
        return {"accelerator": self.kind, "devices": here, "num_nodes": self.nodes, "strategy": strategy}


def launched() -> bool:
    """Whether this process is one of several that something started together."""
    return int(os.environ.get("WORLD_SIZE", 1)) > 1 and "RANK" in os.environ


def launch(argv: list[str], devices: int, nodes: int = 1, module: str = "fastgrasp_training.cli") -> int:
    """Run `python -m module argv` in `devices` processes on this machine; returns 0, or how the first to fail ended.

    When one process fails the others are ended. With several machines MASTER_ADDR, MASTER_PORT and NODE_RANK say how
    they find each other. Raises MachineError.
    """
    started = [subprocess.Popen([sys.executable, "-m", module, *argv], env={**os.environ, **environment})
               for environment in _environments(devices, nodes)]  # fmt: skip
    try:
        codes = _until_all_end(started)
    except KeyboardInterrupt:  # which the terminal sends to all of them
        codes = _until_all_end(started, patience=20.0)
        return 130
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
    failed = [code for code in codes if code > 0]  # below 0 are those that were ended for it
    return failed[0] if failed else int(any(codes))


def _environments(devices: int, nodes: int) -> list[dict[str, str]]:
    wanted = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")
    if nodes > 1:
        missing = [name for name in wanted if name not in os.environ]
        if missing:
            raise MachineError(
                f"--nodes {nodes}: set {', '.join(missing)} on every machine: the first machine's address, a free port "
                f"of it, and which machine this is (0 to {nodes - 1})"
            )
        shared = {name: os.environ[name] for name in wanted}
    else:
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "NODE_RANK": "0"}
    node, world = int(shared["NODE_RANK"]), devices * nodes
    shared |= {"WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(devices), _PARENT: str(os.getpid())}
    return [shared | {"RANK": str(node * devices + i), "LOCAL_RANK": str(i)} for i in range(devices)]


def _until_all_end(started: list[subprocess.Popen], patience: float = float("inf")) -> list[int]:
    """Exit codes; as soon as one is not 0, or patience ends, the others are asked to end."""
    deadline = time.monotonic() + patience
    while None in (codes := [process.poll() for process in started]):
        if any(codes) or time.monotonic() > deadline:
            deadline = float("inf")
            time.sleep(1.0)  # one error often ends all by itself
            for process in started:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            for process in started:
                process.wait(timeout=30)
        time.sleep(0.2)
    return [process.returncode for process in started]


def _end_with_launcher() -> None:
    """End this process when the one that launched it is gone, lest two runs write one folder."""
    parent = int(os.environ.get(_PARENT, 0))
    if not parent:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
