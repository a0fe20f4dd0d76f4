"""Many hands on several objects at once, pulled into grasps by Adam on an energy of contact, penetration and balance.

The energy follows Liu et al. 2021 ("Synthesizing diverse and physically stable grasps with arbitrary hand structures
using differentiable force closure estimator") and Wang et al. 2023 (DexGraspNet), with three changes: the force shares
of the contacts are solved for at each look (as in BODex, Chen et al. 2025), the normals are differentiable, and only
pads press into the surface, phalanges and palm merely touch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fastgrasp_model import contact
from fastgrasp_model.geometry.rotations import matrix_to_rotation_6d
from fastgrasp_model.geometry.signed_distance import SignedDistanceGrids
from fastgrasp_model.hand.anatomy import JOINT_LIMITS, limit_violation
from fastgrasp_training.synthesis.hands import SETS, TIPS, Hands
from fastgrasp_training.synthesis.starts import Starts

SLOW = 4  # self-collision and balance are looked at every SLOW steps, with SLOW times their weight


@dataclass(frozen=True)
class OptimiseSettings:
    """Weights of the energy (per metre where it is a length) and the course of the optimisation."""

    steps: int = 140
    screen: int = 3  # starts drawn for each hand that is optimised; the best by a first look go on
    orient_rate: float = 0.012
    transl_rate: float = 0.0025
    angle_rate: float = 0.025
    pad_press: float = 0.0013  # metres the pads of thumb and fingers go into the surface
    other_press: float = 0.0003  # the same for phalanges and palm
    contact: float = 100.0
    penetration_from: float = 5.0
    penetration_to: float = 50.0
    deepest: float = 300.0  # on the greatest depth beyond what is allowed
    balance: float = 0.6
    opposition: float = 0.15
    limits: float = 20.0
    collision: float = 30.0
    posture: float = 0.05


@dataclass
class Optimised:
    """B hands after the optimisation: betas (B,10), rotations (B,16,3,3), transl (B,3), object and kind (B,)."""

    betas: Tensor
    rotations: Tensor
    transl: Tensor
    object: Tensor
    kind: Tensor

    def pick(self, rows: Tensor) -> Optimised:
        return Optimised(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


class Optimiser:
    """Runs batches of starts to grasps. One `Hands` for all; not thread safe, deterministic on one thread."""

    def __init__(self, hands: Hands, settings: OptimiseSettings | None = None) -> None:
        self.hands, self.settings = hands, settings or OptimiseSettings()
        self.press = torch.tensor(
            [self.settings.pad_press if name in TIPS else self.settings.other_press for name in SETS]
        )
        self.allowance = torch.full((len(hands.subset),), self.settings.other_press)
        for name, ids in zip(SETS, hands.subset_sets, strict=True):
            if name in TIPS:
                self.allowance[ids] = self.settings.pad_press + 0.0004
        self.thumb = torch.tensor([1.0 if name.startswith("thumb") else 0.0 for name in SETS])

    def screened(self, starts: Starts, grids: SignedDistanceGrids, keep: int) -> Starts:
        """The `keep` starts that look best (contact and penetration), an equal share for every object."""
        with torch.no_grad():
            rotations = self.hands.rotations(matrix_to_rotation_6d(starts.orient), starts.angles)
            vertices = self.hands.layer.from_matrices(
                starts.betas, rotations, starts.transl, self.hands.subset
            ).vertices
            distance = grids.query(vertices, starts.object)
            energy = self._contact(distance, starts.kind) * 100 + 10 * contact.penetration(distance, self.allowance)
        objects, kept = starts.object.unique(), []
        share = keep // len(objects)
        for obj in objects:
            rows = (starts.object == obj).nonzero().squeeze(1)
            kept.append(_best_by_kind(rows, energy[rows], starts.kind[rows], share))
        return starts.pick(torch.cat(kept))

    def run(self, starts: Starts, grids: SignedDistanceGrids) -> Optimised:
        """Optimise all starts together; joint angles end inside their limits."""
        s = self.settings
        orient = matrix_to_rotation_6d(starts.orient).requires_grad_()
        transl = starts.transl.clone().requires_grad_()
        angles = starts.angles.clone().requires_grad_()
        rates = (s.orient_rate, s.transl_rate, s.angle_rate)
        groups = [{"params": [p], "lr": r} for p, r in zip((orient, transl, angles), rates, strict=True)]
        adam = torch.optim.Adam(groups, betas=(0.9, 0.99), foreach=True)
        for step in range(s.steps):
            factor = 1.0 if step < 0.6 * s.steps else 0.4 if step < 0.85 * s.steps else 0.16
            for group, rate in zip(adam.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            adam.zero_grad(set_to_none=True)
            self._energy(starts, orient, transl, angles, grids, step).sum().backward()
            adam.step()
        with torch.no_grad():
            low, high = torch.as_tensor(JOINT_LIMITS, dtype=angles.dtype).unbind(-1)
            rotations = self.hands.rotations(orient, torch.minimum(torch.maximum(angles, low), high))
        return Optimised(starts.betas, rotations, transl.detach(), starts.object, starts.kind)

    def _energy(self, starts: Starts, orient: Tensor, transl: Tensor, angles: Tensor, grids: SignedDistanceGrids,
                step: int) -> Tensor:  # fmt: skip
        s, hands = self.settings, self.hands
        progress = min(1.0, step / (0.6 * s.steps))
        rotations = hands.rotations(orient, angles)
        pose = hands.pose(starts.betas, rotations, transl)
        vertices = hands.layer.skin(pose, starts.betas, rotations, hands.subset)
        distance = grids.query(vertices, starts.object)
        inside = s.penetration_from + (s.penetration_to - s.penetration_from) * progress
        energy = s.contact * self._contact(distance, starts.kind) + inside * contact.penetration(
            distance, self.allowance
        )
        energy = energy + s.deepest * progress * contact.greatest_depth(distance + self.allowance)
        energy = energy + s.limits * limit_violation(angles).square().sum((1, 2))
        energy = energy + s.posture * (angles - starts.angles).square().sum((1, 2))
        if step % SLOW == 0:
            energy = energy + SLOW * s.collision * hands.spheres.overlap(pose).sum(1)
        elif step % SLOW == 2:
            energy = energy + SLOW * self._balance(vertices, distance, starts, grids)
        return energy

    def _contact(self, distance: Tensor, kind: Tensor) -> Tensor:
        """Weighted distance of the type's vertex sets from where they should be: (B,) metres."""
        reach = contact.set_distances(distance, self.hands.subset_sets)  # (B,11)
        off = (reach + self.press).abs()
        return (self.hands.type_weights[kind] * off).sum(1)

    def _balance(self, vertices: Tensor, distance: Tensor, starts: Starts, grids: SignedDistanceGrids) -> Tensor:
        """Force-closure residual and opposition of thumb and fingers (or palm and fingers)."""
        places, _ = contact.contact_points(vertices, distance, self.hands.subset_sets)
        normals = contact.smooth_normals(grids, places, starts.object)
        weights = self.hands.type_weights[starts.kind]
        centre = torch.zeros(3)
        forces = contact.balanced_forces(places, normals, weights > 0, centre, rounds=15)
        residual = contact.wrench_residual(places, normals, forces, centre)
        thumb = weights * self.thumb
        thumb = torch.where((thumb.sum(1) > 0)[:, None], thumb, weights * torch.tensor([n == "palm" for n in SETS]))
        others = weights * torch.tensor([n in TIPS[1:] for n in SETS])
        return self.settings.balance * residual + self.settings.opposition * contact.opposition(normals, thumb, others)


def _best_by_kind(rows: Tensor, energy: Tensor, kind: Tensor, share: int) -> Tensor:
    """Of one object's rows the `share` best, so that each kind keeps its proportion."""
    order = torch.argsort(energy)
    rank = torch.empty(len(rows))
    for k in kind.unique():
        mine = order[kind[order] == k]
        rank[mine] = (torch.arange(len(mine)) + 0.5) / len(mine)
    return rows[torch.argsort(rank, stable=True)[:share]]
