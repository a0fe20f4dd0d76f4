"""Families of appliances and instruments: hairdryers, mixers, irons, lamps, cameras, phones. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def hairdryer(r: Generator) -> Manifold:
    radius = r.uniform(28, 40)
    length = r.uniform(140, 185)
    knots = [(radius * 0.8, 0), (radius, length * 0.2), (radius * 0.75, length * 0.65), (radius * 0.7, length)]
    grip = s.tube([[45, 0, 0], [40, 0, -65], [36, 0, -r.uniform(110, 140)]], [17, r.uniform(14, 17), r.uniform(13, 16)],
                  18)
    mouth = s.hull(s.along_x(s.cylinder(radius * 0.68, 4)).translate((length - 2, 0, 0)),
                   s.rounded_box(6, radius * 2, 14, 3).translate((length + 24, 0, 0)))
    parts = [s.along_x(s.turned(s.smooth_profile(knots))), grip]
    return s.union(*parts, mouth) if r.random() < 0.5 else s.union(*parts)


def mixer(r: Generator) -> Manifold:
    """A hand mixer: a body with a bow on top and two beaters."""
    x, y, z = r.uniform(130, 170), r.uniform(60, 78), r.uniform(50, 65)
    body = s.egg(x / 2, y / 2, z / 2, 32).trim_by_plane((0, 0, 1), -z * 0.42)
    top, thick = z * 0.4 + r.uniform(38, 48), r.uniform(20, 27)
    bow = s.bow([(x * 0.34, 0, z * 0.15), (x * 0.4, 0, top), (-x * 0.42, 0, top), (-x * 0.34, 0, z * 0.15)], thick,
                thick * 1.2)
    stem = s.cylinder(4, 70).translate((x * 0.22, 0, -z * 0.4 - 66))
    ring = (s.torus(15, 3.5).scale((1, 1, 1)).rotate((90, 0, 0)).scale((1, 1, 1.4))
            .translate((x * 0.22, 0, -z * 0.4 - 72)))
    beater = s.union(stem, ring, ring.translate((-x * 0.22, 0, 0)).rotate((0, 0, 90)).translate((x * 0.22, 0, 0)))
    return s.union(body, bow, beater.translate((0, 17, 0)), beater.translate((0, -17, 0)))


def blender(r: Generator) -> Manifold:
    """A stick blender: a grip, a shaft, a bell."""
    grip, shaft, bell = r.uniform(22, 30), r.uniform(12, 16), r.uniform(26, 34)
    low, mid = r.uniform(100, 125), r.uniform(105, 125)
    knots = [(bell, 0), (bell * 0.95, 22), (shaft, 42), (shaft, low), (grip, low + 14), (grip * 0.92, low + mid * 0.6),
             (grip, low + mid), (grip * 0.6, low + mid + 12)]
    return s.turned(s.smooth_profile(knots, 40), 24)


def iron(r: Generator) -> Manifold:
    """A flat iron: a pointed sole, a body, a bow."""
    length, wide = r.uniform(155, 195), r.uniform(85, 105)
    outline = np.array([(0, -wide * 0.4), (length * 0.2, -wide / 2), (length * 0.55, -wide * 0.42), (length, -4),
                        (length, 4), (length * 0.55, wide * 0.42), (length * 0.2, wide / 2), (0, wide * 0.4)])
    sole = s.plate_of(outline, 12)
    body = s.hull(s.plate_of(outline * 0.94 + [4, 0], 2).translate((0, 0, 6)),
                  s.rounded_box(length * 0.5, wide * 0.5, 6, 2).translate((length * 0.38, 0, 34)))
    top, thick = r.uniform(78, 95), r.uniform(20, 26)
    bow = s.bow([(length * 0.62, 0, 26), (length * 0.66, 0, top), (length * 0.06, 0, top), (length * 0.12, 0, 20)],
                thick, thick * 1.25)
    return s.union(sole, body, bow)


def flashlight(r: Generator) -> Manifold:
    """A torch: a round grip, a head, a button."""
    grip, head, length = r.uniform(12, 20), r.uniform(20, 32), r.uniform(100, 190)
    body = s.turned([(grip * 0.9, 0), (grip, 3), (grip, length * 0.7), (head, length * 0.82), (head, length),
                     (head * 0.8, length), (head * 0.7, length - 5)])
    return s.union(body, s.rounded_box(8, 10, 18, 3).translate((grip, 0, length * 0.5)))


def lantern(r: Generator) -> Manifold:
    """A hand lamp: a box or a drum with a lens and a bow on top."""
    x, y, z = r.uniform(85, 120), r.uniform(55, 80), r.uniform(60, 85)
    lens = s.along_x(s.turned([(z * 0.4, 0), (z * 0.55, 18), (z * 0.55, 30)], 32)).translate((x / 2 - 4, 0, 0))
    top, thick = z / 2 + r.uniform(40, 48), r.uniform(14, 20)
    bow = s.bow([(x * 0.32, 0, z / 2 - 3), (x * 0.36, 0, top), (-x * 0.4, 0, top), (-x * 0.36, 0, z / 2 - 3)], thick,
                thick * 1.3)
    return s.union(s.rounded_box(x, y, z, 8), lens, bow)


def camera(r: Generator) -> Manifold:
    x, y, z = r.uniform(90, 125), r.uniform(28, 45), r.uniform(55, 80)
    long, radius = r.uniform(25, 60), r.uniform(20, 30)
    lens = (s.turned([(radius, 0), (radius, long * 0.6), (radius + 3, long * 0.65), (radius + 3, long)])
            .rotate((90, 0, 0)).translate((r.uniform(-12, 4), 0, 0)))
    hold = s.rounded_box(24, y + 18, z, 8).translate((x / 2 - 12, -6, 0))
    return s.union(s.rounded_box(x, y, z, 5), lens, hold, s.rounded_box(30, 24, 24, 4).translate((0, 0, z / 2)),
                   s.cylinder(8, 8).translate((x / 2 - 12, 0, z / 2 - 1)))


def binoculars(r: Generator) -> Manifold:
    radius, length, gap = r.uniform(17, 25), r.uniform(85, 130), r.uniform(50, 64)
    pipe = s.turned([(radius * 0.7, 0), (radius * 0.8, length * 0.35), (radius, length * 0.6), (radius * 1.1, length)],
                    24)
    bridge = s.rounded_box(gap, 18, length * 0.4, 4).translate((0, 0, length * 0.42))
    return s.union(pipe.translate((-gap / 2, 0, 0)), pipe.translate((gap / 2, 0, 0)), bridge,
                   s.cylinder(9, length * 0.5).translate((0, 6, length * 0.2)))


def headphones(r: Generator) -> Manifold:
    wide = r.uniform(62, 76)
    band = s.tube(s.arc(wide, r.uniform(80, 100), 0, 180, 22), r.uniform(5, 8), 12, r.uniform(1.0, 1.4))
    ear = s.along_x(s.turned([(28, -12), (34, -6), (34, 6), (28, 12)], 24))
    return s.union(band, ear.translate((-wide, 0, -8)), ear.translate((wide, 0, -8)))


def microphone(r: Generator) -> Manifold:
    """A round head on a tapered grip."""
    head, grip, length = r.uniform(22, 29), r.uniform(11, 15), r.uniform(120, 170)
    body = s.turned([(grip * 0.8, 0), (grip, length * 0.3), (grip * 1.3, length), (head * 0.8, length + 8)], 24)
    return s.union(body, s.egg(head, head, head * 1.05).translate((0, 0, length + head * 0.8)),
                   s.rounded_box(7, 8, 16, 2).translate((grip * 1.05, 0, length * 0.6)))


def joystick(r: Generator) -> Manifold:
    base = s.rounded_box(r.uniform(80, 105), r.uniform(80, 105), r.uniform(28, 40), 8)
    lean = r.uniform(-12, 12)
    stick = s.tube(s.smooth_path([(0, 0, 0), (0, 0, 55), (lean, 0, 90), (lean, 0, r.uniform(115, 135))], 2),
                   r.uniform(14, 18), 16)
    return s.union(base, stick, s.rounded_box(14, 14, 14, 4).translate((lean + 15, 0, 100)))


def game_controller(r: Generator) -> Manifold:
    """A bar with two horns, sticks and buttons."""
    gap, horn, thick = r.uniform(46, 56), r.uniform(45, 65), r.uniform(17, 22)
    horns = [s.tube([[sign * gap, 12, 0], [sign * gap * 1.12, -10, -3], [sign * gap * 1.25, -horn, -8]],
                    thick * np.array([1.15, 1.1, 0.8]), 16) for sign in (-1, 1)]
    body = s.rounded_box(gap * 2, 56, thick * 1.7, 10).translate((0, 6, 0))
    sticks = [s.turned([(4, 0), (4, thick + 6), (9, thick + 8), (9, thick + 12)], 16).translate((sign * 24, -8, 0))
              for sign in (-1, 1)]
    buttons = [s.cylinder(5, thick + 4, segments=12).translate((gap * 0.95 + 10 * a, 16 + 10 * b, 0))
               for a, b in ((0, 1), (1, 0), (0, -1), (-1, 0))]
    return s.union(body, *horns, *sticks, *buttons)


def telephone(r: Generator) -> Manifold:
    """The receiver of an old telephone."""
    length, thick, drop = r.uniform(140, 175), r.uniform(11, 15), r.uniform(20, 32)
    bar = s.bow([(-length / 2, 0, -drop), (-length * 0.4, 0, drop * 0.6), (length * 0.4, 0, drop * 0.6),
                 (length / 2, 0, -drop)], 2 * thick, 2 * thick * 1.1)
    ear = s.turned([(r.uniform(22, 28), -14), (24, 0), (14, 12)], 24)
    return s.union(bar, ear.translate((-length / 2 + 4, 0, -drop)), ear.translate((length / 2 - 4, 0, -drop)))
