"""A training run: data, then the stages one after the other, each from the weights of the one before.

In the output folder: `<stage>/last.ckpt` (to go on from), `<stage>/weights/` (after it is done), `tensorboard/`, and at
the end `weights/`, which `GraspGenerator.from_pretrained` and `--weights` take.
"""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.hand.anatomy import FINGERS, pads
from fastgrasp_model.model import FastGraspModel
from fastgrasp_training.adaptation import AdaptationStage, starting_latents
from fastgrasp_training.autoencoder import AutoencoderStage
from fastgrasp_training.configuration import STAGES, TrainingConfig
from fastgrasp_training.data import SampleBank, TrainingData, build_bank, load_training_data
from fastgrasp_training.diffusion import DiffusionStage, true_latents
from fastgrasp_training.stage import Stage, run_stage


class MissingStageError(ValueError):
    """A stage was asked for before the one it builds on."""


def train(
    config: TrainingConfig, stages: tuple[str, ...], out: str | Path, device: str = "auto", quiet: bool = False
) -> Path:
    """Train `stages` (names of `STAGES`, in order) into the folder `out`; returns the folder of the newest weights.

    Raises MissingStageError, GraspSetError, HandModelError or WeightsError, each with the remedy.
    """
    out, console = Path(out), Console(stderr=True, quiet=quiet)
    torch.manual_seed(config.seed)
    hand = ManoLayer.from_file()
    model = _starting_model(config, hand, stages[0], out)
    with _progress(console) as bars:
        data = load_training_data(config.data, hand, progress=_bar(bars, "objects"))
        console.print(f"{len(data):,} grasps on {len(data.specs):,} objects; hand: {hand.name}")
        bank = _bank_for(stages[0], config, data, model, _bar(bars, "samples"))
    weights = out / "weights"
    for name in stages:
        console.print(f"[bold]{name}[/]: {getattr(config, name).steps:,} steps")
        if name == "adaptation" and name != stages[0] and config.adaptation.explored:
            with _progress(console) as bars:
                bank = _bank_for(name, config, data, model, _bar(bars, "samples"))
        stage = _make_stage(name, config, model, data, bank, console)
        run_stage(stage, len(stage.bank), out, config.seed, device, quiet)
        model.cpu().eval().save_pretrained(out / name / "weights", {"stage": name, "hand": hand.name})
        weights = out / name / "weights"
    if stages[-1] == STAGES[-1]:
        weights = out / "weights"
        notes = {"hand": hand.name, "grasps": len(data), "objects": len(data.specs), "seed": config.seed}
        model.save_pretrained(weights, notes, half=True)
    console.print(f"weights in {weights}")
    return weights


def _starting_model(config: TrainingConfig, hand: ManoLayer, first: str, out: Path) -> FastGraspModel:
    """A fresh model for the first stage, else the weights that the stage before left in `out`."""
    if first == STAGES[0]:
        model = FastGraspModel(config.model, hand)
        model.probe_ids.copy_(choose_probes(hand, config.model.probes))
        return model
    before = STAGES[STAGES.index(first) - 1]
    folder = out / before / "weights"
    if not folder.exists():
        raise MissingStageError(
            f"{first} starts from the {before}: no weights at {folder}; run `fastgrasp train {before}`"
        )
    model = FastGraspModel.from_pretrained(folder, hand)
    if model.config.latent != config.model.latent or model.config.name != config.model.name:
        raise MissingStageError(
            f"{folder} was trained with another configuration ({model.config.name}); use another --out"
        )
    return model.train()


def _bank_for(name: str, config: TrainingConfig, data: TrainingData, model: FastGraspModel, progress) -> SampleBank:
    """The samples of a stage: grasps alone, or (adaptation) grasps and explorations."""
    share = config.adaptation.explored if name == "adaptation" else 0.0
    repeats = max(config.data.repeats // 2, 1) if share else config.data.repeats
    return build_bank(data, model, repeats, config.seed + (share > 0), progress, explored=share)


def _make_stage(
    name: str, config: TrainingConfig, model: FastGraspModel, data: TrainingData, bank: SampleBank, console: Console
) -> Stage:
    if name == "autoencoder":
        return AutoencoderStage(model, config.autoencoder, data, bank)
    if name == "diffusion":
        return DiffusionStage(model, config.diffusion, data, bank)
    true = true_latents(model, data, bank)
    with _progress(console) as bars:
        kind = config.adaptation.latents
        latents = starting_latents(model, bank, true, kind, config.seed, progress=_bar(bars, "latents"))
    return AdaptationStage(model, config.adaptation, data, bank, latents)


def choose_probes(hand: ManoLayer, count: int) -> torch.Tensor:
    """Vertices (count,) that feel in the adaptation module: the finger pads first, then spread evenly over the hand."""
    named = pads(hand)
    if not count:
        return torch.zeros(0, dtype=torch.long)
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
