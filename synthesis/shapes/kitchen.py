"""Families of cutlery and cook's tools: knives, spoons, spatulas, openers, tongs. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def knife(r: Generator) -> Manifold:
    length, deep = r.uniform(80, 160), r.uniform(16, 38)
    blade = s.plate_of(np.array([(0, -deep / 2), (length * 0.75, -deep / 2), (length, deep / 2 - 2), (length, deep / 2),
                                 (0, deep / 2)]), 4.0)
    return s.union(blade.rotate((90, 0, 0)),
                   s.grip(r, r.uniform(95, 120), r.uniform(9, 13)).rotate((0, 0, 180)).translate((5, 0, deep * 0.1)))


def cleaver(r: Generator) -> Manifold:
    """A broad blade with a hole and a stout grip."""
    length, deep, thick = r.uniform(120, 165), r.uniform(60, 85), r.uniform(4, 5)
    blade = s.plate_of(np.array([(0, -deep), (length - 6, -deep), (length, -deep + 6), (length, 0), (-8, 0),
                                 (-8, -16)]), thick)
    blade -= s.cylinder(6, 40).translate((length - 16, -16, -20))
    hold = s.grip(r, r.uniform(105, 120), r.uniform(10, 14)).rotate((0, 0, 180)).translate((4, 0, -12))
    return s.union(blade.rotate((90, 0, 0)), hold)


def spoon(r: Generator) -> Manifold:
    """Table to wooden: a rod with a hollow end."""
    big = r.uniform(0.7, 1.5)
    dish = s.egg(28 * big, 19 * big, r.uniform(8, 12)) - s.egg(25 * big, 16 * big, 9).translate((0, 0, 9))
    return s.union(dish, s.grip(r, r.uniform(110, 180), r.uniform(4.5, 8)).translate((22 * big, 0, 0)))


def ladle(r: Generator) -> Manifold:
    """A deep round bowl on a long upright stem with a hook."""
    radius, length = r.uniform(28, 42), r.uniform(150, 200)
    cup = s.egg(radius, radius, radius * 0.75).trim_by_plane((0, 0, -1), 0)
    inner = s.egg(radius - 5, radius - 5, radius * 0.75 - 5)
    thick = r.uniform(8, 13)
    stem = s.bow([(radius - 3, 0, -6), (radius + 2, 0, 40), (radius + 14, 0, length - 20), (radius + 18, 0, length),
                  (radius + 40, 0, length - 4)], thick, thick * r.uniform(1, 1.6))
    return s.union(cup, stem) - inner


def fork(r: Generator) -> Manifold:
    wide = r.uniform(22, 36)
    tines = [s.rounded_box(55, 4.5, 4.5, 1.5).translate((-45, y, 0)) for y in np.linspace(-wide / 2, wide / 2, 4)]
    root = s.rounded_box(28, wide + 5, 5, 2).translate((-10, 0, 0))
    return s.union(root, *tines, s.grip(r, r.uniform(110, 160), r.uniform(5, 9)))


def spatula(r: Generator) -> Manifold:
    """A turner: a flat slotted blade, bent from its handle."""
    long, wide, thick = r.uniform(75, 105), r.uniform(60, 90), r.uniform(4, 5)
    blade = s.pillar(long, wide, thick, r.uniform(4, 14), (1.0, 1.0)).translate((-long / 2, 0, 0))
    for y in np.linspace(-wide / 4, wide / 4, int(r.integers(0, 4))):
        blade -= s.rounded_box(long * 0.55, 7, 30, 2).translate((-long * 0.5, y, 0))
    neck = s.bow([(-12, 0, 2), (14, 0, 4), (40, 0, 30), (75, 0, 38)], 7, 10)
    return s.union(blade, neck,
                   s.grip(r, r.uniform(95, 125), r.uniform(8, 12)).rotate((0, -8, 0)).translate((68, 0, 37)))


def whisk(r: Generator) -> Manifold:
    """Wire loops in a pear on a round grip."""
    wide, long = r.uniform(24, 34), r.uniform(85, 120)
    line = [(0, 0, 0), (-long * 0.3, 0, wide * 0.5), (-long * 0.85, 0, wide * 1.25), (-long * 1.12, 0, 0),
            (-long * 0.85, 0, -wide * 1.25), (-long * 0.3, 0, -wide * 0.5), (0, 0, 0)]
    loop = s.tube(s.smooth_path(line, 3), 2.2, 8)
    loops = [loop.rotate((180 * k / 4, 0, 0)) for k in range(4)]
    return s.union(*loops, s.egg(14, 9, 9), s.grip(r, r.uniform(105, 130), r.uniform(9, 13)).translate((-4, 0, 0)))


def rolling_pin(r: Generator) -> Manifold:
    radius, length, end = r.uniform(19, 30), r.uniform(130, 180), r.uniform(40, 55)
    grip = r.uniform(9, 13)
    half = [(grip * 0.7, 0), (grip, 8), (grip, end * 0.7), (6, end), (radius - 2, end), (radius, end + 3)]
    total = length + 2 * end
    return s.turned(half + [(x, total - z) for x, z in reversed(half)], 28)


def peeler(r: Generator) -> Manifold:
    """A Y: two arms with a blade across."""
    wide, arm = r.uniform(44, 56), r.uniform(32, 44)
    yoke = s.tube(s.smooth_path([(-arm, -wide / 2, 0), (-arm * 0.3, -wide / 2, 0), (4, 0, 0), (-arm * 0.3, wide / 2, 0),
                                 (-arm, wide / 2, 0)], 2), 5, 12)
    blade = s.rounded_box(12, wide + 4, 5, 2).translate((-arm + 4, 0, 0))
    return s.union(yoke, blade, s.grip(r, r.uniform(90, 110), r.uniform(8, 11)).translate((-6, 0, 0)))


def corkscrew(r: Generator) -> Manifold:
    """A cross bar over a stout spiral."""
    t = np.linspace(0, r.uniform(4, 6), 60)
    worm = s.tube(np.stack([4.5 * np.cos(2 * np.pi * t), 4.5 * np.sin(2 * np.pi * t), -30 - 9 * t], 1), 2.5, 8)
    stem = s.cylinder(5, 40).translate((0, 0, -36))
    bar = s.grip(r, r.uniform(85, 115), r.uniform(8, 13))
    return s.union(stem, worm, bar.translate((-r.uniform(40, 50), 0, 4)))


def can_opener(r: Generator) -> Manifold:
    """Two arms from a cutting head, a butterfly key at its side."""
    length, gap = r.uniform(105, 130), r.uniform(10, 16)
    arms = [s.tube([[0, sign * 5, 0], [30, sign * gap, 0], [length, sign * gap * 1.1, 0]], [7, 8, r.uniform(7, 9)], 14)
            for sign in (-1, 1)]
    head = s.rounded_box(44, 30, 14, 4).translate((-10, 0, 0))
    key = s.union(s.cylinder(4, 26), s.rounded_box(r.uniform(48, 62), 15, 7, 3).translate((0, 0, 27)))
    return s.union(*arms, head, key.translate((-8, 0, 0)))


def pizza_cutter(r: Generator) -> Manifold:
    radius, thick = r.uniform(30, 42), r.uniform(4, 5)
    wheel = s.cylinder(radius, thick, segments=40).translate((0, 0, -thick / 2)).rotate((90, 0, 0))
    fork = s.rounded_box(radius + 16, 11, 14, 3).translate((radius * 0.5 + 4, 0, 0))
    guard = s.egg(6, 16, 18).translate((radius + 14, 0, 0))
    return s.union(wheel, fork, guard, s.grip(r, r.uniform(95, 115), r.uniform(10, 14)).translate((radius + 8, 0, 0)))


def tongs(r: Generator) -> Manifold:
    """Two spring arms that meet at the back."""
    length, gap = r.uniform(170, 230), r.uniform(22, 34)
    line = [(-length, 0, gap), (-length * 0.5, 0, gap * 1.05), (-10, 0, gap * 0.7), (6, 0, 0), (-10, 0, -gap * 0.7),
            (-length * 0.5, 0, -gap * 1.05), (-length, 0, -gap)]
    tip = s.rounded_box(34, r.uniform(20, 34), 6, 2.5)
    return s.union(s.bow(line, 6, r.uniform(12, 18), 2), tip.translate((-length, 0, gap)),
                   tip.translate((-length, 0, -gap)))


def scoop(r: Generator) -> Manifold:
    """For flour or ice: a half pipe with a grip."""
    radius, long = r.uniform(22, 34), r.uniform(70, 100)
    outer = s.along_x(s.turned([(radius * 0.85, 0), (radius, 12), (radius, long)]))
    inner = s.along_x(s.turned([(radius * 0.85 - 4.5, 5), (radius - 4.5, 16), (radius - 4.5, long + 5)]))
    cut = s.rounded_box(300, 200, 100, 1).rotate((0, -14, 0)).translate((long * 0.5, 0, 50 + radius * 0.25))
    return s.union((outer - inner) - cut,
                   s.grip(r, r.uniform(90, 110), r.uniform(9, 12)).rotate((0, 0, 180)).translate((6, 0, -2)))


def masher(r: Generator) -> Manifold:
    """A round foot with slots under a bent stem."""
    radius, rise = r.uniform(34, 46), r.uniform(95, 120)
    foot = s.cylinder(radius, 7, segments=36)
    for y in np.linspace(-radius * 0.5, radius * 0.5, 3):
        foot -= s.rounded_box(radius * 1.1, 8, 40, 3).translate((0, y, 0))
    stem = s.union(*[s.tube(s.smooth_path([(k * radius * 0.8, 0, 3), (k * radius * 0.85, 0, rise * 0.4),
                                           (0, 0, rise * 0.7), (0, 0, rise)]), 4.5, 12) for k in (-1, 1)])
    return s.union(foot, stem,
                   s.grip(r, r.uniform(95, 115), r.uniform(10, 14)).rotate((0, -90, 0)).translate((0, 0, rise - 12)))
