"""Stage 3 as published (Wu et al., section 3.4): z2 = f(z1, object), with an object encoder of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.paper.pointnet import HAND_SCALE, PointNet, linear_stack


class PaperAdaptation(nn.Module):
    """Latents z1 (B, latent) and clouds (B, N, 3) in the object's frame -> z2 (B, latent); starts as zero.

    (latent + 1024)-768-2048-1024-latent.
    """

    def __init__(self, latent: int):
        super().__init__()
        self.pointnet = PointNet(3, (64, 128, 1024), scale=HAND_SCALE, aligned=True)
        self.net = linear_stack([latent + 1024, 768, 2048, 1024, latent])
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, latent: Tensor, points: Tensor) -> Tensor:
        # In generation one cloud serves all hands and is read once. In training the comparison would stall a GPU.
        same = len(points) > 1 and not self.training and bool((points == points[:1]).all())
        features = self.pointnet(points[:1]).expand(len(points), -1) if same else self.pointnet(points)
        return self.net(torch.cat([latent, features], dim=-1))
