"""The hand's anatomy as vertex sets: the pads of fingers and palm, and the normals of the skin at rest.

Both come from the skin weights and rest mesh of a `ManoLayer`, so they hold for any hand model and either side.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fastgrasp_model.hand.joint_limits import FINGER_JOINTS, joint_axes
from fastgrasp_model.hand.mano_layer import ManoLayer


def pads(layer: ManoLayer) -> dict[str, Tensor]:
    """Return the vertex ids (long) of the pads, the skin on the palmar side of the rest hand.

    Keys: "thumb", "index", "middle", "ring", "pinky" (pad of the outermost phalanx), the same with "_middle"
    (the phalanx below; the thumb's proximal phalanx), and "palm".
    """
    normals, owner = rest_normals(layer), layer.weights.argmax(1)
    # The pad of a joint faces -u; the axes of a left hand are pseudo-vectors, so there it is +u.
    palm_side = joint_axes(layer)[:, 1] * (-1.0 if layer.side == "right" else 1.0)
    result = {}
    for finger, (_, middle, distal) in FINGER_JOINTS.items():
        for name, joint in ((finger, distal), (f"{finger}_middle", middle)):
            palmar = (normals * palm_side[joint - 1]).sum(1) > math.cos(math.radians(60))
            result[name] = torch.nonzero((owner == joint) & palmar).squeeze(1)
    result["palm"] = torch.nonzero((owner == 0) & (normals[:, 1] < -0.5) & _beyond_wrist(layer)).squeeze(1)
    return result


def _beyond_wrist(layer: ManoLayer) -> Tensor:
    """Mark the vertices (778,) more than a fifth of the way from the wrist to the knuckles."""
    wrist, knuckle = layer.rest_joints_template[0], layer.rest_joints_template[4]
    along = ((layer.v_template - wrist) * (knuckle - wrist)).sum(1) / (knuckle - wrist).square().sum()
    return along > 0.2


def rest_normals(layer: ManoLayer) -> Tensor:
    """Compute the outward unit normals (778, 3) of the mean hand's vertices at rest, weighted by face area."""
    corners = layer.v_template[layer.closed_faces]
    face_normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = torch.zeros_like(layer.v_template)
    for corner in range(3):
        normals.index_add_(0, layer.closed_faces[:, corner], face_normals)
    return torch.nn.functional.normalize(normals, dim=1)
