"""A hand as some seventy spheres on its joints: a cheap, differentiable test of crossing fingers.

The spheres are fitted to the rest mesh once; posing them needs only the skeleton (`ManoLayer.pose_joints`),
no skinning.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from fastgrasp_model.hand.joints import FINGER_JOINTS, FINGERS
from fastgrasp_model.hand.mano import HandPose, ManoLayer

# Where along a phalanx and along a metacarpal the spheres sit, as parts of its length.
_ON_PHALANX = (0.05, 0.30, 0.55, 0.80)
_ON_TIP = (0.05, 0.35, 0.65)
_ON_METACARPAL = (0.30, 0.47, 0.64, 0.81)


class CollisionSpheres(NamedTuple):
    """Spheres of one hand, in metres.

    `joints` (S,) long: the joint each rides on; `offsets` (S, 3): its centre relative to that joint at rest;
    `radii` (S,); `pairs` (P, 2) long: which spheres must stay apart (never two of one finger, nor neighbours
    in the palm); `distances` (P,): how far apart their centres must stay, at most the sum of the radii, less
    where the rest hand is already closer (at the webs between fingers).
    """

    joints: Tensor
    offsets: Tensor
    radii: Tensor
    pairs: Tensor
    distances: Tensor

    def centres(self, pose: HandPose) -> Tensor:
        """Centres (B, S, 3) for a posed skeleton of `ManoLayer.pose_joints`, same frame."""
        turned = (pose.rotations[:, self.joints] @ self.offsets[:, :, None]).squeeze(-1)
        return turned + pose.joints[:, self.joints]

    def overlap(self, pose: HandPose) -> Tensor:
        """How deep each pair lies in one another: (B, P) metres, zero where they do not touch."""
        centres = self.centres(pose)
        between = centres[:, self.pairs[:, 0]] - centres[:, self.pairs[:, 1]]
        # The tiny term keeps the gradient finite where two centres coincide.
        return (self.distances - (between.square().sum(-1) + 1e-12).sqrt()).clamp(min=0)


def collision_spheres(layer: ManoLayer, shrink: float = 0.92) -> CollisionSpheres:
    """Fit spheres to the layer's mean hand at rest; `shrink` scales the radii, since flesh yields."""
    owner, template, joints = layer.weights.argmax(1), layer.v_template, layer.rest_joints_template
    tips = template[layer.tip_ids]
    found: list[tuple[int, str, Tensor, Tensor]] = []  # joint, group, centre, radius
    for finger, chain in FINGER_JOINTS.items():
        for place, joint in enumerate(chain):
            end = joints[chain[place + 1]] if place < 2 else tips[FINGERS.index(finger)]
            skin = template[(owner == joint) | (owner == chain[min(place + 1, 2)])]
            for part in _ON_PHALANX if place < 2 else _ON_TIP:
                found.append((joint, finger, *_fit_ring(skin, joints[joint], end, part)))
        if finger != "thumb":
            skin = template[owner == 0]
            for part in _ON_METACARPAL:
                found.append((0, "palm", *_fit_slab(skin, joints[0] + part * (joints[chain[0]] - joints[0]))))
    centres = torch.stack([centre for *_, centre, _ in found])
    # Where the flesh is not round (the ball of the thumb) a sphere may stick out by 2 mm, no more.
    nearest = torch.cdist(centres, template).amin(1)
    radii = shrink * torch.minimum(torch.stack([radius for *_, radius in found]), nearest + 0.002)
    owners = torch.tensor([joint for joint, *_ in found], device=template.device)
    pairs, distances = _pairs([group for _, group, *_ in found], owners.tolist(), centres, radii)
    return CollisionSpheres(owners, centres - joints[owners], radii, pairs, distances)


def _fit_ring(skin: Tensor, start: Tensor, end: Tensor, part: float) -> tuple[Tensor, Tensor]:
    """Centre and radius of the skin (V, 3) around the point at `part` of the bone from start to end."""
    bone = end - start
    length = bone.norm()
    along = (skin - start) @ bone / length**2
    weight = torch.exp(-0.5 * ((along - part) / 0.2) ** 2)
    weight = (weight / weight.sum())[:, None]
    across = skin - start - along[:, None] * bone  # from the bone's axis to the skin
    middle = (weight * across).sum(0)
    radius = (weight[:, 0] * (across - middle).norm(dim=1)).sum()
    return start + part * bone + middle, radius


def _fit_slab(skin: Tensor, point: Tensor) -> tuple[Tensor, Tensor]:
    """Centre and radius of a sphere half-way through the palm (V, 3) above and below a point."""
    beside = (skin - point)[:, [0, 2]].norm(dim=1)
    near = skin[beside.topk(10, largest=False).indices]
    top, bottom = near[:, 1].max(), near[:, 1].min()
    centre = torch.stack([point[0], 0.5 * (top + bottom), point[2]])
    return centre, 0.5 * (top - bottom)


def _pairs(groups: list[str], joints: list[int], centres: Tensor, radii: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs of spheres that may not meet, and the least distance of each."""
    chosen = []
    for first in range(len(groups)):
        for second in range(first + 1, len(groups)):
            if groups[first] == groups[second]:
                continue
            # The first phalanx grows out of the palm; it cannot run into it.
            finger_joint = max(joints[first], joints[second])
            beside_palm = "palm" in (groups[first], groups[second]) and any(
                finger_joint == chain[0] for chain in FINGER_JOINTS.values()
            )
            if not beside_palm:
                chosen.append((first, second))
    pairs = torch.tensor(chosen, device=centres.device)
    apart = (centres[pairs[:, 0]] - centres[pairs[:, 1]]).norm(dim=1)
    return pairs, torch.minimum(radii[pairs].sum(1), 0.95 * apart)
