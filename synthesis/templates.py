"""Pre-shaped hands: a posture of the fingers for each grasp type, with what no two hands do alike.

Anatomical angles as in `fastgrasp_evaluation.joint_angles`: degrees inside this file, radians at its border. Wraps and
spheres come from the closing postures of `fastgrasp_synthesis.hand_synergies`; the postures of single types follow the
pictures of Feix et al. 2016 and were set by eye on the open hand. The optimiser moves on from here, so a template
says which fingers take part and how, not where they end.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fastgrasp_evaluation.joint_angles import JOINT_LIMITS
from fastgrasp_model.hand.anatomy import FINGER_JOINTS
from fastgrasp_model.hand.mano_layer import ManoLayer
from fastgrasp_synthesis.collision_spheres import CollisionSpheres, part_fingers
from fastgrasp_synthesis.hand_synergies import sample_kind

_LONG = ("index", "middle", "ring", "pinky")


class _Posture:
    """`count` postures in degrees (count,15,3), shaped finger by finger with random numbers of one generator."""

    def __init__(self, count: int, generator: torch.Generator, base: str | None = None) -> None:
        self.count, self.generator = count, generator
        start = sample_kind(base, count, generator) if base else torch.zeros(count, 15, 3)
        self.angles = torch.rad2deg(start)

    def between(self, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(self.count, generator=self.generator)

    def finger(self, name: str, mcp: Tensor, pip: Tensor, dip: Tensor | None = None,
               spread: Tensor | float = 0.0) -> None:
        """MCP, PIP and DIP bend and MCP spread of a long finger, each some degrees off; DIP follows PIP by half."""
        first, middle, last = (joint - 1 for joint in FINGER_JOINTS[name])
        off = torch.randn(self.count, 3, generator=self.generator) * torch.tensor([4.0, 4.0, 3.0])
        self.angles[:, first, 1] = spread
        self.angles[:, first, 2] = mcp + off[:, 0]
        self.angles[:, middle, 2] = pip + off[:, 1]
        self.angles[:, last, 2] = (0.5 * pip if dip is None else dip) + off[:, 2]

    def thumb(self, twist: Tensor, spread: Tensor, bend: Tensor, mcp: Tensor, ip: Tensor) -> None:
        """CMC twist, spread and bend, MCP and IP bend of the thumb."""
        first, middle, last = (joint - 1 for joint in FINGER_JOINTS["thumb"])
        off = 3.0 * torch.randn(self.count, 5, generator=self.generator)
        self.angles[:, first] = torch.stack([twist, spread, bend], -1) + off[:, :3]
        self.angles[:, middle, 2], self.angles[:, last, 2] = mcp + off[:, 3], ip + off[:, 4]

    def opposed_thumb(self, near: Tensor) -> None:
        """The thumb against the fingers; near (B,) 0 = hand wide open, 1 = pads almost meet."""
        self.thumb(self.between(14, 26), self.between(36, 45), 4 + 24 * near, 5 + 22 * near,
                   self.between(-10, 6) + 10 * near)

    def idle(self, names: tuple[str, ...]) -> None:
        """Fingers that take no part: all about equally at ease, between half stretched and rolled in."""
        curl = self.between(0.1, 1.0)
        for name in names:
            place = _LONG.index(name)
            self.finger(name, 22 + 38 * curl + 3 * place, 28 + 50 * curl + 3 * place, 18 + 30 * curl)


def _wrap(p: _Posture) -> None:
    """The whole hand round a bar, the thumb opposed."""
    p.thumb(p.between(16, 26), p.between(34, 45), p.between(0, 14), p.between(4, 16), p.between(0, 24))


def _adducted(p: _Posture) -> None:
    """A fist round a bar with the thumb along it, as one holds a stick or a light tool."""
    p.thumb(p.between(-4, 10), p.between(-8, 14), p.between(4, 18), p.between(4, 14), p.between(-5, 12))


def _index_out(p: _Posture) -> None:
    """A fist round a handle with the index finger stretched along it, as one holds a knife."""
    p.finger("index", p.between(28, 52), p.between(6, 28), p.between(2, 12), p.between(-4, 6))
    p.thumb(p.between(6, 22), p.between(12, 40), p.between(6, 24), p.between(4, 20), p.between(0, 24))


def _sphere(p: _Posture) -> None:
    """As sampled: fingers spread round a ball."""


def _sphere_3(p: _Posture) -> None:
    p.idle(("ring", "pinky"))


def _fanned(p: _Posture, mcp: Tensor, pip: Tensor, fan: Tensor) -> None:
    for place, name in enumerate(_LONG):
        p.finger(name, mcp, pip, spread=(1.4 - place) * fan)


def _disk(p: _Posture) -> None:
    """Fingers fanned out and bent at their ends round the rim of a lid."""
    near = p.between(0.0, 1.0)
    _fanned(p, 14 + 26 * near, 34 + 26 * near, p.between(5, 10))
    p.thumb(p.between(14, 26), p.between(26, 42), 2 + 12 * near, 6 + 16 * near, 6 + 16 * near)


def _sphere_tips(p: _Posture) -> None:
    """Pads of all fingers on a ball, the palm away from it."""
    near = p.between(0.0, 1.0)
    _fanned(p, 26 + 28 * near, 30 + 22 * near, p.between(3, 7))
    p.opposed_thumb(near)


def _pads(count: int) -> Callable[[_Posture], None]:
    """Thumb and `count` fingers side by side, pads facing."""

    def shape(p: _Posture) -> None:
        near, reach = p.between(0.0, 1.0), p.between(-10, 10)
        for place, name in enumerate(_LONG[:count]):
            p.finger(name, 32 + 30 * near - reach, 26 + 22 * near + reach, spread=(1.5 - place) * p.between(-1, 3))
        p.idle(_LONG[count:])
        p.opposed_thumb(near)

    return shape


def _round_pads(count: int) -> Callable[[_Posture], None]:
    """Thumb and `count` fingers round something, the thumb between them."""

    def shape(p: _Posture) -> None:
        near = p.between(0.0, 1.0)
        for place, name in enumerate(_LONG[:count]):
            p.finger(name, 34 + 28 * near, 28 + 24 * near, spread=((count - 1) / 2 - place) * p.between(3, 7))
        p.idle(_LONG[count:])
        p.opposed_thumb(near)

    return shape


def _ring(p: _Posture) -> None:
    """Thumb and index finger close round a neck, the middle finger beside."""
    near = p.between(0.0, 1.0)
    p.finger("index", 30 + 22 * near, 44 + 28 * near, 24 + 16 * near, p.between(0, 6))
    p.finger("middle", 34 + 22 * near, 42 + 28 * near, 24 + 16 * near)
    p.idle(("ring", "pinky"))
    p.thumb(p.between(14, 26), p.between(34, 44), 2 + 14 * near, 8 + 20 * near, 6 + 26 * near)


def _straight(p: _Posture) -> None:
    """Stretched fingers side by side against the thumb, as one holds a book or a plate."""
    near = p.between(0.0, 1.0)
    for place, name in enumerate(_LONG):
        p.finger(name, 30 + 42 * near, p.between(2, 14), p.between(0, 8), (1.5 - place) * p.between(-1, 2))
    p.thumb(p.between(12, 26), p.between(30, 45), 6 + 26 * near, p.between(0, 18), p.between(-10, 8))


def _lateral(p: _Posture) -> None:
    """As sampled: the thumb's pad against the side of the rolled-in index finger, as one holds a key."""


