"""How likely a hand holds the object firmly: of a grasp, its score; of a place, before any hand is made there.

Both learn from the hands that the adaptation module makes in training, and from the friction cones of `wrench.py` on
the whole object. No simulator has a say in them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.networks.hand_representation import CODE
from fastgrasp_model.networks.layers import FilmBlock, mlp


class GraspEvaluator(nn.Module):
    """hand codes (B, 64), conditions (B, C), what is felt (B, P, `feels`) -> logits (B,) of a firm grasp."""

    def __init__(self, condition: int, query_points: int, feels: int, width: int = 256):
        super().__init__()
        self.enter = mlp([CODE + query_points * feels, width], last_activation=True)
        self.condition = mlp([condition, width], last_activation=True)
        self.block = FilmBlock(width, width)
        self.leave = nn.Linear(width, 1)

    def forward(self, code: Tensor, condition: Tensor, felt: Tensor) -> Tensor:
        x = self.enter(torch.cat([code, felt.flatten(1)], dim=-1))
        return self.leave(self.block(x, self.condition(condition))).squeeze(-1)


class Graspability(nn.Module):
    """conditions (B, C) and codes of whole shapes (B, S), or None -> logits (B,) that a grasp made there is firm."""

    def __init__(self, condition: int, shape: int = 0, width: int = 256):
        super().__init__()
        self.net = mlp([condition + shape, width, width, 1])

    def forward(self, condition: Tensor, shape: Tensor | None = None) -> Tensor:
        inputs = condition if shape is None else torch.cat([condition, shape], dim=-1)
        return self.net(inputs).squeeze(-1)
