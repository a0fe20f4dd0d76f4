"""Families of power tools: drills, sanders, grinders, saws, glue guns. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def drill(r: Generator) -> Manifold:
    """A pistol of 17 to 21 cm: barrel, chuck, grip with trigger, battery."""
    radius, barrel = r.uniform(26, 34), r.uniform(110, 135)
    body = s.along_x(s.turned([(radius * 0.75, 0), (radius, 12), (radius, barrel * 0.75), (19, barrel),
                               (17, barrel + 18), (8, barrel + 38), (5, barrel + 39), (5, barrel + 60)]))
    drop, lean, thick = r.uniform(95, 120), r.uniform(-16, 4), r.uniform(16, 20)
    x = r.uniform(32, 50)
    grip = s.tube([[x, 0, 0], [x + lean * 0.5, 0, -drop * 0.5], [x + lean, 0, -drop]], thick * np.array([1.15, 1, 1.1]),
                  18, flatten=r.uniform(1.0, 1.25))
    trigger = s.rounded_box(16, 14, 26, 4).translate((x + thick + 4, 0, -radius - 14))
    battery = s.rounded_box(r.uniform(75, 100), r.uniform(55, 70), r.uniform(24, 42),
                            6).translate((x + lean + 6, 0, -drop - 6))
    return s.union(body, grip, trigger, battery)


def corded_drill(r: Generator) -> Manifold:
    """A heavier pistol without a battery, with a side handle or a depth ring."""
    radius, barrel = r.uniform(30, 38), r.uniform(125, 150)
    body = s.hull(s.rounded_box(barrel * 0.7, 2 * radius, 2 * radius, 12).translate((barrel * 0.35, 0, 0)),
                  s.along_x(s.cylinder(radius * 0.7, 8)).translate((barrel - 8, 0, 0)))
    chuck = s.along_x(s.turned([(20, barrel - 4), (20, barrel + 22), (10, barrel + 40)], 20))
    grip = s.tube([[16, 0, 0], [6, 0, -60], [2, 0, -r.uniform(105, 125)]], [22, r.uniform(16, 19), 20], 18, flatten=1.2)
    trigger = s.rounded_box(16, 14, 28, 4).translate((32, 0, -radius - 14))
    parts = [body, chuck, grip, trigger]
    if r.random() < 0.5:
        side = s.cylinder(r.uniform(13, 16), r.uniform(85, 100)).rotate((180, 0, 0)).translate((barrel - 6, 0, 0))
        parts.append(side)
    return s.union(*parts)


def sander(r: Generator) -> Manifold:
    """A palm sander: a flat pad, a body with a waist, a round top."""
    x, y = r.uniform(95, 130), r.uniform(85, 110)
    pad = s.pillar(x, y, r.uniform(12, 20), 8)
    rise = r.uniform(100, 135)
    waist = r.uniform(27, 34)
    body = s.turned(s.smooth_profile([(y * 0.4, 10), (waist + 6, rise * 0.35), (waist, rise * 0.6),
                                      (waist + 6, rise * 0.85), (waist * 0.5, rise)]))
    dust = s.along_x(s.cylinder(15, r.uniform(50, 75), 18)).translate((-x * 0.5 - 40, 0, 42)) + s.along_x(
        s.cylinder(13, 70)).translate((-60, 0, 42))
    return s.union(pad, body.scale((1.15, 1, 1)), dust) if r.random() < 0.5 else s.union(pad, body.scale((1.15, 1, 1)))


def grinder(r: Generator) -> Manifold:
    """An angle grinder: a long barrel, a gear head, a disc, a side handle."""
    radius, length = r.uniform(25, 32), r.uniform(170, 210)
    barrel = s.along_x(s.turned(s.smooth_profile([(radius * 0.8, 0), (radius, 20), (radius * 0.9, length * 0.6),
                                                  (radius * 1.15, length)])))
    head = s.rounded_box(56, 50, 58, 10).translate((length + 14, 0, -4))
    disc = s.cylinder(r.uniform(46, 58), 5, segments=40).translate((length + 16, 0, -46)) + s.cylinder(
        18, 20).translate((length + 16, 0, -44))
    side = s.cylinder(r.uniform(12, 15), r.uniform(85, 100)).rotate((90, 0, 0)).translate((length + 12, -12, 0))
    return s.union(barrel, head, disc, side)


def jigsaw(r: Generator) -> Manifold:
    """A body with a bow handle over a sole plate and a blade."""
    x, y, z = r.uniform(130, 165), r.uniform(58, 72), r.uniform(55, 70)
    sole = s.pillar(x * 0.85, y + 12, 6, 8)
    body = s.rounded_box(x, y, z, 14).translate((0, 0, z / 2 + 4))
    gap, thick = r.uniform(34, 42), r.uniform(22, 30)
    top = z + gap + thick / 2
    bow = s.bow([(x * 0.36, 0, z - 4), (x * 0.38, 0, top), (-x * 0.45, 0, top), (-x * 0.4, 0, z - 4)], thick,
                thick * r.uniform(1.1, 1.4))
    return s.union(sole, body, bow, s.rounded_box(9, 5, 70, 1).translate((x * 0.42, 0, -12)),
                   s.cylinder(8, 20).translate((x * 0.42, 0, 0)))


def glue_gun(r: Generator) -> Manifold:
    """Glue, soldering or caulking gun: a slim pistol with a nozzle."""
    length, high, wide = r.uniform(95, 130), r.uniform(32, 45), r.uniform(24, 32)
    body = s.rounded_box(length, wide, high, 9).translate((length / 2, 0, 0))
    nozzle = s.along_x(s.turned([(13, length - 4), (12, length + 14), (4, length + 36)], 20))
    grip = s.tube([[18, 0, 0], [10, 0, -50], [2, 0, -r.uniform(88, 108)]], r.uniform(13, 17), 16, flatten=1.15)
    trigger = s.bow([(36, 0, -high * 0.4), (42, 0, -high * 0.5 - 18), (30, 0, -high * 0.5 - 36),
                     (12, 0, -high * 0.5 - 38)], 9, 13)
    return s.union(body, nozzle, grip, trigger)
