"""What the stages share: batches of sample numbers, random numbers, the optimiser, and Lightning's trainer.

A step is a function of the weights and of (seed, stage, step) alone, so that a killed run can be resumed and several
processes can share a batch. Lightning brings devices, processes and clipping; checkpoints are ours (`checkpoints.py`).
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

ON_DEVICE = ("data", "bank", "latents", "contact", "hand_losses")  # attributes that follow a stage to its device
CLIP = 1.0  # largest norm of the gradient


class RandomBatches(IterableDataset):
    """`steps` batches of sample numbers (batch,) below `size`; step i is the same in every run with this seed.

    `part` (r, n): every n-th number from the r-th on, the share of process r of n.
    """

    def __init__(self, size: int, batch: int, steps: int, seed: int, start: int = 0, part: tuple[int, int] = (0, 1)):
        self.size, self.batch, self.steps, self.seed, self.start, self.part = size, batch, steps, seed, start, part

    def __iter__(self):
        rank, world = self.part
        for step in range(self.start, self.steps):
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
            yield torch.randint(self.size, (self.batch,), generator=generator)[rank::world]


class TrainingStage(lightning.LightningModule):
    """One stage: `loss_terms(index)` gives named losses (`configuration.LOSSES`); they are weighted and summed.

    The hand and the attributes of ON_DEVICE follow it to its device. `step` counts the finished steps; `generator`
    gives the random numbers of the present one.
    """

    name = "stage"
    halves = 1  # parts of a batch, each of which every process has its share of

    def __init__(self, model: GraspModel, config: StageConfig):
        super().__init__()
        self.model, self.config = model, config
        self.step, self.seed, self.part = 0, 0, (0, 1)
        self.terms: dict[str, Tensor] = {}
        self.generator = StepGenerator(device=next(model.parameters()).device)
        self._followed = True

    def weight(self, loss: str) -> float:
        """Return the weight of a loss: 0 if it is not used."""
        return self.config.weights.get(loss, 0.0) if self.config.weights else 1.0

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        """Return the losses of the samples `index` (B,) by name."""
        raise NotImplementedError

    def trained(self) -> list[torch.nn.Parameter]:
        """Return the parameters that this stage trains; all others are frozen."""
        raise NotImplementedError

    def freeze_others(self) -> None:
        """Let gradients reach the parameters of `trained` alone."""
        self.requires_grad_(False)
        for parameter in self.trained():
            parameter.requires_grad_(True)

    def total(self, terms: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum of losses."""
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
            for name in ON_DEVICE:
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
    """Return Adam, in one kernel for all parameters where torch has it (2.4; three times as fast on the CPU)."""
    try:
        return torch.optim.Adam(parameters, lr=rate, fused=True)
    except RuntimeError:
        return torch.optim.Adam(parameters, lr=rate)


def run_stage(
    stage: TrainingStage, machine: Machine, seed: int = 0, start: int = 0, callbacks: Sequence[Callback] = ()
) -> None:
    """Train a stage from step `start` to its last one.

    Raises KeyboardInterrupt when interrupted, and MachineError where the processes cannot share the batch.
    """
    if start >= stage.config.steps:
        return
    check_shares(stage, machine)
    stage.step, stage.seed, stage.part = start, seed, (machine.rank, machine.world)
    stage.freeze_others()
    stage.to(machine.device).train()
    batches = RandomBatches(len(stage.bank), stage.config.batch, stage.config.steps, seed, start, stage.part)
    trainer = _trainer(machine, stage.config.steps - start, list(callbacks))
    try:
        with lowered(stage.model, machine.precision), warnings.catch_warnings():
            for message in ("does not have many workers", "find_unused_parameters", "treespec", "broadcast_buffers"):
                warnings.filterwarnings("ignore", f".*{message}")
            trainer.fit(stage, DataLoader(batches, batch_size=None))
    except SystemExit:  # what Lightning makes of an interrupt
        if not trainer.interrupted:
            raise
        raise KeyboardInterrupt from None


def _trainer(machine: Machine, steps: int, callbacks: list[Callback]) -> lightning.Trainer:
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return lightning.Trainer(
        max_steps=steps, gradient_clip_val=CLIP, callbacks=callbacks, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False,
        **machine.trainer_options(),
    )  # fmt: skip


def check_shares(stage: TrainingStage, machine: Machine) -> None:
    """Raise MachineError where the batch is no multiple of the processes."""
    parts = machine.world * stage.halves
    if stage.config.batch % parts:
        batch = max(parts, stage.config.batch // parts * parts)
        raise MachineError(
            f"{stage.name}: a batch of {stage.config.batch} cannot be shared by {machine.world} processes; "
            f"expected a multiple of {parts}, such as batch: {batch}"
        )
