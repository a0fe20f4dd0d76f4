"""The records of a run: `run.json` (configuration, data, versions), `metrics.jsonl` and TensorBoard (losses, figures).

`metrics.jsonl` has one JSON object a line: `{"stage", "step", "seconds", "steps_per_second", "losses": {...}}` every
few steps, and `{"stage", "step", "validation": {...}}`. TensorBoard gets the same numbers. A resumed run removes what
the killed one wrote after its last checkpoint.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import platform
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

import torch
from lightning.pytorch.callbacks import Callback

from fastgrasp_model import __version__
from fastgrasp_model.files import write_json, write_text
from fastgrasp_model.hand import ManoLayer
from fastgrasp_synthesis.grasp_set import PACKED_GRASPS
from fastgrasp_training.configuration import TrainingConfig
from fastgrasp_training.data import TrainingData
from fastgrasp_training.devices import Machine
from fastgrasp_training.sources import Request

EVERY = 20  # steps between two lines
LIBRARIES = ("torch", "lightning", "numpy", "scipy", "tensorboard")


def hand_digest(hand: ManoLayer) -> str:
    """Return the SHA-256 of a hand's template, blend shapes and skin weights."""
    digest = hashlib.sha256()
    for tensor in (hand.v_template, hand._blend, hand.weights):
        digest.update(tensor.detach().cpu().numpy().astype("<f4").tobytes())
    return digest.hexdigest()


def write_run(
    out: Path, config: TrainingConfig, stages: tuple[str, ...], machine: Machine, data: TrainingData, hand: ManoLayer
) -> Path:
    """Write `run.json`; earlier starts of the same run stay in its list of starts."""
    path = out / "run.json"
    try:
        starts = json.loads(path.read_text())["starts"]
    except (OSError, ValueError, KeyError, TypeError):
        starts = []
    start = {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"), "stages": list(stages),
        **machine.described(), "version": __version__, "commit": code_version(), "python": platform.python_version(),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }  # fmt: skip
    content = {
        "configuration": dataclasses.asdict(config) | {"model": config.model.to_dict()}, "seed": config.seed,
        "data": {
            "sources": list(config.data.wanted), "sha256": data.digest, "grasps": len(data),
            "objects": len(data.specs), "notes": data.notes, "files": source_digests(config),
        },
        "hand": {"name": hand.name, "sha256": hand_digest(hand)},
        "starts": [*starts, start],
    }  # fmt: skip
    return write_json(path, content, default=str)


def source_digests(config: TrainingConfig) -> dict[str, str]:
    """Return the SHA-256 of those sources that are single files."""
    found = {}
    for text in config.data.wanted:
        path = Path(Request.parse(text).path or PACKED_GRASPS)
        if path.is_file():
            found[text] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def code_version() -> str | None:
    """Return the git commit of the code, with "+changes" where files differ from it; None outside a checkout."""
    folder = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        run = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True, timeout=20)
        return run.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "stage.py")  # installed into somebody else's checkout it is not tracked
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return None


class Metrics:
    """`metrics.jsonl` and TensorBoard of one stage, from step `start` on."""

    def __init__(self, out: Path, stage: str, start: int = 0):
        from torch.utils.tensorboard import SummaryWriter

        out.mkdir(parents=True, exist_ok=True)
        self.path, self.stage = out / "metrics.jsonl", stage
        if self.path.exists():
            self._remove_after(start)
        self.board = SummaryWriter(str(out / "tensorboard" / stage), purge_step=start + 1 if start else None)

    def _remove_after(self, start: int) -> None:
        kept = []
        for line in self.path.read_text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # a line that a killed run did not end
            if entry.get("stage") != self.stage or entry.get("step", 0) <= start:
                kept.append(line + "\n")
        write_text(self.path, "".join(kept))

    def add(self, step: int, numbers: dict) -> None:
        """Write one line, and its numbers as curves; a nested mapping becomes curves under its name."""
        with open(self.path, "a") as stream:
            stream.write(json.dumps({"stage": self.stage, "step": step, **numbers}) + "\n")
        for name, value in numbers.items():
            for key, one in value.items() if isinstance(value, dict) else [("", value)]:
                if isinstance(one, (int, float)):
                    self.board.add_scalar(f"{name}/{key}" if key else name, one, step)

    def picture(self, step: int, name: str, image) -> None:
        """Show a picture (H, W, 3) uint8 in TensorBoard."""
        self.board.add_image(name, image, step, dataformats="HWC")

    def close(self) -> None:
        self.board.close()


class Losses(Callback):
    """Record the losses every `EVERY` steps (the mean over processes), and call `progress(done, total)`."""

    def __init__(self, metrics: Metrics | None, progress=None):
        self.metrics, self.progress = metrics, progress

    def on_train_start(self, trainer, stage) -> None:
        self.began = self.last = time.monotonic()
        self.last_step = stage.step

    def on_train_batch_end(self, trainer, stage, *_) -> None:
        if stage.step % EVERY and stage.step != stage.config.steps:
            return
        values = torch.stack([value.float() for value in stage.terms.values()])
        if trainer.world_size > 1:
            torch.distributed.all_reduce(values)
            values /= trainer.world_size
        if self.metrics is not None:
            now = time.monotonic()
            speed = (stage.step - self.last_step) / max(now - self.last, 1e-9)
            numbers = {"seconds": round(now - self.began, 2), "steps_per_second": round(speed, 3)}
            numbers["learning_rate"] = trainer.optimizers[0].param_groups[0]["lr"]
            numbers["losses"] = dict(zip(stage.terms, values.tolist(), strict=True))  # "total", and each unweighted
            self.metrics.add(stage.step, numbers)
            self.last, self.last_step = now, stage.step
        if self.progress:
            self.progress(stage.step, stage.config.steps)
