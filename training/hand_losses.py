"""The paper's five losses of hands against the true hands of their samples, in the form that goes with the method."""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_model.networks.hand_representation import HandRepresentation, HandState
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.losses import CM, HandContact, consistency, mesh_distance
from fastgrasp_training.paper_losses import PointLosses

MEANT_CONTACT = 0.003  # metres; a contact set of the true hand that is nearer is meant to touch


def hand_losses(model: GraspModel, representation: HandRepresentation, data: TrainingData, bank: SampleBank):
    """Return the losses for a model: as published for the paper's, on signed distance grids for the default one."""
    kind = PointHandLosses if model.config.method == "paper" else GridHandLosses
    return kind(model, representation, data, bank)


class GridHandLosses:
    """The five losses on signed distance grids, in centimetres (`losses.py`)."""

    def __init__(self, model: GraspModel, representation: HandRepresentation, data: TrainingData, bank: SampleBank):
        self.model, self.representation, self.data, self.bank = model, representation, data, bank
        self.contact = HandContact.of(model.hand, model.query_ids)

    def to(self, device: torch.device | str) -> GridHandLosses:
        """Return these losses, with all that they read, on another device."""
        self.data, self.bank, self.contact = (part.to(device) for part in (self.data, self.bank, self.contact))
        return self

    def __call__(self, representation: Tensor, index: Tensor) -> dict[str, Tensor]:
        """Return the losses of hand representations (B, 64) against the true hands of samples `index` (B,)."""
        true = self.bank.true_hands(self.data, index)
        made = self.model.hands(self.representation.to_hands(representation), self.contact.skin)
        return self.of_hands(representation, made, true, index)

    def of_hands(self, representation: Tensor, made: Tensor, true: HandState, index: Tensor) -> dict[str, Tensor]:
        """Return the losses of hands whose skin (B, V, 3) is known, against true hands, all in the local frames."""
        frames, target = self.bank.frames_of(index), self.model.hands(true, self.contact.skin)
        owner = self.data.object[self.bank.grasp[index]]
        distance, true_distance = (self.data.objects.grids.query(frames.to_world(v), owner) for v in (made, target))
        meant = torch.stack([true_distance[:, s].amin(1) < MEANT_CONTACT for s in self.contact.sets], dim=1)
        return {
            "parameters": (representation - self.representation.from_hands(true)).square().mean(),
            "mesh": mesh_distance(made, target),
            "contact": self.contact.contact_map(distance, meant),
            "penetration": torch.relu(true_distance - distance).mul(CM * (distance < 0)).sum(1).mean(),
            "consistency": consistency(distance, true_distance),
        }


class PointHandLosses:
    """The five losses as published, on object points in metres (`paper_losses.py`)."""

    def __init__(self, model: GraspModel, representation: HandRepresentation, data: TrainingData, bank: SampleBank):
        self.model, self.representation, self.data, self.bank = model, representation, data, bank
        self.points = PointLosses(model.hand)

    def to(self, device: torch.device | str) -> PointHandLosses:
        """Return these losses, with all that they read, on another device."""
        self.data, self.bank, self.points = (part.to(device) for part in (self.data, self.bank, self.points))
        return self

    def __call__(self, representation: Tensor, index: Tensor) -> dict[str, Tensor]:
        """Return the losses of hand representations (B, 64) against the true hands of samples `index` (B,)."""
        scale, mean = self.representation.scale, self.representation.mean
        true = self.bank.true_hands(self.data, index)
        numbers = (r * scale + mean for r in (representation, self.representation.from_hands(true)))
        made, target = self.model.hands(self.representation.to_hands(representation)), self.model.hands(true)
        return self.points(*numbers, made, target, self._cloud(index))

    def _cloud(self, index: Tensor) -> Tensor:
        """Return the whole clouds (B, N, 3) of the samples' objects in their frames, whatever the networks see."""
        points, _ = self.data.objects.clouds(self.data.object[self.bank.grasp[index]] * self.data.objects.views)
        return self.bank.frames_of(index).to_local(points)