def _lateral_tripod(p: _Posture) -> None:
    """Pads of thumb and index finger and the side of the middle finger; the others rolled in below."""
    near = p.between(0.0, 1.0)
    p.finger("index", 40 + 18 * near, 42 + 16 * near, spread=p.between(-4, 4))
    p.finger("middle", 50 + 18 * near, 58 + 14 * near, spread=p.between(-4, 2))
    for name in ("ring", "pinky"):
        p.finger(name, p.between(62, 76), p.between(72, 88), p.between(38, 54))
    p.thumb(p.between(6, 20), p.between(18, 36), 10 + 22 * near, 5 + 18 * near, p.between(0, 20))


def _writing(p: _Posture) -> None:
    """A pen between the pads of thumb and index finger, on the side of the middle finger."""
    near = p.between(0.3, 1.0)
    p.finger("index", 38 + 16 * near, 34 + 14 * near, p.between(6, 18), p.between(-8, 2))
    p.finger("middle", 46 + 18 * near, 48 + 14 * near, p.between(16, 32), p.between(-8, 0))
    for name in ("ring", "pinky"):
        p.finger(name, p.between(54, 70), p.between(58, 76), p.between(30, 44))
    p.thumb(p.between(10, 22), p.between(26, 40), 14 + 20 * near, 4 + 14 * near, p.between(-8, 14))


# name: (posture it starts from, what is shaped on it)
TEMPLATES: dict[str, tuple[str | None, Callable[[_Posture], None]]] = {
    "wrap": ("power", _wrap), "adducted": ("power", _adducted), "index_out": ("power", _index_out),
    "sphere": ("sphere", _sphere), "sphere_3": ("sphere", _sphere_3), "sphere_tips": (None, _sphere_tips),
    "disk": (None, _disk), "ring": (None, _ring), "straight": (None, _straight), "pads_1": (None, _pads(1)),
    "pads_2": (None, _pads(2)), "pads_3": (None, _pads(3)), "pads_4": (None, _pads(4)),
    "tripod": (None, _round_pads(2)), "quadpod": (None, _round_pads(3)), "lateral": ("lateral", _lateral),
    "lateral_tripod": (None, _lateral_tripod), "writing": (None, _writing)}


def sample_template(name: str, count: int, layer: ManoLayer, spheres: CollisionSpheres,
                    generator: torch.Generator) -> Tensor:
    """`count` postures of one of TEMPLATES: anatomical angles (count,15,3), radians, inside the joint limits.

    Fingers that cross are parted with the hand's collision spheres. On the CPU.
    """
    base, shape = TEMPLATES[name]
    posture = _Posture(count, generator, base)
    shape(posture)
    low, high = torch.as_tensor(JOINT_LIMITS, dtype=torch.float32).unbind(-1)
    angles = torch.minimum(torch.maximum(torch.deg2rad(posture.angles), low), high)
    return part_fingers(angles, layer, spheres)
