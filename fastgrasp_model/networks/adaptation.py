"""Stage 3: the adaptation module, z2 = f(z1, object): the correction that brings a plausible hand into contact.

The paper's module reads the latent and one vector of the object. Millimetres need more: here it also reads, at
`query_points` vertices of the hand that z1 stands for, where the nearest point of the cloud lies (`touch`), as a human
corrects a reach by what the skin feels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fastgrasp_model.networks.contact_features import TOUCH
from fastgrasp_model.networks.layers import FilmBlock, mlp, plain_mlp
from fastgrasp_model.networks.object_encoder import SCALE
from fastgrasp_model.paper.pointnet import PointNet

VECTORS = 16  # in which the module answers in the wrist's frame


class AdaptationModule(nn.Module):
    """z1 (B, latent), condition (B, C), what is felt (B, V, `feels`) or None -> z2 (B, latent). Starts as zero.

    With `turned`, what is felt is told in the frames of the hand's bones. Then a part of the answer is vectors in the
    wrist's frame, which its rotation `wrist` (B, 3, 3) brings into the frame that z1 speaks of.
    """

    def __init__(
        self, latent: int, condition: int, query_points: int = 0, width: int = 512, depth: int = 3, feels: int = TOUCH,
        turned: bool = False,
    ):  # fmt: skip
        super().__init__()
        self.query_points = query_points
        self.enter = mlp([latent + query_points * feels, width], last_activation=True)
        self.condition = mlp([condition, width], last_activation=True)
        self.blocks = nn.ModuleList(FilmBlock(width, width) for _ in range(depth))
        self.leave = nn.Linear(width, latent)
        self.vectors = self.turned = None
        if turned:
            self.vectors = nn.Linear(width, 3 * VECTORS)
            self.turned = mlp([latent + 3 * VECTORS, width // 2, latent])
        for last in [self.leave] if self.turned is None else [self.leave, self.turned[-1]]:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(
        self, latent: Tensor, condition: Tensor, felt: Tensor | None = None, wrist: Tensor | None = None
    ) -> Tensor:
        inputs = latent if felt is None else torch.cat([latent, felt.flatten(1)], dim=-1)
        x, context = self.enter(inputs), self.condition(condition)
        for block in self.blocks:
            x = block(x, context)
        if self.turned is None:
            return self.leave(x)
        vectors = self.vectors(x).view(-1, VECTORS, 3) @ wrist.transpose(1, 2)
        return self.leave(x) + self.turned(torch.cat([latent, vectors.flatten(1)], dim=-1))


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
