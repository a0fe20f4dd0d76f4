"""Families of hand tools with grips: hammers, screwdrivers, saws, pliers, trowels. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def _knurled(r: Generator, length: float, thick: float) -> Manifold:
    """A plastic tool handle along +x: round ends, a waist behind the ferrule, flutes or not."""
    knots = [(thick * 0.6, 0), (thick * 0.75, length * 0.15), (thick, length * 0.5), (thick * 0.95, length * 0.85),
             (thick * 0.5, length)]
    body = s.along_x(s.turned(s.smooth_profile(knots), 24))
    if r.random() < 0.5:
        flute = s.along_x(s.cylinder(thick * 0.22, length * 0.5,
                                     segments=10)).translate((length * 0.3, 0, thick * 1.08))
        for k in range(6):
            body -= flute.rotate((60 * k, 0, 0))
    return body


def hammer(r: Generator) -> Manifold:
    """A face on one side, a claw or a peen on the other."""
    length, face, high = r.uniform(170, 250), r.uniform(11, 16), r.uniform(32, 48)
    head = (s.turned([(face, 0), (face, 14), (face * 0.7, 20), (face * 0.75, high)], 24).rotate((180, 0, 0))
            .translate((0, 0, high * 0.7)))
    if r.random() < 0.5:
        tail = s.bow([(0, 0, 0), (2, 0, 22), (14, 0, 42)], 10, 24)
        tail -= s.rounded_box(30, 6, 40, 1).translate((12, 0, 40))
        tail = s.union(tail, s.rounded_box(22, 22, 22, 4))
    else:
        tail = s.hull(s.rounded_box(24, 22, 20, 3), s.rounded_box(8, 22, 4, 1.5).translate((0, 0, r.uniform(32, 46))))
    return s.union(s.grip(r, length, r.uniform(10, 15)).translate((-8, 0, 0)), head, tail.translate((0, 0, 4)))


def mallet(r: Generator) -> Manifold:
    """A broad soft head, round or square, on a straight grip."""
    wide, deep = r.uniform(80, 110), r.uniform(45, 65)
    block = (s.rounded_box(deep, deep * r.uniform(0.8, 1), wide, 6) if r.random() < 0.5 else s.cylinder(deep / 2, wide)
             .translate((0, 0, -wide / 2)))
    return s.union(block, s.grip(r, r.uniform(180, 230), r.uniform(11, 15)))


def axe(r: Generator) -> Manifold:
    """A hatchet."""
    edge, reach, thick = r.uniform(60, 90), r.uniform(60, 85), r.uniform(18, 26)
    head = s.hull(s.rounded_box(40, thick, 30, 4), s.rounded_box(edge, 4, 4, 1.5).translate((4, 0, reach)))
    return s.union(head, s.grip(r, r.uniform(190, 245), r.uniform(12, 16)).translate((-24, 0, 0)))


def screwdriver(r: Generator) -> Manifold:
    shaft = (s.along_x(s.cylinder(r.uniform(3, 5), r.uniform(80, 150), segments=16)).rotate((0, 0, 180))
             .translate((6, 0, 0)))
    return s.union(_knurled(r, r.uniform(80, 115), r.uniform(12, 19)), shaft)


def chisel(r: Generator) -> Manifold:
    """A flat blade with a bevel in a wooden handle."""
    long, wide, thick = r.uniform(90, 130), r.uniform(10, 34), r.uniform(4.5, 6)
    blade = s.hull(s.rounded_box(long, wide, thick, 1).translate((-long / 2, 0, 0)),
                   s.rounded_box(2, wide, 1.5, 0.5).translate((-long - 16, 0, -thick / 2 + 1)))
    ferrule = s.along_x(s.cylinder(9, 22)).translate((-14, 0, 0))
    return s.union(blade, ferrule, _knurled(r, r.uniform(100, 130), r.uniform(14, 19)))


def rasp(r: Generator) -> Manifold:
    """A file: a long flat, half-round or round bar with a handle."""
    long, wide = r.uniform(110, 165), r.uniform(12, 28)
    kind = r.choice(["flat", "half", "round"])
    bar = (s.rounded_box(long, wide, 6, 1) if kind == "flat" else s.along_x(s.cylinder(wide / 2.4, long, wide / 3.4))
           .translate((-long / 2, 0, 0)))
    if kind == "half":
        bar = bar.trim_by_plane((0, 0, 1), -1)
    return s.union(bar.translate((-long / 2 + 6, 0, 0)), _knurled(r, r.uniform(95, 120), r.uniform(12, 17)))


def saw(r: Generator) -> Manifold:
    """A short panel saw: a tapered toothed blade and a closed grip."""
    long, deep, teeth = r.uniform(120, 165), r.uniform(55, 75), 18
    x = np.linspace(0, long, 2 * teeth + 1)
    edge = np.stack([x, -np.interp(x, [0, long], [deep, deep * 0.5]) + 4 * (np.arange(len(x)) % 2)], 1)
    blade = s.plate_of(np.concatenate([edge, [[long, 0], [0, 0]]]), 4).rotate((90, 0, 0))
    thick = r.uniform(15, 20)
    line = [(8, 0, -6), (-22, 0, 6), (-88, 0, 2), (-66, 0, -40), (-92, 0, -deep - 22), (-20, 0, -deep - 10),
            (8, 0, -deep + 12)]
    plate = s.rounded_box(24, 14, deep - 4, 4).translate((8, 0, -deep / 2))
    return s.union(blade, plate, s.bow(line, thick, thick * r.uniform(1.0, 1.25)))


def hacksaw(r: Generator) -> Manifold:
    """A bow frame with a thin blade and a pistol grip."""
    long, rise, thick = r.uniform(125, 165), r.uniform(55, 75), r.uniform(9, 12)
    frame = s.bow([(-long, 0, 0), (-long, 0, rise), (0, 0, rise), (0, 0, -4)], thick, thick, 2)
    blade = s.rounded_box(long + 4, 4, 14, 1).translate((-long / 2, 0, 3))
    hold = s.tube([[2, 0, rise - 6], [16, 0, rise * 0.4], [30, 0, -r.uniform(30, 45)]], r.uniform(12, 15), 16)
    return s.union(frame, blade, s.rounded_box(28, 14, 16, 4).translate((6, 0, 4)), hold)


def wrench(r: Generator) -> Manifold:
    """An open jaw at one end, a ring at the other."""
    length, thick, head = r.uniform(110, 190), r.uniform(8, 12), r.uniform(17, 26)
    shank = s.rounded_box(length, head * 0.75, thick, 2.5).translate((length / 2, 0, 0))
    jaw = s.cylinder(head, thick).translate((0, 0, -thick / 2)) - s.rounded_box(head * 2, head * 0.8, 60,
                                                                                1).translate((-head, 0, 0))
    ring = s.cylinder(head * 0.9, thick).translate((length, 0, -thick / 2))
    return s.union(shank, jaw, ring) - s.cylinder(head * 0.5, 60, segments=6).translate((length, 0, -30))


def pliers(r: Generator) -> Manifold:
    """Combination pliers: bowed grips, a joint, a blunt or pointed nose."""
    gap, thick, nose = r.uniform(16, 24), r.uniform(6.5, 9), r.uniform(38, 65)
    arms = [s.tube(s.smooth_path([(0, 0, 0), (22, sign * gap * 0.3, 0), (45, sign * gap * 1.1, 0),
                                  (r.uniform(118, 135), sign * gap * 0.9, 0)], 2), thick, 12) for sign in (-1, 1)]
    jaw = s.hull(s.rounded_box(20, 26, 13, 3), s.rounded_box(6, r.uniform(6, 20), 10, 2).translate((-nose, 0, 0)))
    return s.union(*arms, s.cylinder(16, 14).translate((0, 0, -7)), jaw)


def wire_cutter(r: Generator) -> Manifold:
    """Short round jaws and thick sleeves."""
    gap, thick = r.uniform(17, 24), r.uniform(7.5, 10)
    arms = [s.tube(s.smooth_path([(-4, 0, 0), (20, sign * gap * 0.6, 0), (50, sign * gap * 1.2, 0),
                                  (r.uniform(105, 125), sign * gap * 0.7, 0)], 2), thick, 14) for sign in (-1, 1)]
    jaw = s.egg(r.uniform(26, 34), 15, 7).translate((-18, 0, 0))
    return s.union(*arms, s.cylinder(14, 15).translate((0, 0, -7.5)), jaw)


def clamp(r: Generator) -> Manifold:
    """A bow with a screw and a cross bar."""
    wide, deep, thick = r.uniform(60, 100), r.uniform(45, 65), r.uniform(13, 18)
    frame = s.rounded_box(wide, deep, thick, 4) - s.rounded_box(wide - 28, deep, 40, 3).translate((0, 15, 0))
    y = deep / 2 - 9
    screw = s.along_x(s.cylinder(5, wide * 0.75)).translate((0, y, 0))
    bar = s.cylinder(4.5, r.uniform(45, 60)).translate((wide * 0.75 - 5, y, -25))
    pad = s.along_x(s.cylinder(9, 8)).translate((-2, y, 0))
    return s.union(frame, screw, bar, pad)


def trowel(r: Generator) -> Manifold:
    """A mason's or gardener's blade on a cranked stem."""
    long, wide = r.uniform(85, 125), r.uniform(55, 85)
    outline = [(0, -wide * 0.3), (-long * 0.3, -wide / 2), (-long, -4), (-long, 4), (-long * 0.3, wide / 2),
               (0, wide * 0.3)]
    stem = s.bow([(-20, 0, 1), (12, 0, 3), (18, 0, 34), (46, 0, 38)], 9, 11)
    return s.union(s.plate_of(np.array(outline), 4.5), stem,
                   s.grip(r, r.uniform(95, 120), r.uniform(11, 15)).translate((36, 0, 38)))
