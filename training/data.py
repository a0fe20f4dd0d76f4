"""Training samples: a grasp, a view of its object, and the local frame in which the networks see both.

What depends on no weight (view, grasp point, the object's features) is computed beforehand into a `SampleBank`, so
that a training step runs networks only. """

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields, replace

import numpy as np
import torch
from torch import Tensor

from fastgrasp_model.geometry.frames import Frames, local_frames
from fastgrasp_model.geometry.normals import averaged_normals
from fastgrasp_model.geometry.rotations import random_rotations
from fastgrasp_model.grasp_model import GraspModel, ObservedObject
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.hand.anatomy import pads
from fastgrasp_model.networks.hand_representation import HandState
from fastgrasp_training.configuration import DataConfig
from fastgrasp_training.object_views import TrainingObjects
from fastgrasp_training.sources import ObjectSource, TrainingGrasps, by_turns, resolve

PALM_REACH = 0.03  # metres in front of the palm: the held place of a grasp
WHOLE_SHARE = 0.35  # of the samples see the object from all sides
SCALES = (0.8, 2.0)  # range of the sizes of objects of augmented samples
NEAREST = 6  # the grasp point is one of so many points nearest to the held place
SLACK = 0.03  # metres beyond the whole cloud's nearest point; a view without a nearer one hides the held side
TILT = 0.15  # radians, standard deviation of the error added to the normal at a grasp point
CHUNK = 256


@dataclass
class TrainingData:
    """N grasps in their objects' frames, and the objects. held, reach (N, 3): the held place, the palm's direction.

    `digest`: a SHA-256 of grasps and objects, the same wherever the set lies.
    """

    states: HandState
    object: Tensor
    held: Tensor
    reach: Tensor
    objects: TrainingObjects
    specs: list[ObjectSource]
    notes: list[str] = field(default_factory=list)
    digest: str = ""

    def __len__(self) -> int:
        return len(self.object)

    def to(self, device: torch.device | str) -> TrainingData:
        """The same on another device."""
        if self.object.device == torch.device(device):
            return self
        moved = {name: getattr(self, name).to(device) for name in ("object", "held", "reach", "objects")}
        return replace(self, states=HandState(*(value.to(device) for value in self.states)), **moved)

    def rows(self, index: Tensor) -> HandState:
        """The hands (B) of grasps `index` (B,)."""
        return HandState(*(value[index] for value in self.states))


def load_training_data(config: DataConfig, hand: ManoLayer, split: str = "train", progress=None) -> TrainingData:
    """Grasps of one split with their objects prepared; `hand` is that of `ManoLayer.from_file()`.

    Raises DataSourceError, DatasetError, GraspSetError (also for a set of another hand) or MeshError, each with the
    remedy.
    """
    return prepared(
        few_objects(resolve(config.wanted, split, progress=progress), config.objects), config, hand, progress
    )


def few_objects(grasps: TrainingGrasps, count: int) -> TrainingGrasps:
    """The grasps on `count` objects of as many families as there are; 0: all."""
    if not count or count >= len(grasps.objects):
        return grasps
    return on_objects(grasps, np.array(by_turns(grasps.objects)[:count]))


def on_objects(grasps: TrainingGrasps, chosen: np.ndarray) -> TrainingGrasps:
    """Return the grasps on the objects `chosen` (K,), which are numbered in this order."""
    rows = np.flatnonzero(np.isin(grasps.object, chosen))
    place = np.full(len(grasps.objects), -1)
    place[chosen] = np.arange(len(chosen))
    return replace(
        grasps, parameters=grasps.parameters[rows], object=place[grasps.object[rows]],
        objects=[grasps.objects[number] for number in chosen],
    )  # fmt: skip


def prepared(grasps: TrainingGrasps, config: DataConfig, hand: ManoLayer, progress=None) -> TrainingData:
    """Grasps as tensors, with their objects prepared. Raises as `load_training_data`."""
    objects = TrainingObjects.prepare(
        grasps.objects, config.cache, config.views, config.cells, config.workers, progress, config.view_points
    )
    parameters = torch.from_numpy(grasps.parameters)
    states = HandState.from_parameters(parameters, hand)
    held, reach = held_places(parameters, states, hand)
    owner = torch.from_numpy(grasps.object)
    return TrainingData(states, owner, held, reach, objects, grasps.objects, grasps.notes, digest_of(grasps))


