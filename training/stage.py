"""What the three stages share: batches of sample numbers, the optimiser, checkpoints, progress, and where files go.

Lightning's trainer gives resuming, TensorBoard and devices. Checkpoints hold tensors and plain types only, and are read
back with `weights_only=True`.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path

import lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from fastgrasp_model.model import FastGraspModel
from fastgrasp_training.configuration import StageConfig


class RandomBatches(IterableDataset):
    """`steps` batches of sample numbers (batch,) out of `size`; step i is the same in every run with this seed."""

    def __init__(self, size: int, batch: int, steps: int, seed: int, start: int = 0):
        self.size, self.batch, self.steps, self.seed, self.start = size, batch, steps, seed, start

    def __iter__(self):
        for step in range(self.start, self.steps):
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
            yield torch.randint(self.size, (self.batch,), generator=generator)


class Stage(lightning.LightningModule):
    """One stage: `loss_terms(index)` gives named losses, weighted by the configuration and summed."""

    name = "stage"
    losses: tuple[str, ...] = ()

    def __init__(self, model: FastGraspModel, config: StageConfig):
        super().__init__()
        self.model, self.config = model, config
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

    def training_step(self, index: Tensor, _number: int) -> Tensor:
        terms = self.loss_terms(index)
        total = sum(self.weight(name) * value for name, value in terms.items())
        self.log_dict({f"{self.name}/{name}": value for name, value in terms.items()})
        self.log("loss", total, prog_bar=True)
        return total

    def configure_optimizers(self):
        optimiser = torch.optim.Adam(self.trained(), lr=self.config.learning_rate)
        steps, warm = self.config.steps, min(200, self.config.steps // 10 + 1)

        def factor(step: int) -> float:
            return min((step + 1) / warm, 0.5 * (1 + math.cos(math.pi * min(step / steps, 1.0))))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def run_stage(stage: Stage, size: int, out: Path, seed: int = 0, device: str = "auto", quiet: bool = False) -> None:
    """Train a stage on `size` samples, going on from its last checkpoint in `out` if there is one.

    Raises KeyboardInterrupt when interrupted; what was done up to the last checkpoint is kept.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # no advertisement between our lines
    folder = Path(out) / stage.name
    last = folder / "last.ckpt"
    done = _steps_done(last)
    for parameter in stage.parameters():
        parameter.requires_grad_(False)
    for parameter in stage.trained():
        parameter.requires_grad_(True)
    every = max(min(500, stage.config.steps // 4), 1)
    checkpoint = lightning.pytorch.callbacks.ModelCheckpoint(
        folder, filename="last", every_n_train_steps=every, enable_version_counter=False
    )
    trainer = lightning.Trainer(
        max_steps=stage.config.steps, accelerator=device, devices=1, gradient_clip_val=1.0,
        callbacks=[checkpoint], logger=_logger(Path(out), stage.name), log_every_n_steps=20,
        enable_progress_bar=not quiet, enable_model_summary=False,
    )  # fmt: skip
    batches = RandomBatches(size, stage.config.batch, stage.config.steps, seed, start=done)
    loader = DataLoader(batches, batch_size=None)
    try:
        trainer.fit(stage, loader, ckpt_path=str(last) if done else None, weights_only=True)
    except SystemExit:  # what Lightning makes of an interrupt
        if not trainer.interrupted:
            raise
        raise KeyboardInterrupt from None


def _steps_done(checkpoint: Path) -> int:
    if not checkpoint.exists():
        return 0
    return int(torch.load(checkpoint, map_location="cpu", weights_only=True)["global_step"])


def _logger(out: Path, name: str):
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(str(out), name="tensorboard", version=name)
