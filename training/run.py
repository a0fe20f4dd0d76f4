"""A training run: data, then the stages one after the other, each from the weights of the one before.

In the output folder: `run.json` and `metrics.jsonl` (`run_folder.py`), `<stage>/last.ckpt` (to go on from),
`<stage>/weights/` (after it is done), `<stage>/pictures/`, `tensorboard/`, and at the end `weights/`, which
`GraspGenerator.from_pretrained` and `--weights` take.

A run that was killed goes on when the same command is given again: finished stages are read, the one at hand starts
from its checkpoint, and the weights come out as they would have. Several processes do the same things, and the first
one writes.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fastgrasp_evaluation.datasets import DatasetError
from fastgrasp_model.geometry.meshes import MeshError
from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_model.hand import HandModelError, ManoLayer
from fastgrasp_model.hand.anatomy import pads
from fastgrasp_model.hand.joint_limits import FINGERS
from fastgrasp_model.weights import WeightsError, build_model, load_model, save_model
from fastgrasp_synthesis.grasp_set import GraspSetError
from fastgrasp_synthesis.object_specs import ObjectSpecError
from fastgrasp_training.adaptation import AdaptationStage, RefinementStage, sampled_latents
from fastgrasp_training.autoencoder import AutoencoderStage
from fastgrasp_training.checkpoints import CheckpointError, Checkpoints, identity, read_checkpoint, refuse_other
from fastgrasp_training.completion import CompletionStage
from fastgrasp_training.configuration import SAMPLING, TrainingConfig, TrainingConfigError, kind_of
from fastgrasp_training.cvae import CvaeStage
from fastgrasp_training.data import SampleBank, TrainingData, build_bank, load_training_data
from fastgrasp_training.devices import Machine, MachineError
from fastgrasp_training.diffusion import DiffusionStage, true_latents
from fastgrasp_training.held_out import held_out
from fastgrasp_training.monitor import Monitor
from fastgrasp_training.paper_stages import PaperAdaptationStage, PaperAutoencoderStage, denoised_latents
from fastgrasp_training.range_views import RangeViews, further_objects, prepared_views
from fastgrasp_training.run_folder import Losses, Metrics, hand_digest, write_run
from fastgrasp_training.self_training import SELF_TRAINING, SelfTrainingError, self_training_stage
from fastgrasp_training.sources import DataSourceError
from fastgrasp_training.stage import Stage, run_stage


class MissingStageError(ValueError):
    """A stage was asked for before the one it builds on, or one that the configuration has not."""


WRONG_REQUEST = (
    TrainingConfigError, MissingStageError, DataSourceError, DatasetError, GraspSetError, ObjectSpecError, MeshError,
    HandModelError, WeightsError, CheckpointError, MachineError, SelfTrainingError, OSError,
)  # fmt: skip


def train(
    config: TrainingConfig, stages: tuple[str, ...], out: str | Path, device: str | Machine = "auto",
    quiet: bool = False,
) -> Path:  # fmt: skip
    """Train `stages` (of `config.stages`, in order) into the folder `out`; returns the folder of the newest weights.

    What is done of it already is not done again. `device` is "auto", "cpu", "gpu", or a `Machine`. Raises one of
    `WRONG_REQUEST`, each with the remedy.
    """
    machine = device if isinstance(device, Machine) else Machine.chosen(device)
    machine.join()
    run = Run(config, Path(out), machine, Console(stderr=True, quiet=quiet or not machine.first))
    return run.train(stages)


class Run:
    """One run of one process: its data, model and samples, and where it writes."""

    def __init__(self, config: TrainingConfig, out: Path, machine: Machine, console: Console):
        self.config, self.out, self.machine, self.console = config, out, machine, console
        self.hand = ManoLayer.from_file()
        self._completed = False
        self._bank: tuple[tuple[bool, float], SampleBank | RangeViews] | None = None

    def train(self, stages: tuple[str, ...]) -> Path:
        """See `train`."""
        self.prepare(stages)
        for name in self.todo:
            self._train_stage(name)
        if stages[-1] != self.config.stages[-1]:
            weights = self.out / stages[-1] / "weights"
        else:
            weights = self.out / "weights"
            notes = {"hand": self.hand.name, "grasps": len(self.data), "objects": len(self.data.specs),
                     "seed": self.config.seed}  # fmt: skip
            if self.machine.first:
                save_model(self.model, weights, notes, half=True)
        self.machine.wait()
        self.console.print(f"weights in {weights}")
        return weights

    def prepare(self, stages: tuple[str, ...]) -> None:
        """Data, what is left to do of `stages`, and the model to begin with, on the device."""
        strange = [name for name in stages if name not in self.config.stages]
        if strange:
            raise MissingStageError(
                f"the configuration {self.config.model.name} has no stage {strange[0]}; "
                f"expected {', '.join(self.config.stages)}"
            )
        _require_before(self.config, stages[0], self.out)
        with _progress(self.console) as bars, self.machine.in_turn():
            data = load_training_data(self.config.data, self.hand, progress=_bar(bars, "objects"))
            self.held_out = self._held_out(data, _bar(bars, "held-out objects")) if self.machine.first else None
        self.console.print(f"{len(data):,} grasps on {len(data.specs):,} objects; hand: {self.hand.name}")
        for note in data.notes:
            self.console.print(note, style="yellow", markup=False)
        self.data, self.hand_digest = data, hand_digest(self.hand)
        self.todo = self._todo(stages)
        self.model = _starting_model(self.config, self.hand, stages, self.todo, self.out)
        self.machine.wait()  # all have looked before one writes
        if self.machine.first:
            write_run(self.out, self.config, stages, self.machine, data, self.hand)
        self.data = data.to(self.machine.device)

    def _held_out(self, data: TrainingData, progress):
        if not self.config.monitor.times:
            return None
        found, note = held_out(self.config, self.hand, data.specs, progress)
        if note:
            self.console.print(note, style="yellow", markup=False)
        return found

    def _todo(self, stages: tuple[str, ...]) -> tuple[str, ...]:
        """The stages that are not finished. Raises CheckpointError where a finished one is another run's."""
        for done, name in enumerate(stages):
            weights = self.out / name / "weights"
            if not (weights / "config.json").exists():
                return stages[done:]
            notes = json.loads((weights / "config.json").read_text()).get("notes") or {}
            refuse_other(notes.get("identity") or {}, self.known(name), weights)
            self.console.print(f"[bold]{name}[/]: done, weights in {weights}")
        return ()

    def known(self, name: str) -> dict:
        """What the weights of a stage depend on."""
        known = identity(self.config, name, self.data.digest, self.hand_digest)
        before = self.config.stages[: self.config.stages.index(name)][-1:]
        for stage in before:
            file = self.out / stage / "weights" / "model.safetensors"
            known[f"weights of the {stage} (SHA-256)"] = hashlib.sha256(file.read_bytes()).hexdigest()
        return known

    def stage(self, name: str) -> Stage:
        """A stage with its samples, on the device."""
        self.model.to(self.machine.device)
        self.hand.to(self.machine.device)
        if name != "completion" and self.model.shape_completion is not None and not self._completed:
            with _progress(self.console) as bars:
                objects = self.data.objects.completed(self.model.shape_completion.eval(), _bar(bars, "single views"))
            self.data, self._completed = replace(self.data, objects=objects), True
        bank = self._samples(name)
        self.model.train()
        torch.manual_seed(self.config.seed)
        return _make_stage(name, self.config, self.model, self.data, bank, self.console)

    def _samples(self, name: str) -> SampleBank | RangeViews:
        """See `_bank_for`; kept for the next stage, which may want the same."""
        kind = name == "completion", _explored(name, self.config)
        if self._bank is None or self._bank[0] != kind:
            self._bank = None
            with _progress(self.console) as bars, self.machine.in_turn() if kind[0] else nullcontext():
                bank = _bank_for(name, self.config, self.data, self.model, _bar(bars, "samples"))
            self._bank = kind, bank
        return self._bank[1]

    def _train_stage(self, name: str) -> None:
        folder, known = self.out / name, self.known(name)
        stage = self.stage(name)
        restored = read_checkpoint(folder, known, lambda text: self.console.print(text, style="yellow", markup=False))
        start = restored["step"] if restored else 0
        if restored:
            self.model.load_state_dict(restored["weights"])
        left = f", on from step {start:,}" if start else ""
        self.console.print(f"[bold]{name}[/]: {stage.config.steps:,} steps{left}")
        self.machine.wait()
        metrics = Metrics(self.out, name, start) if self.machine.first else None
        with _progress(self.console) as bars:
            callbacks = [Losses(metrics, _bar(bars, name))]
            if self.held_out is not None:
                callbacks.append(
                    Monitor(self.held_out, self.config.monitor, metrics, folder / "pictures", bars.console)
                )
            every = max(min(500, stage.config.steps // 4), 1)
            callbacks.append(Checkpoints(folder, known, every, restored))
            run_stage(stage, self.machine, self.config.seed, start, callbacks)
        if metrics is not None:
            metrics.close()
            notes = {"stage": name, "hand": self.hand.name, "identity": known}
            save_model(self.model.eval(), folder / "weights", notes)
        self.machine.wait()


def _require_before(config: TrainingConfig, first: str, out: Path) -> None:
    """Raises MissingStageError where the stage before `first` has left no weights in `out`."""
    if first != config.stages[0]:
        before = config.stages[config.stages.index(first) - 1]
        folder = out / before / "weights"
        if not folder.exists():
            raise MissingStageError(
                f"{first} starts from the {before}: no weights at {folder}; run `fastgrasp train {before}`"
            )


def _starting_model(
    config: TrainingConfig, hand: ManoLayer, stages: tuple[str, ...], todo: tuple[str, ...], out: Path
) -> GraspModel:
    """A fresh model for the first stage, else the weights that the stage before left in `out`."""
    place = config.stages.index(todo[0]) if todo else config.stages.index(stages[-1]) + 1
    if place == 0:
        torch.manual_seed(config.seed)
        model = build_model(config.model, hand)
        if len(getattr(model, "query_ids", ())):
            model.query_ids.copy_(choose_query_vertices(hand, len(model.query_ids)))
        return model
    folder = out / config.stages[place - 1] / "weights"
    model = load_model(folder, hand)
    if model.config.latent != config.model.latent or model.config.name != config.model.name:
        raise MissingStageError(
            f"{folder} was trained with another configuration ({model.config.name}); use another --out"
        )
    return model.train()


def _bank_for(
    name: str, config: TrainingConfig, data: TrainingData, model: GraspModel, progress
) -> SampleBank | RangeViews:
    """The samples of a stage: grasps alone, or (adaptation and later) grasps and explorations; range images of the
    objects for a completion."""
    if name == "completion":
        sources = [*data.specs, *further_objects(config.data.range_objects)]
        return prepared_views(sources, config.data.cache, config.data.range_views, config.data.workers, progress)
    share = _explored(name, config)
    repeats = max(config.data.repeats // 2, 1) if share else config.data.repeats
    return build_bank(data, model, repeats, config.seed + (share > 0), progress, augmented=share)


def _explored(name: str, config: TrainingConfig) -> float:
    return config.stage(name).augmented if kind_of(name) in SAMPLING else 0.0


def _make_stage(
    name: str, config: TrainingConfig, model: GraspModel, data: TrainingData, bank: SampleBank | RangeViews,
    console: Console,
) -> Stage:  # fmt: skip
    if name == "completion":
        return CompletionStage(model, config.completion, bank)
    if name == "cvae":
        return CvaeStage(model, config.cvae, data, bank)
    paper = config.model.method == "paper"
    if name == "autoencoder":
        return (PaperAutoencoderStage if paper else AutoencoderStage)(model, config.autoencoder, data, bank)
    if name == "diffusion":
        return DiffusionStage(model, config.diffusion, data, bank)
    if kind_of(name) in SELF_TRAINING:
        with _progress(console) as bars:
            bar = _bar(bars, "hands")
            return self_training_stage(name, config.stage(name), config.seed, model, data, bank, console.print, bar)
    true = true_latents(model, data, bank)
    with _progress(console) as bars:
        make_latents = denoised_latents if paper else sampled_latents
        latents = make_latents(model, bank, true, config.seed, progress=_bar(bars, "latents"))
    kind = PaperAdaptationStage if paper else RefinementStage if name == "refinement" else AdaptationStage
    return kind(model, config.stage(name), data, bank, latents)


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


def _progress(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console, transient=True)


def _bar(bars: Progress, name: str):
    task = bars.add_task(name, total=None)
    return lambda done, total: bars.update(task, completed=done, total=total)
