"""A hand as some seventy spheres on its joints: a cheap, differentiable test of crossing fingers, and their parting.

The spheres are fitted to the rest mesh once; posing them needs only the skeleton (`ManoLayer.pose_joints`).
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from fastgrasp_model.hand.anatomy import FINGER_JOINTS, joint_axes
from fastgrasp_model.hand.fingers import FINGERS
from fastgrasp_model.hand.joint_angles import DIP_PER_PIP, JOINT_LIMITS, angles_to_matrices
from fastgrasp_model.hand.mano_layer import HandPose, ManoLayer

# Where along a phalanx and along a metacarpal the spheres sit, as parts of its length.
_ON_PHALANX = (0.05, 0.30, 0.55, 0.80)
_ON_TIP = (0.05, 0.35, 0.65, 0.90)
_ON_METACARPAL = (0.30, 0.47, 0.64, 0.81)
# Spheres may come this much closer than at rest: at the root of neighbouring fingers, where one web of skin joins
# them, and elsewhere.
_NEAR_WEB, _NEAR = 0.75, 0.95
# Metres that `part_fingers` leaves: the mesh is then less than 2 mm deep in itself (a test measures it).
LEFT_OVERLAP = 0.0005
_CHUNK = 512  # postures at a time, for memory


class CollisionSpheres(NamedTuple):
    """Spheres of one hand, in metres.

    joints (S,) long: the joint each rides on; offsets (S, 3): its centre relative to that joint at rest; radii (S,);
    pairs (P, 2) long: which spheres must stay apart; distances (P,): how far apart their centres must stay, at most the
    sum of the radii, less where the rest hand is already closer (at the webs between fingers).
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
    roots = {chain[0] for chain in FINGER_JOINTS.values()}  # the first phalanx grows out of the palm: no collision
    chosen = [(one, two) for one, two in combinations(range(len(groups)), 2) if groups[one] != groups[two] and not (
        "palm" in (groups[one], groups[two]) and max(joints[one], joints[two]) in roots)]
    pairs = torch.tensor(chosen, device=centres.device)
    apart = (centres[pairs[:, 0]] - centres[pairs[:, 1]]).norm(dim=1)
    knuckles = roots - {FINGER_JOINTS["thumb"][0]}
    share = [_NEAR_WEB if {joints[one], joints[two]} <= knuckles else _NEAR for one, two in chosen]
    return pairs, torch.minimum(radii[pairs].sum(1), apart.new_tensor(share) * apart)


def part_fingers(angles: Tensor, layer: ManoLayer, spheres: CollisionSpheres, steps: int = 20) -> Tensor:
    """Return postures without crossing fingers, as near as may be to the given ones; each row by itself.

    angles: anatomical angles (B, 15, 3) inside `JOINT_LIMITS`, radians; spheres: of the layer's mean shape; steps: at
    most so many descents along the depth of the overlaps; what still overlaps then is opened towards the flat hand.
    In the result no two spheres overlap by more than `LEFT_OVERLAP`.
    """
    axes = joint_axes(layer)
    parts = [_parted(part, layer, spheres, axes, steps) for part in angles.split(_CHUNK)]
    return torch.cat(parts) if parts else angles


def _parted(angles: Tensor, layer: ManoLayer, spheres: CollisionSpheres, axes: Tensor, steps: int) -> Tensor:
    low, high = torch.as_tensor(JOINT_LIMITS, dtype=angles.dtype, device=angles.device).unbind(-1)
    found = angles.clone()
    with torch.no_grad():
        rows = torch.nonzero(_overlap(found, layer, spheres, axes).amax(1) > LEFT_OVERLAP).squeeze(1)
    for _ in range(steps):
        now = found[rows].requires_grad_()
        with torch.enable_grad():
            overlap = _overlap(now, layer, spheres, axes)
            # Aim half-way below what is left in the end, so that descent gets there.
            depth = (overlap - 0.5 * LEFT_OVERLAP).clamp(min=0).sum(1)
        slope = torch.autograd.grad(depth.sum(), now)[0]
        crossing = overlap.detach().amax(1) > LEFT_OVERLAP
        rows, depth, slope = rows[crossing], depth.detach()[crossing], slope[crossing]
        if not len(rows):
            return found
        way = _natural(slope)
        # Newton's step to a depth of zero, at most 6 degrees in all.
        stride = depth / (slope * way).sum((1, 2)).clamp(min=1e-12)
        stride = torch.minimum(stride, 0.1 / way.norm(dim=(1, 2)).clamp(min=1e-12))
        found[rows] = torch.minimum(torch.maximum(found[rows] - stride[:, None, None] * way, low), high)
    for _ in range(10):  # 0.7 ** 10 is as good as flat
        rows = rows[_overlap(found[rows], layer, spheres, axes).amax(1) > LEFT_OVERLAP]
        found[rows] = 0.7 * found[rows]
    return found


def _overlap(angles: Tensor, layer: ManoLayer, spheres: CollisionSpheres, axes: Tensor) -> Tensor:
    """Depths (B, P) of the pairs of spheres of mean hands with the angles (B, 15, 3)."""
    root = torch.eye(3, dtype=angles.dtype, device=angles.device).expand(len(angles), 1, 3, 3)
    rotations = torch.cat([root, angles_to_matrices(angles, axes)], 1)
    pose = layer.pose_joints(angles.new_zeros(len(angles), 10), rotations, angles.new_zeros(len(angles), 3))
    return spheres.overlap(pose)


def _natural(slope: Tensor) -> Tensor:
    """A slope (B, 15, 3) kept to motions a hand makes: no twist but the thumb's, and DIP joints follow PIP joints."""
    way = slope.clone()
    for finger, (first, middle, last) in FINGER_JOINTS.items():
        way[:, [middle - 1, last - 1], :2] = 0
        if finger != "thumb":
            way[:, first - 1, 0] = 0
            way[:, middle - 1, 2] = slope[:, middle - 1, 2] + DIP_PER_PIP * slope[:, last - 1, 2]
            way[:, last - 1, 2] = DIP_PER_PIP * way[:, middle - 1, 2]
    return way
