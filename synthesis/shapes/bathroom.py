"""Families of the bathroom and of cleaning: sponges, soap, tubes, brushes, combs, razors. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def sponge(r: Generator) -> Manifold:
    """A sponge with a scouring layer, some with a waist."""
    x, y, z = r.uniform(80, 125), r.uniform(55, 80), r.uniform(24, 45)
    body = s.rounded_box(x, y, z, r.uniform(3, 8)) + s.rounded_box(x + 2, y + 2, 8, 2).translate((0, 0, -z / 2 + 2))
    if r.random() < 0.5:
        notch = s.cylinder(r.uniform(14, 20), 200).translate((0, 0, -100))
        body = body - notch.translate((0, y / 2 + 8, 0)) - notch.translate((0, -y / 2 - 8, 0))
    return body


def soap(r: Generator) -> Manifold:
    """A bar of soap: a cushion, an oval or a block."""
    x, y, z = r.uniform(38, 50), r.uniform(25, 34), r.uniform(11, 18)
    kind = r.choice(["oval", "block", "cushion"])
    if kind == "oval":
        return s.egg(x, y, z * 1.2).trim_by_plane((0, 0, 1), -z * 0.8).trim_by_plane((0, 0, -1), -z * 0.8)
    corner = z * (0.3 if kind == "block" else 0.9)
    return s.rounded_box(2 * x, 2 * y, 2 * z, corner)


def toothpaste(r: Generator) -> Manifold:
    """A tube: a round shoulder with a cap, flat at the other end."""
    radius, length = r.uniform(16, 27), r.uniform(90, 160)
    body = s.hull(s.cylinder(radius, 3), s.rounded_box(5, radius * 2.4, 8, 2).translate((0, 0, -length)))
    cap = s.turned([(radius, 2), (radius * 0.5, 10), (radius * 0.6, 10), (radius * r.uniform(0.5, 0.75), 32)], 24)
    return s.union(body, cap)


def toothbrush(r: Generator) -> Manifold:
    """A manual one, or an electric one with a stout body."""
    head = s.rounded_box(26, 11, 6, 2) + s.rounded_box(22, 10, 14, 1).translate((0, 0, 7))
    if r.random() < 0.4:
        body = s.along_x(
            s.turned(s.smooth_profile([(5, 60), (r.uniform(13, 17), 85), (r.uniform(13, 17), 190), (10, 198)]), 20))
        return s.union(head, s.tube([[4, 0, 0], [80, 0, 0]], [3.5, 6], 12), body)
    grip = s.grip(r, r.uniform(85, 105), r.uniform(5.5, 8)).translate((55, 0, 0))
    return s.union(head, s.tube([[4, 0, 0], [62, 0, 0]], [3.5, 5], 12), grip)


def hairbrush(r: Generator) -> Manifold:
    """An oval pad with bristle field and a grip."""
    x, y = r.uniform(45, 60), r.uniform(24, 36)
    pad = s.egg(x, y, r.uniform(11, 15)).trim_by_plane((0, 0, -1), -4)
    field = s.egg(x * 0.8, y * 0.75, 14).trim_by_plane((0, 0, 1), 0)
    pins = [s.cylinder(2.5, 16, 2, 6).translate((i * x * 0.25, j * y * 0.32, 6)) for i in range(-2, 3)
            for j in (-1, 0, 1) if abs(i) + abs(j) < 3]
    return s.union(pad, field.scale((1, 1, 0.6)), *pins,
                   s.grip(r, r.uniform(100, 125), r.uniform(9, 13)).translate((x - 8, 0, -2)))


def scrub_brush(r: Generator) -> Manifold:
    """Bristles under a block that one holds, or under a bow."""
    x, y, z = r.uniform(95, 145), r.uniform(45, 65), r.uniform(16, 24)
    block = s.pillar(x, y, z, y * 0.4)
    hair = s.pillar(x * 0.85, y * 0.8, r.uniform(18, 28), y * 0.3, 1.08).rotate((180, 0, 0)).translate((0, 0, 2))
    if r.random() < 0.5:
        top, thick = z + r.uniform(34, 42), r.uniform(13, 18)
        return s.union(block, hair, s.bow([(x * 0.38, 0, z - 4), (x * 0.38, 0, top), (-x * 0.38, 0, top),
                                           (-x * 0.38, 0, z - 4)], thick, thick * 1.4))
    return s.union(block, hair, s.egg(x * 0.45, y * 0.38, 12).translate((0, 0, z)))


def dish_brush(r: Generator) -> Manifold:
    """A round head of bristles on a long handle; also for the toilet and the back."""
    head = s.turned([(r.uniform(22, 28), 0), (24, 20), (20, 32)], 24).translate((0, 0, -26))
    return s.union(head, s.grip(r, r.uniform(160, 200), r.uniform(8, 12)).rotate((0, -r.uniform(5, 18), 0)))


def comb(r: Generator) -> Manifold:
    """A back with coarse teeth."""
    x, y, thick, teeth = r.uniform(120, 170), r.uniform(14, 20), r.uniform(5, 7), int(r.integers(10, 16))
    back = s.rounded_box(x, y, thick, 2.4)
    pins = [s.rounded_box(x / teeth * 0.5, 24, thick * 0.8, 1).translate((h, -y / 2 - 8, 0))
            for h in np.linspace(-x / 2 + 6, x / 2 - 6, teeth)]
    return s.union(back, *pins)


def razor(r: Generator) -> Manifold:
    """A safety razor: a head across a slim grip."""
    head = s.rounded_box(14, r.uniform(40, 48), r.uniform(11, 15), 3).rotate((0, 25, 0))
    return s.union(head, s.grip(r, r.uniform(95, 120), r.uniform(6, 9)))


def hand_mirror(r: Generator) -> Manifold:
    """A mirror or a table-tennis bat: a flat disc on a grip."""
    radius, thick = r.uniform(48, 72), r.uniform(8, 13)
    disc = s.turned([(radius - 3, -thick / 2), (radius, 0), (radius - 3, thick / 2)],
                    40).scale((1, r.uniform(0.8, 1), 1))
    return s.union(disc, s.grip(r, r.uniform(95, 120), r.uniform(9, 12)).translate((radius - 8, 0, 0)))


def tape_roll(r: Generator) -> Manifold:
    """Adhesive tape, a toilet roll, a bangle: a hollow cylinder."""
    outer, high = r.uniform(30, 55), r.uniform(18, 60)
    inner = outer * r.uniform(0.4, 0.82)
    return s.cylinder(outer, high,
                      segments=40) - s.cylinder(min(inner, outer - 6), 300, segments=36).translate((0, 0, -100))
