"""Measure how fast a stage trains here, and what share of the machine it uses.

    python -m fastgrasp_training.profile autoencoder --config config/training/default.yaml --toy
    python -m fastgrasp_training.profile adaptation --config config/training/default.yaml --steps 50 --ops

Steps a second, the share of time that waits for data, the arithmetic of a step (matrix products, forward and backward,
by torch.utils.flop_counter), and its share of the matrix products that this machine is measured to do. The networks are
untrained: speed does not depend on their weights.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode
from tyro.conf import Positional, UseAppendAction, arg

from fastgrasp_model.commands.shared import AtLeastOne, parse
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.yaml_file import ConfigurationError
from fastgrasp_training.configuration import TrainingConfig
from fastgrasp_training.data import load_training_data
from fastgrasp_training.devices import Machine
from fastgrasp_training.run import make_stage, new_model, samples_for
from fastgrasp_training.stage import RandomBatches, TrainingStage, run_stage
from fastgrasp_training.toy import toy_data

WARM = 3  # steps before the clock starts
PARTS = ("data", "forward", "backward", "optimiser")  # of a step
PROG = "python -m fastgrasp_training.profile"


@dataclass
class ProfileOptions:
    stage: Positional[Literal["completion", "autoencoder", "diffusion", "adaptation", "refinement", "cvae"]]
    config: Annotated[Path, arg(metavar="FILE")]
    """a file such as config/training/default.yaml"""
    data: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="SOURCE")]] = ()
    """as of fastgrasp train"""
    steps: AtLeastOne = 20
    """steps that are timed"""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    precision: Literal["auto", "32", "bf16"] = "auto"
    toy: bool = False
    """on the toy's data, at the configured model and batch"""
    ops: bool = False
    """print which operations the time goes to"""
    json: bool = False
    """print JSON"""


class Clock(Callback):
    """Record the time at four places of each step: batch there, loss computed, gradients computed, weights updated."""

    def __init__(self):
        self.marks: list[float] = []

    def _mark(self, *_, **__) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.marks.append(time.perf_counter())

    on_train_batch_start = on_before_backward = on_after_backward = on_train_batch_end = _mark


def untrained_stage(name: str, config: TrainingConfig, machine: Machine) -> TrainingStage:
    """Return a stage of an untrained model, on the device. Raises ConfigurationError where it has no section."""
    if getattr(config, name) is None:
        raise ConfigurationError(f"the configuration has no {name}; expected a section `{name}` in it")
    hand, console = ManoLayer.from_file(), Console(stderr=True, quiet=True)
    model = new_model(config, hand).to(machine.device)
    data = load_training_data(config.data, hand).to(machine.device)
    hand.to(machine.device)
    bank = samples_for(name, config, data, model)
    if name not in ("autoencoder", "cvae", "completion"):  # fits the hand representation, which the others use
        make_stage("autoencoder", config, model, data, bank, console)
    return make_stage(name, config, model, data, bank, console).to(machine.device)


def measure(stage: TrainingStage, machine: Machine, steps: int) -> dict[str, float]:
    """Train `steps` steps; returns steps_per_second, flop_per_step, and the share of time of each of PARTS."""
    stage.config = replace(stage.config, steps=steps + WARM)
    stage.train()
    stage.freeze_others()
    stage.on_train_epoch_start()
    with FlopCounterMode(display=False) as counter:
        index = next(iter(RandomBatches(len(stage.bank), stage.config.batch, 1, seed=0)))
        stage.training_step(index.to(machine.device), 0).backward()
    stage.zero_grad()
    clock = Clock()
    run_stage(stage, machine, callbacks=[clock])
    spent = np.diff(clock.marks[4 * WARM - 1 :]).reshape(-1, 4).sum(0)
    shares = {f"{part}_share": float(seconds / spent.sum()) for part, seconds in zip(PARTS, spent, strict=True)}
    return {"steps_per_second": float(steps / spent.sum()), "flop_per_step": counter.get_total_flops(), **shares}


def matmul_peak(machine: Machine) -> float:
    """Return floating point operations a second of square matrix products in the machine's precision, at best."""
    size = 4096 if machine.kind == "cuda" else 768
    kind = torch.bfloat16 if machine.precision == "bf16" else torch.float32
    square = torch.randn(size, size, device=machine.device, dtype=kind)
    times = Timer("square @ square", globals={"square": square}, num_threads=torch.get_num_threads())
    return 2 * size**3 / min(times.timeit(1).median for _ in range(12))


def profile(stage: TrainingStage, machine: Machine, steps: int) -> dict[str, float]:
    """Return all figures of a stage."""
    found = measure(stage, machine, steps)
    peak, achieved = matmul_peak(machine), found["flop_per_step"] * found["steps_per_second"]
    return found | {"flop_per_second": achieved, "matmul_peak": peak, "share_of_peak": achieved / peak}


def operations(stage: TrainingStage, machine: Machine, steps: int) -> str:
    """Return a table of the operations that take most time."""
    with torch.profiler.profile() as recorded:
        measure(stage, machine, steps)
    order = f"self_{machine.kind}_time_total"
    return recorded.key_averages().table(sort_by=order, row_limit=20, max_name_column_width=50)


def main(argv: list[str]) -> int:
    """Run the command; returns the exit code. Raises ValueErrors of this project for a wrong request."""
    options = parse(ProfileOptions, argv, PROG, __doc__)
    config = TrainingConfig.from_yaml(options.config).with_sources(options.data)
    config = replace(config, data=toy_data(config)) if options.toy else config
    machine = Machine.chosen(options.device, options.precision)
    stage = untrained_stage(options.stage, config, machine)
    if options.ops:
        print(operations(stage, machine, options.steps))
        return 0
    found = profile(stage, machine, options.steps)
    if options.json:
        print(json.dumps({"stage": options.stage, **machine.described(), **found}))
    else:
        print(f"{options.stage}, batch {stage.config.batch}, {machine.described()}")
        print("\n".join(lines(found)))
    return 0


def lines(found: dict) -> list[str]:
    """Return what `profile` found, for a terminal."""
    parts = ", ".join(f"{part} {found[f'{part}_share']:.1%}" for part in PARTS)
    step, second, peak = (found[name] / 1e9 for name in ("flop_per_step", "flop_per_second", "matmul_peak"))
    return [
        f"{found['steps_per_second']:.2f} steps a second, of which {parts}",
        f"{step:.2f} GFLOP a step, {second:.1f} GFLOP a second; matrix products here reach {peak:.1f}: "
        f"{found['share_of_peak']:.1%}",
    ]


if __name__ == "__main__":
    from fastgrasp_model.cli import run

    sys.exit(run(PROG, main, sys.argv[1:]))
