"""Families of toys: bricks, cubes, dolls, animals, vehicles, game pieces. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def brick_toy(r: Generator) -> Manifold:
    """A building brick with studs."""
    unit, nx, ny = r.uniform(15, 20), int(r.integers(1, 3)), int(r.integers(2, 5))
    high = unit * r.uniform(0.8, 1.5)
    stud = s.cylinder(unit * 0.3, high / 2 + unit * 0.25, segments=20)
    studs = [stud.translate(((i - (nx - 1) / 2) * unit, (j - (ny - 1) / 2) * unit, 0)) for i in range(nx)
             for j in range(ny)]
    return s.union(s.rounded_box(nx * unit, ny * unit, high, 1.5), *studs)


def dice(r: Generator) -> Manifold:
    """A cube with rounded corners and pips."""
    size = r.uniform(22, 60)
    pip = s.egg(size * 0.09, size * 0.09, size * 0.07, 12)
    body = s.rounded_box(size, size, size, size * r.uniform(0.1, 0.22))
    for turn, places in (((0, 0, 0), [(0, 0)]), ((90, 0, 0), [(-1, -1), (1, 1)]),
                         ((-90, 0, 0), [(-1, -1), (0, 0), (1, 1)]), ((0, 90, 0), [(-1, -1), (1, 1), (1, -1), (-1, 1)])):
        for i, j in places:
            body -= pip.translate((i * size * 0.25, j * size * 0.25, size / 2)).rotate(turn)
    return body


def puzzle_cube(r: Generator) -> Manifold:
    """Rows of small cubes, some with a layer turned."""
    count, size = int(r.choice([2, 3, 3])), r.uniform(46, 66)
    small = size / count
    piece = s.rounded_box(small * 1.004, small * 1.004, small * 1.004, small * 0.1)
    at = (np.arange(count) - (count - 1) / 2) * small
    turn = r.choice([0.0, r.uniform(15, 45)])
    layers = [s.union(*[piece.translate((x, y, z)) for x in at for y in at])
              .rotate((0, 0, turn if k == count - 1 else 0)) for k, z in enumerate(at)]
    return s.union(*layers, s.egg(small * 0.9, small * 0.9, size * 0.45, 12))


def doll(r: Generator) -> Manifold:
    """A figure with a head, arms and legs."""
    high, wide = r.uniform(110, 190), r.uniform(0.85, 1.15)
    k = high / 150
    trunk = s.egg(20 * k * wide, 14 * k, 34 * k).translate((0, 0, 75 * k))
    head = s.egg(17 * k, 17 * k, 19 * k).translate((0, 0, 120 * k))
    lift = r.uniform(-20, 25)
    parts = [trunk, head, s.cylinder(7 * k, 20 * k).translate((0, 0, 98 * k))]
    for sign in (-1, 1):
        parts.append(s.tube([[sign * 12 * k, 0, 95 * k], [sign * 30 * k, 0, 85 * k + lift * 0.5],
                             [sign * 46 * k, 0, 68 * k + lift]], [7 * k, 6 * k, 6 * k], 12))
        parts.append(s.tube([[sign * 9 * k, 0, 60 * k], [sign * 12 * k, 0, 25 * k], [sign * 13 * k, 0, 6 * k]],
                            [10 * k, 8 * k, 7 * k], 12))
        parts.append(s.egg(8 * k, 13 * k, 6 * k).translate((sign * 13 * k, -5 * k, 5 * k)))
    return s.union(*parts)


def bear(r: Generator) -> Manifold:
    """A sitting soft toy: round body, ears, stubby limbs."""
    k = r.uniform(0.8, 1.25)
    parts = [s.egg(30, 26, 34), s.egg(25, 23, 23).translate((0, -3, 48)), s.egg(11, 9, 9).translate((0, -24, 44))]
    wide = r.uniform(26, 32)
    tall = r.uniform(9, 22)
    for sign in (-1, 1):
        parts.append(s.egg(9, 6, tall).translate((sign * 17, 0, 66 + tall * 0.4)))
        parts.append(s.egg(10, 10, 21).rotate((25, sign * -35, 0)).translate((sign * wide, -8, 8)))
        parts.append(s.egg(12, 24, 12).rotate((0, 0, sign * 18)).translate((sign * 19, -26, -22)))
    return s.union(*parts).scale((k, k, k))


def animal(r: Generator) -> Manifold:
    """A body, a neck, a head, four legs, a tail: dogs, horses, elephants, giraffes."""
    x, y, z = r.uniform(35, 52), r.uniform(17, 26), r.uniform(18, 28)
    leg, long, rise = r.uniform(6, 9), r.uniform(1.3, 2.2), r.uniform(15, 55)
    legs = [s.cylinder(leg, z * long, leg * 1.2, 16).translate((i * x * 0.62, j * y * 0.5, -z * long)) for i in (-1, 1)
            for j in (-1, 1)]
    neck = s.tube([[x * 0.55, 0, z * 0.2], [x * 0.95, 0, z * 0.5 + rise]], [z * 0.6, z * 0.42], 14)
    size = r.uniform(12, 18)
    head = s.egg(size * 1.4, size, size).rotate((0, 20, 0)).translate((x * 1.05, 0, z * 0.5 + rise))
    ears = [s.egg(4, 6, 10).translate((x * 0.95, sign * size * 0.7, z * 0.5 + rise + size * 0.9)) for sign in (-1, 1)]
    tail = s.tube([[-x * 0.85, 0, z * 0.2], [-x * 1.25, 0, -z * r.uniform(-0.6, 0.6)]], [6, 4], 10)
    return s.union(s.egg(x, y, z), *legs, neck, head, *ears, tail)


def duck(r: Generator) -> Manifold:
    size = r.uniform(28, 42)
    body = s.egg(size * 1.25, size * 0.9, size * 0.75).trim_by_plane((0, 0, 1), -size * 0.6)
    head = s.egg(size * 0.6, size * 0.58, size * 0.6).translate((size * 0.6, 0, size * r.uniform(0.9, 1.1)))
    beak = s.egg(size * 0.35, size * 0.28, size * 0.14).translate((size * 1.2, 0, size * 0.92))
    tail = s.hull(s.egg(size * 0.4, size * 0.4, size * 0.3).translate((-size * 0.8, 0, 0)),
                  s.egg(4, 8, 4).translate((-size * 1.4, 0, size * 0.5)))
    return s.union(body, head, beak, tail)


def _wheels(x: float, y: float, radius: float, places) -> list[Manifold]:
    """Discs on both sides of a toy at places along x, their centres on z = 0."""
    wheel = s.cylinder(radius, y, segments=24).translate((0, 0, -y / 2)).rotate((90, 0, 0))
    return [wheel.translate((k * x, 0, 0)) for k in places]


def car(r: Generator) -> Manifold:
    """Saloon, van or pick-up."""
    x, y, z = r.uniform(75, 130), r.uniform(34, 55), r.uniform(20, 30)
    start, end = r.uniform(-0.5, -0.25), r.uniform(0.05, 0.35)
    cabin = s.hull(s.rounded_box((end - start) * x, y * 0.94, 6, 2).translate(((start + end) / 2 * x, 0, z * 0.45)),
                   s.rounded_box((end - start) * x * r.uniform(0.6, 0.85), y * 0.8, 6, 2)
                   .translate(((start + end) / 2 * x, 0, z * r.uniform(1.1, 1.5))))
    wheels = _wheels(x, y * 1.08, z * 0.42, (-0.3, 0.3))
    return s.union(s.rounded_box(x, y, z, 5), cabin, *[w.translate((0, 0, -z * 0.5)) for w in wheels])


def train(r: Generator) -> Manifold:
    """A locomotive: a boiler, a cab, a chimney, wheels."""
    x, y, z = r.uniform(95, 135), r.uniform(36, 48), r.uniform(14, 20)
    radius = y * 0.42
    boiler = s.along_x(s.cylinder(radius, x * 0.6)).translate((-x * 0.1, 0, z / 2 + radius - 3))
    cab = s.rounded_box(x * 0.36, y, radius * 2.6, 4).translate((-x * 0.3, 0, z / 2 + radius * 1.2))
    roof = s.rounded_box(x * 0.44, y * 1.1, 6, 2).translate((-x * 0.3, 0, z / 2 + radius * 2.5))
    chimney = s.cylinder(radius * 0.32, radius * 1.1, radius * 0.5, 20).translate((x * 0.36, 0, z / 2 + radius * 1.7))
    wheels = [w.translate((0, 0, -z * 0.4)) for w in _wheels(x, y * 1.02, z * 0.75, (-0.35, -0.02, 0.32))]
    return s.union(s.rounded_box(x, y * 0.9, z, 3), boiler, cab, roof, chimney, *wheels)


def truck(r: Generator) -> Manifold:
    """A lorry: a cab, a bed or a box, six wheels."""
    x, y, z = r.uniform(110, 160), r.uniform(42, 58), r.uniform(14, 18)
    cab = s.rounded_box(x * 0.26, y, z * 3, 5).translate((x * 0.37, 0, z * 1.4))
    high = z * r.uniform(1.8, 3.2)
    load = s.rounded_box(x * 0.66, y, high, 3)
    if r.random() < 0.5:
        load -= s.rounded_box(x * 0.66 - 10, y - 10, high, 2).translate((0, 0, 6))
    wheels = [w.translate((0, 0, -z * 0.3)) for w in _wheels(x, y * 1.02, z * 0.9, (-0.36, -0.15, 0.36))]
    return s.union(s.rounded_box(x, y * 0.8, z, 2), cab, load.translate((-x * 0.15, 0, z / 2 + high / 2 - 2)), *wheels)


def plane(r: Generator) -> Manifold:
    """Fuselage, wings, tail."""
    length, span, thick = r.uniform(110, 170), r.uniform(100, 160), r.uniform(7, 9)
    body = s.egg(length / 2, r.uniform(13, 20), r.uniform(14, 22))
    sweep = r.uniform(0, 30)
    wing = s.plate_of(np.array([(14, 0), (14 - sweep, span / 2), (-8 - sweep, span / 2), (-length * 0.16, 0),
                                (-8 - sweep, -span / 2), (14 - sweep, -span / 2)]), thick)
    tail = s.rounded_box(length * 0.12, span * 0.35, 6, 2).translate((-length * 0.42, 0, 4))
    fin = s.rounded_box(length * 0.12, 6, 30, 2).translate((-length * 0.42, 0, 14))
    return s.union(body, wing.translate((length * 0.08, 0, 0)), tail, fin)


def boat(r: Generator) -> Manifold:
    """A hull with a cabin and a funnel, or a mast."""
    x, y, z = r.uniform(110, 170), r.uniform(42, 60), r.uniform(26, 38)
    deck = np.array([(-x / 2, -y * 0.38), (-x * 0.1, -y / 2), (x * 0.2, -y * 0.42), (x / 2, 0), (x * 0.2, y * 0.42),
                     (-x * 0.1, y / 2), (-x / 2, y * 0.38)])
    hull = s.hull(s.plate_of(deck, 4).translate((0, 0, z)),
                  s.plate_of(deck * [0.75, 0.5], 4).translate((-x * 0.05, 0, 2)))
    cabin = s.rounded_box(x * 0.35, y * 0.6, 26, 3).translate((-x * 0.12, 0, z + 12))
    tall = r.uniform(25, 60)
    funnel = s.cylinder(r.uniform(7, 10), tall).translate((-x * 0.12, 0, z + 20))
    return s.union(hull, cabin, funnel)


def rocket(r: Generator) -> Manifold:
    """A pointed body with fins."""
    radius, high = r.uniform(17, 26), r.uniform(120, 190)
    knots = [(radius * 0.7, 0), (radius, high * 0.3), (radius * 0.9, high * 0.65), (3, high)]
    fin = s.plate_of(np.array([(-6, 0), (radius * 1.0, -14), (radius * 1.0, 12), (-6, high * 0.3)]),
                     6).rotate((90, 0, 0))
    return s.union(s.turned(s.smooth_profile(knots)), *s.ring_of(fin, int(r.integers(3, 5)), radius * 0.75))


def skittle(r: Generator) -> Manifold:
    """A bowling pin, a chess pawn, a nesting doll."""
    belly, high = r.uniform(22, 36), r.uniform(100, 200)
    neck, head = belly * r.uniform(0.4, 0.65), belly * r.uniform(0.55, 0.8)
    knots = [(belly * r.uniform(0.55, 1), 0), (belly, high * 0.32), (neck, high * 0.68), (head, high * 0.86),
             (head * 0.55, high * 0.97), (3, high)]
    return s.turned(s.smooth_profile(knots, 30))


def chess_piece(r: Generator) -> Manifold:
    """Pawn, bishop or rook: a foot, collars, a stem, a head."""
    foot, high = r.uniform(18, 28), r.uniform(60, 110)
    stem = foot * r.uniform(0.4, 0.55)
    body = s.turned([(foot, 0), (foot, high * 0.08), (foot * 0.75, high * 0.14), (foot * 0.8, high * 0.17),
                     (stem, high * 0.28), (stem * 0.85, high * 0.7), (stem * 1.6, high * 0.72),
                     (stem * 1.5, high * 0.76), (stem, high * 0.79)])
    kind = r.choice(["pawn", "bishop", "rook"])
    if kind == "rook":
        crown = s.turned([(stem * 1.2, high * 0.78), (stem * 1.6, high * 0.84),
                          (stem * 1.6, high)]) - s.cylinder(stem, 40).translate((0, 0, high * 0.9))
        return s.union(body, crown)
    size = stem * 1.35
    return s.union(body, s.egg(size, size, size * (1.0 if kind == "pawn" else 1.6))
                   .translate((0, 0, high * 0.78 + size * (0.8 if kind == "pawn" else 1.3))))


def spinning_top(r: Generator) -> Manifold:
    radius, high = r.uniform(22, 38), r.uniform(60, 90)
    knots = [(2, 0), (radius * 0.5, high * 0.15), (radius, high * 0.38), (radius * 0.4, high * 0.55), (5, high * 0.65),
             (6, high * 0.95), (4, high)]
    return s.turned(s.smooth_profile(knots, 30))


def rattle(r: Generator) -> Manifold:
    """A ball, a ring or a maraca on a stick."""
    size = r.uniform(22, 36)
    head = s.torus(size, r.uniform(7, 10)).rotate((90, 0, 0)) if r.random() < 0.4 else s.egg(size, size, size)
    return s.union(head, s.grip(r, r.uniform(80, 115), r.uniform(7, 11)).translate((size - 4, 0, 0)))


def stacking_rings(r: Generator) -> Manifold:
    """Rings of falling size on a pole."""
    thick, count, size = r.uniform(9, 12), int(r.integers(3, 6)), r.uniform(30, 42)
    rings = [s.torus(size * (1 - 0.14 * k) - thick, thick, 28).translate((0, 0, 8 + thick + 1.8 * thick * k))
             for k in range(count)]
    high = 8 + 1.9 * thick * (count + 0.6)
    return s.union(s.cylinder(size, 9), s.cylinder(size * 0.5, high - 6, 7), s.egg(12, 12, 12).translate((0, 0, high)),
                   *rings)
