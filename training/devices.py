"""Where a run computes: device, precision, and its place among the processes that share a batch.

    fastgrasp train all --config FILE --devices 8                        # eight processes on one machine
    MASTER_ADDR=first MASTER_PORT=29500 NODE_RANK=1 fastgrasp train all --config FILE --devices 8 --nodes 2
    torchrun --nnodes 2 --nproc-per-node 8 ... -m fastgrasp_training.cli all --config FILE

`launch` starts the processes of one machine; each of them is `Machine.chosen` and joins the others (`Machine.join`).
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch

DEVICES = ("auto", "cpu", "gpu")
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
        """Return what the command asks for and the launcher's environment says. Raises MachineError."""
        if device not in DEVICES or precision not in PRECISIONS:
            raise MachineError(
                f"expected a device of {DEVICES} and a precision of {PRECISIONS}, got {device!r} and {precision!r}"
            )
        if device == "gpu" and not torch.cuda.is_available():
            raise MachineError("--device gpu: torch sees no CUDA device; use --device cpu, or a CUDA build of torch")
        kind = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        if precision == "auto":
            precision = "bf16" if kind == "cuda" else "32"
        if launched() and "LOCAL_WORLD_SIZE" in os.environ:
            names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
            rank, world, local, here = (int(os.environ[name]) for name in names)
            machine = cls(kind, precision, rank, world, local, world // here)
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
    def backend(self) -> str:
        return "nccl" if self.kind == "cuda" else "gloo"

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def join(self) -> None:
        """Meet the other processes, once; this process ends when its launcher is gone."""
        if self.kind == "cuda":
            torch.cuda.set_device(self.device)
        if self.world > 1 and not torch.distributed.is_initialized():
            _end_with_launcher()
            torch.distributed.init_process_group(
                self.backend, rank=self.rank, world_size=self.world, timeout=PATIENCE
            )  # fmt: skip

    def leave(self) -> None:
        """End what `join` began."""
        if self.world > 1:
            torch.distributed.destroy_process_group()

    def wait(self) -> None:
        """Wait until all processes are here."""
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
        """Return plain types for the run folder."""
        name = torch.cuda.get_device_name(self.device) if self.kind == "cuda" else "CPU"
        return {"device": name, "precision": self.precision, "processes": self.world, "machines": self.nodes,
                "threads": torch.get_num_threads()}  # fmt: skip

    def trainer_options(self) -> dict:
        """Return options of Lightning's Trainer."""
        if self.world == 1:
            return {"accelerator": self.kind, "devices": 1}
        from lightning.pytorch.plugins.environments import LightningEnvironment
        from lightning.pytorch.strategies import DDPStrategy

        # The running statistics agree without being sent (`networks.layers.Standardise`); a network that a
        # configuration does not train has no gradient.
        strategy = DDPStrategy(
            cluster_environment=LightningEnvironment(), find_unused_parameters=True, broadcast_buffers=False,
            process_group_backend=self.backend,
        )  # fmt: skip
        return {"accelerator": self.kind, "devices": self.world // self.nodes, "num_nodes": self.nodes,
                "strategy": strategy}  # fmt: skip


def launched() -> bool:
    """Return whether this process is one of several that something started together."""
    return int(os.environ.get("WORLD_SIZE", 1)) > 1 and "RANK" in os.environ


def launch(argv: list[str], devices: int, nodes: int = 1, module: str = "fastgrasp_training.cli") -> int:
    """Run `python -m module argv` in `devices` processes on this machine; returns 0, or how the first to fail ended.

    When one process fails the others are ended. With several machines MASTER_ADDR, MASTER_PORT and NODE_RANK say how
    they find each other. Raises MachineError.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    meeting = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0"} if nodes == 1 else _meeting_point(nodes)
    config = LaunchConfig(nodes, nodes, devices, run_id="fastgrasp", max_restarts=0, monitor_interval=0.2, **meeting)
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # the processes report their own errors
    os.environ[_PARENT] = str(os.getpid())
    try:
        elastic_launch(config, sys.executable)("-m", module, *argv)
    except ChildFailedError as error:
        code = error.get_first_failure()[1].exitcode
        return code if code > 0 else 1
    except SignalException:  # passed on to the processes
        return 130
    return 0


def _meeting_point(nodes: int) -> dict:
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK") if name not in os.environ]
    if missing:
        raise MachineError(
            f"--nodes {nodes}: set {', '.join(missing)} on every machine: the first machine's address, a free port of "
            f"it, and which machine this is (0 to {nodes - 1})"
        )
    return {
        "rdzv_backend": "static", "rdzv_endpoint": "{MASTER_ADDR}:{MASTER_PORT}".format(**os.environ),
        "rdzv_configs": {"rank": int(os.environ["NODE_RANK"]), "timeout": PATIENCE.total_seconds()},
    }  # fmt: skip


def _end_with_launcher() -> None:
    """End this process when the one that launched it is gone, so that no two runs write one folder."""
    parent = int(os.environ.get(_PARENT, 0))

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    if parent:
        threading.Thread(target=watch, daemon=True).start()
