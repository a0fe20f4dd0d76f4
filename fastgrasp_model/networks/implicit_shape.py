"""The whole object, as far as a partial cloud tells: where its surface lies from any place near the hand.

A single view hides the back. This module learns to expect it: from the encoder's features of the view it makes a code
once, and from code, place and what a probe feels there (`touch`) the signed distance and the outward normal of the
whole object. The adaptation module reads both beside the touch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.networks.contact_features import FIELD, TOUCH
from fastgrasp_model.networks.layers import FilmBlock, mlp
from fastgrasp_model.networks.object_encoder import CONTEXT, SCALE

SHAPE = 256  # numbers of the code of a whole shape
FARTHEST = 3.0  # centimetres; distances beyond count as this
WAVES = (1.0, 2.0, 4.0)  # of the sines in which a place is written, radians a scale


class ImplicitShape(nn.Module):
    """encode: features (B, F), context (B, 9) -> code (B, 256); forward: code, places -> distance and normal."""

    def __init__(self, features: int, width: int = 96, depth: int = 2):
        super().__init__()
        self.encoder = mlp([features + CONTEXT, 2 * SHAPE, SHAPE], last_activation=True)
        self.enter = mlp([3 + 6 * len(WAVES) + TOUCH, width], last_activation=True)
        self.blocks = nn.ModuleList(FilmBlock(width, SHAPE) for _ in range(depth))
        self.leave = nn.Linear(width, FIELD)

    def encode(self, features: Tensor, context: Tensor) -> Tensor:
        """What the object encoder also reads -> the code of the shape."""
        return self.encoder(torch.cat([features - 0.8, context], dim=-1))

    def forward(self, code: Tensor, places: Tensor, felt: Tensor) -> Tensor:
        """places (B, V, 3) in the frame, metres, and the touch there (B, V, 7) -> (B, V, 4).

        The signed distance to the whole object in centimetres (at most `FARTHEST` either way), and its outward normal.
        """
        x = places / SCALE
        waves = [f(w * x) for w in WAVES for f in (torch.sin, torch.cos)]
        x, code = self.enter(torch.cat([x, *waves, felt], dim=-1)), code.unsqueeze(1)
        for block in self.blocks:
            x = block(x, code)
        out = self.leave(x)
        felt_distance = felt[..., -1:]  # above the nearest seen point's plane: a first guess
        distance = (felt_distance + out[..., :1]).clamp(-FARTHEST, FARTHEST)
        return torch.cat([distance, torch.nn.functional.normalize(out[..., 1:], dim=-1, eps=1e-6)], dim=-1)
