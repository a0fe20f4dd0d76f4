"""Natural closing postures of the hand, sampled: power, precision and lateral grasps inside the joint limits.

Hands close along few dimensions: fingers flex together, the outermost joint follows the middle one by about
two thirds, and the thumb turns to oppose (Santello, Flanders, Soechting, "Postural Hand Synergies for Tool
Use", J. Neuroscience 18, 1998). The kinds follow the taxonomy of Feix et al., "The GRASP Taxonomy of Human
Grasp Types", IEEE THMS 46(1), 2016. Angles are degrees inside this file and radians at its border.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from fastgrasp_evaluation.joint_angles import DIP_PER_PIP, JOINT_LIMITS
from fastgrasp_model.hand.anatomy import FINGER_JOINTS
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer
from fastgrasp_synthesis.collision_spheres import CollisionSpheres, collision_spheres, part_fingers

LONG_FINGERS = ("index", "middle", "ring", "pinky")
KINDS = ("power", "sphere", "precision", "lateral", "open")
_SHARES = (0.34, 0.16, 0.30, 0.08, 0.12)
# Lengths in mm of the first and second phalanx and half a finger's thickness, for wrapping fingers round a
# cylinder.
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
    draw = _Draw(count, generator)
    degrees = samplers[kind](draw)
    degrees += _LOOSENESS[kind] * _deviation(draw, degrees)
    for finger in LONG_FINGERS:
        _, middle, last = FINGER_JOINTS[finger]
        degrees[:, [middle - 1, last - 1], 2] = degrees[:, [middle - 1, last - 1], 2].minimum(_MOST_BENT)
    low, high = torch.as_tensor(JOINT_LIMITS, dtype=torch.float32).unbind(-1)
    angles = torch.minimum(torch.maximum(torch.deg2rad(degrees), low), high)
    return part_fingers(angles, *_hand())


@lru_cache(maxsize=1)
def _hand() -> tuple[ManoLayer, CollisionSpheres]:
    """The open hand whatever hand is in use, so that a seed always gives the same postures."""
    layer = ManoLayer.from_file(OPEN_HAND)
    return layer, collision_spheres(layer, shrink=_SWELL)


def _deviation(draw: _Draw, degrees: Tensor) -> Tensor:
    """What no two hands do alike, degrees (B, 15, 3): neighbouring fingers deviate together, DIP with PIP.

    `degrees` (B, 15, 3) is the posture to deviate from: the more an MCP joint is bent, the less it spreads, for
    its collateral ligaments are taut then.
    """
    place = torch.arange(4.0)
    together = torch.linalg.cholesky(_NEIGHBOUR ** (place[:, None] - place).abs())
    mcp, pip = 6.0 * draw.normal(1, 4) @ together.T, 8.0 * draw.normal(1, 4) @ together.T
    roots = [FINGER_JOINTS[finger][0] - 1 for finger in LONG_FINGERS]
    loose = draw.normal(5.0, 4) * (1 - degrees[:, roots, 2] / 90).clamp(0, 1)
    angles = torch.zeros(draw.count, 15, 3)
    for column, finger in enumerate(LONG_FINGERS):
        _set_finger(angles, finger, mcp[:, column], pip[:, column], DIP_PER_PIP * pip[:, column], loose[:, column])
    angles[:, :, 2] += draw.normal(2.0, 15)
    thumb = draw.normal(1, 5) * torch.tensor([4.0, 5.0, 4.0, 5.0, 7.0])
    twist, spread, bend, mcp, ip = thumb.unbind(1)
    _set_thumb(angles, twist, spread, bend, mcp, ip)
    return angles


class _Draw:
    """`count` random numbers at a time from one generator."""

    def __init__(self, count: int, generator: torch.Generator | None) -> None:
        self.count, self.generator = count, generator

    def uniform(self, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(self.count, generator=self.generator)

    def normal(self, deviation: float, *shape: int) -> Tensor:
        return deviation * torch.randn(self.count, *shape, generator=self.generator)


def _set_finger(angles: Tensor, finger: str, mcp: Tensor, pip: Tensor, dip: Tensor, spread: Tensor | float = 0) -> None:
    first, middle, last = (joint - 1 for joint in FINGER_JOINTS[finger])
    angles[:, first, 1] = spread
    angles[:, first, 2], angles[:, middle, 2], angles[:, last, 2] = mcp, pip, dip


def _set_thumb(angles: Tensor, twist: Tensor, spread: Tensor, bend: Tensor, mcp: Tensor, ip: Tensor) -> None:
    first, middle, last = (joint - 1 for joint in FINGER_JOINTS["thumb"])
    angles[:, first] = torch.stack([twist, spread, bend], -1)
    angles[:, middle, 2], angles[:, last, 2] = mcp, ip


def _wrap(finger: str, radius: Tensor) -> tuple[Tensor, Tensor]:
    """Degrees (B,) of MCP and PIP that lay a finger round a cylinder of the radius (B,) in mm.

    Phalanges are tangents at their middles: two that follow each other meet at atan(l1 / 2R) + atan(l2 / 2R).
    """
    first, second = _PHALANX[finger]
    around = radius + _HALF_FINGER
    half_first = torch.rad2deg(torch.atan(0.5 * first / around))
    half_second = torch.rad2deg(torch.atan(0.5 * second / around))
    return 20 + 0.8 * half_first, half_first + half_second


def _power(draw: _Draw) -> Tensor:
    """The whole hand round a cylinder of 15-100 mm diameter, thumb across it or along it."""
    angles = torch.zeros(draw.count, 15, 3)
    radius = draw.uniform(7.5, 50)
    closing = draw.uniform(0.75, 1.05)  # below 1: about to close
    oblique = draw.normal(6)  # a cylinder held slantwise closes one side of the hand more
    for place, finger in enumerate(LONG_FINGERS):
        mcp, pip = _wrap(finger, radius)
        slant = oblique * (place - 1.5) / 1.5
        spread = (1.5 - place) * draw.uniform(-2, 5)
        _set_finger(angles, finger, closing * mcp + slant, closing * pip, DIP_PER_PIP * closing * pip, spread)
    along = draw.uniform(0, 1) ** 2  # 0: thumb opposed, 1: thumb along the cylinder
    near = (1 - radius / 50).clamp(min=0)
    twist, spread = 22 - 16 * along + draw.normal(4), 42 - 45 * along + draw.normal(4)
    ip = 5 + 20 * near + draw.normal(6)
    _set_thumb(angles, twist, spread, 4 + 10 * near * (1 - along), 6 + 10 * near, ip)
    return angles


def _sphere(draw: _Draw) -> Tensor:
    """Fingers spread round a ball of 30-110 mm diameter, thumb opposed."""
    angles = torch.zeros(draw.count, 15, 3)
    radius = draw.uniform(15, 55)
    closing = draw.uniform(0.75, 1.0)
    fan = draw.uniform(2, 7) * (0.5 + radius / 55)
    for place, finger in enumerate(LONG_FINGERS):
        mcp, pip = _wrap(finger, radius)
        _set_finger(angles, finger, closing * mcp, closing * pip, DIP_PER_PIP * closing * pip, (1.5 - place) * fan)
    near = (1 - radius / 55).clamp(min=0)
    _set_thumb(angles, draw.uniform(15, 28), draw.uniform(34, 45), 4 + 16 * near, 6 + 18 * near, 2 + 20 * near)
    return angles


def _precision(draw: _Draw) -> Tensor:
    """Pads of the thumb and of one to four fingers 0-80 mm apart; the others stay out of the way."""
    angles = torch.zeros(draw.count, 15, 3)
    gap = draw.uniform(0, 1)  # 0: pads touch, 1: about 80 mm apart
    reach = draw.uniform(-10, 10)  # the same gap with flatter or rounder fingers
    fingers = torch.randint(1, 5, (draw.count,), generator=draw.generator)
    idle = draw.uniform(0, 1)  # 0: idle fingers stretched, 1: curled
    for place, finger in enumerate(LONG_FINGERS):
        used = fingers > place
        mcp, pip = 60 - 30 * gap - reach, 48 - 22 * gap + reach
        mcp, pip = torch.where(used, mcp, 10 + 50 * idle), torch.where(used, pip, 15 + 65 * idle)
        dip = torch.where(used, 0.5 * pip, DIP_PER_PIP * pip)  # flatter, so that the pad meets the object
        _set_finger(angles, finger, mcp, pip, dip, (1.5 - place) * draw.uniform(-1, 4))
    near = 1 - gap
    _set_thumb(angles, draw.uniform(14, 26), draw.uniform(38, 45), 4 + 24 * near, 5 + 24 * near,
               draw.uniform(-15, 5) + 10 * near)  # fmt: skip
    return angles


def _lateral(draw: _Draw) -> Tensor:
    """The thumb's pad against the side of a curled index finger, as one holds a key."""
    angles = torch.zeros(draw.count, 15, 3)
    curl = draw.uniform(0.75, 1.05)
    gap = draw.uniform(0, 1)
    for place, finger in enumerate(LONG_FINGERS):
        pip = curl * (72 + 5 * place)
        _set_finger(angles, finger, curl * (45 + 7 * place), pip, DIP_PER_PIP * pip)
    _set_thumb(angles, draw.uniform(-8, 8), -6 + 22 * gap, 8 - 4 * gap, draw.uniform(5, 20), draw.uniform(0, 30))
    return angles


def _open(draw: _Draw) -> Tensor:
    """A hand about to take or to carry something flat: fingers little bent, thumb anywhere between."""
    angles = torch.zeros(draw.count, 15, 3)
    closing = draw.uniform(0, 1)
    fan = draw.uniform(-1, 7)
    for place, finger in enumerate(LONG_FINGERS):
        pip = 5 + 30 * closing
        _set_finger(angles, finger, 30 * closing, pip, DIP_PER_PIP * pip, (1.5 - place) * fan)
    _set_thumb(angles, draw.uniform(0, 28), draw.uniform(0, 40), draw.uniform(-5, 20), 15 * closing, 20 * closing)
    return angles