def digest_of(grasps: TrainingGrasps) -> str:
    """SHA-256 of the grasps and of what their objects are."""
    digest = hashlib.sha256(np.ascontiguousarray(grasps.parameters, dtype="<f4").tobytes())
    digest.update(np.ascontiguousarray(grasps.object, dtype="<i8").tobytes())
    digest.update("\n".join(source.identity() for source in grasps.objects).encode())
    return digest.hexdigest()


def held_places(parameters: Tensor, states: HandState, hand: ManoLayer) -> tuple[Tensor, Tensor]:
    """Return the held places (N, 3) of hands (N, 61), `PALM_REACH` in front of the palm, and the palm's direction."""
    palm = pads(hand)["palm"]
    centres = torch.cat([hand.from_parameters(part).vertices[:, palm].mean(1) for part in parameters.split(1024)])
    reach = -states.rotation[:, :, 1]  # the palm faces the hand's -y
    return centres + PALM_REACH * reach, reach


@dataclass
class SampleBank:
    """M samples: grasp (M,), view (M,), frames (M), features (M, ...) half precision, context (M, 9).

    `other_features`, `other_context`: the same views from random grasp points, for the prior of graspability. `scale`
    (M,): the size of the object, relative to the set. `labelled` (M,): the grasp belongs to this frame and size;
    elsewhere the sample is augmented, a random grasp point on an object of another size, and has no true hand. """

    grasp: Tensor
    view: Tensor
    frames: Frames
    features: Tensor
    context: Tensor
    other_features: Tensor
    other_context: Tensor
    scale: Tensor
    labelled: Tensor

    def __len__(self) -> int:
        return len(self.grasp)

    def to(self, device: torch.device | str) -> SampleBank:
        """The same on another device."""
        if self.grasp.device == torch.device(device):
            return self
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "frames"}
        return SampleBank(frames=Frames(*(value.to(device) for value in self.frames)), **moved)

    def __getitem__(self, index: Tensor) -> SampleBank:
        """The samples of these numbers (B,); without other frames where the bank has none."""
        parts = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "frames"}
        return SampleBank(frames=self.frames_of(index), **{k: v[index] if len(v) else v for k, v in parts.items()})

    def true_hands(self, data: TrainingData, index: Tensor) -> HandState:
        """Return the hands of the set, in the frames of samples `index` (B,)."""
        return data.rows(self.grasp[index]).inverse_transformed(*self.frames_of(index))

    def observed(self, model: GraspModel, objects: TrainingObjects, index: Tensor) -> tuple[Frames, ObservedObject]:
        """Return the frames of samples `index` (B,), and the object as a model sees it there.

        The gradient reaches the implicit shape head through `shape_latent`, and not the object encoder.
        """
        frames, points, normals = self.clouds(objects, index)
        features, context = self.features[index].float(), self.context[index]
        with torch.no_grad():
            condition = model.object_encoder(features, context)
        return frames, ObservedObject(points, normals, condition, model.shape_latent(features, context))

    def frames_of(self, index: Tensor) -> Frames:
        return Frames(self.frames.rotation[index], self.frames.origin[index])

    def clouds(self, objects: TrainingObjects, index: Tensor) -> tuple[Frames, Tensor, Tensor]:
        """The frames (B) of samples, and what is seen in them: points (B, N, 3), metres, and normals (B, N, 3)."""
        frames = self.frames_of(index)
        points, normals = objects.clouds(self.view[index])
        return frames, frames.to_local(points * self.scale[index, None, None]), normals @ frames.rotation


