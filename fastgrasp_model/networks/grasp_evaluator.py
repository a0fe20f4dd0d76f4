"""The grasp evaluator: the probability that a grasp holds the object stably. It is the score of a grasp.

It is trained on the hands that the adaptation module makes, labelled by friction cones on the whole object
(`evaluation/physics/wrench.py`). No simulator is involved.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.networks.hand_representation import REPRESENTATION
from fastgrasp_model.networks.layers import FilmBlock, mlp


class GraspEvaluator(nn.Module):
    """Hand representations (B, 64), conditions (B, C), contact features (B, P, features) -> logits (B,) of
    stability."""

    def __init__(self, condition: int, query_points: int, features: int, width: int = 256):
        super().__init__()
        self.input_projection = mlp([REPRESENTATION + query_points * features, width], last_activation=True)
        self.condition = mlp([condition, width], last_activation=True)
        self.block = FilmBlock(width, width)
        self.output_projection = nn.Linear(width, 1)

    def forward(self, representation: Tensor, condition: Tensor, features: Tensor) -> Tensor:
        x = self.input_projection(torch.cat([representation, features.flatten(1)], dim=-1))
        return self.output_projection(self.block(x, self.condition(condition))).squeeze(-1)
