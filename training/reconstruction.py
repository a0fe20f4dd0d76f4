"""Grasps through the autoencoder and back: how far the hands move, and whether they still touch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fastgrasp_model.grasp_model import GraspModel
from fastgrasp_model.networks.hand_representation import HandState
from fastgrasp_training.data import SampleBank, TrainingData

CONTACT = 0.002  # metres; a hand nearer than this is in contact
CHUNK = 256


@dataclass
class Reconstruction:
    """B hands in their objects' frames, as they are and as they come back; `object` (B,): which object each is on.

    vertex_error_mm: mean distance of corresponding vertices; contact_kept_share: of the hands that touched, those that
    still do.
    """

    true: HandState
    made: HandState
    object: Tensor
    vertex_error_mm: float
    contact_kept_share: float


@torch.no_grad()
def reconstruct(model: GraspModel, data: TrainingData, bank: SampleBank, index: Tensor) -> Reconstruction:
    """The samples `index` (B,) of a bank, encoded and decoded in their frames."""
    frames, grasp = bank.frames_of(index), bank.grasp[index]
    true, owner = data.rows(grasp), data.object[grasp]
    parts = [model.decode(model.encode(part)) for part in _chunks(true.inverse_transformed(*frames))]
    made = HandState(*(torch.cat(values) for values in zip(*parts, strict=True))).transformed(*frames)
    one, two = (torch.cat([model.hands(part) for part in _chunks(state)]) for state in (true, made))
    before, after = (data.objects.grids.query(vertices, owner).amin(1) < CONTACT for vertices in (one, two))
    error = float((one - two).norm(dim=-1).mean() * 1000)
    kept = float((before & after).sum() / before.sum().clamp(min=1))
    return Reconstruction(true, made, owner, error, kept)


def _chunks(state: HandState) -> list[HandState]:
    return [HandState(*parts) for parts in zip(*(value.split(CHUNK) for value in state), strict=True)]
