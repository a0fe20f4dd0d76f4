"""What a hand feels of an object at a few of its vertices, the query_points, and in whose frame it is told.

The same gap below a finger tip asks for the same bend of the finger, however hand and object are turned: vectors in the
frame of the bone below a probe say so, those in the frame that all networks share do not.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fastgrasp_model.geometry.nearest import nearest_points

REACH = 0.03  # metres; beyond it the skin feels nothing more
TOUCH = 7  # numbers a probe feels
FIELD = 4  # numbers that the field of the whole shape adds: distance, normal


class QueryPoints(NamedTuple):
    """Vertices that feel: places (B, P, 3), metres; where vectors are told in the hand's own frames, the rotations of
    the bones below them (B, P, 3, 3) and of the wrist (B, 3, 3)."""

    places: Tensor
    bones: Tensor | None = None
    wrist: Tensor | None = None


def touch(query_points: Tensor, points: Tensor, normals: Tensor) -> Tensor:
    """What the skin feels: query_points (B, V, 3) among points (B, N, 3) with outward normals (B, N, 3), metres.

    Returns (B, V, 7): the vector to the nearest point, its projection on that point's normal (both in units of 1 cm,
    shortened to `REACH`), and the signed distance above that point's tangent plane (negative inside).
    """
    nearest = nearest_points(query_points, points)
    pick = nearest.unsqueeze(-1).expand(-1, -1, 3)
    near, normal = points.gather(1, pick), normals.gather(1, pick)
    offset = near - query_points
    length = offset.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    offset = offset * (length.clamp(max=REACH) / length)
    height = (offset * normal).sum(-1, keepdim=True)  # negative above the surface
    return torch.cat([offset, height * normal, -height], dim=-1) / 0.01


def in_bones(felt: Tensor, bones: Tensor) -> Tensor:
    """felt (B, P, 7), or (B, P, 11) with a field, its vectors now in the frames of bones (B, P, 3, 3)."""
    vectors = [felt[..., 0:3], felt[..., 3:6]]
    if felt.shape[-1] == TOUCH + FIELD:
        vectors.append(felt[..., -3:])
    seen = (torch.stack(vectors, dim=-2) @ bones).flatten(2)
    distances = felt[..., 6 : 6 + len(vectors) - 1]  # of the touch, of the field
    return torch.cat([seen[..., :6], distances, seen[..., 6:]], dim=-1)
