"""Families of cookware and dishes: bowls, plates, pans, pots, trays, baskets. Millimetres."""

from __future__ import annotations

from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def bowl(r: Generator) -> Manifold:
    top, height = r.uniform(48, 80), r.uniform(38, 72)
    foot = top * r.uniform(0.35, 0.6)
    knots = [(foot, 0), (foot + (top - foot) * r.uniform(0.65, 0.85), height * 0.45), (top, height)]
    return s.shell(s.smooth_profile(knots, 14), r.uniform(4, 6))


def plate(r: Generator) -> Manifold:
    radius, rim = r.uniform(65, 120), r.uniform(10, 24)
    profile = [(radius * 0.6, 0), (radius * 0.7, rim * 0.3), (radius, rim)]
    return s.shell(profile, 5.0, 5.0).scale((1, r.choice([1.0, 1.0, r.uniform(0.65, 0.9)]), 1))


def pan(r: Generator) -> Manifold:
    """A frying pan with one long handle."""
    radius, depth = r.uniform(55, 80), r.uniform(25, 42)
    profile = [(radius * 0.85, 0), (radius, depth)]
    length, rise, thick = r.uniform(100, 135), depth * 0.75, r.uniform(9, 13)
    path = [[radius * 0.92, 0, rise], [radius + length * 0.5, 0, rise + r.uniform(6, 16)],
            [radius + length, 0, rise + r.uniform(12, 22)]]
    bar = s.tube(path, [thick * 0.7, thick, thick * 1.1], flatten=r.uniform(0.65, 1))
    return s.union(s.turned(profile, 40), bar) - s.cavity(profile, 4.5)


def saucepan(r: Generator) -> Manifold:
    """Deep, with a long handle; some with a lid and a knob."""
    radius, depth = r.uniform(48, 62), r.uniform(55, 85)
    profile = [(radius * 0.97, 0), (radius, 5), (radius, depth)]
    length, rise = r.uniform(95, 130), depth * 0.8
    bar = s.tube([[radius - 3, 0, rise], [radius + length * 0.5, 0, rise + 8], [radius + length, 0, rise + 10]],
                 [8, r.uniform(9, 13), r.uniform(9, 13)], flatten=r.uniform(0.7, 1))
    parts = [s.turned(profile, 36), bar]
    if r.random() < 0.4:
        lid = s.turned(s.smooth_profile([(radius + 2, depth - 2), (radius + 1, depth + 3), (10, depth + 14),
                                         (7, depth + 22)]), 36)
        return s.union(*parts, lid, s.egg(14, 14, 9).translate((0, 0, depth + 27)))
    return s.union(*parts) - s.cavity(profile, 4.5)


def pot(r: Generator) -> Manifold:
    """Two ears, with or without a lid."""
    radius, depth = r.uniform(52, 70), r.uniform(55, 95)
    profile = [(radius * 0.96, 0), (radius, 6), (radius, depth)]
    reach, half, thick = r.uniform(26, 36), r.uniform(26, 38), r.uniform(9, 13)
    root = (radius**2 - half**2) ** 0.5 - 5
    line = [(root, -half), (radius + reach, -half), (radius + reach, half), (root, half)]
    ear = s.tube(s.smooth_path([(x, y, depth * 0.78) for x, y in line]), thick / 2, 14)
    parts = [s.turned(profile, 36), ear, ear.rotate((0, 0, 180))]
    if r.random() < 0.5:
        lid = s.turned(s.smooth_profile([(radius + 2, depth - 2), (radius + 1, depth + 3), (12, depth + 16),
                                         (8, depth + 26)]), 36)
        return s.union(*parts, lid, s.egg(16, 16, 9).translate((0, 0, depth + 31)))
    return s.union(*parts) - s.cavity(profile, 5)


def dish(r: Generator) -> Manifold:
    """A baking dish: oblong, with a lug at each end."""
    x, y, z = r.uniform(130, 200), r.uniform(85, 115), r.uniform(35, 60)
    lug = s.pillar(r.uniform(32, 44), y * 0.6, 9, 14).translate((0, 0, z - 9))
    body = s.pillar(x, y, z, 22)
    inner = s.pillar(x - 12, y - 12, z, 17).translate((0, 0, 6))
    return s.union(body, lug.translate((x / 2, 0, 0)), lug.translate((-x / 2, 0, 0))) - inner


