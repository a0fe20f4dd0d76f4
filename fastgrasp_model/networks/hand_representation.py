"""The 64 numbers in which the networks speak of a hand, and their way to and from MANO's parameters.

Outside, a hand is MANO's 61 parameters. Inside, the global rotation is six-dimensional (Zhou et al. 2019: continuous,
no jump at pi), the wrist joint's position stands for `transl` (which moves with rotation and shape), and every number
is standardised by the training set: [betas 10 | rotation 6 | hand_pose 45 | wrist 3].
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

BETAS, ROTATION, POSE, WRIST = slice(0, 10), slice(10, 16), slice(16, 61), slice(61, 64)
CODE = 64


class HandState(NamedTuple):
    """A batch of hands in some frame: betas (B,10), rotation (B,3,3), hand_pose (B,45) axis-angle, wrist (B,3) m."""

    betas: Tensor
    rotation: Tensor
    hand_pose: Tensor
    wrist: Tensor

    def transformed(self, rotation: Tensor, origin: Tensor) -> HandState:
        """The same hands after x -> rotation x + origin, with rotation (B,3,3) and origin (B,3)."""
        wrist = (rotation @ self.wrist.unsqueeze(-1)).squeeze(-1) + origin
        return HandState(self.betas, rotation @ self.rotation, self.hand_pose, wrist)

    def inverse_transformed(self, rotation: Tensor, origin: Tensor) -> HandState:
        """The inverse of `moved`."""
        inverse = rotation.transpose(-1, -2)
        return self.transformed(inverse, -(inverse @ origin.unsqueeze(-1)).squeeze(-1))

    def parameters(self, rest_wrist: Tensor) -> Tensor:
        """MANO's 61 parameters (B, 61), given the wrist joint at rest (B, 3) for these betas."""
        return torch.cat(
            [self.betas, matrix_to_axis_angle(self.rotation), self.hand_pose, self.wrist - rest_wrist], dim=-1
        )

    def joint_rotations(self) -> Tensor:
        """The 16 local rotations (B, 16, 3, 3) that the MANO layer takes."""
        fingers = axis_angle_to_matrix(self.hand_pose.reshape(-1, 15, 3))
        return torch.cat([self.rotation.unsqueeze(1), fingers], dim=1)

    @classmethod
    def from_parameters(cls, parameters: Tensor, rest_wrist: Tensor) -> HandState:
        """The inverse of `parameters`."""
        betas, orient, pose, transl = parameters.split([10, 3, 45, 3], dim=-1)
        return cls(betas, axis_angle_to_matrix(orient), pose, transl + rest_wrist)


class HandRepresentation(nn.Module):
    """Standardises hands to codes (B, 64) and back; mean and scale are fitted once, on the training set."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(CODE))
        self.register_buffer("scale", torch.ones(CODE))

    @torch.no_grad()
    def fit(self, states: HandState) -> None:
        """Take mean and spread from hands in their frames. The rotation is left as it is: its numbers are near one."""
        raw = self._raw(states)
        self.mean.copy_(raw.mean(0))
        self.scale.copy_(raw.std(0).clamp(min=0.03))
        self.mean[ROTATION], self.scale[ROTATION] = 0.0, 0.6
        self.scale[WRIST] = raw[:, WRIST].std(0).mean()

    def encode(self, states: HandState) -> Tensor:
        """Hands -> codes (B, 64)."""
        return (self._raw(states) - self.mean) / self.scale

    def decode(self, code: Tensor) -> HandState:
        """Codes (B, 64) -> hands."""
        raw = code * self.scale + self.mean
        return HandState(raw[:, BETAS], rotation_6d_to_matrix(raw[:, ROTATION]), raw[:, POSE], raw[:, WRIST])

    @staticmethod
    def _raw(states: HandState) -> Tensor:
        return torch.cat([states.betas, matrix_to_rotation_6d(states.rotation), states.hand_pose, states.wrist], dim=-1)
