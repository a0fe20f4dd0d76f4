"""Where a hand begins: chords through the object, and pre-shaped hands laid across them.

A chord goes from a surface point straight into the object until the surface comes out again. Thumb and fingers (or
palm and fingers) are laid at its two ends, near the centre of mass (for handles on a thin part), with the wrist on the
side that is free and the row of fingers along what the object goes on along.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
from fastgrasp_synthesis.grasp_types import GRASP_TYPES, GraspType
from fastgrasp_synthesis.hands import Hands
from fastgrasp_synthesis.templates import sample_template

STEP, LONGEST = 0.0015, 0.100  # march along a chord, metres
BANK = 256  # pre-shaped postures of each grasp type
OPEN = 0.02  # metres a hand starts wider open than the object
ROW = (-0.034, -0.016, 0.016, 0.034)  # metres along the row of fingers where the object should go on


@dataclass
class Chords:
    """C chords of one object: middles (C,3), directions (C,3) unit, widths (C,), opposition (C,) 1 = parallel walls."""

    middles: Tensor
    directions: Tensor
    widths: Tensor
    opposition: Tensor


class Rows:
    """A dataclass of tensors that share their rows."""

    def pick(self, rows: Tensor):
        """Return the chosen rows."""
        return type(self)(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @classmethod
    def join(cls, parts: list):
        """Return the rows of several parts, one after another."""
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


@dataclass
class Starts(Rows):
    """B hands to optimise: tensors with B rows; `object` and `kind` are rows of the grids and of GRASP_TYPES."""

    betas: Tensor
    orient: Tensor  # (B,3,3)
    angles: Tensor  # (B,15,3)
    transl: Tensor
    object: Tensor
    kind: Tensor


def find_chords(points: Tensor, normals: Tensor, grids: SignedDistanceGrids, index: int) -> Chords:
    """Chords from surface points (P,3) with outward normals (P,3) into object `index`; those without an end dropped.

    A chord ends where it first comes out; in a hollow thing there is a second one, which ends where it last comes out:
    a cup is held by its wall or round the whole.
    """
    steps = torch.arange(1, int(LONGEST / STEP), device=points.device) * STEP
    samples = points[:, None] - normals[:, None] * steps[:, None]  # (P,S,3)
    row = torch.full((len(points),), index, dtype=torch.long, device=points.device)
    inside = grids.query(samples, row) <= 0
    inside[:, :1] = True
    leaves = inside[:, :-1] & ~inside[:, 1:]  # (P,S-1) the step after which the chord is in the air
    first, last = leaves.float().argmax(1), leaves.shape[1] - 1 - leaves.float().flip(1).argmax(1)
    parts = []
    for end, known in ((first, leaves.any(1)), (last, leaves.any(1) & (last > first) & ~inside[:, -1])):
        widths = steps[end + 1]
        ends = points - normals * widths[:, None]
        end_normals = grids.query_with_normals(ends[:, None], row)[1][:, 0]
        against = -(end_normals * normals).sum(1)
        keep = known & (against > 0.3) & (widths > 0.003)
        parts.append(((points - 0.5 * widths[:, None] * normals)[keep], normals[keep], widths[keep], against[keep]))
    return Chords(*(torch.cat(part) for part in zip(*parts, strict=True)))


class StartSampler:
    """Draws starts; holds a bank of pre-shaped postures of each grasp type with where thumb and fingers are.

    All random numbers come from generators on the CPU, so that a seed means the same start on every device.
    """

    def __init__(self, hands: Hands, seed: int = 0) -> None:
        self.hands = hands
        generator = torch.Generator().manual_seed(seed)
        device, cpu = hands.device, Hands(hands.layer.cpu() if hands.device.type != "cpu" else hands.layer)
        banks = [_bank(cpu, kind, generator) for kind in GRASP_TYPES]
        hands.layer.to(device)
        self.bank = {name: torch.stack([bank[name] for bank in banks]).to(device) for name in banks[0]}
        self.low, self.high = torch.tensor([kind.width for kind in GRASP_TYPES], device=device).unbind(1)
        self.near = torch.tensor([0.2 if kind.handle else 0.01 for kind in GRASP_TYPES], device=device)
        self.row = torch.tensor([kind.row for kind in GRASP_TYPES], device=device)
        self.share = torch.tensor([float(kind.share) for kind in GRASP_TYPES], device=device)

    def draw(self, chords: list[Chords], grids: SignedDistanceGrids, objects: Tensor, generator: torch.Generator,
             beta_spread: float = 1.0) -> Starts:  # fmt: skip
        """One start for every row of objects (B,); chords has an entry per object of the grids.

        The grasp types are drawn by their share and by what widths the object has to offer.
        """
        count, device = len(objects), self.hands.device
        kinds, picked = self._types_and_chords(chords, objects, generator)
        middles, directions, widths = (picked[name] for name in ("middles", "directions", "widths"))
        posture = self._chosen_postures(kinds, widths, generator)
        parts = {name: values[kinds, posture] for name, values in self.bank.items()}
        sign = torch.where(torch.rand(count, generator=generator) < 0.5, 1.0, -1.0).to(device)
        u = directions * sign[:, None]
        v = self._free_approach(u, middles, widths, grids, objects, kinds, generator)
        target = torch.stack([u, v, torch.linalg.cross(u, v)], dim=2)
        orient = target @ parts["frame"].transpose(1, 2)
        betas = torch.randn(count, 10, generator=generator) * beta_spread
        betas[:, 3:] *= 0.7
        betas = betas.clamp(-2.5, 2.5).to(device)
        rest = self.hands.layer.wrist_at_rest(betas)
        # MANO turns about the rest wrist: p -> R (p - rest) + rest + transl; the bank's frame is unturned
        lever = (orient @ (parts["centre"] - parts["wrist"])[..., None]).squeeze(-1)
        jitter = (0.004 * torch.randn(count, 3, generator=generator)).to(device)
        return Starts(betas, orient, parts["angles"], middles - lever - rest + jitter, objects, kinds)

    def _types_and_chords(self, chords: list[Chords], objects: Tensor, generator: torch.Generator):
        """Grasp type (B,) of each row, and its chord: middles, directions (B,3) and widths (B,)."""
        device = self.hands.device
        kinds = torch.zeros(len(objects), dtype=torch.long, device=device)
        picked = {"middles": torch.zeros(len(objects), 3, device=device)}
        picked["directions"], picked["widths"] = torch.zeros_like(picked["middles"]), kinds.float()
        for obj in objects.unique().tolist():
            rows, mine = (objects == obj).nonzero().squeeze(1), chords[obj]
            if not len(mine.widths):
                continue
            chance = self._chances(mine)  # (T,C)
            offered = chance.mean(1)
            weight = self.share * offered / (offered + 0.03) + 1e-9
            kind = torch.multinomial(weight.cpu(), len(rows), replacement=True, generator=generator)
            chord = torch.multinomial(chance.cpu()[kind], 1, generator=generator).squeeze(1).to(device)
            kinds[rows] = kind.to(device)
            for name in picked:
                picked[name][rows] = getattr(mine, name)[chord]
        return kinds, picked

    def _chances(self, chords: Chords) -> Tensor:
        """How well each chord suits each type (T,C): by width, closeness to the centre of mass, parallel walls."""
        w = chords.widths[None]
        fit = torch.sigmoid((w - self.low[:, None]) / 0.002) * torch.sigmoid((self.high[:, None] - w) / 0.004)
        near = torch.exp(-0.5 * (chords.middles.norm(dim=1) / 0.025) ** 2)[None] + self.near[:, None]
        return fit * near * chords.opposition.clamp_min(0) ** 3 + 1e-9

    def _chosen_postures(self, kinds: Tensor, widths: Tensor, generator: torch.Generator) -> Tensor:
        """A posture of the type's bank whose gap suits the width: a little wider open than the object."""
        misfit = self.bank["gap"][kinds] - (widths[:, None] + OPEN)
        chance = torch.exp(-0.5 * (misfit / 0.01) ** 2) + 1e-6
        return torch.multinomial(chance.cpu(), 1, generator=generator).squeeze(1).to(kinds.device)

    def _free_approach(self, u: Tensor, middles: Tensor, widths: Tensor, grids: SignedDistanceGrids, objects: Tensor,
                       kinds: Tensor, generator: torch.Generator, tries: int = 16) -> Tensor:  # fmt: skip
        """Unit directions v (B,3) across u into the object.

        Wrist and palm (back along v) should be in free air, and the object should go on along the row of fingers.
        """
        device = u.device
        v = torch.randn(len(u), tries, 3, generator=generator).to(device)
        v = v - (v * u[:, None]).sum(-1, keepdim=True) * u[:, None]
        v = torch.nn.functional.normalize(v, dim=-1)
        back = torch.tensor([0.045, 0.075, 0.11], device=device)
        probes = middles[:, None, None] - v[:, :, None] * back[:, None]  # (B,T,3,3)
        air = grids.query(probes.flatten(1, 2), objects).unflatten(1, (tries, 3))
        needed = torch.tensor([0.005, 0.015, 0.03], device=device)
        clear = (air - needed).clamp_max(0.0).sum(-1)  # 0 when all three are free
        row = torch.linalg.cross(u[:, None].expand_as(v), v)
        along = row[:, :, None] * torch.tensor(ROW, device=device)[:, None]
        ends = (middles + 0.5 * widths[:, None] * u)[:, None, None] + along
        astray = grids.query(ends.flatten(1, 2), objects).abs().unflatten(1, (tries, len(ROW))).mean(-1)
        # from outside: back along v should lead away from the centre of mass
        outward = -(v * middles[:, None]).sum(-1) / 0.03
        score = clear / 0.01 + 0.3 * outward.clamp(-2, 2) - self.row[kinds][:, None] * astray / 0.004
        chosen = torch.multinomial(torch.softmax(score, dim=1).cpu(), 1, generator=generator).squeeze(1)
        return v[torch.arange(len(u), device=device), chosen.to(device)]


