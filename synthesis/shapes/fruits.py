"""Families of food: fruits, vegetables, eggs and bread. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def _bumpy(r: Generator, size, bumps: float, waves: float = 1.6) -> Manifold:
    """A ball of half axes `size` (3,) whose surface swells softly by up to a share `bumps`."""
    ways, phases, heights = r.normal(size=(4, 3)) * waves, r.uniform(0, 6.3, 4), r.uniform(0, bumps, 4)

    def swell(points: np.ndarray) -> np.ndarray:
        return points * (1 + (heights * np.sin(points @ ways.T + phases)).sum(1))[:, None] * np.asarray(size)

    return Manifold.sphere(1.0, 32).warp_batch(swell)


def _stalk(height: float, length: float, thick: float = 3.5) -> Manifold:
    """A short stalk that leans, on top of a fruit."""
    return s.tube([[0, 0, height - 8], [0, 0, height + length * 0.5], [length * 0.3, 0, height + length]], thick, 8)


def banana(r: Generator) -> Manifold:
    """A bent rod that tapers at both ends."""
    curve, half, thick = r.uniform(80, 140), r.uniform(35, 60), r.uniform(14, 19)
    path = s.arc(curve, curve, 90 - half, 90 + half, 18)
    t = np.linspace(-1, 1, 18)
    return s.tube(path, thick * np.clip(1 - np.abs(t) ** r.uniform(3, 6), 0.22, 1) + 1, 12, r.uniform(0.9, 1.1))


def apple(r: Generator) -> Manifold:
    """A ball drawn in at both poles, with a stalk: apple, tomato, peach."""
    radius, tall = r.uniform(28, 42), r.uniform(0.8, 1.0)
    t = np.linspace(-np.pi / 2, np.pi / 2, 22)
    reach, height = np.cos(t) ** 0.85, np.sin(t) * (1 - 0.18 * np.abs(np.sin(t)) ** 6)
    dent = 0.16 * np.exp(-((reach / 0.3) ** 2))
    body = s.turned([(radius * a, radius * tall * (b - np.sign(b) * d))
                     for a, b, d in zip(reach, np.sort(height), dent, strict=True)])
    return s.union(body, _stalk(radius * tall * 0.66, radius * r.uniform(0.25, 0.45)))


def citrus(r: Generator) -> Manifold:
    """Orange to lemon: a ball with a nipple at the ends."""
    radius, tip = r.uniform(24, 42), r.uniform(0.0, 0.22)
    t = np.linspace(-np.pi / 2, np.pi / 2, 24)
    return s.turned([(radius * np.cos(a), radius * (np.sin(a) * r.uniform(0.99, 1.0) + tip * np.sin(a) ** 9))
                     for a in t])


def potato(r: Generator) -> Manifold:
    """A lumpy long ball: potato, sweet potato, stone."""
    size = r.uniform(22, 34)
    return _bumpy(r, (size * r.uniform(1.1, 2.0), size, size * r.uniform(0.8, 1.0)), 0.07)


def mango(r: Generator) -> Manifold:
    """An egg with one flat side and a beak."""
    x, y, z = r.uniform(45, 66), r.uniform(28, 38), r.uniform(34, 46)
    lean = r.uniform(0.1, 0.3)

    def shape(points: np.ndarray) -> np.ndarray:
        thin = 1 - 0.22 * points[:, :1]
        out = points * thin * [x, y, z]
        out[:, 2] += lean * z * points[:, 0] ** 2
        return out

    return Manifold.sphere(1.0, 32).warp_batch(shape)


def pear(r: Generator) -> Manifold:
    """Pear, quince."""
    low, high, height = r.uniform(27, 38), r.uniform(12, 19), r.uniform(75, 105)
    knots = [(4, 0), (low * 0.8, height * 0.1), (low, height * 0.3), (high, height * 0.75), (high * 0.8, height * 0.93),
             (3, height)]
    return s.union(s.turned(s.smooth_profile(knots)), _stalk(height, r.uniform(12, 22)))


def avocado(r: Generator) -> Manifold:
    """A pear shape without a stalk; some halved, with the stone."""
    low, height = r.uniform(29, 38), r.uniform(85, 120)
    knots = [(3, 0), (low * 0.75, height * 0.08), (low, height * 0.32), (low * 0.62, height * 0.75),
             (low * 0.4, height * 0.93), (3, height)]
    body = s.turned(s.smooth_profile(knots))
    if r.random() < 0.3:
        stone = s.egg(low * 0.45, low * 0.45, low * 0.45).translate((0, 0, height * 0.33))
        return s.union(body.trim_by_plane((0, -1, 0), 0), stone)
    return body


def aubergine(r: Generator) -> Manifold:
    """A long bent drop with a cap of leaves; also courgettes."""
    length, thick = r.uniform(130, 200), r.uniform(22, 36)
    z = np.linspace(0, 1, 16)
    swell = thick * np.interp(z, [0, 0.06, 0.3, 0.7, 0.95, 1], [0.25, 0.7, 1, r.uniform(0.65, 0.9), 0.5, 0.4])
    bend = r.uniform(0, 22) * np.sin(np.pi * z)
    body = s.tube(np.stack([bend, 0 * z, z * length], 1), swell, 20)
    crown = s.turned([(thick * 0.75, length - 24), (thick * 0.5, length + 2), (5, length + 8),
                      (4, length + r.uniform(16, 28))], 6)
    return s.union(body, crown)


def pepper(r: Generator) -> Manifold:
    """A bell pepper: three or four lobes, dented on top, with a stalk."""
    lobes, radius, height = int(r.integers(3, 5)), r.uniform(32, 44), r.uniform(70, 105)
    taper = r.uniform(0.6, 0.85)
    deep = r.uniform(0.05, 0.1)

    def shape(points: np.ndarray) -> np.ndarray:
        angle, up = np.arctan2(points[:, 1], points[:, 0]), points[:, 2]
        wide = np.sign(points[:, :2]) * np.abs(points[:, :2])
        wide = wide * ((1 + deep * np.cos(lobes * angle)) * (0.5 * (1 + taper) + 0.5 * (1 - taper) * up))[:, None]
        level = np.linalg.norm(points[:, :2], axis=1)
        high = np.sign(up) * np.abs(up) ** 0.7 - 0.18 * np.sign(up) * np.exp(-((level / 0.35) ** 2))
        return np.column_stack([wide * radius, high * height / 2])

    return s.union(Manifold.sphere(1.0, 40).warp_batch(shape), _stalk(height * 0.36, r.uniform(18, 28), 5))


def carrot(r: Generator) -> Manifold:
    """Carrot, parsnip, with a tuft."""
    length = r.uniform(100, 180)
    knots = [(2, 0), (r.uniform(8, 14), length * 0.5), (r.uniform(14, 22), length * 0.93), (6, length)]
    return s.union(s.turned(s.smooth_profile(knots), 20),
                   s.cylinder(5, r.uniform(10, 22), 7).translate((0, 0, length - 4)))


def cucumber(r: Generator) -> Manifold:
    """Cucumber, sausage, baguette end: a bent rod with round ends."""
    length, thick = r.uniform(100, 210), r.uniform(11, 26)
    bend = r.uniform(0, 0.25) * length
    path = s.smooth_path([(-length / 2, 0, 0), (-length / 4, 0, bend * 0.5), (length / 4, 0, bend * 0.5),
                          (length / 2, 0, 0)])
    t = np.linspace(-1, 1, len(path))
    return s.tube(path, thick * np.clip(1 - np.abs(t) ** r.uniform(8, 20), 0.3, 1), 18)


def grapes(r: Generator) -> Manifold:
    """A bunch of balls round a stem: grapes, tomatoes on the vine, berries."""
    size, parts = r.uniform(10, 15), []
    for level, count in enumerate((1, 4, 6, 6)):
        ball = s.egg(size, size, size * r.uniform(0.95, 1.2), 20)
        turn = ball.rotate((0, 0, 29 * level))
        parts += [p.translate((0, 0, level * size * 1.35))
                  for p in s.ring_of(turn, count, (0, 0.9, 1.5, 1.35)[level] * size)]
    core = s.turned([(size * 0.4, 0), (size * 0.9, size * 2), (size * 0.9, size * 4.2), (4, size * 4.6),
                     (3.5, size * 6.2)], 12)
    return s.union(core, *parts)


def pumpkin(r: Generator) -> Manifold:
    """A flat ribbed ball with a stalk: pumpkin, garlic, squash, tomato."""
    ribs, radius, flat = int(r.integers(6, 11)), r.uniform(30, 52), r.uniform(0.6, 0.95)
    lobe = s.egg(radius * 0.55, radius * r.uniform(0.3, 0.4) * 8 / ribs, radius * flat, 24)
    return s.union(*s.ring_of(lobe, ribs, radius * 0.45),
                   s.cylinder(6, radius * 0.5, 4.5).translate((0, 0, radius * flat * 0.7)))


def mushroom(r: Generator) -> Manifold:
    cap, stem, height = r.uniform(22, 42), r.uniform(9, 15), r.uniform(35, 60)
    hat = s.egg(cap, cap, cap * r.uniform(0.6, 0.9)).trim_by_plane((0, 0, 1), -cap * 0.1).translate((0, 0, height))
    return s.union(hat,
                   s.turned(s.smooth_profile([(stem * 1.1, 0), (stem, height * 0.5), (stem * 1.1, height + 4)]), 20))


def strawberry(r: Generator) -> Manifold:
    """A pointed berry with a leafy collar: strawberry, radish, fig."""
    radius, height = r.uniform(17, 28), r.uniform(38, 62)
    body = s.turned(s.smooth_profile([(2, 0), (radius * 0.6, height * 0.25), (radius, height * 0.75),
                                      (radius * 0.6, height)]))
    leaf = s.egg(radius * 0.5, radius * 0.25, 3).rotate((0, 12, 0))
    return s.union(body, *[p.translate((0, 0, height)) for p in s.ring_of(leaf, 5, radius * 0.5)], _stalk(height, 10))


def corn(r: Generator) -> Manifold:
    """A cob with rows of grains."""
    rows, radius, length = int(r.integers(8, 13)), r.uniform(19, 27), r.uniform(130, 190)
    t = np.linspace(0, 2 * np.pi, rows * 6, endpoint=False)
    reach = radius * (1 + 0.05 * np.abs(np.sin(rows * t / 2)))
    z = np.linspace(0, 1, 14)
    shrink = np.interp(z, [0, 0.08, 0.5, 0.9, 1], [0.75, 1, 0.97, 0.6, 0.25])
    rings = np.stack([np.column_stack([reach * k * np.cos(t), reach * k * np.sin(t), np.full_like(t, h * length)])
                      for k, h in zip(shrink, z, strict=True)])
    return s.union(s.lofted(rings), s.cylinder(9, 22).translate((0, 0, -20)))


def egg(r: Generator) -> Manifold:
    """A hen's to a goose's egg."""
    wide, tall, lean = r.uniform(19, 30), r.uniform(1.25, 1.45), r.uniform(0.1, 0.2)

    def shape(points: np.ndarray) -> np.ndarray:
        return (points * np.column_stack([1 - lean * points[:, 2], 1 - lean * points[:, 2],
                                          np.full(len(points), tall)]) * wide)

    return Manifold.sphere(1.0, 32).warp_batch(shape)


def donut(r: Generator) -> Manifold:
    """Doughnut, bagel, pretzel ring."""
    thick = r.uniform(13, 20)
    return s.torus(thick * r.uniform(1.35, 1.9), thick, 40).scale((1, r.uniform(0.92, 1), r.uniform(0.75, 1)))


def croissant(r: Generator) -> Manifold:
    """A crescent in steps that taper to the ends."""
    curve, thick, steps = r.uniform(42, 60), r.uniform(18, 26), 9
    angles = np.radians(np.linspace(15, 165, steps))
    sizes = thick * np.interp(np.abs(np.linspace(-1, 1, steps)), [0, 1], [1, 0.4])
    lumps = [s.egg(thick * 0.62, k, k * 0.9, 24).rotate((0, 0, np.degrees(a) + 90))
             .translate((curve * np.cos(a), curve * np.sin(a), 0)) for a, k in zip(angles, sizes, strict=True)]
    return s.union(*lumps).trim_by_plane((0, 0, 1), -thick * 0.6)


def loaf(r: Generator) -> Manifold:
    """A loaf or a roll: round above, flat below."""
    x, y, z = r.uniform(45, 90), r.uniform(30, 44), r.uniform(34, 52)
    return _bumpy(r, (x, y, z), 0.03).trim_by_plane((0, 0, 1), -z * r.uniform(0.1, 0.4))


def cheese(r: Generator) -> Manifold:
    """A wedge of cheese, cake or melon."""
    radius, height, angle = r.uniform(70, 120), r.uniform(28, 60), r.uniform(25, 50)
    t = np.radians(np.linspace(-angle / 2, angle / 2, 12))
    return s.plate_of(np.concatenate([[[0, 0]], np.stack([radius * np.cos(t), radius * np.sin(t)], 1)]), height)


def sandwich(r: Generator) -> Manifold:
    """A burger or a filled roll: layers of discs."""
    radius = r.uniform(36, 52)
    layers, z = [s.turned([(radius * 0.9, 0), (radius, 6), (radius, 14)])], 13
    for _ in range(int(r.integers(1, 4))):
        thick, wide = r.uniform(5, 14), radius * r.uniform(0.88, 1.06)
        layers.append(s.cylinder(wide, thick).translate((0, 0, z)))
        z += thick - 0.5
    return s.union(*layers, s.egg(radius, radius, r.uniform(20, 30)).trim_by_plane((0, 0, 1), 0).translate((0, 0, z)))
