"""Stage 1: the hand autoencoder. Vertices in the object's frame -> latent -> parameters -> mesh.

With `form: grid`, half of each batch are true grasps, and carry all five losses; the other half are the same hands
shaken in shape, pose and place, and carry parameter and mesh loss only: they fill the space between the grasps, so that
near latents decode to hands. With `form: points` (the losses as published) the whole batch are true grasps.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.geometry.rotations import axis_angle_to_matrix
from fastgrasp_model.geometry.views import Frames
from fastgrasp_model.model import FastGraspModel
from fastgrasp_model.networks.hand_representation import HandRepresentation, HandState
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.data import SampleBank, TrainingData
from fastgrasp_training.hand_losses import HandLosses
from fastgrasp_training.losses import CM, HandContact, consistency, mesh_distance
from fastgrasp_training.randomness import Draws
from fastgrasp_training.stage import Stage

SHAKE = {"code": 0.5, "rotation": 0.3, "wrist": 0.015}  # standard deviations, radians, metres
LINEAR_START = 8192  # samples for the linear map that the autoencoder begins as


class AutoencoderStage(Stage):
    """The paper's five losses, against the true hand."""

    name = "autoencoder"
    losses = ("parameters", "mesh", "contact", "penetration", "consistency")
    halves = 2

    def __init__(self, model: FastGraspModel, config: StageConfig, data: TrainingData, bank: SampleBank):
        super().__init__(model, config)
        self.data, self.bank = data, bank
        self.contact = HandContact.of(model.hand, model.query_ids)
        self.hand_losses = HandLosses(model, model.autoencoder.code, data, bank, config.form)
        model.autoencoder.code.fit(data.rows(bank.grasp).inverse_transformed(*bank.frames))
        if model.config.vertex_encoder == "ordered":
            self._start_linear()

    @torch.no_grad()
    def _start_linear(self) -> None:
        index = torch.arange(min(LINEAR_START, len(self.bank)), device=self.bank.grasp.device)
        code = self.model.autoencoder.code
        states = shaken(
            self.data.rows(self.bank.grasp[index]).inverse_transformed(*self.bank.frames_of(index)), code, self.draws
        )
        chunks = zip(*(part.split(512) for part in states), strict=True)
        vertices = torch.cat([self.model.hands(HandState(*chunk)) for chunk in chunks])
        self.model.autoencoder.start_linear(vertices, code.encode(states))

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.autoencoder.parameters())

    def loss_terms(self, index: Tensor) -> dict[str, Tensor]:
        if self.config.form == "points":
            true = self.data.rows(self.bank.grasp[index]).inverse_transformed(*self.bank.frames_of(index))
            latent = self.model.encode(true)
            return self.hand_losses(self.model.autoencoder.decode_code(latent, self.draws.normal(*latent.shape)), index)
        return self._with_shaken(index)

    def _with_shaken(self, index: Tensor) -> dict[str, Tensor]:
        """True grasps, and as many shaken ones, on the signed distance grids."""
        frames = self.bank.frames_of(index)
        grasp = self.bank.grasp[index]
        true = self.data.rows(grasp).inverse_transformed(*frames)
        half = len(index) // 2
        other = shaken(true, self.model.autoencoder.code, self.draws)
        seen = HandState(*(torch.cat([a[:half], b[half:]]) for a, b in zip(true, other, strict=True)))
        target = self.model.hands(seen)
        skin = self.contact.skin
        autoencoder, from_mesh = self.model.autoencoder, self.model.config.vertex_encoder != "parameters"
        latent = autoencoder.encode(target) if from_mesh else self.model.encode(seen)
        code = autoencoder.decode_code(latent, self.draws.normal(*latent.shape))
        made, target = self.model.hands(autoencoder.code.decode(code), skin), target[:, skin]
        true_frames, index = Frames(frames.rotation[:half], frames.origin[:half]), self.data.object[grasp[:half]]
        distance, true_distance = (
            self.data.objects.grids.query(true_frames.out_of(hands[:half]), index) for hands in (made, target)
        )
        meant = torch.stack([true_distance[:, s].amin(1) < 0.003 for s in self.contact.sets], dim=1)
        return {
            "parameters": (code - autoencoder.code.encode(seen)).square().mean(),
            "mesh": mesh_distance(self.model, made, target),
            "contact": self.contact.contact_map(distance, meant),
            "penetration": torch.relu(true_distance - distance).mul(CM * (distance < 0)).sum(1).mean(),
            "consistency": consistency(distance, true_distance),
        }


def shaken(state: HandState, code: HandRepresentation, draws: Draws | None = None) -> HandState:
    """Hands with random errors in everything; the spread itself is random, so that small errors are common.

    Shape and pose err in units of `code`, so that a joint which hardly twists in the set hardly twists here either.
    """
    draws, count = draws or Draws(device=state.wrist.device), len(state.wrist)
    size = draws.uniform(count, 1)
    numbers = code.encode(state)
    near = code.decode(numbers + SHAKE["code"] * size * draws.normal(*numbers.shape))
    turn = axis_angle_to_matrix(SHAKE["rotation"] * size * draws.normal(count, 3))
    wrist = state.wrist + SHAKE["wrist"] * size * draws.normal(count, 3)
    return HandState(near.betas, turn @ state.rotation, near.hand_pose, wrist)
