"""Families of the desk: books, phones, mice, staplers, tape, pens, scissors. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def magnifier(r: Generator) -> Manifold:
    """A lens in a ring on a grip."""
    radius = r.uniform(30, 45)
    lens = s.egg(radius, radius, 7)
    return s.union(s.torus(radius, r.uniform(5, 7)), lens,
                   s.grip(r, r.uniform(90, 115), r.uniform(8, 12)).translate((radius, 0, 0)))


def book(r: Generator) -> Manifold:
    """A hardback: covers that stand over the pages, a round spine."""
    x, y, z = r.uniform(95, 150), r.uniform(130, 215), r.uniform(18, 45)
    pages = s.rounded_box(x - 4, y - 8, z - 4, 1).translate((-2, 0, 0))
    cover = s.rounded_box(x, y, 4.5, 1)
    spine = s.rounded_box(5, y, z, 2).translate((-x / 2 + 2.5, 0, 0))
    return s.union(pages, cover.translate((0, 0, z / 2 - 2.25)), cover.translate((0, 0, -z / 2 + 2.25)), spine)


def phone(r: Generator) -> Manifold:
    """A smart phone with its camera bump."""
    x, y, z = r.uniform(66, 80), r.uniform(138, 168), r.uniform(8.5, 13)
    bump = s.pillar(30, 32, 3.5, 8).translate((-x / 2 + 22, y / 2 - 24, z / 2 - 0.5))
    return s.union(s.pillar(x, y, z, 10).translate((0, 0, -z / 2)), bump)


def remote_control(r: Generator) -> Manifold:
    """A long case, thicker at one end, with rows of buttons."""
    x, y, z = r.uniform(38, 52), r.uniform(140, 200), r.uniform(16, 24)
    case = s.hull(s.rounded_box(x, y, z * 0.7, 5),
                  s.rounded_box(x * 0.9, y * 0.4, z, 6).translate((0, -y * 0.25, -z * 0.15)))
    wheel = s.cylinder(13, 4, segments=24).translate((0, y * 0.2, z * 0.3))
    keys = [s.rounded_box(7, 6, 6, 1.5).translate((i * 11, -j * 13, z * 0.33)) for i in (-1, 0, 1) for j in range(0, 4)]
    return s.union(case, wheel, *keys)


def computer_mouse(r: Generator) -> Manifold:
    x, y, z = r.uniform(52, 62), r.uniform(32, 37), r.uniform(32, 42)

    def shape(points: np.ndarray) -> np.ndarray:
        wide = 1 - 0.16 * np.cos(2.6 * points[:, 0])
        return np.column_stack([points[:, 0] * x, points[:, 1] * y * wide,
                                points[:, 2] * z * (1 + 0.18 * points[:, 0])])

    body = Manifold.sphere(1.0, 36).warp_batch(shape).trim_by_plane((0, 0, 1), 0)
    return s.union(body, s.cylinder(9, 7, segments=20).translate((0, 0, -3.5)).rotate((90, 0, 0))
                   .translate((-x * 0.6, 0, z * 0.58)))


def calculator(r: Generator) -> Manifold:
    x, y, z = r.uniform(68, 95), r.uniform(110, 160), r.uniform(11, 20)
    keys = [s.rounded_box(x * 0.14, y * 0.09, 7, 2).translate((i * x * 0.2, -y * 0.36 + j * y * 0.14, z / 2))
            for i in (-1.5, -0.5, 0.5, 1.5) for j in range(4)]
    return s.union(s.rounded_box(x, y, z, 4), *keys)


def stapler(r: Generator) -> Manifold:
    """A base, a raised arm, a hinge at the back."""
    x, y = r.uniform(105, 150), r.uniform(27, 36)
    base = s.rounded_box(x, y + 4, 11, 4)
    tilt = r.uniform(6, 11)
    arm = s.hull(s.rounded_box(x * 0.92, y, 16, 6), s.rounded_box(x * 0.4, y, 26, 8).translate((x * 0.2, 0, 3)))
    hinge = s.rounded_box(32, y - 4, 34, 5).translate((x / 2 - 18, 0, 14))
    return s.union(base, hinge, arm.rotate((0, tilt, 0)).translate((-2, 0, 30)))


def hole_punch(r: Generator) -> Manifold:
    """A flat foot with a lever over its whole width."""
    x, y = r.uniform(95, 125), r.uniform(80, 105)
    foot = s.rounded_box(x * 0.7, y, 12, 3)
    block = s.rounded_box(34, y * 0.85, 40, 5).translate((-x * 0.15, 0, 16))
    lever = s.hull(s.rounded_box(20, y * 0.85, 12, 4), s.rounded_box(12, y * 0.55, 9, 3).translate((x * 0.75, 0, 16)))
    return s.union(foot, block, lever.translate((-x * 0.2, 0, 38)))


def tape_dispenser(r: Generator) -> Manifold:
    """A hump with a roll and a cutting edge."""
    x, y, z = r.uniform(110, 145), r.uniform(38, 52), r.uniform(48, 60)
    base = s.hull(s.rounded_box(x, y, 14, 4), s.rounded_box(x * 0.3, y * 0.85, 20, 4).translate((-x * 0.3, 0, z * 0.3)))
    roll = (s.cylinder(z * 0.55, 24, segments=36).translate((0, 0, -12)).rotate((90, 0, 0))
            .translate((-x * 0.1, 0, z * 0.62)))
    edge = s.hull(s.rounded_box(10, y * 0.8, 8, 2).translate((x * 0.4, 0, 0)),
                  s.rounded_box(6, y * 0.7, 4, 1).translate((x * 0.5, 0, z * 0.6)))
    return s.union(base, roll, edge)


def glue_stick(r: Generator) -> Manifold:
    """Also lipstick and lip balm: a barrel, a wider cap, a knob at the foot."""
    radius, height = r.uniform(10, 17), r.uniform(70, 115)
    profile = [(radius * 0.85, 0), (radius * 0.85, height * 0.1), (radius, height * 0.11), (radius, height * 0.6),
               (radius * 1.08, height * 0.61), (radius * 1.08, height * 0.97), (radius, height)]
    return s.turned(profile, 28)


def marker(r: Generator) -> Manifold:
    """Pens and felt markers with a cap and a clip."""
    radius, length = r.uniform(5.5, 11), r.uniform(105, 150)
    cap = s.cylinder(radius * 1.12, length * 0.35, radius, 20).translate((0, 0, length * 0.66))
    clip = s.rounded_box(3, 5, length * 0.25, 1.2).translate((radius * 1.25, 0, length * 0.84))
    return s.union(s.turned([(radius * 0.7, 0), (radius, 6), (radius, length * 0.7)], 20), cap, clip)


def pencil_cup(r: Generator) -> Manifold:
    """A beaker for pens, round or square, with walls of one thickness."""
    x, z = r.uniform(62, 85), r.uniform(80, 110)
    y = x * r.uniform(0.8, 1)
    return s.trough(x, y, z, r.uniform(4, 6), y * r.choice([0.1, 0.3, 0.48]), r.uniform(0.85, 1))


def scissors(r: Generator) -> Manifold:
    """Two blades with rings for the fingers, laid flat, a little open."""
    ring, thick, length = r.uniform(14, 19), r.uniform(7, 9), r.uniform(70, 105)
    turn, back = r.uniform(6, 11), r.uniform(48, 58)
    halves = []
    for sign in (-1, 1):
        blade = s.plate_of(np.array([(-8, -6), (length, -1.5), (length, 1.5), (-8, 7)]), thick * 0.75)
        shank = s.tube(s.smooth_path([(4, 0, 0), (-back * 0.5, sign * 2, 0), (-back, sign * 9, 0)], 2), thick * 0.6, 12)
        eye = (s.torus(ring, thick / 2, 28).scale((r.uniform(1.1, 1.5), 1, 1))
               .translate((-back - ring, sign * (ring * 0.75), 0)))
        halves.append(s.union(blade, shank, eye).rotate((0, 0, turn * sign)))
    return s.union(*halves, s.cylinder(7, thick + 3).translate((0, 0, -(thick + 3) / 2)))


def clothes_peg(r: Generator) -> Manifold:
    """Two wedges, a spring between."""
    length, wide, gap = r.uniform(65, 95), r.uniform(9, 15), r.uniform(6, 10)
    side = s.hull(s.rounded_box(6, wide, 6, 1).translate((-length * 0.45, 0, 3)), s.rounded_box(10, wide, 9, 2)
                  .translate((0, 0, 6)), s.rounded_box(6, wide, 5, 1).translate((length * 0.55, 0, gap + 4)))
    spring = s.cylinder(5.5, wide + 6, segments=20).translate((0, 0, -(wide + 6) / 2)).rotate((90, 0, 0))
    return s.union(side, side.mirror((0, 0, 1)), spring)
