"""How fast a stage trains here, and what of the machine it uses.

    python -m fastgrasp_training.profile autoencoder --config config/training/default.yaml --toy
    python -m fastgrasp_training.profile adaptation --config config/training/default.yaml --steps 50 --ops

Steps a second, the share of time that waits for data, the arithmetic of a step (matrix products, forward and backward,
by torch.utils.flop_counter), and what share it makes of the matrix products that this machine is measured to do. The
networks are fresh: speed does not depend on what they know.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time

import torch
from rich.console import Console
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from fastgrasp_model.commands.shared import positive
from fastgrasp_training.configuration import TrainingConfig, TrainingConfigError
from fastgrasp_training.devices import PRECISIONS, Machine
from fastgrasp_training.precision import lowered
from fastgrasp_training.randomness import StepGenerator, step_seed
from fastgrasp_training.stage import RandomBatches, Stage, adam
from fastgrasp_training.toy import toy

WARM = 3  # steps before the clock starts


def fresh_stage(name: str, config: TrainingConfig, machine: Machine) -> Stage:
    """A stage of an untrained model, on the device."""
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_model.weights import build_model
    from fastgrasp_training.data import load_training_data
    from fastgrasp_training.run import _bank_for, _make_stage, choose_query_vertices

    torch.manual_seed(config.seed)
    hand = ManoLayer.from_file()
    model = build_model(config.model, hand)
    model.query_ids.copy_(choose_query_vertices(hand, config.model.query_points))
    data = load_training_data(config.data, hand).to(machine.device)
    model.to(machine.device)
    hand.to(machine.device)
    if getattr(config, name) is None:
        raise TrainingConfigError(f"the configuration has no {name}; expected a section `{name}` in it")
    bank = _bank_for(name, config, data, model, None)
    console = Console(stderr=True, quiet=True)
    if name not in ("autoencoder", "cvae", "completion"):  # what the stages before would have fitted
        _make_stage("autoencoder", config, model, data, bank, console)
    stage = _make_stage(name, config, model, data, bank, console).to(machine.device).train()
    for parameter in stage.parameters():
        parameter.requires_grad_(False)
    for parameter in stage.trained():
        parameter.requires_grad_(True)
    stage.on_train_epoch_start()
    return stage


def measure(stage: Stage, machine: Machine, steps: int) -> dict[str, float]:
    """Time `steps` steps: seconds of all, and of waiting for data, forward, backward and optimiser."""
    optimiser = adam(stage.trained(), stage.config.learning_rate)
    batches = iter(DataLoader(RandomBatches(len(stage.bank), stage.config.batch, steps + WARM + 1, 0), batch_size=None))
    spent = dict.fromkeys(("data", "forward", "backward", "optimiser"), 0.0)
    with lowered(stage.model, machine.precision):
        for number in range(steps + WARM):
            if number == WARM:
                spent = dict.fromkeys(spent, 0.0)
            marks = [_now(machine)]
            index = next(batches).to(machine.device)
            marks.append(_now(machine))
            loss = _loss(stage, index, number)
            marks.append(_now(machine))
            optimiser.zero_grad()
            loss.backward()
            marks.append(_now(machine))
            torch.nn.utils.clip_grad_norm_(stage.trained(), 1.0)
            optimiser.step()
            marks.append(_now(machine))
            for part, start, end in zip(spent, marks, marks[1:], strict=False):
                spent[part] += end - start
        with FlopCounterMode(display=False) as counter:
            _loss(stage, next(batches).to(machine.device), 0).backward()
    total = sum(spent.values())
    return {"steps_per_second": steps / total, "flop_per_step": counter.get_total_flops()} | {
        f"{part}_share": seconds / total for part, seconds in spent.items()
    }


def matmul_peak(machine: Machine) -> float:
    """Floating point operations a second of square matrix products in the machine's precision, the best of several."""
    size = 4096 if machine.kind == "cuda" else 768
    kind = torch.bfloat16 if machine.precision == "bf16" else torch.float32
    one, two = (torch.randn(size, size, device=machine.device, dtype=kind) for _ in range(2))
    best = float("inf")
    for _ in range(12):
        start = _now(machine)
        one @ two
        best = min(best, _now(machine) - start)
    return 2 * size**3 / best


def profile(name: str, config: TrainingConfig, machine: Machine, steps: int) -> dict[str, float]:
    """All figures of a stage."""
    found = measure(fresh_stage(name, config, machine), machine, steps)
    peak = matmul_peak(machine)
    achieved = found["flop_per_step"] * found["steps_per_second"]
    return found | {"flop_per_second": achieved, "matmul_peak": peak, "share_of_peak": achieved / peak}


def _loss(stage: Stage, index: torch.Tensor, number: int) -> torch.Tensor:
    stage.generator = StepGenerator(step_seed(0, stage.name, number), device=index.device)
    return stage.total(stage.loss_terms(index))


def _now(machine: Machine) -> float:
    if machine.kind == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _operations(stage: Stage, machine: Machine, steps: int) -> str:
    with torch.profiler.profile() as recorded:
        measure(stage, machine, steps)
    return recorded.key_averages().table(
        sort_by=f"self_{machine.kind}_time_total", row_limit=20, max_name_column_width=50
    )


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code: 0, 2 for a wrong request."""
    from fastgrasp_training.run import WRONG_REQUEST

    options = _parser().parse_args(argv)
    try:
        config = TrainingConfig.from_yaml(options.config).with_sources(options.data)
        config = on_toy_data(config) if options.toy else config
        machine = Machine.chosen(options.device, options.precision)
        if options.ops:
            print(_operations(fresh_stage(options.stage, config, machine), machine, options.steps))
            return 0
        found = profile(options.stage, config, machine, options.steps)
    except WRONG_REQUEST as error:
        print(f"profile: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps({"stage": options.stage, **machine.described(), **found}))
    else:
        print(f"{options.stage}, batch {getattr(config, options.stage).batch}, {machine.described()}")
        print("\n".join(lines(found)))
    return 0


def on_toy_data(config: TrainingConfig) -> TrainingConfig:
    """The toy's data, at the configured model and batch."""
    return dataclasses.replace(config, data=toy(config).data)


def lines(found: dict) -> list[str]:
    """What `profile` found, for a terminal."""
    parts = ", ".join(f"{part} {found[f'{part}_share']:.1%}" for part in ("data", "forward", "backward", "optimiser"))
    step, second, peak = (found[name] / 1e9 for name in ("flop_per_step", "flop_per_second", "matmul_peak"))
    return [
        f"{found['steps_per_second']:.2f} steps a second, of which {parts}",
        f"{step:.2f} GFLOP a step, {second:.1f} GFLOP a second; matrix products here reach {peak:.1f}: "
        f"{found['share_of_peak']:.1%}",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fastgrasp_training.profile", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("stage", choices=("autoencoder", "diffusion", "adaptation", "refinement", "cvae"))
    parser.add_argument("--config", required=True)
    parser.add_argument("--data", action="append", default=[], metavar="SOURCE")
    parser.add_argument("--steps", type=positive, default=20, help="steps that are timed (default 20)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "gpu"))
    parser.add_argument("--precision", default="auto", choices=PRECISIONS)
    parser.add_argument("--toy", action="store_true", help="on the toy's data, at the configured batch")
    parser.add_argument("--ops", action="store_true", help="which operations the time goes to")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
