"""Stage 3, the adaptation module: z2 = f(z1, object), the correction that brings a plausible hand into contact.

The paper's module reads the latent and one vector of the object (`paper/adaptation.py`). Millimetre accuracy needs
more: this one also reads the contact features at query points of the hand that z1 stands for.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.networks.contact_features import CONTACT_FEATURES
from fastgrasp_model.networks.layers import FilmBlock, mlp

VECTORS = 16  # vectors in the wrist's frame that a part of the answer is made of


class AdaptationModule(nn.Module):
    """Latents z1 (B, latent), conditions (B, C), contact features (B, P, features) -> z2 (B, latent); starts as zero.

    With `bone_frames` the features are given in the frames of the hand's bones. A part of the answer is then computed
    from vectors in the wrist's frame, which its rotation `wrist` (B, 3, 3) brings into the local frame of z1.
    """

    def __init__(self, latent: int, condition: int, query_points: int, width: int = 512, depth: int = 3,
                 features: int = CONTACT_FEATURES, bone_frames: bool = False):  # fmt: skip
        super().__init__()
        self.input_projection = mlp([latent + query_points * features, width], last_activation=True)
        self.condition = mlp([condition, width], last_activation=True)
        self.blocks = nn.ModuleList(FilmBlock(width, width) for _ in range(depth))
        self.output_projection = nn.Linear(width, latent)
        self.vectors = self.from_vectors = None
        if bone_frames:
            self.vectors = nn.Linear(width, 3 * VECTORS)
            self.from_vectors = mlp([latent + 3 * VECTORS, width // 2, latent])
        for last in [self.output_projection] + ([self.from_vectors[-1]] if bone_frames else []):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, latent: Tensor, condition: Tensor, features: Tensor, wrist: Tensor | None = None) -> Tensor:
        x, context = self.input_projection(torch.cat([latent, features.flatten(1)], dim=-1)), self.condition(condition)
        for block in self.blocks:
            x = block(x, context)
        if self.vectors is None:
            return self.output_projection(x)
        vectors = self.vectors(x).view(-1, VECTORS, 3) @ wrist.transpose(1, 2)
        return self.output_projection(x) + self.from_vectors(torch.cat([latent, vectors.flatten(1)], dim=-1))