def tray(r: Generator) -> Manifold:
    x, y, z = r.uniform(150, 240), r.uniform(85, 120), r.uniform(16, 32)
    return s.trough(x, y, z, r.uniform(4, 5.5), r.uniform(6, 20), r.uniform(0.86, 0.97))


def basket(r: Generator) -> Manifold:
    """A small tray with an arched carrying handle."""
    x, y, z = r.uniform(90, 150), r.uniform(70, 110), r.uniform(40, 70)
    rise, thick = r.uniform(65, 95), r.uniform(9, 15)
    arch = s.bow([(x / 2 - 3, 0, z * 0.5), (x / 2 - 3, 0, z + rise), (3 - x / 2, 0, z + rise), (3 - x / 2, 0, z * 0.5)],
                 thick, thick * 1.3)
    return s.union(s.trough(x, y, z, 5, 10, r.uniform(0.85, 1)), arch)


def bucket(r: Generator) -> Manifold:
    """A pail for sand or ice with a bow over the top."""
    top, height = r.uniform(46, 60), r.uniform(75, 115)
    profile = [(top * r.uniform(0.7, 0.85), 0), (top, height)]
    rise, thick = r.uniform(45, 65), r.uniform(9, 12)
    x = top - 3
    bow = s.bow([(x, 0, height - 14), (x + 2, 0, height + rise), (-x - 2, 0, height + rise), (-x, 0, height - 14)],
                thick)
    return s.union(s.turned(profile), bow) - s.cavity(profile, 4.5)


def mortar(r: Generator) -> Manifold:
    """A heavy bowl with its pestle leaning in it."""
    top, height = r.uniform(38, 55), r.uniform(50, 80)
    profile = s.smooth_profile([(top * 0.75, 0), (top * 0.7, height * 0.3), (top, height)], 12)
    pestle = s.turned(s.smooth_profile([(10, 0), (15, 14), (9, 60), (12, 125), (5, 132)]), 20)
    return s.union(s.shell(profile, 9, 14), pestle.rotate((0, 25, 0)).translate((-18, 0, 12)))


def grater(r: Generator) -> Manifold:
    """A four-sided box grater with a bow on top."""
    x, y, z = r.uniform(75, 105), r.uniform(50, 75), r.uniform(140, 190)
    body = s.pillar(x, y, z, 6, 0.68) - s.pillar(x - 10, y - 10, z, 3, 0.62).translate((0, 0, -5))
    wide = x * 0.25
    bow = s.bow([(wide, 0, z - 4), (wide, 0, z + 36), (-wide, 0, z + 36), (-wide, 0, z - 4)], r.uniform(9, 13),
                r.uniform(12, 18))
    return s.union(body, bow)


def pepper_mill(r: Generator) -> Manifold:
    foot, height = r.uniform(22, 30), r.uniform(120, 220)
    waist = foot * r.uniform(0.5, 0.75)
    knots = [(foot, 0), (foot * 0.95, height * 0.1), (waist, height * 0.4), (foot * 0.85, height * 0.66),
             (waist * 0.9, height * 0.74), (foot * 0.9, height * 0.85), (foot * 0.35, height * 0.96)]
    return s.union(s.turned(s.smooth_profile(knots, 32), 28), s.egg(7, 7, 7).translate((0, 0, height * 0.97)))


def salt_shaker(r: Generator) -> Manifold:
    radius, height, sides = r.uniform(16, 25), r.uniform(55, 95), int(r.choice([6, 8, 28, 28]))
    body = s.turned([(radius, 0), (radius * r.uniform(0.65, 0.95), height * 0.75)], sides)
    cap = s.turned(s.smooth_profile([(radius * 0.8, height * 0.74), (radius * 0.8, height * 0.85),
                                     (radius * 0.3, height)]), 28)
    return s.union(body, cap)


def chopping_board(r: Generator) -> Manifold:
    """A board with a handle or a finger hole."""
    x, y, thick = r.uniform(140, 190), r.uniform(90, 120), r.uniform(10, 20)
    board, hold = s.pillar(x, y, thick, r.uniform(4, 25)), r.uniform(55, 85)
    tail = s.pillar(hold * 2, r.uniform(26, 36), thick, 12).translate((x / 2, 0, 0))
    return s.union(board, tail) - s.cylinder(6, 60).translate((x / 2 + hold - 16, 0, -20))
