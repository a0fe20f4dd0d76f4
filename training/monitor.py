"""The monitor: figures of the benchmark on held-out objects, and pictures, while a stage trains.

The autoencoder reconstructs the set's own grasps on held-out objects; the completion completes views of them; the other
stages generate grasps for them. There is no simulation, and a few dozen hands only: the figures are for curves, not for
tables. The monitor takes nothing from the training's random numbers and leaves every module in the mode it found.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from fastgrasp_evaluation.metrics import contact_ratio, diversity, penetration
from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_model.generator import GraspGenerator
from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_model.grasps import Grasps
from fastgrasp_model.hand.fingers import finger_vertices
from fastgrasp_training.completion import back_errors
from fastgrasp_training.configuration import MonitorConfig
from fastgrasp_training.data import build_bank
from fastgrasp_training.held_out import HeldOut
from fastgrasp_training.precision import full_precision
from fastgrasp_training.randomness import StepGenerator
from fastgrasp_training.range_views import RangeViews, object_range_views
from fastgrasp_training.reconstruction import reconstruct

RANGE_VIEWS = 8  # of a held-out object, for the completion
MOST_VOLUMES = 16  # hands whose solid volume is measured
SEED = 0


class Monitor(Callback):
    """Measure a stage `config.times` times; the figures go to `metrics` and `console`, pictures into `folder` too."""

    def __init__(self, held: HeldOut, config: MonitorConfig, metrics, folder: Path, console=None):
        self.held, self.config, self.metrics, self.folder, self.console = held, config, metrics, folder, console

    def due(self, step: int, steps: int) -> bool:
        """Return whether to measure after `step` of `steps`: at equal distances, and after the last."""
        times = self.config.times
        return step * times // steps > (step - 1) * times // steps

    def on_train_batch_end(self, trainer, stage, *_) -> None:
        if not self.due(stage.step, stage.config.steps):
            return
        began, shown = time.monotonic(), []
        with undisturbed(stage.model):
            if stage.name == "autoencoder":
                figures, shown = reconstructed(stage.model, self.held, self.config)
            elif stage.name == "completion":
                figures = completed(stage.model, self.held)
            else:
                figures, shown = generated(stage.model, self.held, self.config)
        figures = {name: round(value, 5) for name, value in figures.items()}
        self.metrics.add(stage.step, {"validation": figures, "monitor_seconds": round(time.monotonic() - began, 2)})
        if shown and self.config.pictures:
            self._draw(stage, shown[: self.config.pictures])
        if self.console is not None:
            text = ", ".join(f"{name} {value:g}" for name, value in figures.items())
            self.console.print(f"{stage.name} {stage.step:,}: {text}", markup=False, highlight=False)

    def _draw(self, stage, shown: list) -> None:
        from PIL import Image

        from fastgrasp_model.pictures import render_sheet

        path = self.folder / f"step_{stage.step:06d}.png"
        render_sheet(shown, path, columns=4, title=f"{stage.name}, step {stage.step:,}", panel=220)
        self.metrics.picture(stage.step, "grasps", np.asarray(Image.open(path).convert("RGB")))


@contextmanager
def undisturbed(model: GraspModel):
    """Evaluate in float32, without gradients; random numbers and modes are afterwards as before."""
    modes = {module: module.training for module in model.modules()}
    device = next(model.parameters()).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.no_grad(), full_precision():
        model.eval()
        try:
            yield
        finally:
            for module, mode in modes.items():
                module.training = mode


def reconstructed(model: GraspModel, held: HeldOut, config: MonitorConfig) -> tuple[dict[str, float], list]:
    """Put held-out grasps through the autoencoder and back; returns figures, and what to draw.

    vertex_error_mm, contact_kept_share: of `reconstruction.Reconstruction`; volume_added_cm3: mean increase of the
    solid volume shared with the object.
    """
    data = held.data.to(next(model.parameters()).device)
    bank = build_bank(data, model, 1, seed=SEED)
    found = reconstruct(model, data, bank, _some_of_each(bank.grasp, data.object, config.grasps))
    before, after = (
        Grasps.from_parameters(hands.parameters(model.hand), model.hand) for hands in (found.true, found.made)
    )
    owner = found.object.tolist()
    figures = {"grasps": float(len(owner)), "vertex_error_mm": found.vertex_error_mm,
               "contact_kept_share": found.contact_kept_share}  # fmt: skip
    if np.isfinite(after.vertices).all():
        figures["volume_added_cm3"] = _mean_volume(after, owner, held) - _mean_volume(before, owner, held)
    return figures, _items(after, owner, held)


def completed(model: GraspModel, held: HeldOut) -> dict[str, float]:
    """Return the errors of the completion on views of held-out objects: see `completion.back_errors`."""
    rng = np.random.default_rng(SEED)
    made = [object_range_views(mesh, RANGE_VIEWS, rng) for mesh in held.meshes]
    views = RangeViews(**{name: torch.from_numpy(np.concatenate([m[name] for m in made])) for name in made[0]})
    return back_errors(model.shape_completion, views.to(next(model.parameters()).device), StepGenerator(SEED))


def generated(model: GraspModel, held: HeldOut, config: MonitorConfig) -> tuple[dict[str, float], list]:
    """Generate grasps for held-out objects, seen from all sides; returns figures, and what to draw.

    As in the benchmark's strict protocol: contact_thumb_and_two_share, penetration_depth_cm, penetration_volume_cm3,
    pairwise_joint_distance_cm.
    """
    generator = GraspGenerator(model, str(next(model.parameters()).device))
    few = max(MOST_VOLUMES // len(held.solids), 1)
    rows, items = [], []
    for number, solid in enumerate(held.solids):
        cloud = held.data.objects.clouds(torch.tensor([number * held.data.objects.views]))[0][0].numpy()
        grasps = generator.generate(cloud, config.grasps, seed=SEED)
        if np.isfinite(grasps.vertices).all():  # else the network diverged, and "grasps" counts fewer
            rows.append(_measured(HandSet.from_grasps(grasps), solid, few))
            items += _items(grasps[:1], [number], held)
    figures = {"grasps": float(sum(len(row["contact_thumb_and_two_share"]) for row in rows))}
    for name in rows[0] if rows else ():
        figures[name] = float(np.mean(np.concatenate([row[name] for row in rows])))
    return figures, items


def _measured(hands: HandSet, solid, few: int) -> dict[str, np.ndarray]:
    """Return figures of hands on one object, one for each hand; the volume of `few`, one distance for all."""
    fingers = finger_vertices(hands.vertices[0], hands.faces[0], hands.keypoints[0])
    distances = penetration.hand_distances(hands.vertices, solid)
    volumes = penetration.penetration_volume_solid_cm3(hands.vertices[:few], hands.faces[:few], solid)
    return {
        "contact_thumb_and_two_share": contact_ratio.contact_thumb_and_two_fingers(distances, fingers),
        "penetration_depth_cm": penetration.depth_from_distances_cm(distances),
        "penetration_volume_cm3": volumes,
        "pairwise_joint_distance_cm": np.array([diversity.mean_pairwise_joint_distance_cm(hands.keypoints)]),
    }


def _mean_volume(grasps: Grasps, owner: list[int], held: HeldOut) -> float:
    """Return the mean solid volume in cm3 of at most `MOST_VOLUMES` hands spread over all."""
    hands, volumes = HandSet.from_grasps(grasps), []
    for i in range(0, len(grasps), -(-len(grasps) // MOST_VOLUMES)):
        vertices, faces = hands.vertices[i : i + 1], hands.faces[i : i + 1]
        volumes.append(float(penetration.penetration_volume_solid_cm3(vertices, faces, held.solids[owner[i]])[0]))
    return float(np.mean(volumes))


def _items(grasps: Grasps, owner: list[int], held: HeldOut) -> list[tuple]:
    """Return what `render_sheet` draws: one hand for each object."""
    first = {number: i for i, number in reversed(list(enumerate(owner)))}
    return [(grasps, i, held.meshes[number], held.data.specs[number].name) for number, i in sorted(first.items())]


def _some_of_each(grasp: torch.Tensor, owner: torch.Tensor, count: int) -> torch.Tensor:
    """Return rows of `grasp` (M,), the first `count` of every object owner[grasp]."""
    of = owner[grasp]
    rows = [(of == number).nonzero().squeeze(1)[:count] for number in of.unique()]
    return torch.cat(rows).sort().values
