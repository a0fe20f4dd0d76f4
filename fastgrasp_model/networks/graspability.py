"""Graspability of a grasp point: the probability, before any hand is made, that a grasp there is stable.

Trained as the grasp evaluator is, by the grasps that the model itself makes at a point. The second term of the choice
of grasp points, `graspability_prior` in `model.py`, is the density ratio of the points in the training set.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.networks.layers import mlp


class Graspability(nn.Module):
    """Conditions (B, C) and shape latents (B, S), or None -> logits (B,) that a grasp made there is stable."""

    def __init__(self, condition: int, shape_latent: int = 0, width: int = 256):
        super().__init__()
        self.net = mlp([condition + shape_latent, width, width, 1])

    def forward(self, condition: Tensor, shape_latent: Tensor | None = None) -> Tensor:
        inputs = condition if shape_latent is None else torch.cat([condition, shape_latent], dim=-1)
        return self.net(inputs).squeeze(-1)
