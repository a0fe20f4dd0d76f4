"""Families of food, toys and plain solids: fruits, bananas, rings, prisms, pawns, cars. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import CrossSection, Manifold
from numpy.random import Generator

from fastgrasp_training.synthesis import solids as s


def banana(r: Generator) -> Manifold:
    """A bent rod that tapers at both ends."""
    curve, half, thick = r.uniform(60, 140), r.uniform(30, 75), r.uniform(13, 20)
    path = s.arc(curve, curve, 90 - half, 90 + half, 16)
    t = np.linspace(-1, 1, 16)
    return s.tube(path, thick * np.clip(1 - np.abs(t) ** r.uniform(3, 6), 0.18, 1) + 1, 14, r.uniform(0.85, 1.1))


def bent_tube(r: Generator) -> Manifold:
    """Pipes, hooks, sausages."""
    path = s.arc(r.uniform(35, 110), r.uniform(35, 110), 0, r.uniform(80, 210), 18)
    return s.tube(path, r.uniform(8, 18), 14, r.uniform(0.8, 1.2))


def fruit(r: Generator) -> Manifold:
    """A ball with soft bumps: apple, lemon, orange, potato."""
    size, stretch = r.uniform(17, 42), r.uniform(0.8, 1.4, 3) * [1, 1, 1]
    bumps, phases = r.normal(size=(4, 3)) * 1.6, r.uniform(0, 6.3, 4)
    heights = r.uniform(0, 0.06, 4)

    def bump(points: np.ndarray) -> np.ndarray:
        swell = 1 + (heights * np.sin(points @ bumps.T + phases)).sum(1)
        return points * swell[:, None] * stretch * size

    return Manifold.sphere(1.0, 32).warp_batch(bump)


def pear(r: Generator) -> Manifold:
    low, high, height = r.uniform(26, 38), r.uniform(11, 20), r.uniform(70, 105)
    return s.turned(
        s.smooth_profile(
            [
                (4, 0),
                (low * 0.8, height * 0.1),
                (low, height * 0.3),
                (high, height * 0.75),
                (high * 0.8, height * 0.93),
                (3, height),
            ]
        )
    )


def ball(r: Generator) -> Manifold:
    return s.egg(*([r.uniform(14, 45)] * 3), segments=32)


def ellipsoid(r: Generator) -> Manifold:
    return s.egg(r.uniform(14, 40), r.uniform(14, 45), r.uniform(18, 70))


def carrot(r: Generator) -> Manifold:
    length = r.uniform(90, 170)
    return s.turned(
        s.smooth_profile([(2, 0), (r.uniform(8, 14), length * 0.5), (r.uniform(13, 22), length * 0.93), (6, length)]),
        20,
    )


def loaf(r: Generator) -> Manifold:
    """Bread, a computer mouse: half an ellipsoid with a flat foot."""
    x, y, z = r.uniform(28, 48), r.uniform(40, 85), r.uniform(30, 55)
    return s.egg(x, y, z).trim_by_plane((0, 0, 1), -z * r.uniform(0.0, 0.4))


def ring(r: Generator) -> Manifold:
    thick, radius = r.uniform(8, 20), r.uniform(28, 60)
    return Manifold.revolve(CrossSection.circle(thick, 16).translate((radius, 0)), 36).scale((1, r.uniform(0.7, 1), 1))


def prism(r: Generator) -> Manifold:
    """A straight or twisted column on three to eight sides."""
    sides, radius, height = int(r.integers(3, 9)), r.uniform(16, 42), r.uniform(35, 150)
    t = 2 * np.pi * np.arange(sides) / sides
    section = CrossSection([radius * np.stack([np.cos(t), np.sin(t)], 1)]).offset(-3).offset(3, circular_segments=16)
    twist = r.choice([0.0, r.uniform(-60, 60)])
    return Manifold.extrude(section, height, 12, twist, (r.uniform(0.6, 1.0),) * 2)


def star(r: Generator) -> Manifold:
    points, radius = int(r.integers(4, 8)), r.uniform(30, 55)
    t = np.pi * np.arange(2 * points) / points
    reach = np.where(np.arange(2 * points) % 2, r.uniform(0.5, 0.8), 1.0) * radius
    section = CrossSection([np.stack([reach * np.cos(t), reach * np.sin(t)], 1)]).offset(2.5, circular_segments=16)
    return Manifold.extrude(section, r.uniform(18, 70))


def cone(r: Generator) -> Manifold:
    radius = r.uniform(20, 42)
    return s.cylinder(radius, r.uniform(50, 140), radius * r.uniform(0.15, 0.8))


def pawn(r: Generator) -> Manifold:
    foot, height = r.uniform(20, 34), r.uniform(70, 150)
    waist, head = foot * r.uniform(0.35, 0.6), foot * r.uniform(0.55, 0.9)
    body = s.turned(
        s.smooth_profile([(foot, 0), (foot * 0.95, 8), (waist, height * 0.45), (waist * 0.9, height * 0.75)])
    )
    return s.union(body, s.egg(head, head, head).translate((0, 0, height * 0.72 + head * 0.6)))


def bulb(r: Generator) -> Manifold:
    size = r.uniform(25, 38)
    return s.turned(
        s.smooth_profile(
            [(size * 0.4, 0), (size * 0.45, size * 0.8), (size, size * 2.0), (size * 0.6, size * 2.8), (2, size * 3)]
        )
    )


def brick_toy(r: Generator) -> Manifold:
    """A building brick with studs."""
    unit, nx, ny = r.uniform(16, 24), int(r.integers(1, 4)), int(r.integers(2, 5))
    high = unit * r.uniform(0.8, 1.6)
    studs = [
        s.cylinder(unit * 0.3, high / 2 + unit * 0.25, segments=20).translate(
            ((i - (nx - 1) / 2) * unit, (j - (ny - 1) / 2) * unit, 0)
        )
        for i in range(nx)
        for j in range(ny)
    ]
    return s.union(s.rounded_box(nx * unit, ny * unit, high, 1.5), *studs)


def car(r: Generator) -> Manifold:
    x, y, z = r.uniform(70, 130), r.uniform(35, 60), r.uniform(20, 35)
    wheels = [
        s.cylinder(z * 0.45, y * 1.1, segments=20).rotate((90, 0, 0)).translate((k * x * 0.3, y * 0.55, -z * 0.5))
        for k in (-1, 1)
    ]
    cabin = s.rounded_box(x * 0.5, y * 0.85, z * 0.9, 4).translate((r.uniform(-0.1, 0.1) * x, 0, z * 0.75))
    return s.union(s.rounded_box(x, y, z, 5), cabin, *wheels)


def plane(r: Generator) -> Manifold:
    length, span = r.uniform(100, 170), r.uniform(90, 160)
    hull = s.egg(length / 2, r.uniform(12, 20), r.uniform(13, 22))
    wing = s.rounded_box(length * 0.22, span, 7, 3)
    tail = s.rounded_box(length * 0.12, span * 0.35, 6, 2).translate((-length * 0.42, 0, 4))
    fin = s.rounded_box(length * 0.12, 6, 28, 2).translate((-length * 0.42, 0, 14))
    return s.union(hull, wing, tail, fin)


def animal(r: Generator) -> Manifold:
    """A body, a head, four legs: dogs, elephants, sheep."""
    x, y, z = r.uniform(35, 55), r.uniform(20, 32), r.uniform(20, 34)
    leg = r.uniform(6, 10)
    legs = [
        s.cylinder(leg, z * 1.6, segments=16).translate((i * x * 0.6, j * y * 0.5, -z * 1.7))
        for i in (-1, 1)
        for j in (-1, 1)
    ]
    size = r.uniform(16, 26)
    head = s.egg(size * 1.2, size, size).translate((x * 1.05, 0, z * r.uniform(0.4, 1.0)))
    return s.union(s.egg(x, y, z), head, *legs)


def duck(r: Generator) -> Manifold:
    size = r.uniform(28, 42)
    head = s.egg(size * 0.6, size * 0.58, size * 0.6).translate((size * 0.6, 0, size * r.uniform(0.85, 1.1)))
    beak = s.egg(size * 0.35, size * 0.25, size * 0.12).translate((size * 1.25, 0, size * 0.9))
    return s.union(s.egg(size * 1.25, size * 0.9, size * 0.75), head, beak)


def blobs(r: Generator) -> Manifold:
    """A heap of overlapping ellipsoids: the irregular remainder."""
    parts = [s.egg(*r.uniform(15, 34, 3), segments=24)]
    for _ in range(int(r.integers(2, 5))):
        direction = r.normal(size=3)
        parts.append(
            s.egg(*r.uniform(12, 30, 3), segments=20).translate(
                tuple(direction / np.linalg.norm(direction) * r.uniform(12, 28))
            )
        )
    return s.union(*parts)


def joined_boxes(r: Generator) -> Manifold:
    """L, T and cross pieces, furniture in small."""
    one = s.rounded_box(r.uniform(20, 45), r.uniform(20, 45), r.uniform(80, 150), r.uniform(1, 5))
    two = s.rounded_box(r.uniform(50, 110), r.uniform(18, 40), r.uniform(18, 40), r.uniform(1, 5))
    return s.union(one, two.translate((r.uniform(-20, 20), 0, r.uniform(-50, 50))).rotate((0, 0, r.uniform(0, 90))))


def knob(r: Generator) -> Manifold:
    shaft, head = r.uniform(7, 13), r.uniform(20, 32)
    return s.union(
        s.turned([(head * 0.9, 0), (head * 0.9, 6), (shaft, 9), (shaft, 45)], 24),
        s.egg(head, head, head * r.uniform(0.5, 0.9)).translate((0, 0, 55)),
    )


def gear(r: Generator) -> Manifold:
    teeth, radius, thick = int(r.integers(8, 15)), r.uniform(22, 42), r.uniform(14, 45)
    t = np.linspace(0, 2 * np.pi, 4 * teeth, endpoint=False)
    reach = radius * np.where((np.arange(4 * teeth) // 2) % 2, 0.86, 1.0)
    return s.plate_of(np.stack([reach * np.cos(t), reach * np.sin(t)], 1), thick) - s.cylinder(
        radius * 0.3, 200
    ).translate((0, 0, -100))


FAMILIES = {
    "banana": banana,
    "bent_tube": bent_tube,
    "fruit": fruit,
    "pear": pear,
    "ball": ball,
    "ellipsoid": ellipsoid,
    "carrot": carrot,
    "loaf": loaf,
    "ring": ring,
    "prism": prism,
    "star": star,
    "cone": cone,
    "pawn": pawn,
    "bulb": bulb,
    "brick_toy": brick_toy,
    "car": car,
    "plane": plane,
    "animal": animal,
    "duck": duck,
    "blobs": blobs,
    "joined_boxes": joined_boxes,
    "knob": knob,
    "gear": gear,
}
