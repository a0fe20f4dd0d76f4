"""Families of the hall and the living room: keys, plugs, lamps, candles, locks, weights. Millimetres."""

from __future__ import annotations

from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def key(r: Generator) -> Manifold:
    """A large old key: a bow, a stem, a bit."""
    bow, stem, length = r.uniform(12, 17), r.uniform(4, 5.5), r.uniform(45, 75)
    ring = s.torus(bow, stem, 28).scale((r.uniform(1, 1.3), 1, 1))
    bit = s.rounded_box(15, 20, 6, 1.5) - s.rounded_box(5, 8, 30, 0.5).translate((0, 9, 0))
    return s.union(ring, s.tube([[bow, 0, 0], [bow + length, 0, 0]], stem, 14),
                   bit.translate((bow + length - 10, 11, 0)))


def plug(r: Generator) -> Manifold:
    """A mains plug: a body, a cable guard, two or three pins."""
    radius, long = r.uniform(17, 24), r.uniform(32, 48)
    body = s.turned(s.smooth_profile([(radius, 0), (radius * 0.95, long * 0.6), (8, long)]), 24)
    pins = [s.cylinder(3, 20, segments=12).translate((k * 9.5, 0, -19)) for k in (-1, 1)]
    return s.union(body, *pins, s.tube([[0, 0, long - 6], [0, 0, long + 14], [8, 0, long + 34]], 5, 12))


def adapter(r: Generator) -> Manifold:
    """A power brick with pins, or a socket block."""
    x, y, z = r.uniform(45, 70), r.uniform(32, 52), r.uniform(55, 95)
    pins = [s.rounded_box(4, 8, 22, 1).translate((k * 9, 0, -z / 2 - 9)) for k in (-1, 1)]
    return s.union(s.rounded_box(x, y, z, 7), s.cylinder(y * 0.42, 14).translate((0, 0, -z / 2 - 6)), *pins)


def light_bulb(r: Generator) -> Manifold:
    """A screw cap and a pear, globe or candle."""
    radius, cap = r.uniform(24, 38), r.uniform(11, 14)
    thread = [(cap * (1.0 if k % 2 else 0.9), 6 + 3.2 * k) for k in range(8)]
    tall = radius * r.uniform(1.9, 2.5)
    globe = s.smooth_profile([(cap * 1.05, 30), (radius, 30 + tall * 0.6), (radius * 0.8, 30 + tall * 0.85),
                              (3, 30 + tall)], 22)
    return s.turned([(4, 0), (5, 3), *thread, *globe], 28)


def candle(r: Generator) -> Manifold:
    """A thick candle, or one in a stick with a foot."""
    if r.random() < 0.5:
        radius, height = r.uniform(20, 38), r.uniform(50, 150)
        return s.union(s.turned([(radius, 0), (radius, height - 3), (radius - 3, height), (radius * 0.6, height - 3)]),
                       s.cylinder(2.5, 10, segments=8).translate((0, 0, height - 4)))
    foot, rise, height = r.uniform(30, 42), r.uniform(50, 90), r.uniform(60, 110)
    stand = s.turned(s.smooth_profile([(foot, 0), (foot * 0.9, 6), (9, 18), (12, rise * 0.6), (8, rise * 0.85),
                                       (18, rise)], 24))
    return s.union(stand, s.cylinder(10.5, height).translate((0, 0, rise - 2)))


def bell(r: Generator) -> Manifold:
    """A hand bell."""
    mouth, high = r.uniform(30, 42), r.uniform(45, 65)
    body = s.shell(s.smooth_profile([(mouth * 0.45, 0), (mouth * 0.6, high * 0.4), (mouth, high)], 14), 5.0,
                   8.0).rotate((180, 0, 0))
    return s.union(body, s.turned(s.smooth_profile([(9, -6), (8, 15), (13, 45), (9, r.uniform(70, 85)), (3, 88)]), 20))


def hourglass(r: Generator) -> Manifold:
    """Two bulbs between discs with posts."""
    radius, high = r.uniform(22, 32), r.uniform(90, 140)
    glass = s.turned(s.smooth_profile([(radius * 0.75, 0), (radius * 0.75, high * 0.2), (7, high * 0.5),
                                       (radius * 0.75, high * 0.8), (radius * 0.75, high)], 30))
    disc = s.cylinder(radius * 1.2, 9)
    posts = s.ring_of(s.cylinder(4, high, segments=10), 3, radius)
    return s.union(glass, disc.translate((0, 0, -6)), disc.translate((0, 0, high - 3)), *posts)


def padlock(r: Generator) -> Manifold:
    x, y, z = r.uniform(35, 60), r.uniform(16, 26), r.uniform(35, 50)
    bow = s.tube(s.arc(x * 0.34, r.uniform(26, 38), -15, 195, 18) + [0, 0, z * 0.5], r.uniform(4, 5.5), 12)
    return s.union(s.rounded_box(x, y, z, 3), bow)


def door_handle(r: Generator) -> Manifold:
    """A lever on a rose, or a knob on a plate."""
    rose = s.cylinder(r.uniform(24, 28), 9)
    if r.random() < 0.5:
        head = r.uniform(22, 29)
        return s.union(rose, s.cylinder(11, 50), s.egg(head, head, head * r.uniform(0.6, 0.9)).translate((0, 0, 55)))
    thick = r.uniform(8, 11)
    return s.union(rose, s.tube(s.smooth_path([(0, 0, 2), (0, 0, 52), (30, 0, 54), (r.uniform(105, 125), 0, 52)], 2),
                                thick, 14))


def dumbbell(r: Generator) -> Manifold:
    grip, radius, length, width = r.uniform(12, 16), r.uniform(24, 38), r.uniform(95, 120), r.uniform(20, 38)
    half = [(radius - 2, 0), (radius, 3), (radius, width), (grip, width + 3)]
    total = length + 2 * width
    return s.turned(half + [(x, total - z) for x, z in reversed(half)], int(r.choice([6, 8, 28])))


def kettlebell(r: Generator) -> Manifold:
    radius, thick = r.uniform(36, 52), r.uniform(20, 28)
    x, top = radius * 0.75, radius + r.uniform(44, 54)
    bow = s.bow([(x * 0.75, 0, radius * 0.5), (x * 1.15, 0, radius + 22), (x, 0, top), (-x, 0, top),
                 (-x * 1.15, 0, radius + 22), (-x * 0.75, 0, radius * 0.5)], thick)
    return s.union(s.egg(radius, radius, radius * 0.95).trim_by_plane((0, 0, 1), -radius * 0.8), bow)
