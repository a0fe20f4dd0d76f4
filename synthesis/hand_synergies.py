"""Natural closing postures of the hand, sampled: power, precision and lateral grasps inside the joint limits.

Fingers flex together, the outermost joint follows the middle one by two thirds, and the thumb turns to oppose
(Santello, Flanders, Soechting, "Postural Hand Synergies for Tool Use", J. Neuroscience 18, 1998). The kinds follow
Feix et al., "The GRASP Taxonomy of Human Grasp Types", IEEE THMS 46(1), 2016. Degrees inside, radians at the border.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from fastgrasp_model.hand.anatomy import FINGER_JOINTS
from fastgrasp_model.hand.joint_angles import DIP_PER_PIP, JOINT_LIMITS
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer
from fastgrasp_synthesis.collision_spheres import CollisionSpheres, collision_spheres, part_fingers

LONG_FINGERS = ("index", "middle", "ring", "pinky")
KINDS = ("power", "sphere", "precision", "lateral", "open")
_SHARES = (0.34, 0.16, 0.30, 0.08, 0.12)
# Lengths in mm of the first and second phalanx, and half a finger's thickness, for wrapping round a cylinder.
_PHALANX = {"index": (45, 25), "middle": (46, 28), "ring": (44, 27), "pinky": (34, 20)}
_HALF_FINGER = 8.0
# Degrees of PIP and DIP: beyond, the tip of a finger runs into its own first phalanx.
_MOST_BENT = torch.tensor([98.0, 68.0])
# How much of the deviation from the rule each kind has, and how alike that of neighbouring fingers is.
_LOOSENESS = {"power": 1.0, "sphere": 0.8, "precision": 0.6, "lateral": 0.8, "open": 1.2}
_NEIGHBOUR = 0.7
# Spheres this much larger than the skin leave no posture more than 2 mm deep in itself (a test measures the mesh).
_SWELL = 1.1


def sample_synergies(count: int, generator: torch.Generator | None = None) -> Tensor:
    """`count` grasping postures: anatomical angles (count, 15, 3) = (twist, spread, bend), radians.

    Every angle lies inside `JOINT_LIMITS`; turn them into rotations with `angles_to_matrices`. On the CPU.
    """
    shares = torch.tensor(_SHARES)
    kinds = torch.multinomial(shares, count, replacement=True, generator=generator) if count else shares[:0].long()
    angles = torch.zeros(count, 15, 3)
    for kind, name in enumerate(KINDS):
        chosen = torch.nonzero(kinds == kind).squeeze(1)
        angles[chosen] = sample_kind(name, len(chosen), generator)
    return angles


def sample_kind(kind: str, count: int, generator: torch.Generator | None = None) -> Tensor:
    """As `sample_synergies`, of one of `KINDS` only. Raises ValueError for another name."""
    samplers = {"power": _power, "sphere": _sphere, "precision": _precision, "lateral": _lateral, "open": _open}
    if kind not in samplers:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    posture = Posture(count, generator)
    samplers[kind](posture)
    degrees = posture.angles + _LOOSENESS[kind] * _deviation(posture)
    for finger in LONG_FINGERS:
        outer = [joint - 1 for joint in FINGER_JOINTS[finger][1:]]
        degrees[:, outer, 2] = degrees[:, outer, 2].minimum(_MOST_BENT)
    return part_fingers(within_limits(degrees), *_hand())


def within_limits(degrees: Tensor) -> Tensor:
    """Return postures (B, 15, 3) in degrees as radians inside `JOINT_LIMITS`."""
    low, high = torch.as_tensor(JOINT_LIMITS, dtype=torch.float32).unbind(-1)
    return torch.minimum(torch.maximum(torch.deg2rad(degrees), low), high)


@lru_cache(maxsize=1)
def _hand() -> tuple[ManoLayer, CollisionSpheres]:
    """The open hand whatever hand is in use, so that a seed always gives the same postures."""
    layer = ManoLayer.from_file(OPEN_HAND)
    return layer, collision_spheres(layer, shrink=_SWELL)


class Posture:
    """`count` postures, angles (count, 15, 3) in degrees, shaped finger by finger with random numbers."""

    def __init__(self, count: int, generator: torch.Generator | None) -> None:
        self.count, self.generator, self.angles = count, generator, torch.zeros(count, 15, 3)

    def uniform(self, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(self.count, generator=self.generator)

    def normal(self, deviation: float | Tensor, *shape: int) -> Tensor:
        return deviation * torch.randn(self.count, *shape, generator=self.generator)

    def finger(self, name: str, mcp: Tensor, pip: Tensor, dip: Tensor | None = None,
               spread: Tensor | float = 0.0) -> None:
        """Set MCP, PIP and DIP bend and MCP spread of a long finger; DIP follows PIP by two thirds."""
        first, middle, last = (joint - 1 for joint in FINGER_JOINTS[name])
        self.angles[:, first, 1], self.angles[:, first, 2], self.angles[:, middle, 2] = spread, mcp, pip
        self.angles[:, last, 2] = DIP_PER_PIP * pip if dip is None else dip

    def thumb(self, twist: Tensor, spread: Tensor, bend: Tensor, mcp: Tensor, ip: Tensor) -> None:
        """Set CMC twist, spread and bend, MCP and IP bend of the thumb."""
        first, middle, last = (joint - 1 for joint in FINGER_JOINTS["thumb"])
        self.angles[:, first] = torch.stack([twist, spread, bend], -1)
        self.angles[:, middle, 2], self.angles[:, last, 2] = mcp, ip


def _deviation(p: Posture) -> Tensor:
    """What no two hands do alike, degrees (B, 15, 3): neighbouring fingers deviate together, DIP with PIP.

    The more an MCP joint is bent, the less it spreads, for its collateral ligaments are taut then.
    """
    place, off = torch.arange(4.0), Posture(p.count, p.generator)
    together = torch.linalg.cholesky(_NEIGHBOUR ** (place[:, None] - place).abs())
    mcp, pip = 6.0 * p.normal(1, 4) @ together.T, 8.0 * p.normal(1, 4) @ together.T
    roots = [FINGER_JOINTS[finger][0] - 1 for finger in LONG_FINGERS]
    loose = p.normal(5.0, 4) * (1 - p.angles[:, roots, 2] / 90).clamp(0, 1)
    for column, finger in enumerate(LONG_FINGERS):
        off.finger(finger, mcp[:, column], pip[:, column], spread=loose[:, column])
    off.angles[:, :, 2] += p.normal(2.0, 15)
    off.thumb(*p.normal(torch.tensor([4.0, 5.0, 4.0, 5.0, 7.0]), 5).unbind(1))
    return off.angles


def _wrap(finger: str, radius: Tensor) -> tuple[Tensor, Tensor]:
    """Degrees (B,) of MCP and PIP that lay a finger round a cylinder of the radius (B,) in mm.

    Phalanges are tangents at their middles: two that follow each other meet at atan(l1 / 2R) + atan(l2 / 2R).
    """
    first, second = (torch.rad2deg(torch.atan(0.5 * length / (radius + _HALF_FINGER))) for length in _PHALANX[finger])
    return 20 + 0.8 * first, first + second


def _power(p: Posture) -> None:
    """The whole hand round a cylinder of 15-100 mm diameter, thumb across it or along it."""
    radius, closing = p.uniform(7.5, 50), p.uniform(0.75, 1.05)  # below 1: about to close
    oblique = p.normal(6)  # a cylinder held slantwise closes one side of the hand more
    for place, finger in enumerate(LONG_FINGERS):
        mcp, pip = _wrap(finger, radius)
        slant = oblique * (place - 1.5) / 1.5
        spread = (1.5 - place) * p.uniform(-2, 5)
        p.finger(finger, closing * mcp + slant, closing * pip, DIP_PER_PIP * closing * pip, spread)
    along = p.uniform(0, 1) ** 2  # 0: thumb opposed, 1: thumb along the cylinder
    near = (1 - radius / 50).clamp(min=0)
    twist, spread = 22 - 16 * along + p.normal(4), 42 - 45 * along + p.normal(4)
    p.thumb(twist, spread, 4 + 10 * near * (1 - along), 6 + 10 * near, 5 + 20 * near + p.normal(6))


def _sphere(p: Posture) -> None:
    """Fingers spread round a ball of 30-110 mm diameter, thumb opposed."""
    radius, closing = p.uniform(15, 55), p.uniform(0.75, 1.0)
    fan = p.uniform(2, 7) * (0.5 + radius / 55)
    for place, finger in enumerate(LONG_FINGERS):
        mcp, pip = _wrap(finger, radius)
        p.finger(finger, closing * mcp, closing * pip, DIP_PER_PIP * closing * pip, (1.5 - place) * fan)
    near = (1 - radius / 55).clamp(min=0)
    p.thumb(p.uniform(15, 28), p.uniform(34, 45), 4 + 16 * near, 6 + 18 * near, 2 + 20 * near)


def _precision(p: Posture) -> None:
    """Pads of the thumb and of one to four fingers 0-80 mm apart; the others stay out of the way."""
    gap = p.uniform(0, 1)  # 0: pads touch, 1: about 80 mm apart
    reach = p.uniform(-10, 10)  # the same gap with flatter or rounder fingers
    fingers = torch.randint(1, 5, (p.count,), generator=p.generator)
    idle = p.uniform(0, 1)  # 0: idle fingers stretched, 1: curled
    for place, finger in enumerate(LONG_FINGERS):
        used = fingers > place
        mcp = torch.where(used, 60 - 30 * gap - reach, 10 + 50 * idle)
        pip = torch.where(used, 48 - 22 * gap + reach, 15 + 65 * idle)
        dip = torch.where(used, 0.5 * pip, DIP_PER_PIP * pip)  # flatter, so that the pad meets the object
        p.finger(finger, mcp, pip, dip, (1.5 - place) * p.uniform(-1, 4))
    near = 1 - gap
    p.thumb(p.uniform(14, 26), p.uniform(38, 45), 4 + 24 * near, 5 + 24 * near, p.uniform(-15, 5) + 10 * near)


def _lateral(p: Posture) -> None:
    """The thumb's pad against the side of a curled index finger, as one holds a key."""
    curl, gap = p.uniform(0.75, 1.05), p.uniform(0, 1)
    for place, finger in enumerate(LONG_FINGERS):
        p.finger(finger, curl * (45 + 7 * place), curl * (72 + 5 * place))
    p.thumb(p.uniform(-8, 8), -6 + 22 * gap, 8 - 4 * gap, p.uniform(5, 20), p.uniform(0, 30))


def _open(p: Posture) -> None:
    """A hand about to take or to carry something flat: fingers little bent, thumb anywhere between."""
    closing, fan = p.uniform(0, 1), p.uniform(-1, 7)
    for place, finger in enumerate(LONG_FINGERS):
        p.finger(finger, 30 * closing, 5 + 30 * closing, spread=(1.5 - place) * fan)
    p.thumb(p.uniform(0, 28), p.uniform(0, 40), p.uniform(-5, 20), 15 * closing, 20 * closing)
