"""The paper's five losses in their published form: object points against hand vertices, in metres (Wu et al., section
3).

They go with the paper's loss weights. The factors 3000, 5 and 100 are the published code's. Repaired: the consistency
is smooth (there a mask without gradient); the parameters carry the rotation as six numbers, which pass the gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fastgrasp_model.geometry.nearest import nearest_points
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.hand.anatomy import pads

CONTACT_FACTOR, CONSISTENCY_FACTOR, PENETRATION_FACTOR = 3000.0, 5.0, 100.0
NEAR = 0.01  # metres; object points farther from the hand do not attract it
CONTACT_MAP = 0.005  # metres; nearer object points belong to the contact map
SOFT = 0.001  # metres over which a point enters the map; the published mask has a step there


class PointLosses:
    """The five losses of hands against true hands, for one hand layer."""

    def __init__(self, hand: ManoLayer):
        self.faces = hand.faces
        # The prior vertices: 204 of MANO's mesh in the paper; here the pads of all phalanges and the palm.
        self.prior = torch.cat([ids for _, ids in sorted(pads(hand).items())]).unique()

    def to(self, device: torch.device | str) -> PointLosses:
        """These losses on another device."""
        self.faces, self.prior = self.faces.to(device), self.prior.to(device)
        return self

    def __call__(
        self, numbers: Tensor, true_numbers: Tensor, vertices: Tensor, true: Tensor, points: Tensor
    ) -> dict[str, Tensor]:
        """Hand numbers (B, 64), not standardised; vertices (B, 778, 3) and object points (B, N, 3) in one frame."""
        near = nearest_points(points, vertices)
        distance = length(points - pick(vertices, near))
        with torch.no_grad():
            true_distance = length(points - pick(true, nearest_points(points, true)))
        return {
            "parameters": (numbers - true_numbers).square().sum(1).mean(),
            "mesh": chamfer_sum(vertices, true),
            "contact": self.contact_map(vertices, points, distance),
            "penetration": self.penetration(vertices, points, near),
            "consistency": consistency(distance, true_distance),
        }

    def contact_map(self, vertices: Tensor, points: Tensor, distance: Tensor) -> Tensor:
        """L_cmap: mean squared distance to the prior vertices of object points within 1 cm of the hand (B, N)."""
        prior = vertices[:, self.prior.to(vertices.device)]
        gap = (points - pick(prior, nearest_points(points, prior))).square().sum(-1)
        pulled = (distance < NEAR).to(gap)
        return CONTACT_FACTOR * (gap * pulled).sum() / pulled.sum().clamp(min=1)

    def penetration(self, vertices: Tensor, points: Tensor, near: Tensor) -> Tensor:
        """L_penetr: squared depth of the object points on the inner side of their nearest vertex `near` (B, N)."""
        normals = vertex_normals(vertices, self.faces.to(vertices.device))
        offset = points - pick(vertices, near)
        inside = (offset * pick(normals, near)).sum(-1) < 0
        return PENETRATION_FACTOR * (offset.square().sum(-1) * inside).sum(1).mean()


def consistency(distance: Tensor, true_distance: Tensor) -> Tensor:
    """L_consist: minus the share of the true hand's contact map that the hand covers, from distances (B, N)."""
    soft = torch.sigmoid((CONTACT_MAP - distance) / SOFT)
    true = (true_distance < CONTACT_MAP).to(soft)
    return -CONSISTENCY_FACTOR * ((soft * true).sum(1) / true.sum(1).clamp(min=1)).mean()


def chamfer_sum(one: Tensor, two: Tensor) -> Tensor:
    """L_mesh: squared distances to the nearest vertex, both ways, summed over vertices (B, V, 3), m2; batch mean."""
    there, back = one - pick(two, nearest_points(one, two)), two - pick(one, nearest_points(two, one))
    return (there.square().sum((1, 2)) + back.square().sum((1, 2))).mean()


def pick(values: Tensor, index: Tensor) -> Tensor:
    """Rows (B, N, 3) of values (B, V, 3) by index (B, N)."""
    return values.gather(1, index.unsqueeze(-1).expand(-1, -1, values.shape[-1]))


def length(vectors: Tensor) -> Tensor:
    """Norms (..., ) with a finite gradient at zero."""
    return vectors.square().sum(-1).clamp(min=1e-12).sqrt()


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Outward normals (B, V, 3) of meshes (B, V, 3) with triangles (F, 3), weighted by area, not normalised."""
    a, b, c = (vertices[:, faces[:, i]] for i in range(3))
    across = torch.linalg.cross(b - a, c - a)
    normals = torch.zeros_like(vertices)
    for i in range(3):
        normals = normals.index_add(1, faces[:, i], across)
    return normals
