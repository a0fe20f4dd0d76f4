"""A training run: data, then one stage after the other, each from the weights of the one before.

In the output folder: `run.json` and `metrics.jsonl` (`run_folder.py`), `<stage>/last.ckpt` (`checkpoints.py`),
`<stage>/weights/` (the finished stage), `<stage>/pictures/`, `tensorboard/`, and at the end `weights/`, which
`GraspGenerator.from_pretrained` and `--weights` take.

The same command goes on where a killed run stopped: finished stages are read, the one at hand starts from its
checkpoint, and the weights come out as they would have. Several processes do the same things; the first one writes.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.hand.anatomy import pads
from fastgrasp_model.hand.fingers import FINGERS
from fastgrasp_model.weights import build_model, load_model, save_model
from fastgrasp_training.adaptation import AdaptationStage, RefinementStage, sampled_latents
from fastgrasp_training.autoencoder import AutoencoderStage
from fastgrasp_training.checkpoints import Checkpoints, identity, read_checkpoint, refuse_other
from fastgrasp_training.completion import CompletionStage
from fastgrasp_training.configuration import SAMPLING, TrainingConfig, section_of
from fastgrasp_training.cvae import CvaeStage
from fastgrasp_training.data import SampleBank, TrainingData, build_bank, load_training_data
from fastgrasp_training.devices import Machine
from fastgrasp_training.diffusion import DiffusionStage, true_latents
from fastgrasp_training.held_out import held_out
from fastgrasp_training.monitor import Monitor
from fastgrasp_training.paper_stages import PaperAdaptationStage, PaperAutoencoderStage, denoised_latents
from fastgrasp_training.range_views import RangeViews, further_objects, prepared_views
from fastgrasp_training.run_folder import Losses, Metrics, hand_digest, write_run
from fastgrasp_training.self_training import SELF_TRAINING, self_training_stage
from fastgrasp_training.stage import TrainingStage, run_stage

# Keys of a model's configuration that no trained weight depends on: the file has the say, also after a stage is done.
SETTINGS = ("name", "sampler", "sampling_steps", "guidance", "noise_scale", "rounds")


class MissingStageError(ValueError):
    """A stage was asked for before the one it builds on, or one that the configuration does not have."""


def train(
    config: TrainingConfig, stages: tuple[str, ...], out: str | Path, device: str | Machine = "auto",
    quiet: bool = False,
) -> Path:  # fmt: skip
    """Train `stages` (of `config.stages`, in order) into the folder `out`; returns the folder of the newest weights.

    Finished stages are not trained again. `device` is "auto", "cpu", "gpu", or a `Machine`. Raises a ValueError of
    this project or an OSError, with the remedy.
    """
    machine = device if isinstance(device, Machine) else Machine.chosen(device)
    machine.join()
    run = TrainingRun(config, Path(out), machine, Console(stderr=True, quiet=quiet or not machine.first))
    weights = run.train(stages)
    machine.leave()
    return weights


class TrainingRun:
    """One run of one process: its data, model and samples, and where it writes."""

    def __init__(self, config: TrainingConfig, out: Path, machine: Machine, console: Console):
        self.config, self.out, self.machine, self.console = config, out, machine, console
        self.hand = ManoLayer.from_file()
        self._completed = False  # whether single views have been completed
        self._bank: tuple[tuple[bool, float], SampleBank | RangeViews] | None = None

    def train(self, stages: tuple[str, ...]) -> Path:
        """See `train`."""
        self.prepare(stages)
        for name in self.todo:
            self._train_stage(name)
        weights = self._weights(stages[-1])
        if stages[-1] == self.config.stages[-1]:
            weights = self.out / "weights"
            notes = {"hand": self.hand.name, "grasps": len(self.data), "objects": len(self.data.specs),
                     "seed": self.config.seed}  # fmt: skip
            if self.machine.first:
                save_model(self.model, weights, notes, half=True)
        self.machine.wait()
        self.console.print(f"weights in {weights}")
        return weights

    def prepare(self, stages: tuple[str, ...]) -> None:
        """Read the data, find what is left to do of `stages`, and put the model to begin with on the device."""
        self._require(stages)
        with progress_bar(self.console, "objects") as bar, self.machine.in_turn():
            data = load_training_data(self.config.data, self.hand, progress=bar)
        self.console.print(f"{len(data):,} grasps on {len(data.specs):,} objects; hand: {self.hand.name}")
        for note in data.notes:
            self._warn(note)
        self.held_out = self._held_out(data) if self.machine.first and self.config.monitor.times else None
        self.data, self.hand_digest = data, hand_digest(self.hand)
        self.todo = self._todo(stages)
        self.model = self._starting_model(stages)
        self.machine.wait()  # all have looked before one writes
        if self.machine.first:
            write_run(self.out, self.config, stages, self.machine, data, self.hand)
        self.data = data.to(self.machine.device)

    def _weights(self, stage: str) -> Path:
        return self.out / stage / "weights"

    def _warn(self, text: str) -> None:
        self.console.print(text, style="yellow", markup=False)

    def _require(self, stages: tuple[str, ...]) -> None:
        """Raise MissingStageError where there is no such stage, or no weights of the stage before the first."""
        known = self.config.stages
        for name in stages:
            if name not in known:
                raise MissingStageError(
                    f"the configuration {self.config.model.name} has no stage {name}; expected {', '.join(known)}"
                )
        before = known[: known.index(stages[0])]
        if before and not self._weights(before[-1]).exists():
            raise MissingStageError(
                f"{stages[0]} starts from the {before[-1]}: no weights at {self._weights(before[-1])}; "
                f"run `fastgrasp train {before[-1]}`"
            )

    def _held_out(self, data: TrainingData):
        with progress_bar(self.console, "held-out objects") as bar:
            found, note = held_out(self.config, self.hand, data.specs, bar)
        if note:
            self._warn(note)
        return found

    def _todo(self, stages: tuple[str, ...]) -> tuple[str, ...]:
        """Return the stages that are not finished. Raises CheckpointError where a finished one is another run's."""
        for done, name in enumerate(stages):
            weights = self._weights(name)
            if not (weights / "config.json").exists():
                return stages[done:]
            notes = json.loads((weights / "config.json").read_text()).get("notes") or {}
            refuse_other(notes.get("identity") or {}, self._identity(name), weights)
            self.console.print(f"[bold]{name}[/]: done, weights in {weights}")
        return ()

    def _identity(self, name: str) -> dict:
        """Return what the weights of a stage depend on."""
        known = identity(self.config, name, self.data.digest, self.hand_digest)
        for stage in self.config.stages[: self.config.stages.index(name)][-1:]:
            digest = hashlib.sha256((self._weights(stage) / "model.safetensors").read_bytes()).hexdigest()
            known[f"weights of the {stage} (SHA-256)"] = digest
        return known

    def _starting_model(self, stages: tuple[str, ...]) -> GraspModel:
        """Return a new model for the first stage, else one with the weights of the stage before."""
        known = self.config.stages
        before = known[: known.index(self.todo[0]) if self.todo else known.index(stages[-1]) + 1]
        if not before:
            return new_model(self.config, self.hand)
        folder = self._weights(before[-1])
        model = load_model(folder, self.hand)
        wanted = after(self.config.model, before)
        there, here = model.config.to_dict(), wanted.to_dict()
        different = [key for key in here if key not in SETTINGS and there.get(key) != here[key]]
        if different:
            told = "; ".join(f"model.{key} {there.get(key)} there, {here[key]} here" for key in different[:4])
            raise MissingStageError(
                f"{folder} was trained with another model ({told}); set it back, or give another --out to train anew"
            )
        model.config = wanted
        return model.train()

    def _train_stage(self, name: str) -> None:
        folder, known = self.out / name, self._identity(name)
        stage = self.stage(name)
        restored = read_checkpoint(folder, known, self._warn)
        start = restored["step"] if restored else 0
        if restored:
            self.model.load_state_dict(restored["weights"])
        left = f", on from step {start:,}" if start else ""
        self.console.print(f"[bold]{name}[/]: {stage.config.steps:,} steps{left}")
        self.machine.wait()
        metrics = Metrics(self.out, name, start) if self.machine.first else None
        with progress_bar(self.console, name) as bar:
            callbacks = [Losses(metrics, bar)]
            if self.held_out is not None:
                pictures = folder / "pictures"
                callbacks.append(Monitor(self.held_out, self.config.monitor, metrics, pictures, self.console))
            callbacks.append(Checkpoints(folder, known, max(min(500, stage.config.steps // 4), 1), restored))
            run_stage(stage, self.machine, self.config.seed, start, callbacks)
        if metrics is not None:
            metrics.close()
            notes = {"stage": name, "hand": self.hand.name, "identity": known}
            save_model(self.model.eval(), self._weights(name), notes)
        self.machine.wait()

    def stage(self, name: str) -> TrainingStage:
        """Return a stage with its samples, on the device."""
        self.model.to(self.machine.device)
        self.hand.to(self.machine.device)
        if name != "completion" and self.model.shape_completion is not None and not self._completed:
            with progress_bar(self.console, "single views") as bar:
                objects = self.data.objects.completed(self.model.shape_completion.eval(), bar)
            self.data, self._completed = replace(self.data, objects=objects), True
        bank = self._samples(name)
        self.model.train()
        torch.manual_seed(self.config.seed)
        return make_stage(name, self.config, self.model, self.data, bank, self.console)

    def _samples(self, name: str) -> SampleBank | RangeViews:
        """Return the samples of a stage (see `samples_for`), which the next stage may share."""
        kind = name == "completion", _augmented(name, self.config)
        if self._bank is None or self._bank[0] != kind:
            self._bank = None
            with progress_bar(self.console, "samples") as bar, self.machine.in_turn() if kind[0] else nullcontext():
                self._bank = kind, samples_for(name, self.config, self.data, self.model, bar)
        return self._bank[1]


def samples_for(
    name: str, config: TrainingConfig, data: TrainingData, model: GraspModel, progress=None
) -> SampleBank | RangeViews:
    """Return the samples of a stage: range images for a completion; grasps, and for stages of SAMPLING also augmented
    grasp points, for the others."""
    if name == "completion":
        sources = [*data.specs, *further_objects(config.data.range_objects)]
        return prepared_views(sources, config.data.cache, config.data.range_views, config.data.workers, progress)
    share = _augmented(name, config)
    repeats = max(config.data.repeats // 2, 1) if share else config.data.repeats
    return build_bank(data, model, repeats, config.seed + (share > 0), progress, augmented=share)


def _augmented(name: str, config: TrainingConfig) -> float:
    return config.stage(name).augmented if section_of(name) in SAMPLING else 0.0


def make_stage(
    name: str, config: TrainingConfig, model: GraspModel, data: TrainingData, bank: SampleBank | RangeViews,
    console: Console,
) -> TrainingStage:  # fmt: skip
    """Return the stage `name` on its samples; stages of SAMPLING sample the model first."""
    section, paper = config.stage(name), config.model.method == "paper"
    if name == "completion":
        return CompletionStage(model, section, bank)
    if name in ("cvae", "autoencoder", "diffusion"):
        autoencoder = PaperAutoencoderStage if paper else AutoencoderStage
        kind = {"cvae": CvaeStage, "autoencoder": autoencoder, "diffusion": DiffusionStage}[name]
        return kind(model, section, data, bank)
    if section_of(name) in SELF_TRAINING:
        with progress_bar(console, "hands") as bar:
            return self_training_stage(name, section, config.seed, model, data, bank, console.print, bar)
    true = true_latents(model, data, bank)
    with progress_bar(console, "latents") as bar:
        latents = (denoised_latents if paper else sampled_latents)(model, bank, true, config.seed, progress=bar)
    kind = PaperAdaptationStage if paper else RefinementStage if name == "refinement" else AdaptationStage
    return kind(model, section, data, bank, latents)


def after(config, stages: tuple[str, ...]):
    """Return the configuration of the model that `stages` have trained: self-training learns the width of the noise."""
    return replace(config, noise_scale=1.0) if any(section_of(name) in SELF_TRAINING for name in stages) else config


def new_model(config: TrainingConfig, hand: ManoLayer) -> GraspModel:
    """Return an untrained model of the configuration's seed."""
    torch.manual_seed(config.seed)
    model = build_model(config.model, hand)
    if len(getattr(model, "query_ids", ())):
        model.query_ids.copy_(choose_query_vertices(hand, len(model.query_ids)))
    return model


def choose_query_vertices(hand: ManoLayer, count: int) -> torch.Tensor:
    """Return vertices (count,) as query points: the finger pads first, then spread evenly over the hand."""
    named = pads(hand)
    chosen = torch.cat([named[finger] for finger in FINGERS])[:count].tolist()
    distance = torch.cdist(hand.v_template, hand.v_template[chosen]).amin(1)
    while len(chosen) < count:
        farthest = int(distance.argmax())
        chosen.append(farthest)
        distance = torch.minimum(distance, (hand.v_template - hand.v_template[farthest]).norm(dim=1))
    return torch.tensor(chosen)


@contextmanager
def progress_bar(console: Console, name: str):
    """Show a bar while within; yields progress(done, total)."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(name, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
