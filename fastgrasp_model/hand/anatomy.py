"""The hand's anatomy: the axes of the finger joints, the pads of fingers and palm, and the skin's normals at rest.

All follow from the rest joints, skin weights and rest mesh of a `ManoLayer`, so they hold for any hand model and either
side.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fastgrasp_model.hand.fingers import FINGERS
from fastgrasp_model.hand.mano_layer import ManoLayer

# MANO's joints of each finger, from the palm outwards.
FINGER_JOINTS = {
    "thumb": (13, 14, 15), "index": (1, 2, 3), "middle": (4, 5, 6), "ring": (10, 11, 12), "pinky": (7, 8, 9),
}  # fmt: skip


def joint_axes(layer: ManoLayer) -> Tensor:
    """Compute the anatomical axes (15, 3, 3) of joints 1 to 15; rows: unit axes of twist, spread, bend.

    After Yang et al., "CPF", ICCV 2021, for the layer's mean shape: twist b along the bone towards the wrist, bend
    l = b x up, spread u = l x b, with up the back of the hand, and (1, 1, 1)/sqrt(3) for the thumb. The pad faces -u;
    + bend flexes, + spread goes to the thumb side (the thumb: palmar), and opposition of the thumb is + twist, + bend.
    A left hand gets the mirror image with the signs that give its angles the same meaning.
    """
    joints = layer.rest_joints_template
    mirror = joints.new_tensor([1.0 if layer.side == "right" else -1.0, 1.0, 1.0])
    joints, tips = joints * mirror, layer.v_template[layer.tip_ids] * mirror
    axes = []
    for joint in range(1, 16):
        finger = next(name for name, chain in FINGER_JOINTS.items() if joint in chain)
        place = FINGER_JOINTS[finger].index(joint)
        outer = joints[joint + 1] if place < 2 else tips[FINGERS.index(finger)]
        b = torch.nn.functional.normalize(joints[joint] - outer, dim=0)
        up = joints.new_tensor([1.0, 1.0, 1.0] if finger == "thumb" else [0.0, 1.0, 0.0])
        bend = torch.nn.functional.normalize(torch.linalg.cross(b, up), dim=0)
        axes.append(torch.stack([b, torch.linalg.cross(bend, b), bend]))
    # A rotation axis is a pseudo-vector: mirrored in x it keeps its x and negates y and z.
    return torch.stack(axes) * (mirror if layer.side == "right" else -mirror)


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
