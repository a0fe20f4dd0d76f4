"""The five losses of the paper for hands that belong to samples, in either form; shared by stages and baselines."""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.geometry.views import Frames
from fastgrasp_model.model import FastGraspModel
from fastgrasp_model.networks.hand_representation import HandRepresentation
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.losses import CM, HandContact, consistency, mesh_distance
from fastgrasp_training.paper_losses import PointLosses


class HandLosses:
    """Hand codes (B, 64) of samples -> parameters, mesh, contact, penetration, consistency, against the true hands.

    `form` is "grid" (signed distance grids, centimetres: `losses.py`) or "points" (as published: `paper_losses.py`).
    """

    def __init__(self, model: FastGraspModel, code: HandRepresentation, data: TrainingData, bank: SampleBank, form: str):
        self.model, self.code, self.data, self.bank = model, code, data, bank
        self.contact = HandContact.of(model.hand, model.query_ids) if form == "grid" else None
        self.points = PointLosses(model.hand) if form == "points" else None

    def to(self, device: torch.device | str) -> HandLosses:
        """These losses, with all that they look at, on another device."""
        self.data, self.bank = self.data.to(device), self.bank.to(device)
        self.contact = self.contact.to(device) if self.contact is not None else None
        self.points = self.points.to(device) if self.points is not None else None
        return self

    def __call__(self, code: Tensor, index: Tensor) -> dict[str, Tensor]:
        """Losses of hand codes (B, 64) against the true hands of the samples `index` (B,)."""
        frames, grasp = self.bank.frames_of(index), self.bank.grasp[index]
        true = self.data.rows(grasp).inverse_transformed(*frames)
        true_code = self.code.encode(true)
        if self.points is not None:
            vertices, target = self.model.hands(self.code.decode(code)), self.model.hands(true)
            numbers = code * self.code.scale + self.code.mean, true_code * self.code.scale + self.code.mean
            return self.points(*numbers, vertices, target, self._cloud(grasp, frames))
        skin = self.contact.skin
        made, target = (self.model.hands(state, skin) for state in (self.code.decode(code), true))
        object_index = self.data.object[grasp]
        distance, true_distance = (
            self.data.objects.grids.query(frames.out_of(hands), object_index) for hands in (made, target)
        )
        meant = torch.stack([true_distance[:, s].amin(1) < 0.003 for s in self.contact.sets], dim=1)
        return {
            "parameters": (code - true_code).square().mean(),
            "mesh": mesh_distance(self.model, made, target),
            "contact": self.contact.contact_map(distance, meant),
            "penetration": torch.relu(true_distance - distance).mul(CM * (distance < 0)).sum(1).mean(),
            "consistency": consistency(distance, true_distance),
        }

    def _cloud(self, grasp: Tensor, frames: Frames) -> Tensor:
        """The whole clouds (B, N, 3) of the grasps' objects in the frames, whatever the networks see of them."""
        points, _ = self.data.objects.clouds(self.data.object[grasp] * self.data.objects.views)
        return frames.into(points)
