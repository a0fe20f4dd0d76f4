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

import torch
from rich.console import Console
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from tyro.conf import Positional, UseAppendAction, arg

from fastgrasp_model.commands.shared import AtLeastOne, parse
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.yaml_file import ConfigurationError
from fastgrasp_training.configuration import TrainingConfig
from fastgrasp_training.data import load_training_data
from fastgrasp_training.devices import Machine
from fastgrasp_training.precision import lowered
from fastgrasp_training.randomness import StepGenerator, step_seed
from fastgrasp_training.run import make_stage, new_model, samples_for
from fastgrasp_training.stage import CLIP, RandomBatches, TrainingStage, adam
from fastgrasp_training.toy import toy_data

WARM = 3  # steps before the clock starts
PARTS = ("data", "forward", "backward", "optimiser")
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
    stage = make_stage(name, config, model, data, bank, console).to(machine.device).train()
    stage.freeze_others()
    stage.on_train_epoch_start()
    return stage


def measure(stage: TrainingStage, machine: Machine, steps: int) -> dict[str, float]:
    """Time `steps` steps; returns steps_per_second, flop_per_step, and the share of time of each of PARTS."""
    optimiser = adam(stage.trained(), stage.config.learning_rate)
    batches = iter(DataLoader(RandomBatches(len(stage.bank), stage.config.batch, steps + WARM + 1, 0), batch_size=None))
    spent = dict.fromkeys(PARTS, 0.0)
    with lowered(stage.model, machine.precision):
        for number in range(steps + WARM):
            marks = [_now(machine)]
            index = next(batches).to(machine.device)
            marks.append(_now(machine))
            loss = _loss(stage, index, number)
            marks.append(_now(machine))
            optimiser.zero_grad()
            loss.backward()
            marks.append(_now(machine))
            torch.nn.utils.clip_grad_norm_(stage.trained(), CLIP)
            optimiser.step()
            marks.append(_now(machine))
            if number >= WARM:
                for part, start, end in zip(PARTS, marks, marks[1:], strict=False):
                    spent[part] += end - start
        with FlopCounterMode(display=False) as counter:
            _loss(stage, next(batches).to(machine.device), 0).backward()
    total = sum(spent.values())
    shares = {f"{part}_share": seconds / total for part, seconds in spent.items()}
    return {"steps_per_second": steps / total, "flop_per_step": counter.get_total_flops(), **shares}


def matmul_peak(machine: Machine) -> float:
    """Return floating point operations a second of square matrix products in the machine's precision, at best."""
    size = 4096 if machine.kind == "cuda" else 768
    kind = torch.bfloat16 if machine.precision == "bf16" else torch.float32
    one, two = (torch.randn(size, size, device=machine.device, dtype=kind) for _ in range(2))
    times = []
    for _ in range(12):
        start = _now(machine)
        one @ two
        times.append(_now(machine) - start)
    return 2 * size**3 / min(times)


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


def _loss(stage: TrainingStage, index: torch.Tensor, number: int) -> torch.Tensor:
    stage.generator = StepGenerator(step_seed(0, stage.name, number), device=index.device)
    return stage.total(stage.loss_terms(index))


def _now(machine: Machine) -> float:
    if machine.kind == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


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
