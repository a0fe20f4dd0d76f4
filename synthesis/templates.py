"""Pre-shaped hands: a posture of the fingers for each grasp type, with what no two hands do alike.

Wraps and spheres come from the closing postures of `hand_synergies`; the postures of single types follow the pictures
of Feix et al. 2016 and were set by eye on the open hand, in degrees. The optimiser moves on from here, so a template
says which fingers take part and how, not where they end.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from fastgrasp_model.hand.mano_layer import ManoLayer
from fastgrasp_synthesis.collision_spheres import CollisionSpheres, part_fingers
from fastgrasp_synthesis.hand_synergies import LONG_FINGERS, Posture, sample_kind, within_limits


class _Posture(Posture):
    """A posture whose fingers are each some degrees off."""

    def finger(self, name: str, mcp: Tensor, pip: Tensor, dip: Tensor | None = None,
               spread: Tensor | float = 0.0) -> None:
        """Set a long finger as `Posture.finger`; DIP follows PIP by half."""
        off = self.normal(torch.tensor([4.0, 4.0, 3.0]), 3).unbind(1)
        super().finger(name, mcp + off[0], pip + off[1], (0.5 * pip if dip is None else dip) + off[2], spread)

    def thumb(self, *angles: Tensor) -> None:
        super().thumb(*(angle + off for angle, off in zip(angles, self.normal(3.0, 5).unbind(1), strict=True)))

    def thumb_within(self, *ranges: tuple[float, float]) -> None:
        """Set the five angles of the thumb, each within (low, high)."""
        self.thumb(*(self.uniform(low, high) for low, high in ranges))

    def opposed_thumb(self, near: Tensor) -> None:
        """Set the thumb against the fingers; near (B,) 0 = hand wide open, 1 = pads almost meet."""
        self.thumb(self.uniform(14, 26), self.uniform(36, 45), 4 + 24 * near, 5 + 22 * near,
                   self.uniform(-10, 6) + 10 * near)

    def idle(self, names: tuple[str, ...]) -> None:
        """Set fingers that take no part: all about equally at ease, between half stretched and rolled in."""
        curl = self.uniform(0.1, 1.0)
        for name in names:
            place = LONG_FINGERS.index(name)
            self.finger(name, 22 + 38 * curl + 3 * place, 28 + 50 * curl + 3 * place, 18 + 30 * curl)


def _wrap(p: _Posture) -> None:
    """The whole hand round a bar, the thumb opposed."""
    p.thumb_within((16, 26), (34, 45), (0, 14), (4, 16), (0, 24))


def _adducted(p: _Posture) -> None:
    """A fist round a bar with the thumb along it, as one holds a stick or a light tool."""
    p.thumb_within((-4, 10), (-8, 14), (4, 18), (4, 14), (-5, 12))


def _index_out(p: _Posture) -> None:
    """A fist round a handle with the index finger stretched along it, as one holds a knife."""
    p.finger("index", p.uniform(28, 52), p.uniform(6, 28), p.uniform(2, 12), p.uniform(-4, 6))
    p.thumb_within((6, 22), (12, 40), (6, 24), (4, 20), (0, 24))


def _fanned(p: _Posture, mcp: Tensor, pip: Tensor, fan: Tensor) -> None:
    for place, name in enumerate(LONG_FINGERS):
        p.finger(name, mcp, pip, spread=(1.4 - place) * fan)


def _disk(p: _Posture) -> None:
    """Fingers fanned out and bent at their ends round the rim of a lid."""
    near = p.uniform(0.0, 1.0)
    _fanned(p, 14 + 26 * near, 34 + 26 * near, p.uniform(5, 10))
    p.thumb(p.uniform(14, 26), p.uniform(26, 42), 2 + 12 * near, 6 + 16 * near, 6 + 16 * near)


def _sphere_tips(p: _Posture) -> None:
    """Pads of all fingers on a ball, the palm away from it."""
    near = p.uniform(0.0, 1.0)
    _fanned(p, 26 + 28 * near, 30 + 22 * near, p.uniform(3, 7))
    p.opposed_thumb(near)


def _pads(count: int) -> Callable[[_Posture], None]:
    """Thumb and `count` fingers side by side, pads facing."""

    def shape(p: _Posture) -> None:
        near, reach = p.uniform(0.0, 1.0), p.uniform(-10, 10)
        for place, name in enumerate(LONG_FINGERS[:count]):
            p.finger(name, 32 + 30 * near - reach, 26 + 22 * near + reach, spread=(1.5 - place) * p.uniform(-1, 3))
        p.idle(LONG_FINGERS[count:])
        p.opposed_thumb(near)

    return shape


def _round_pads(count: int) -> Callable[[_Posture], None]:
    """Thumb and `count` fingers round something, the thumb between them."""

    def shape(p: _Posture) -> None:
        near = p.uniform(0.0, 1.0)
        for place, name in enumerate(LONG_FINGERS[:count]):
            p.finger(name, 34 + 28 * near, 28 + 24 * near, spread=((count - 1) / 2 - place) * p.uniform(3, 7))
        p.idle(LONG_FINGERS[count:])
        p.opposed_thumb(near)

    return shape


def _ring(p: _Posture) -> None:
    """Thumb and index finger close round a neck, the middle finger beside."""
    near = p.uniform(0.0, 1.0)
    p.finger("index", 30 + 22 * near, 44 + 28 * near, 24 + 16 * near, p.uniform(0, 6))
    p.finger("middle", 34 + 22 * near, 42 + 28 * near, 24 + 16 * near)
    p.idle(("ring", "pinky"))
    p.thumb(p.uniform(14, 26), p.uniform(34, 44), 2 + 14 * near, 8 + 20 * near, 6 + 26 * near)


def _straight(p: _Posture) -> None:
    """Stretched fingers side by side against the thumb, as one holds a book or a plate."""
    near = p.uniform(0.0, 1.0)
    for place, name in enumerate(LONG_FINGERS):
        p.finger(name, 30 + 42 * near, p.uniform(2, 14), p.uniform(0, 8), (1.5 - place) * p.uniform(-1, 2))
    p.thumb(p.uniform(12, 26), p.uniform(30, 45), 6 + 26 * near, p.uniform(0, 18), p.uniform(-10, 8))


def _lateral_tripod(p: _Posture) -> None:
    """Pads of thumb and index finger and the side of the middle finger; the others rolled in below."""
    near = p.uniform(0.0, 1.0)
    p.finger("index", 40 + 18 * near, 42 + 16 * near, spread=p.uniform(-4, 4))
    p.finger("middle", 50 + 18 * near, 58 + 14 * near, spread=p.uniform(-4, 2))
    for name in ("ring", "pinky"):
        p.finger(name, p.uniform(62, 76), p.uniform(72, 88), p.uniform(38, 54))
    p.thumb(p.uniform(6, 20), p.uniform(18, 36), 10 + 22 * near, 5 + 18 * near, p.uniform(0, 20))


def _writing(p: _Posture) -> None:
    """A pen between the pads of thumb and index finger, on the side of the middle finger."""
    near = p.uniform(0.3, 1.0)
    p.finger("index", 38 + 16 * near, 34 + 14 * near, p.uniform(6, 18), p.uniform(-8, 2))
    p.finger("middle", 46 + 18 * near, 48 + 14 * near, p.uniform(16, 32), p.uniform(-8, 0))
    for name in ("ring", "pinky"):
        p.finger(name, p.uniform(54, 70), p.uniform(58, 76), p.uniform(30, 44))
    p.thumb(p.uniform(10, 22), p.uniform(26, 40), 14 + 20 * near, 4 + 14 * near, p.uniform(-8, 14))


# name: (posture it starts from, what is shaped on it)
TEMPLATES: dict[str, tuple[str | None, Callable[[_Posture], None]]] = {
    "wrap": ("power", _wrap), "adducted": ("power", _adducted), "index_out": ("power", _index_out),
    "sphere": ("sphere", lambda p: None), "sphere_3": ("sphere", lambda p: p.idle(("ring", "pinky"))),
    "sphere_tips": (None, _sphere_tips), "disk": (None, _disk), "ring": (None, _ring), "straight": (None, _straight),
    "pads_1": (None, _pads(1)), "pads_2": (None, _pads(2)), "pads_3": (None, _pads(3)), "pads_4": (None, _pads(4)),
    "tripod": (None, _round_pads(2)), "quadpod": (None, _round_pads(3)), "lateral": ("lateral", lambda p: None),
    "lateral_tripod": (None, _lateral_tripod), "writing": (None, _writing)}


def sample_template(name: str, count: int, layer: ManoLayer, spheres: CollisionSpheres,
                    generator: torch.Generator) -> Tensor:
    """Return `count` postures of one of TEMPLATES: anatomical angles (count,15,3), radians, inside the joint limits.

    Fingers that cross are parted with the hand's collision spheres. On the CPU.
    """
    base, shape = TEMPLATES[name]
    posture = _Posture(count, generator)
    if base:
        posture.angles = torch.rad2deg(sample_kind(base, count, generator))
    shape(posture)
    return part_fingers(within_limits(posture.angles), layer, spheres)
