"""The losses of the three stages. All are differentiable everywhere that matters, and are means over the batch.

The paper's five (Wu et al., section 3): hand parameters, mesh, contact map, penetration, consistency of the contact
regions. Where the published code measured distances to sampled object points, these ask a signed distance grid; where
its consistency was a mask without gradient, this one is smooth. Lengths inside are centimetres, so that weights near
one mean something.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fastgrasp_model.geometry.signed_distance import SignedDistanceGrids
from fastgrasp_model.hand import VERTICES, ManoLayer
from fastgrasp_model.hand.anatomy import pads
from fastgrasp_model.hand.joint_limits import FINGERS, joint_axes, limit_violation, matrices_to_angles
from fastgrasp_model.hand.mano_layer import HandPose
from fastgrasp_model.model import FastGraspModel
from fastgrasp_model.physics import contacts as contact
from fastgrasp_model.physics.wrench import WrenchSettings, hand_contacts, vertex_areas, wrench_residual_with_gradient
from fastgrasp_synthesis.collision_spheres import CollisionSpheres, collision_spheres

CM = 100.0
PRESS = 0.001  # metres a touching pad lies inside the object, as flesh yields
NEAR = 0.015  # metres within which a finger is meant to touch
HOLD = WrenchSettings(count=16, rounds=40, nearest=256)
FIRM = 1.0  # newtons unbalanced below which the hold loss asks for nothing
HELD = 2.0  # newtons unbalanced at most, in the worst direction, of a grasp that counts as firm
DEEP = 0.005  # metres; a hand that sinks in deeper is no good grasp


@dataclass
class HandContact:
    """The skin of one hand that losses look at, and its contact sets: five pads, the phalanges below, the palm."""

    skin: Tensor  # (V,) vertex ids, ascending: all that may touch or feel, and every second of the others
    sets: list[Tensor]  # eleven sets of positions in `skin`
    allowance: Tensor  # (V,) metres each vertex may lie inside
    axes: Tensor
    spheres: CollisionSpheres

    @classmethod
    def of(cls, hand: ManoLayer, feeling: Tensor) -> HandContact:
        """For a hand layer and the vertices (P,) that feel in the adaptation module."""
        named = pads(hand)
        sets = [named[f] for f in FINGERS] + [named[f"{f}_middle"] for f in FINGERS] + [named["palm"]]
        every_second = torch.arange(0, len(hand.v_template), 2, device=hand.v_template.device)
        skin = torch.unique(torch.cat([*sets, feeling.to(every_second.device), every_second]))
        sets = [torch.searchsorted(skin, ids) for ids in sets]
        allowance = torch.full((len(skin),), 0.0005, device=skin.device)
        allowance[torch.cat(sets[:5])] = 0.0015
        return cls(skin, sets, allowance, joint_axes(hand), collision_spheres(hand))

    def to(self, device: torch.device | str) -> HandContact:
        """The same on another device."""
        if self.skin.device == torch.device(device):
            return self
        spheres = CollisionSpheres(*(value.to(device) for value in self.spheres))
        sets = [ids.to(device) for ids in self.sets]
        return HandContact(self.skin.to(device), sets, self.allowance.to(device), self.axes.to(device), spheres)

    def touching(self, distance: Tensor) -> Tensor:
        """Which sets (B, 11) are meant to touch, by distances (B, V) alone: the thumb, the two fingers nearest to the
        object, and whatever lies within `NEAR`."""
        with torch.no_grad():
            near = contact.set_distances(distance, self.sets)
            meant = near < NEAR
            meant[:, 0] = True
            two = near[:, 1:5].topk(2, dim=1, largest=False).indices + 1
            return meant.scatter(1, two, True)

    def contact_map(self, distance: Tensor, meant: Tensor) -> Tensor:
        """L_cmap: how far the sets meant to touch (B, 11) are from touching, for distance (B, V)."""
        gap = (contact.set_distances(distance, self.sets) + PRESS) * CM
        cost = torch.nn.functional.smooth_l1_loss(gap, torch.zeros_like(gap), beta=0.2, reduction="none")
        return (cost * meant).sum(1).div(meant.sum(1).clamp(min=1)).mean()

    def penetration(self, distance: Tensor) -> Tensor:
        """L_penetr: what lies deeper in the object than flesh yields, summed over the skin as if all 778 were there."""
        return penetration(distance, self.allowance.to(distance)) * (VERTICES / len(self.skin))

    def stability(self, points: Tensor, distance: Tensor, grids, index: Tensor) -> Tensor:
        """How far the contacts are from holding the object: net wrench of their best balance (Liu et al. 2021).

        points (B, V, 3) in the object's frame, origin at the centre of mass; distance (B, V); index (B,) objects.
        """
        places, depth = contact.contact_points(points, distance, self.sets)
        active = depth < 0.006
        active[:, :3] = True
        normals = contact.smooth_normals(grids, places, index)
        centre = torch.zeros(3, dtype=points.dtype, device=points.device)
        forces = contact.balanced_forces(places.detach(), normals.detach(), active, centre, rounds=25)
        return contact.force_closure_residual(places, normals, forces, centre).mean()

    def gaps(self, points: Tensor, faces: Tensor, distance: Tensor, grids, index: Tensor) -> Tensor:
        """Newtons (B, 6) that contacts cannot balance of 1 kg under gravity along each axis, by friction cones.

        points (B, 778, 3) of whole hands in the object's frame, faces (F, 3) of the hand, distance (B, 778).
        """
        return wrench_residual_with_gradient(*hand_contacts(points, faces, distance, grids, index, HOLD), HOLD)

    def limits(self, joint_rotations: Tensor) -> Tensor:
        """Joint angles outside the limits of anatomy, squared radians; joint_rotations (B, 15, 3, 3)."""
        return limit_violation(matrices_to_angles(joint_rotations, self.axes)).square().sum((1, 2)).mean()

    def self_penetration(self, pose: HandPose) -> Tensor:
        """Fingers in one another or in the palm: depth of overlapping spheres, summed, cm."""
        return self.spheres.overlap(pose).sum(1).mean() * CM


class ScaledGrids:
    """Signed distance grids of objects made `scale` (B,) times as large; `query` as `SignedDistanceGrids`."""

    def __init__(self, grids: SignedDistanceGrids, scale: Tensor):
        self.grids, self.scale = grids, scale

    def query(self, points: Tensor, index: Tensor) -> Tensor:
        """Distance (B, N) of points (B, N, 3) to the enlarged objects index (B,)."""
        return self.grids.query(points / self.scale[:, None, None], index) * self.scale.unsqueeze(1)

    def query_with_normals(self, points: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """Distance (B, N) and outward normals (B, N, 3), the latter constants."""
        distance, normals = self.grids.query_with_normals(points / self.scale[:, None, None], index)
        return distance * self.scale.unsqueeze(1), normals


def hold(gaps: Tensor) -> Tensor:
    """L_hold: what gravity leaves unbalanced, (B, 6) newtons of `HandContact.gaps`, beyond `FIRM`.

    Half the mean over directions, half the worst of them: a grasp must hold in all six.
    """
    over = torch.relu(gaps - FIRM)
    return 0.5 * (over.mean() + over.amax(1).mean())


@torch.no_grad()
def firm(gaps: Tensor, distance: Tensor) -> Tensor:
    """Which hands (B,) hold firmly, as 0 or 1: in all directions (B, 6), and none of the skin (B, V) sunk in."""
    return ((gaps.amax(1) < HELD) & (distance.amin(1) > -DEEP)).to(gaps.dtype)


@torch.no_grad()
def sunk_volume(points: Tensor, faces: Tensor, distance: Tensor) -> Tensor:
    """Roughly the volume (B,) in cm3 in which whole hands lie inside their object: skin times its depth.

    points (B, 778, 3), metres, faces (F, 3) of the hand, distance (B, 778).
    """
    skin = vertex_areas(points, faces).norm(dim=-1)
    return (skin * torch.relu(-distance)).sum(1) * CM**3


def penetration(distance: Tensor, allowance: Tensor | float = 0.0) -> Tensor:
    """Depths below the allowance, from signed distances (B, V), summed over vertices.

    In centimetres: depth + its square up to 1 cm, straight on from there, lest a hand wholly inside outweigh the rest.
    """
    deep = torch.relu(-distance - allowance) * CM
    return torch.where(deep < 1, deep + deep.square(), 3 * deep - 1).sum(1).mean()


def consistency(distance: Tensor, true_distance: Tensor, width: float = 0.005) -> Tensor:
    """L_consist: the soft contact maps exp(-(d / width)^2) of hand and true hand agree; distances (B, V)."""
    soft, true = (torch.exp(-(d / width).square()) for d in (distance, true_distance))
    return (soft - true).square().mean()


def mesh_distance(model: FastGraspModel, one: Tensor, two: Tensor) -> Tensor:
    """L_mesh between hands (B, 778, 3): the paper's chamfer distance where its encoder is used, else the mean distance
    between corresponding vertices, cm, which is stricter and cheaper."""
    if model.config.vertex_encoder == "pointnet":
        return chamfer(one, two)
    return (one - two).norm(dim=-1).mean() * CM


def chamfer(one: Tensor, two: Tensor) -> Tensor:
    """Mean squared distance to the nearest vertex, both ways, cm2; (B, V, 3) each."""
    square = torch.cdist(one, two).mul(CM).square()
    return square.amin(1).mean() + square.amin(2).mean()
