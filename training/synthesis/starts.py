"""Where a hand begins: chords through the object, and pre-shaped hands laid across them.

A chord is a surface point, the direction straight into the object, and the width until the surface comes out again.
Thumb and fingers are laid at the two ends of a graspable chord, near the centre of mass (for handles on a thin part),
with the wrist on the side that is free.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fastgrasp_model.geometry.signed_distance import SignedDistanceGrids
from fastgrasp_model.hand.synergies import sample_kind
from fastgrasp_training.synthesis.hands import GRASP_TYPES, Hands

STEP, LONGEST = 0.0015, 0.096  # march along a chord, metres
BANK = 192  # pre-shaped postures of each grasp type


@dataclass
class Chords:
    """C chords of one object: middles (C,3), directions (C,3) unit, widths (C,), opposition (C,) 1 = parallel walls."""

    middles: Tensor
    directions: Tensor
    widths: Tensor
    opposition: Tensor


@dataclass
class Starts:
    """B hands to optimise: tensors with B rows; `object` and `kind` are rows of the grids and of GRASP_TYPES."""

    betas: Tensor
    orient: Tensor  # (B,3,3)
    angles: Tensor  # (B,15,3)
    transl: Tensor
    object: Tensor
    kind: Tensor

    def pick(self, rows: Tensor) -> Starts:
        return Starts(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def find_chords(points: Tensor, normals: Tensor, grids: SignedDistanceGrids, index: int) -> Chords:
    """Chords from surface points (P,3) with outward normals (P,3) into object `index`; those without an end dropped."""
    steps = torch.arange(1, int(LONGEST / STEP)) * STEP
    samples = points[:, None] - normals[:, None] * steps[:, None]  # (P,S,3)
    row = torch.full((len(points),), index, dtype=torch.long)
    distance = grids.query(samples, row)
    outside = (distance > 0) & (torch.arange(len(steps)) > 1)
    leaves = outside.any(1)
    widths = steps[outside.float().argmax(1)]
    ends = points - normals * widths[:, None]
    end_normals = grids.query_with_normals(ends[:, None], row)[1][:, 0]
    against = -(end_normals * normals).sum(1)
    keep = leaves & (against > 0.3) & (widths > 0.003)
    return Chords((points - 0.5 * widths[:, None] * normals)[keep], normals[keep], widths[keep], against[keep])


class StartSampler:
    """Draws starts; holds a bank of pre-shaped postures of each grasp type with where thumb and fingers are."""

    def __init__(self, hands: Hands, seed: int = 0) -> None:
        self.hands = hands
        generator = torch.Generator().manual_seed(seed)
        self.banks = [self._bank(kind.postures, kind.weights, generator) for kind in GRASP_TYPES]

    def _bank(self, postures: tuple[str, ...], weights: dict[str, float], generator: torch.Generator) -> dict:
        share = -(-BANK // len(postures))
        angles = torch.cat([sample_kind(name, share, generator) for name in postures])
        count = len(angles)
        eye = torch.eye(3).expand(count, 1, 3, 3)
        rotations = torch.cat(
            [eye, self.hands.rotations(torch.eye(3)[:, :2].T.reshape(1, 6).expand(count, 6), angles)[:, 1:]], 1
        )
        vertices, joints = self.hands.layer.from_matrices(torch.zeros(count, 10), rotations, torch.zeros(count, 3))
        fingers = [name for name in ("index", "middle", "ring", "pinky") if name in weights]
        tips = torch.stack([vertices[:, self.hands.pads[name]].mean(1) for name in fingers]).mean(0)
        other = vertices[:, self.hands.pads["thumb" if "thumb" in weights else "palm"]].mean(1)
        across = tips - other  # from the thumb to the fingers
        wrap = "palm" in weights
        centre = 0.5 * (tips + other)
        knuckles = joints[:, [1, 4, 10, 7]].mean(1)
        reach = centre - (knuckles if wrap else joints[:, 0])
        if wrap:  # the middle of what the closed hand surrounds lies in front of the palm
            palm = vertices[:, self.hands.pads["palm"]].mean(1)
            centre = (tips + other + palm) / 3
            reach = centre - palm
        gap = across.norm(dim=1)
        u = across / gap[:, None]
        v = torch.nn.functional.normalize(reach - (reach * u).sum(1, keepdim=True) * u, dim=1)
        frame = torch.stack([u, v, torch.linalg.cross(u, v)], dim=2)  # columns
        return {"angles": angles, "gap": gap, "frame": frame, "centre": centre, "wrist": joints[:, 0]}

    def draw(self, chords: list[Chords], grids: SignedDistanceGrids, kinds: Tensor, objects: Tensor,
             generator: torch.Generator, beta_spread: float = 1.0) -> Starts:  # fmt: skip
        """One start for every row of kinds (B,) and objects (B,); chords has an entry per object of the grids."""
        count = len(kinds)
        middles, directions, widths = self._chosen_chords(chords, kinds, objects, generator)
        posture = self._chosen_postures(kinds, widths, generator)
        rows = list(zip(kinds.tolist(), posture.tolist(), strict=True))
        parts = {name: torch.stack([self.banks[k][name][p] for k, p in rows])
                 for name in ("angles", "gap", "frame", "centre", "wrist")}  # fmt: skip
        sign = torch.where(torch.rand(count, generator=generator) < 0.5, 1.0, -1.0)
        u = directions * sign[:, None]
        v = self._free_approach(u, middles, parts, grids, objects, generator)
        target = torch.stack([u, v, torch.linalg.cross(u, v)], dim=2)
        orient = target @ parts["frame"].transpose(1, 2)
        betas = torch.randn(count, 10, generator=generator) * beta_spread
        betas[:, 3:] *= 0.7
        betas = betas.clamp(-2.5, 2.5)
        rest = self.hands.layer.rest_joints(betas)[:, 0]
        # MANO turns about the rest wrist: p -> R (p - rest) + rest + transl; the bank's frame is unturned
        lever = (orient @ (parts["centre"] - parts["wrist"])[..., None]).squeeze(-1)
        transl = middles - lever - rest + 0.004 * torch.randn(count, 3, generator=generator)
        return Starts(betas, orient, parts["angles"], transl, objects, kinds)

    def _chosen_chords(self, chords: list[Chords], kinds: Tensor, objects: Tensor, generator: torch.Generator):
        """A chord for each row, by width, closeness to the centre of mass, and how parallel its walls are."""
        middles, directions, widths = (torch.zeros(len(kinds), 3), torch.zeros(len(kinds), 3), torch.zeros(len(kinds)))
        for obj in objects.unique().tolist():
            mine = chords[obj]
            for kind in kinds[objects == obj].unique().tolist():
                rows = ((objects == obj) & (kinds == kind)).nonzero().squeeze(1)
                spec = GRASP_TYPES[kind]
                low, high = spec.width
                fit = torch.sigmoid((mine.widths - low) / 0.002) * torch.sigmoid((high - mine.widths) / 0.004)
                away = mine.middles.norm(dim=1)
                near = torch.exp(-0.5 * (away / 0.025) ** 2) + (0.5 if spec.handle else 0.01)
                chance = fit * near * mine.opposition.clamp_min(0) ** 3 + 1e-9
                picked = torch.multinomial(chance, len(rows), replacement=True, generator=generator)
                middles[rows], directions[rows], widths[rows] = (
                    mine.middles[picked],
                    mine.directions[picked],
                    mine.widths[picked],
                )
        return middles, directions, widths

    def _chosen_postures(self, kinds: Tensor, widths: Tensor, generator: torch.Generator) -> Tensor:
        """A posture of the type's bank whose gap suits the width: a little wider open than the object."""
        chosen = torch.zeros(len(kinds), dtype=torch.long)
        for kind in kinds.unique().tolist():
            rows = (kinds == kind).nonzero().squeeze(1)
            misfit = self.banks[kind]["gap"][None] - (widths[rows, None] + 0.02)
            chance = torch.exp(-0.5 * (misfit / 0.01) ** 2) + 1e-6
            chosen[rows] = torch.multinomial(chance, 1, generator=generator).squeeze(1)
        return chosen

    def _free_approach(self, u: Tensor, middles: Tensor, parts: dict, grids: SignedDistanceGrids, objects: Tensor,
                       generator: torch.Generator, tries: int = 12) -> Tensor:  # fmt: skip
        """Unit directions v (B,3) across u into the object, such that wrist and palm (back along v) are in free air."""
        count = len(u)
        v = torch.randn(count, tries, 3, generator=generator)
        v = v - (v * u[:, None]).sum(-1, keepdim=True) * u[:, None]
        v = torch.nn.functional.normalize(v, dim=-1)
        back = torch.tensor([0.045, 0.075, 0.11])
        probes = middles[:, None, None] - v[:, :, None] * back[:, None]  # (B,T,3,3)
        air = grids.query(probes.flatten(1, 2), objects).unflatten(1, (tries, 3))
        clear = (air - torch.tensor([0.005, 0.015, 0.03])).clamp_max(0.0).sum(-1)  # 0 when all three are free
        # from outside: back along v should lead away from the centre of mass
        outward = -(v * middles[:, None]).sum(-1) / 0.03
        score = clear / 0.01 + 0.3 * outward.clamp(-2, 2)
        chosen = torch.multinomial(torch.softmax(score, dim=1), 1, generator=generator).squeeze(1)
        return v[torch.arange(count), chosen]
