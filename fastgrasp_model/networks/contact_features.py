"""Contact features: how the object lies around query points, a few vertices of the hand.

The same gap below a fingertip asks for the same flexion of the finger, however hand and object are rotated. Vectors in
the frame of the bone below a query point express that; vectors in the local frame, which all networks share, do not.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fastgrasp_model.geometry.nearest import nearest_points

REACH = 0.03  # metres; offsets are shortened to this length
CONTACT_FEATURES = 7  # an offset, its part along the normal, a signed distance
IMPLICIT_FEATURES = 4  # a signed distance and a normal, of the implicit shape head


class QueryPoints(NamedTuple):
    """Query points (B, P, 3) in metres; with `bone_frames` also the rotations of the bones below them, bones
    (B, P, 3, 3), and of the wrist, wrist (B, 3, 3)."""

    points: Tensor
    bones: Tensor | None = None
    wrist: Tensor | None = None


def contact_features(query: Tensor, points: Tensor, normals: Tensor) -> Tensor:
    """Return the contact features (B, P, 7) at query points (B, P, 3), all in one frame, in centimetres.

    points (B, N, 3) and outward normals (B, N, 3) are the object's cloud, metres. The features are the offset to the
    nearest point, shortened to `REACH`; its projection on that point's normal; and the signed distance to that point's
    tangent plane (negative inside the object).
    """
    nearest = nearest_points(query, points)
    pick = nearest.unsqueeze(-1).expand(-1, -1, 3)
    near, normal = points.gather(1, pick), normals.gather(1, pick)
    offset = near - query
    length = offset.norm(dim=-1, keepdim=True).clamp(min=1e-9)
    offset = offset * (length.clamp(max=REACH) / length)
    along = (offset * normal).sum(-1, keepdim=True)  # negative above the surface
    return torch.cat([offset, along * normal, -along], dim=-1) / 0.01


def in_bone_frames(features: Tensor, bones: Tensor) -> Tensor:
    """Return features (B, P, 7), or (B, P, 11) with the implicit shape's, with all vectors in bones (B, P, 3, 3)."""
    vectors = [features[..., 0:3], features[..., 3:6]]
    if features.shape[-1] == CONTACT_FEATURES + IMPLICIT_FEATURES:
        vectors.append(features[..., -3:])
    local = (torch.stack(vectors, dim=-2) @ bones).flatten(2)
    distances = features[..., 6 : 6 + len(vectors) - 1]  # to the tangent plane, to the implicit shape
    return torch.cat([local[..., :6], distances, local[..., 6:]], dim=-1)
