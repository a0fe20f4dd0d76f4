"""Stage 3: the adaptation module, z2 = f(z1, object): the correction that brings a plausible hand into contact.

The paper's module reads the latent and one vector of the object. Millimetres need more: here it also reads, at
`probes` vertices of the hand that z1 stands for, where the nearest point of the cloud lies (`touch`), as a human
corrects a reach by what the skin feels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.geometry.nearest import nearest_points
from fastgrasp_model.networks.layers import FilmBlock, mlp, plain_mlp
from fastgrasp_model.networks.object_encoder import SCALE
from fastgrasp_model.networks.pointnet import PointNet

REACH = 0.03  # metres; beyond it the skin feels nothing more
TOUCH = 7  # numbers a probe feels


def touch(probes: Tensor, points: Tensor, normals: Tensor) -> Tensor:
    """What the skin feels: probes (B, V, 3) among points (B, N, 3) with outward normals (B, N, 3), metres.

    Returns (B, V, 7): the vector to the nearest point, its projection on that point's normal (both in units of 1 cm,
    shortened to `REACH`), and the signed distance above that point's tangent plane (negative inside).
    """
    nearest = nearest_points(probes, points)
    pick = nearest.unsqueeze(-1).expand(-1, -1, 3)
    near, normal = points.gather(1, pick), normals.gather(1, pick)
    offset = near - probes
    length = offset.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    offset = offset * (length.clamp(max=REACH) / length)
    height = (offset * normal).sum(-1, keepdim=True)  # negative above the surface
    return torch.cat([offset, height * normal, -height], dim=-1) / 0.01


class AdaptationModule(nn.Module):
    """z1 (B, latent), condition (B, C), what is felt (B, V, `feels`) or None -> z2 (B, latent). Starts as zero."""

    def __init__(
        self, latent: int, condition: int, probes: int = 0, width: int = 512, depth: int = 3, feels: int = TOUCH
    ):
        super().__init__()
        self.probes = probes
        self.enter = mlp([latent + probes * feels, width], last_activation=True)
        self.condition = mlp([condition, width], last_activation=True)
        self.blocks = nn.ModuleList(FilmBlock(width, width) for _ in range(depth))
        self.leave = nn.Linear(width, latent)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, latent: Tensor, condition: Tensor, felt: Tensor | None = None) -> Tensor:
        inputs = latent if felt is None else torch.cat([latent, felt.flatten(1)], dim=-1)
        x, context = self.enter(inputs), self.condition(condition)
        for block in self.blocks:
            x = block(x, context)
        return self.leave(x)


class PlainAdaptationModule(nn.Module):
    """The paper's module: z1 (B, latent) and the object as its own PointNet sees it -> z2 (B, latent).

    (latent + 1024)-768-2048-1024-latent. Starts as zero, so that an untrained module changes nothing.
    """

    def __init__(self, latent: int):
        super().__init__()
        self.pointnet = PointNet(3, (64, 128, 1024), scale=SCALE, aligned=True)
        self.net = plain_mlp([latent + 1024, 768, 2048, 1024, latent])
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, latent: Tensor, points: Tensor) -> Tensor:
        """latent (B, latent) and clouds (B, N, 3) in the hands' frames, metres.

        When generating, one cloud for all is read once; to look for it in training would make a GPU wait.
        """
        same = len(points) > 1 and not self.training and bool((points == points[:1]).all())
        seen = self.pointnet(points[:1]).expand(len(points), -1) if same else self.pointnet(points)
        return self.net(torch.cat([latent, seen], dim=-1))
