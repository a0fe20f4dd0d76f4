"""The losses of the default model, on signed distance grids; means over the batch, lengths in centimetres.

The paper's five (Wu et al., section 3): hand parameters, mesh, contact map, penetration, consistency of the contact
regions; and physical ones. `paper_losses.py` has the published forms. New losses go here: see CONTRIBUTING.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fastgrasp_evaluation.physics import contacts as contact
from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
from fastgrasp_evaluation.physics.wrench import (
    WrenchSettings,
    hand_contacts,
    vertex_areas,
    wrench_residual_with_gradient,
)
from fastgrasp_model.hand import VERTICES, ManoLayer
from fastgrasp_model.hand.anatomy import joint_axes, pads
from fastgrasp_model.hand.fingers import FINGERS
from fastgrasp_model.hand.joint_angles import limit_violation, matrices_to_angles
from fastgrasp_model.hand.mano_layer import HandPose
from fastgrasp_synthesis.collision_spheres import CollisionSpheres, collision_spheres

CM = 100.0
PRESS_DEPTH = 0.001  # metres a touching pad lies inside the object, as flesh yields
NEAR = 0.015  # metres within which a finger is meant to touch
WRENCH = WrenchSettings(count=16, rounds=40, nearest=256)
RESIDUAL_TOLERANCE = 1.0  # newtons of wrench residual that the wrench loss accepts
STABLE_RESIDUAL = 2.0  # newtons of wrench residual in the worst direction, the most of a stable grasp
STABLE_DEPTH = 0.005  # metres of penetration, the most of a stable grasp


@dataclass
class HandContact:
    """The skin of one hand that losses look at, and its contact sets: five pads, the phalanges below, the palm."""

    skin: Tensor  # (V,) vertex ids, ascending: contact sets, query points, and every second vertex
    sets: list[Tensor]  # eleven sets of positions in `skin`
    allowance: Tensor  # (V,) metres each vertex may lie inside
    axes: Tensor
    spheres: CollisionSpheres

    @classmethod
    def of(cls, hand: ManoLayer, query_ids: Tensor) -> HandContact:
        """Return it for a hand layer and the vertices (P,) that are query points of the adaptation module."""
        named = pads(hand)
        sets = [named[f] for f in FINGERS] + [named[f"{f}_middle"] for f in FINGERS] + [named["palm"]]
        every_second = torch.arange(0, len(hand.v_template), 2, device=hand.v_template.device)
        skin = torch.unique(torch.cat([*sets, query_ids.to(every_second.device), every_second]))
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
        """Return L_cmap: the gaps of the sets meant to touch (B, 11), for distances (B, V)."""
        offset = (contact.set_distances(distance, self.sets) + PRESS_DEPTH) * CM
        cost = torch.nn.functional.smooth_l1_loss(offset, torch.zeros_like(offset), beta=0.2, reduction="none")
        return (cost * meant).sum(1).div(meant.sum(1).clamp(min=1)).mean()

    def penetration(self, distance: Tensor) -> Tensor:
        """Return L_penetr: depths beyond what flesh yields, summed over the skin and scaled to all vertices."""
        return penetration(distance, self.allowance.to(distance)) * (VERTICES / len(self.skin))

    def stability(self, points: Tensor, distance: Tensor, grids, index: Tensor) -> Tensor:
        """Return the net wrench of the best balance of the contacts (Liu et al. 2021).

        points (B, V, 3) in the object's frame, origin at the centre of mass; distance (B, V); index (B,) objects.
        """
        places, depth = contact.contact_points(points, distance, self.sets)
        active = depth < 0.006
        active[:, :3] = True
        normals = contact.smooth_normals(grids, places, index)
        centre = torch.zeros(3, dtype=points.dtype, device=points.device)
        forces = contact.balanced_forces(places.detach(), normals.detach(), active, centre, rounds=25)
        return contact.force_closure_residual(places, normals, forces, centre).mean()

    def wrench_residuals(self, points: Tensor, faces: Tensor, distance: Tensor, grids, index: Tensor) -> Tensor:
        """Return the newtons (B, 6) of the weight of 1 kg, along each axis, that friction cones cannot balance.

        points (B, 778, 3) of whole hands in the object's frame, faces (F, 3) of the hand, distance (B, 778).
        """
        return wrench_residual_with_gradient(*hand_contacts(points, faces, distance, grids, index, WRENCH), WRENCH)

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


def wrench_loss(residuals: Tensor) -> Tensor:
    """Return the wrench loss: residuals (B, 6) of `HandContact.wrench_residuals` beyond `RESIDUAL_TOLERANCE`.

    Half the mean over directions, half the worst of them.
    """
    over = torch.relu(residuals - RESIDUAL_TOLERANCE)
    return 0.5 * (over.mean() + over.amax(1).mean())


@torch.no_grad()
def stable(residuals: Tensor, distance: Tensor) -> Tensor:
    """Return which hands (B,) are stable, as 0 or 1, by residuals (B, 6) and penetration of the skin (B, V)."""
    return ((residuals.amax(1) < STABLE_RESIDUAL) & (distance.amin(1) > -STABLE_DEPTH)).to(residuals.dtype)


@torch.no_grad()
def penetration_volume(points: Tensor, faces: Tensor, distance: Tensor) -> Tensor:
    """Return an estimate (B,) of the penetration volume in cm3: areas of the skin times their depths.

    points (B, 778, 3), metres, faces (F, 3) of the hand, distance (B, 778).
    """
    skin = vertex_areas(points, faces).norm(dim=-1)
    return (skin * torch.relu(-distance)).sum(1) * CM**3


def penetration(distance: Tensor, allowance: Tensor | float = 0.0) -> Tensor:
    """Return depths below the allowance, from signed distances (B, V), summed over vertices.

    In centimetres: depth plus its square up to 1 cm, linear beyond, so that a hand wholly inside does not dominate.
    """
    deep = torch.relu(-distance - allowance) * CM
    return torch.where(deep < 1, deep + deep.square(), 3 * deep - 1).sum(1).mean()


def consistency(distance: Tensor, true_distance: Tensor, width: float = 0.005) -> Tensor:
    """Return L_consist: how well the soft contact maps exp(-(d / width)^2) of hand and true hand agree, for (B, V)."""
    soft, true = (torch.exp(-(d / width).square()) for d in (distance, true_distance))
    return (soft - true).square().mean()


def mesh_distance(one: Tensor, two: Tensor) -> Tensor:
    """Return L_mesh between hands (B, V, 3): the mean distance of corresponding vertices, cm, which is stricter and
    cheaper than the paper's chamfer distance."""
    return (one - two).norm(dim=-1).mean() * CM
