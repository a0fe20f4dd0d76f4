"""Checkpoints: everything that a stage needs to go on after the step it wrote, bit by bit.

`<stage>/last.ckpt` holds weights, running statistics, Adam's state, the schedule, the step, and the identity of the
run (see `identity`); the one before stays as `previous.ckpt`. A run of another configuration or other data is refused.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import time
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback

from fastgrasp_model.files import write_atomically
from fastgrasp_training.configuration import SAMPLING, TrainingConfig, section_of

SECONDS = 60.0  # at most between two checkpoints
VERSION = 2  # 1: Lightning's own
_SAMPLER = ("sampler", "sampling_steps", "guidance", "rounds", "noise_scale")  # only stages of SAMPLING depend on these
_IN_DIGEST = ("cache", "workers", "grasps", "sources")  # data options that change nothing but the digest


class CheckpointError(ValueError):
    """A checkpoint or finished stage that belongs to another run; the message says what differs, and the remedy."""


def identity(config: TrainingConfig, stage: str, data: str, hand: str) -> dict[str, Any]:
    """Return what a stage's weights depend on, as one flat mapping: configuration, seed, digests of data and hand."""
    model = {k: v for k, v in config.model.to_dict().items() if section_of(stage) in SAMPLING or k not in _SAMPLER}
    before = config.stages[: config.stages.index(stage) + 1]
    parts = {"model": model} | {name: dataclasses.asdict(config.stage(name)) for name in before}
    for name in before:  # a round does not depend on how many follow: finished rounds can be extended
        parts[name].pop("rounds")
    parts["data"] = {k: v for k, v in dataclasses.asdict(config.data).items() if k not in _IN_DIGEST}
    flat = {f"{part}.{key}": value for part, values in parts.items() for key, value in values.items()}
    flat |= {"seed": config.seed, "grasps (SHA-256)": data, "hand (SHA-256)": hand}
    return json.loads(json.dumps(flat))  # tuples as lists, as they come back from a file


def refuse_other(found: dict[str, Any], wanted: dict[str, Any], path: Path) -> None:
    """Raise CheckpointError, which names up to four differences, where a file at `path` is of another run."""
    names = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name) and not _retired(name)]
    if names:
        different = [f"{name} {_short(found.get(name))} there, {_short(wanted.get(name))} here" for name in names[:4]]
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        raise CheckpointError(
            f"{path} is of another run: {'; '.join(different)}{more}. Give another --out, or remove {path.parent} to "
            "train it anew"
        )


def _retired(name: str) -> bool:
    """Return whether an entry stands only in files of earlier versions: the rounds of a stage."""
    part, _, key = name.partition(".")
    return key == "rounds" and part != "model"


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 24 else f"{text[:12]}..."


def read_checkpoint(folder: Path, wanted: dict[str, Any], warn=print) -> dict[str, Any] | None:
    """Return the newest undamaged checkpoint of a stage's folder, or None; `warn` gets a message on each damaged one.

    Raises CheckpointError where it is of another run.
    """
    for part in sorted(folder.glob(".last.*.part")):
        warn(f"{part} is incomplete and skipped")
    for path in (folder / "last.ckpt", folder / "previous.ckpt"):
        if not path.exists():
            continue
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
            warn(f"{path} is damaged and skipped ({str(error).splitlines()[0][:80] if str(error) else error!r})")
            continue
        if not isinstance(content, dict) or content.get("version") != VERSION:
            raise CheckpointError(f"{path} is of another version of FastGrasp; give another --out, or remove it")
        refuse_other(content["identity"], wanted, path)
        return content
    return None


def write_checkpoint(folder: Path, content: dict[str, Any]) -> Path:
    """Write `last.ckpt` atomically; the one before becomes `previous.ckpt`."""
    path = folder / "last.ckpt"

    def write(file) -> None:
        torch.save({"version": VERSION, **content}, file)
        file.flush()
        os.fsync(file.fileno())
        if path.exists():
            os.replace(path, folder / "previous.ckpt")

    return write_atomically(path, write)


class Checkpoints(Callback):
    """Write checkpoints of a stage every `steps` steps, every minute, and after the last step; restore one."""

    def __init__(self, folder: Path, known: dict[str, Any], steps: int, restored: dict[str, Any] | None = None):
        self.folder, self.known, self.steps, self.restored = folder, known, steps, restored
        self.written, self.at = time.monotonic(), -1

    def on_train_start(self, trainer, stage) -> None:
        if self.restored is not None:
            trainer.optimizers[0].load_state_dict(self.restored["optimiser"])
            for entry in trainer.lr_scheduler_configs:
                entry.scheduler.load_state_dict(self.restored["schedule"])
            self.restored = None
        if trainer.is_global_zero:
            for part in self.folder.glob(".last.*.part"):
                part.unlink()

    def on_train_batch_end(self, trainer, stage, *_) -> None:
        late = time.monotonic() - self.written > SECONDS
        if stage.step % self.steps == 0 or late:
            self._write(trainer, stage)

    def on_train_end(self, trainer, stage) -> None:
        self._write(trainer, stage)

    def _write(self, trainer, stage) -> None:
        if not trainer.is_global_zero or self.at == stage.step:
            return
        schedules = [entry.scheduler.state_dict() for entry in trainer.lr_scheduler_configs]
        write_checkpoint(self.folder, {
            "stage": stage.name, "step": stage.step, "identity": self.known, "weights": stage.model.state_dict(),
            "optimiser": trainer.optimizers[0].state_dict(), "schedule": schedules[0] if schedules else None,
        })  # fmt: skip
        self.written, self.at = time.monotonic(), stage.step