def build_bank(
    data: TrainingData, model: GraspModel, repeats: int, seed: int, progress=None, augmented: float = 0.0
) -> SampleBank:
    """Return every grasp `repeats` times, each with another view, grasp point and roll (or rotation), in random order.

    `augmented` is the share of augmented samples (see `SampleBank`); they need local frames. The bank is made on the
    device of data and model, in chunks; its random numbers are the same on every device. """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(data) * repeats, generator=generator) % len(data)
    parts = []
    for done, grasp in enumerate(order.split(CHUNK)):
        parts.append(_bank_chunk(data, model, grasp.to(data.object.device), generator, augmented))
        if progress:
            progress(done * CHUNK, len(order))
    columns = list(zip(*parts, strict=True))
    grasp, view, rotation, origin, *rest = (torch.cat(column) for column in columns)
    return SampleBank(grasp, view, Frames(rotation, origin), *rest)


def _bank_chunk(
    data: TrainingData, model: GraspModel, grasp: Tensor, generator: torch.Generator, augmented: float
) -> tuple:
    whole = data.object[grasp] * data.objects.views
    if not model.in_local_frames:
        view = whole + _random_view(len(grasp), data.objects.views, generator).to(whole.device)
        points, _ = data.objects.clouds(view)
        frames = Frames(random_rotations(len(grasp), generator).to(points.device), points.mean(1))
        others = frames
    else:
        view, frames, points, others = _at_grasp_points(data, grasp, whole, generator)
    labelled = torch.rand(len(grasp), generator=generator) >= augmented
    low, high = SCALES
    scale = low * (high / low) ** torch.rand(len(grasp), generator=generator)
    labelled, scale = labelled.to(points.device), torch.where(labelled, 1.0, scale).to(points.device)
    frames = Frames(
        torch.where(labelled[:, None, None], frames.rotation, others.rotation),
        torch.where(labelled[:, None], frames.origin, others.origin) * scale.unsqueeze(1),
    )
    features, context = model.observe(points * scale[:, None, None], frames, generator)
    other_features, other_context = features[:0], context[:0]
    if model.in_local_frames and not augmented:
        other_features, other_context = model.observe(points, others, generator)
    return (grasp, view, frames.rotation, frames.origin, features.half(), context,
            other_features.half(), other_context, scale, labelled)  # fmt: skip


def _random_view(count: int, views: int, generator: torch.Generator) -> Tensor:
    partial = torch.randint(1, max(views, 2), (count,), generator=generator).clamp(max=views - 1)
    return torch.where(torch.rand(count, generator=generator) < WHOLE_SHARE, 0, partial)


def _at_grasp_points(data: TrainingData, grasp: Tensor, whole: Tensor, generator: torch.Generator):
    """Return views that show the held side, the frames at grasp points there, and at random points of the same
    views."""
    view = whole + _random_view(len(grasp), data.objects.views, generator).to(whole.device)
    _, best = _nearest(data, grasp, whole, generator)
    pick, distance = _nearest(data, grasp, view, generator)
    hidden = distance > best + SLACK
    view = torch.where(hidden, whole, view)
    pick = torch.where(hidden, _nearest(data, grasp, whole, generator)[0], pick)
    points, normals = data.objects.clouds(view)
    frames = _frames_at(points, normals, pick, generator)
    anywhere = torch.randint(points.shape[1], (len(grasp),), generator=generator).to(whole.device)
    return view, frames, points, _frames_at(points, normals, anywhere, generator)


def _nearest(data: TrainingData, grasp: Tensor, view: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return one of the nearest points (B,) of each view to the held place that faces the palm, and its distance
    (B,)."""
    points, normals = data.objects.clouds(view)
    away = (normals * data.reach[grasp].unsqueeze(1)).sum(-1) > -0.2  # (B, N) points that do not face the palm
    distance = (points - data.held[grasp].unsqueeze(1)).norm(dim=-1) + 0.05 * away
    near, index = distance.topk(NEAREST, dim=-1, largest=False)
    choice = torch.randint(NEAREST, (len(grasp), 1), generator=generator).to(index.device)
    return index.gather(1, choice).squeeze(1), near[:, 0]


def _frames_at(points: Tensor, normals: Tensor, pick: Tensor, generator: torch.Generator) -> Frames:
    row = torch.arange(len(pick), device=pick.device)
    at = points[row, pick]
    tilted = averaged_normals(points, normals, at) + TILT * torch.randn(len(pick), 3, generator=generator).to(at.device)
    roll = torch.rand(len(pick), generator=generator).to(at.device) * 2 * torch.pi
    return local_frames(at, tilted, roll)
