"""Train a model: one stage, or all of them.

    fastgrasp train all --config config/training/default.yaml --toy
    fastgrasp train ablations --help                                   # the rows of the paper's ablations

The same command goes on where an interrupted one stopped (docs/training.md).
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from fastgrasp_model import interrupt
from fastgrasp_model.commands.shared import AtLeastOne, InputError, parse

PROG = "fastgrasp train"


@dataclass
class TrainOptions:
    stage: Positional[Annotated[str, arg(metavar="STAGE")]]
    """all, completion, autoencoder, diffusion, adaptation, self_training, refinement, iterated_self_training or cvae"""
    config: Annotated[Path, arg(metavar="FILE")]
    """a file such as config/training/default.yaml"""
    data: UseAppendAction[Annotated[tuple[str, ...], arg(metavar="SOURCE")]] = ()
    """open, grab:/path, oakink:/path, ho3d:/path, your own grasps.npz (docs/datasets.md); several are mixed"""
    out: Annotated[Path, arg(metavar="DIR")] = Path("out/training")
    """folder for checkpoints, TensorBoard and weights"""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """where to train"""
    precision: Literal["auto", "32", "bf16"] = "auto"
    """of the networks; auto: bf16 on a GPU, 32 on the CPU"""
    devices: AtLeastOne = 1
    """processes (GPUs) on this machine"""
    nodes: AtLeastOne = 1
    """machines (docs/training.md)"""
    toy: bool = False
    """few objects, few steps: all stages within minutes"""
    quiet: bool = False
    """no progress"""


def main(argv: list[str]) -> int:
    """Run the command; returns the exit code. Raises ValueErrors of this project for a wrong request."""
    try:
        if argv[:1] == ["ablations"]:
            from fastgrasp_training.ablations import main as ablations

            return ablations(argv[1:])
        return _train(parse(TrainOptions, argv, PROG, __doc__), argv)
    except KeyboardInterrupt:
        interrupt.forget()
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130


def _train(options: TrainOptions, argv: list[str]) -> int:
    from fastgrasp_training.configuration import TrainingConfig, section_of
    from fastgrasp_training.devices import Machine, launch, launched
    from fastgrasp_training.run import train
    from fastgrasp_training.toy import toy

    section = present_stage(options.stage)
    config = TrainingConfig.from_yaml(options.config).with_sources(options.data)
    config = toy(config) if options.toy else config
    stages = tuple(name for name in config.stages if section in ("all", section_of(name)))
    if options.devices * options.nodes > 1 and not launched():
        return launch(argv, options.devices, options.nodes)
    machine = Machine.chosen(options.device, options.precision, options.devices, options.nodes)
    train(config, stages or (section,), options.out, machine, options.quiet)
    return 0


def present_stage(name: str) -> str:
    """Return today's name of a stage or "all"; a former name works, with a warning. Raises InputError."""
    from fastgrasp_model.yaml_file import RENAMED, nearest
    from fastgrasp_training.configuration import LOSSES

    present = RENAMED["training"].get(name, name)
    if present != name:
        warnings.warn(f"the stage {name} is now called {present}", stacklevel=2)
    if present not in (*LOSSES, "all"):
        raise InputError(f"STAGE: there is no stage {name}; {nearest(name, [*LOSSES, 'all'])}")
    return present


if __name__ == "__main__":
    from fastgrasp_model.cli import run

    sys.exit(run(PROG, main, sys.argv[1:]))
