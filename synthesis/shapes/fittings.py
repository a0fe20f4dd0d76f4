"""Families of painting and measuring tools and of the small iron: brushes, levels, bolts, pipes. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def paint_brush(r: Generator) -> Manifold:
    """Bristles in a ferrule and a waisted handle."""
    wide, thick = r.uniform(28, 85), r.uniform(12, 20)
    hair = s.hull(s.rounded_box(4, wide, thick, 2),
                  s.rounded_box(4, wide * 0.94, thick * 0.5, 2).translate((-r.uniform(45, 65), 0, 0)))
    ferrule = s.rounded_box(26, wide + 3, thick + 3, 3).translate((12, 0, 0))
    neck = s.hull(s.rounded_box(6, wide * 0.85, thick * 0.8, 3).translate((24, 0, 0)),
                  s.egg(8, 10, 8).translate((55, 0, 0)))
    return s.union(hair, ferrule, neck, s.grip(r, r.uniform(85, 120), r.uniform(8, 11)).translate((48, 0, 0)))


def paint_roller(r: Generator) -> Manifold:
    """A roll on a cranked wire with a grip."""
    long, radius = r.uniform(90, 150), r.uniform(18, 27)
    roll = s.cylinder(radius, long).translate((0, 0, -long / 2)).rotate((90, 0, 0))
    wire = s.tube(s.smooth_path([(0, 0, 0), (0, long / 2 + 16, 0), (45, long / 2 + 16, 0), (60, 0, 0), (95, 0, 0)], 2),
                  4.5, 10)
    return s.union(roll, wire, s.grip(r, r.uniform(100, 120), r.uniform(11, 15)).translate((85, 0, 0)))


def tape_measure(r: Generator) -> Manifold:
    """A case with one round corner, a belt clip and the hook of the tape."""
    x, y, z = r.uniform(58, 85), r.uniform(28, 42), r.uniform(52, 75)
    case = s.hull(s.rounded_box(x, y, z * 0.4, 4).translate((0, 0, -z * 0.3)), s.cylinder(z * 0.42, y, segments=40)
                  .translate((0, 0, -y / 2)).rotate((90, 0, 0)).translate((-x * 0.06, 0, z * 0.08)))
    hook = s.rounded_box(20, 18, 5, 1).translate((x / 2 + 6, 0, -z * 0.42)) + s.rounded_box(4, 20, 16, 1).translate(
        (x / 2 + 15, 0, -z * 0.46))
    clip = s.rounded_box(x * 0.5, 5, 16, 2).translate((0, y / 2, 6))
    return s.union(case, hook, clip)


def spirit_level(r: Generator) -> Manifold:
    """A bar with a window and round vials."""
    x, y, z = r.uniform(180, 270), r.uniform(18, 28), r.uniform(40, 58)
    hole = s.cylinder(z * 0.28, 100, segments=24).translate((0, 0, -50)).rotate((90, 0, 0))
    bar = s.rounded_box(x, y, z, 2) - s.rounded_box(48, y + 20, 14, 4).translate((0, 0, z / 2 - 5))
    bar = bar - hole.translate((x * 0.36, 0, 0)) - hole.translate((-x * 0.36, 0, 0))
    return s.union(bar, s.along_x(s.cylinder(5, 52)).translate((-26, 0, z / 2 - 9)))


def utility_knife(r: Generator) -> Manifold:
    """A retractable blade in a flat case."""
    x, y, z = r.uniform(105, 145), r.uniform(14, 20), r.uniform(26, 36)
    case = s.hull(s.rounded_box(x, y, z * 0.8, 5), s.rounded_box(x * 0.5, y, z, 5).translate((x * 0.12, 0, -2)))
    blade = (s.plate_of(np.array([(0, -9), (-30, -9), (-14, 9), (0, 9)]), 4).rotate((90, 0, 0))
             .translate((-x / 2 + 4, 0, 0)))
    return s.union(case, blade, s.rounded_box(16, 9, 8, 2).translate((-x * 0.15, 0, z * 0.42)))


def bolt(r: Generator) -> Manifold:
    """A big screw with a hexagonal head, some with a nut on."""
    shaft, length = r.uniform(6, 11), r.uniform(45, 110)
    z = np.linspace(length * 0.4, length, 17)
    thread = [(shaft * (1.0 if k % 2 else 0.86), h) for k, h in enumerate(z)]
    parts = [s.turned([(shaft, 0), (shaft, length * 0.38), *thread], 20),
             s.cylinder(shaft * 1.9, shaft * 1.3, segments=6).translate((0, 0, -shaft * 1.25))]
    if r.random() < 0.4:
        parts.append(s.cylinder(shaft * 1.9, shaft * 1.5, segments=6).translate((0, 0, length * r.uniform(0.5, 0.75))))
    return s.union(*parts)


def nut(r: Generator) -> Manifold:
    """A hexagonal, square or wing nut."""
    radius, high = r.uniform(13, 24), r.uniform(11, 20)
    hole = s.cylinder(radius * 0.52, 100, segments=24).translate((0, 0, -50))
    if r.random() < 0.4:
        wing = s.egg(radius * 0.8, 5, radius * 0.75).rotate((0, -25, 0)).translate((radius * 1.2, 0, high * 0.9))
        return s.union(s.cylinder(radius * 0.8, high), wing, wing.rotate((0, 0, 180))) - hole
    return s.cylinder(radius, high, segments=int(r.choice([4, 6, 6]))) - hole


def tee_fitting(r: Generator) -> Manifold:
    """A pipe fitting: T or cross, with collars, hollow."""
    radius, half = r.uniform(12, 20), r.uniform(32, 55)
    arm = s.turned([(radius, 0), (radius, half - 16), (radius + 3.5, half - 15), (radius + 3.5, half)], 28)
    core = s.cylinder(radius - 4.5, half + 20, segments=24)
    turns = [(0, 90, 0), (0, -90, 0), (0, 0, 0)] + ([(180, 0, 0)] if r.random() < 0.3 else [])
    return s.union(*[arm.rotate(t) for t in turns],
                   s.egg(radius, radius, radius)) - s.union(*[core.rotate(t) for t in turns])


def elbow_fitting(r: Generator) -> Manifold:
    """A bent pipe with a collar at each end, hollow."""
    radius, bend, turn = r.uniform(12, 22), r.uniform(34, 55), float(r.choice([45.0, 90.0, 90.0]))
    path = s.arc(bend, bend, 0, turn, 14)
    collar = s.cylinder(radius + 4, 20, segments=28).translate((0, 0, -16))
    far = s.cylinder(radius + 4, 20, segments=28).translate((0, 0, -4)).rotate((0, -turn, 0)).translate(tuple(path[-1]))
    along = np.array([-np.sin(np.radians(turn)), 0, np.cos(np.radians(turn))])
    inner = s.tube(np.concatenate([[path[0] - [0, 0, 20]], path, [path[-1] + 20 * along]]), radius - 4.5, 20)
    return s.union(s.tube(path, radius, 24), collar.translate(tuple(path[0])), far) - inner


def pipe_bend(r: Generator) -> Manifold:
    """A bent round bar: hooks, pipes, hose pieces."""
    path = s.arc(r.uniform(40, 100), r.uniform(40, 100), 0, r.uniform(80, 190), 18)
    return s.tube(path, r.uniform(8, 16), 16)