def _bank(hands: Hands, kind: GraspType, generator: torch.Generator) -> dict[str, Tensor]:
    """BANK postures of a type for the mean hand: angles, gap across the grip, its frame, its middle, and the wrist."""
    angles = sample_template(kind.template, BANK, hands.layer, hands.spheres, generator)
    unturned = torch.eye(3)[:, :2].T.reshape(1, 6).expand(BANK, 6)
    rotations = hands.rotations(unturned, angles)
    rotations[:, 0] = torch.eye(3)
    vertices, joints = hands.layer.from_matrices(torch.zeros(BANK, 10), rotations, torch.zeros(BANK, 3))

    def middle(name: str) -> Tensor:
        return vertices[:, hands.pads[name]].mean(1)

    far, other = torch.stack([middle(name) for name in kind.opposed]).mean(0), middle(kind.against)
    centre, palm = 0.5 * (far + other), middle("palm")
    if kind.against == "palm":
        reach = joints[:, [1, 4, 10, 7]].mean(1) - joints[:, 0]  # towards the knuckles
    elif kind.weights.get("palm", 0.0) > 0.5:  # the middle of what the closed hand surrounds lies before the palm
        centre = (far + other + palm) / 3
        reach = centre - palm
    else:
        reach = centre - joints[:, 0]
    across = far - other  # from the thumb (or palm) to the fingers
    row = middle(kind.opposed[0]) - middle(kind.opposed[-1]) if kind.row else None
    gap, frame = _frame(across, reach, row)
    return {"angles": angles, "gap": gap, "frame": frame, "centre": centre, "wrist": joints[:, 0]}


def _frame(across: Tensor, reach: Tensor, row: Tensor | None) -> tuple[Tensor, Tensor]:
    """Gap (B,) and right-handed frame (B,3,3) of a grip; columns: across it, into it, along the row of fingers.

    With a row (B,3) given the third column is exact and the first leans, without it the other way round.
    """
    if row is None:
        gap = across.norm(dim=1)
        u = across / gap[:, None]
        v = torch.nn.functional.normalize(reach - (reach * u).sum(1, keepdim=True) * u, dim=1)
        return gap, torch.stack([u, v, torch.linalg.cross(u, v)], dim=2)
    w = torch.nn.functional.normalize(row, dim=1)
    level = across - (across * w).sum(1, keepdim=True) * w
    gap = level.norm(dim=1)
    u = level / gap[:, None]
    w = w * torch.sign((torch.linalg.cross(w, u) * reach).sum(1, keepdim=True))
    return gap, torch.stack([u, torch.linalg.cross(w, u), w], dim=2)
