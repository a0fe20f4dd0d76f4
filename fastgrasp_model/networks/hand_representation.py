"""The 64 numbers by which the networks represent a hand, and the way to MANO's parameters and back.

Outside the networks a hand is MANO's 61 parameters. Inside, the global rotation has six numbers (Zhou et al. 2019:
continuous, no jump at pi), the position of the wrist joint takes the place of `transl` (which changes with rotation and
shape), and every number is standardised by the training set: [betas 10 | rotation 6 | hand_pose 45 | wrist 3].
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from fastgrasp_model.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_rotation_6d,
    rotation_6d_to_matrix,
)
from fastgrasp_model.hand import ManoLayer

BETAS, ROTATION, POSE, WRIST = slice(0, 10), slice(10, 16), slice(16, 61), slice(61, 64)
REPRESENTATION = 64


class HandState(NamedTuple):
    """B hands in some frame: betas (B,10), rotation (B,3,3), hand_pose (B,45) axis-angle, wrist (B,3) metres."""

    betas: Tensor
    rotation: Tensor
    hand_pose: Tensor
    wrist: Tensor

    def transformed(self, rotation: Tensor, origin: Tensor) -> HandState:
        """Return the hands after x -> rotation x + origin, with rotation (B,3,3) and origin (B,3)."""
        wrist = (rotation @ self.wrist.unsqueeze(-1)).squeeze(-1) + origin
        return HandState(self.betas, rotation @ self.rotation, self.hand_pose, wrist)

    def inverse_transformed(self, rotation: Tensor, origin: Tensor) -> HandState:
        """Return the hands after the inverse of `transformed`."""
        inverse = rotation.transpose(-1, -2)
        return self.transformed(inverse, -(inverse @ origin.unsqueeze(-1)).squeeze(-1))

    def joint_rotations(self) -> Tensor:
        """Return the 16 local rotations (B, 16, 3, 3) that the MANO layer takes."""
        fingers = axis_angle_to_matrix(self.hand_pose.reshape(-1, 15, 3))
        return torch.cat([self.rotation.unsqueeze(1), fingers], dim=1)

    def transl(self, hand: ManoLayer) -> Tensor:
        """Return MANO's `transl` (B, 3), which puts the wrist joint of these shapes in its place."""
        return self.wrist - hand.wrist_at_rest(self.betas)

    def parameters(self, hand: ManoLayer) -> Tensor:
        """Return MANO's 61 parameters (B, 61)."""
        return torch.cat([self.betas, matrix_to_axis_angle(self.rotation), self.hand_pose, self.transl(hand)], dim=-1)

    @classmethod
    def from_parameters(cls, parameters: Tensor, hand: ManoLayer) -> HandState:
        """Return the hands of MANO's 61 parameters (B, 61)."""
        betas, orient, pose, transl = parameters.split([10, 3, 45, 3], dim=-1)
        return cls(betas, axis_angle_to_matrix(orient), pose, transl + hand.wrist_at_rest(betas))


class HandRepresentation(nn.Module):
    """Standardise hands to vectors (B, 64), and back; mean and scale are fitted once, on the training set."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(REPRESENTATION))
        self.register_buffer("scale", torch.ones(REPRESENTATION))

    @torch.no_grad()
    def fit(self, states: HandState) -> None:
        """Fit mean and scale to hands in their local frames. The numbers of the rotation, near one, keep a fixed
        scale."""
        raw = self._raw(states)
        self.mean.copy_(raw.mean(0))
        self.scale.copy_(raw.std(0).clamp(min=0.03))
        self.mean[ROTATION], self.scale[ROTATION] = 0.0, 0.6
        self.scale[WRIST] = raw[:, WRIST].std(0).mean()

    def from_hands(self, states: HandState) -> Tensor:
        """Return the representations (B, 64) of hands."""
        return (self._raw(states) - self.mean) / self.scale

    def to_hands(self, representation: Tensor) -> HandState:
        """Return the hands of representations (B, 64)."""
        raw = representation * self.scale + self.mean
        return HandState(raw[:, BETAS], rotation_6d_to_matrix(raw[:, ROTATION]), raw[:, POSE], raw[:, WRIST])

    @staticmethod
    def _raw(states: HandState) -> Tensor:
        return torch.cat([states.betas, matrix_to_rotation_6d(states.rotation), states.hand_pose, states.wrist], dim=-1)
