"""What the three stages share: batches of sample numbers, random numbers, the optimiser, and Lightning's trainer.

A step is a function of the weights and of (seed, stage, step), whatever came before: that is what lets a run go on
after it was killed, and lets several processes share a batch. Lightning brings devices, processes and clipping;
checkpoints are ours (`checkpoints.py`).
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Sequence

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.devices import Machine, MachineError
from fastgrasp_training.precision import lowered
from fastgrasp_training.randomness import StepGenerator, step_seed

HELD = ("data", "bank", "latents", "contact", "hand_losses")  # what a stage holds beside its model
CLIP = 1.0  # the gradient's norm


class RandomBatches(IterableDataset):
    """`steps` batches of sample numbers (batch,) out of `size`; step i is the same in every run with this seed.

    `part` (r, n): every n-th number from the r-th on, the share of process r of n.
    """

    def __init__(self, size: int, batch: int, steps: int, seed: int, start: int = 0, part: tuple[int, int] = (0, 1)):
        self.size, self.batch, self.steps, self.seed, self.start, self.part = size, batch, steps, seed, start, part

    def __iter__(self):
        rank, world = self.part
        for step in range(self.start, self.steps):
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
            yield torch.randint(self.size, (self.batch,), generator=generator)[rank::world]


class Stage(lightning.LightningModule):
    """One stage: `loss_terms(index)` gives named losses, weighted by the configuration and summed.

    What it holds beside the model (data, samples, latents) and the hand follow it to its device. `step` counts the
    steps done; `generator` gives the random numbers of the step at hand.
    """

    name = "stage"
    losses: tuple[str, ...] = ()
    halves = 1  # a batch is made of so many parts, each of which every process has its share of

    def __init__(self, model: GraspModel, config: StageConfig):
        super().__init__()
        self.model, self.config = model, config
        self.step, self.seed, self.part = 0, 0, (0, 1)
        self.terms: dict[str, Tensor] = {}
        self.generator = StepGenerator(device=next(model.parameters()).device)
        self._followed = True
        unknown = sorted(set(config.weights) - set(self.losses))
        if unknown:
            raise ValueError(f"{self.name}.weights: no such loss {unknown}; there are {sorted(self.losses)}")

    def weight(self, loss: str) -> float:
        """The weight of a loss: 0 if it is not used."""
        return self.config.weights.get(loss, 0.0) if self.config.weights else 1.0

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        raise NotImplementedError

    def trained(self) -> list[torch.nn.Parameter]:
        """The parameters that this stage moves; all others are frozen."""
        raise NotImplementedError

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """The weighted sum of losses."""
        return sum(self.weight(name) * value for name, value in terms.items())

    def training_step(self, index: Tensor, _number: int) -> Tensor:
        self.generator = StepGenerator(step_seed(self.seed, self.name, self.step), *self.part, index.device)
        terms = self.loss_terms(index)
        total = self.total(terms)
        self.terms = {"total": total.detach()} | {name: value.detach() for name, value in terms.items()}
        self.step += 1
        return total

    def on_fit_end(self) -> None:
        self._followed = False  # Lightning takes the model back to the CPU; the samples may stay

    def _apply(self, fn, recurse: bool = True):
        super()._apply(fn, recurse)
        if self._followed:
            self.model.hand._apply(fn)
            device = fn(torch.empty(0, device=self.generator.device)).device
            for name in HELD:
                if getattr(self, name, None) is not None:
                    setattr(self, name, getattr(self, name).to(device))
            self.generator.device = device
        return self

    def configure_optimizers(self):
        optimiser = adam(self.trained(), self.config.learning_rate)
        if self.config.decay == "constant":  # as the paper
            return optimiser
        steps, warm = self.config.steps, min(200, self.config.steps // 10 + 1)

        def factor(step: int) -> float:
            return min((step + 1) / warm, 0.5 * (1 + math.cos(math.pi * min(step / steps, 1.0))))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def adam(parameters: list[torch.nn.Parameter], rate: float) -> torch.optim.Adam:
    """Adam, in one kernel for all parameters where torch has it (three times as fast on the CPU; torch 2.4)."""
    try:
        return torch.optim.Adam(parameters, lr=rate, fused=True)
    except RuntimeError:
        return torch.optim.Adam(parameters, lr=rate)


def run_stage(
    stage: Stage, machine: Machine, seed: int = 0, start: int = 0, callbacks: Sequence[Callback] = (),
) -> None:  # fmt: skip
    """Train a stage from step `start` to its last one.

    Raises KeyboardInterrupt when interrupted; what was done up to the last checkpoint is kept. Raises MachineError
    where the batch cannot be shared by the processes.
    """
    if start >= stage.config.steps:
        return
    _share_out(stage, machine)
    stage.step, stage.seed, stage.part = start, seed, (machine.rank, machine.world)
    for parameter in stage.parameters():
        parameter.requires_grad_(False)
    for parameter in stage.trained():
        parameter.requires_grad_(True)
    stage.to(machine.device).train()
    batches = RandomBatches(len(stage.bank), stage.config.batch, stage.config.steps, seed, start, stage.part)
    trainer = _trainer(machine, stage.config.steps - start, list(callbacks))
    try:
        with lowered(stage.model, machine.precision), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The .train_dataloader. does not have many workers")
            warnings.filterwarnings("ignore", ".*find_unused_parameters=True was specified.*")
            warnings.filterwarnings("ignore", ".*treespec, LeafSpec.*")
            trainer.fit(stage, DataLoader(batches, batch_size=None))
    except SystemExit:  # what Lightning makes of an interrupt
        if not trainer.interrupted:
            raise
        raise KeyboardInterrupt from None


def _trainer(machine: Machine, steps: int, callbacks: list[Callback]) -> lightning.Trainer:
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)  # no advertisement between our lines
    return lightning.Trainer(
        max_steps=steps, gradient_clip_val=CLIP, callbacks=callbacks, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
        **machine.trainer_options(),
    )  # fmt: skip


def _share_out(stage: Stage, machine: Machine) -> None:
    parts = machine.world * stage.halves
    if stage.config.batch % parts:
        batch = max(parts, stage.config.batch // parts * parts)
        raise MachineError(
            f"{stage.name}: a batch of {stage.config.batch} cannot be shared by {machine.world} processes; "
            f"expected a multiple of {parts}, such as batch: {batch}"
        )
