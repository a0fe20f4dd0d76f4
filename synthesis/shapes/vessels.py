"""Families one drinks and pours from: cups, mugs, glasses, pitchers, pots with a spout, flasks. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def _cup_profile(r: Generator, low: tuple[float, float], high: tuple[float, float], ratio: tuple[float, float]):
    top, height = r.uniform(*low), r.uniform(*high)
    foot = top * r.uniform(*ratio)
    return s.smooth_profile([(foot, 0), (foot + (top - foot) * r.uniform(0.3, 0.8), height * 0.45), (top, height)], 12)


def _radius_at(profile, height: float) -> float:
    radii, heights = np.array(profile, dtype=float).T
    return float(np.interp(height, heights, radii))


def _ear(r: Generator, profile, low: float, high: float, gap: float, thick: float, kind: str) -> Manifold:
    """A handle on a turned body: `gap` between the wall and the inner side, between two heights."""
    down, up = _radius_at(profile, low) - 2, _radius_at(profile, high) - 2
    out = max(down, up) + 2 + gap + thick / 2
    mid = (low + high) / 2
    points = {"round": [(up, high), (out * 0.7 + up * 0.3, high + 3), (out + 4, mid + 0.28 * (high - low)), (
        out + 4, mid - 0.28 * (high - low)), (out * 0.7 + down * 0.3, low - 3), (down, low)], "square": [
            (up, high), (out, high), (out, high - 4), (out, low + 4), (out, low), (down, low)], "drop": [(up, high), (
                out, high + 4), (out + 6, high - 0.3 * (high - low)), (out * 0.6 + down * 0.4, low), (down, low)],
              "open": [(up, high), (out, high), (out, high - 6), (out, low + 8), (out - 0.12 * gap, low)]}[kind]
    wide = thick * r.uniform(1.0, 1.6)
    return s.bow([(x, 0, z) for x, z in points], thick, wide)


def cup(r: Generator) -> Manifold:
    """A beaker without a handle."""
    return s.shell(_cup_profile(r, (28, 46), (60, 140), (0.6, 1.0)), r.uniform(4, 5.5))


def mug(r: Generator) -> Manifold:
    """Handles for two to four fingers: round, square, drop-shaped or open below."""
    profile = _cup_profile(r, (34, 46), (75, 115), (0.75, 1.0))
    wall, height = r.uniform(4, 5.5), profile[-1][1]
    low, high = height * r.uniform(0.14, 0.24), height * r.uniform(0.76, 0.88)
    ear = _ear(r, profile, low, high, r.uniform(22, 35), r.uniform(8, 13),
               r.choice(["round", "square", "drop", "open"]))
    return s.union(s.turned(profile), ear) - s.cavity(profile, wall)


def beer_mug(r: Generator) -> Manifold:
    """Large, thick, often with flat sides."""
    radius, height = r.uniform(36, 47), r.uniform(110, 165)
    profile = [(radius * 0.98, 0), (radius, 5), (radius * r.uniform(0.92, 1), height)]
    ear = _ear(r, profile, height * 0.2, height * 0.82, r.uniform(28, 38), r.uniform(12, 17),
               r.choice(["round", "square"]))
    sides = int(r.choice([10, 12, 32]))
    return s.union(s.turned(profile, sides), ear) - s.cavity(profile, r.uniform(5, 7), 10.0)


def teacup(r: Generator) -> Manifold:
    """A wide small cup with a small ear, some on a saucer."""
    top, height = r.uniform(38, 50), r.uniform(48, 66)
    profile = s.smooth_profile([(top * 0.45, 0), (top * 0.75, height * 0.35), (top * 0.95, height * 0.75),
                                (top, height)], 12)
    ear = _ear(r, profile, height * 0.3, height * 0.88, r.uniform(18, 24), r.uniform(6, 8), r.choice(["round", "drop"]))
    parts = [s.turned(profile), ear]
    if r.random() < 0.4:
        dish = r.uniform(62, 74)
        parts.append(s.turned([(dish * 0.5, -5), (dish * 0.6, -4), (dish, 6), (dish, 10), (dish * 0.62, 1), (4, 1)]))
    return s.union(*parts) - s.cavity(profile, 4.0)


def tumbler(r: Generator) -> Manifold:
    """A glass: straight or conical, round or with flat sides, a heavy floor."""
    top, height = r.uniform(30, 42), r.uniform(80, 155)
    foot = top * r.uniform(0.7, 1.0)
    profile = [(foot * 0.96, 0), (foot, 3), (top, height)]
    sides = int(r.choice([8, 12, 36, 36]))
    return s.turned(profile, sides) - s.cavity(profile, r.uniform(4, 5.5), r.uniform(8, 16))


def wineglass(r: Generator) -> Manifold:
    foot, stem, top = r.uniform(28, 38), r.uniform(4, 6), r.uniform(26, 38)
    rise, height = r.uniform(60, 95), r.uniform(65, 100)
    stand = s.turned([(foot, 0), (foot, 4), (stem * 1.6, 9), (stem, 16), (stem, rise), (stem + 3, rise + 3)], 28)
    goblet = s.smooth_profile([(stem + 2, rise), (top * 1.08, rise + height * 0.5), (top, rise + height)], 12)
    return s.union(stand, s.turned(goblet)) - s.cavity(goblet, 4.0, 6.0)


def goblet(r: Generator) -> Manifold:
    """A cup on a short foot: sundae glass, trophy, egg cup; a trophy has two ears."""
    top, rise, height = r.uniform(26, 44), r.uniform(18, 50), r.uniform(45, 85)
    stem, foot = top * r.uniform(0.22, 0.4), top * r.uniform(0.7, 0.95)
    stand = s.turned([(foot, 0), (foot, 6), (stem * 1.4, 12), (stem, rise * 0.6 + 8), (stem * 1.5, rise + 8)], 28)
    bowl = s.smooth_profile([(stem * 1.3, rise), (top * 0.85, rise + height * 0.4), (top, rise + height)], 12)
    parts = [stand, s.turned(bowl)]
    if r.random() < 0.4:
        ear = _ear(r, bowl, rise + height * 0.25, rise + height * 0.8, r.uniform(16, 24), r.uniform(7, 10), "round")
        parts += [ear, ear.rotate((0, 0, 180))]
    return s.union(*parts) - s.cavity(bowl, 4.5, 7.0)


def _lip(radius: float, height: float) -> Manifold:
    """A pouring lip on the -x side of a rim."""
    ring = s.cylinder(radius * 0.96, 3).translate((0, 0, height - 3))
    beak = s.hull(s.cylinder(6, 2).translate((-radius - 10, 0, height - 2)),
                  s.cylinder(radius * 0.5, 1).translate((-radius * 0.45, 0, height - 26)))
    return s.hull(ring, s.cylinder(5, 3).translate((-radius - 9, 0, height - 3))) + beak


def pitcher(r: Generator) -> Manifold:
    """A handle with room for the whole hand and a pouring lip."""
    radius, height = r.uniform(42, 60), r.uniform(140, 230)
    waist, neck = radius * r.uniform(0.9, 1.1), radius * r.uniform(0.75, 1)
    profile = s.smooth_profile([(radius, 0), (waist, height * 0.4), (neck, height * 0.85), (neck * 1.04, height)], 14)
    low, high = height * r.uniform(0.15, 0.3), height * r.uniform(0.82, 0.93)
    ear = _ear(r, profile, low, high, r.uniform(30, 45), r.uniform(12, 22), r.choice(["round", "square", "drop"]))
    cavity = s.cavity(profile, r.uniform(4.5, 6))
    body = s.union(s.turned(profile), _lip(neck * 1.04, height), ear) - cavity
    channel = s.hull(s.cylinder(1.5, 3).translate((-neck - 8, 0, height - 3)),
                     s.cylinder(neck * 0.4, 2).translate((-neck * 0.5, 0, height - 20)), s.cylinder(neck * 0.4, 12)
                     .translate((-neck * 0.5, 0, height)), s.cylinder(2, 12).translate((-neck - 10, 0, height)))
    return body - channel


def measuring_jug(r: Generator) -> Manifold:
    """Conical, with an open or closed strap handle."""
    foot, height = r.uniform(34, 46), r.uniform(90, 150)
    top = foot * r.uniform(1.15, 1.35)
    profile = [(foot, 0), (top, height)]
    ear = _ear(r, profile, height * 0.2, height * 0.88, r.uniform(28, 38), r.uniform(9, 14),
               r.choice(["square", "open"]))
    return s.union(s.turned(profile), _lip(top, height), ear) - s.cavity(profile, r.uniform(4, 5))


def _spout(start: float, low: float, reach: float, tip: float, thick: float) -> Manifold:
    """A spout on the -x side that narrows upwards."""
    path = s.smooth_path([(-start * 0.6, 0, low), (-start - reach * 0.4, 0, low + 4),
                          (-start - reach * 0.7, 0, tip * 0.7 + low * 0.3), (-start - reach, 0, tip)], 2)
    return s.tube(path, np.linspace(thick, thick * 0.5, len(path)), 14)


def teapot(r: Generator) -> Manifold:
    radius, flat = r.uniform(44, 60), r.uniform(0.75, 0.95)
    body = s.egg(radius, radius, radius * flat).trim_by_plane((0, 0, 1), -radius * flat * 0.8)
    lid = s.union(s.cylinder(radius * 0.4, 8),
                  s.egg(9, 9, 9).translate((0, 0, 15))).translate((0, 0, radius * flat * 0.88))
    spout = _spout(radius * 0.9, -radius * 0.25, radius * r.uniform(0.5, 0.7), radius * 0.6, r.uniform(11, 15))
    gap, thick = r.uniform(28, 38), r.uniform(9, 13)
    x = radius * 0.85
    ear = s.bow([(x * 0.8, 0, radius * 0.45), (x + gap, 0, radius * 0.6), (x + gap + thick, 0, 0),
                 (x + gap * 0.5, 0, -radius * 0.5), (x * 0.8, 0, -radius * 0.42)], thick, thick * r.uniform(1, 1.4))
    return s.union(body, lid, spout, ear)


def kettle(r: Generator) -> Manifold:
    """A wide body, a short spout, a handle over the top or at the side."""
    radius, height = r.uniform(52, 60), r.uniform(85, 150)
    knots = [(radius * 0.97, 0), (radius, 8), (radius * 0.9, height * 0.5),
             (radius * r.uniform(0.55, 0.75), height * 0.92), (radius * 0.45, height)]
    profile = s.smooth_profile(knots, 16)
    lid = s.egg(11, 11, 10).translate((0, 0, height + 5))
    spout = _spout(radius * 0.85, height * 0.4, radius * 0.5, height * r.uniform(0.8, 0.95), r.uniform(12, 16))
    thick = r.uniform(13, 20)
    if r.random() < 0.5:
        x, rise = radius * 0.72, height + r.uniform(48, 62)
        hold = s.bow([(x * 0.8, 0, height * 0.6), (x, 0, height), (x, 0, rise), (-x, 0, rise), (-x, 0, height),
                      (-x * 0.8, 0, height * 0.6)], thick)
        return s.union(s.turned(profile), lid, spout, hold)
    hold = _ear(r, profile, height * 0.15, height * 0.8, r.uniform(32, 45), thick, "square")
    return s.union(s.turned(profile), lid, spout, hold)


def coffee_pot(r: Generator) -> Manifold:
    """A moka pot: two facetted cones, a beak, a knob, a straight handle."""
    radius, height, sides = r.uniform(34, 46), r.uniform(120, 180), int(r.choice([8, 10, 24]))
    waist, mid = radius * r.uniform(0.68, 0.8), height * 0.45
    profile = [(radius, 0), (waist, mid), (waist, mid + 6), (radius * 0.98, height * 0.92), (radius * 0.5, height)]
    beak = s.hull(s.cylinder(4, 4).translate((-radius - 12, 0, height * 0.88)), s.cylinder(waist * 0.4, 4).translate(
        (-waist * 0.5, 0, mid + 15)), s.cylinder(radius * 0.6, 4).translate((-radius * 0.3, 0, height * 0.88)))
    knob = s.egg(8, 8, 9).translate((0, 0, height + 6))
    x, thick, gap = radius - 4, r.uniform(11, 15), r.uniform(24, 34)
    hold = s.bow([(x - 4, 0, height * 0.85), (x + gap + thick, 0, height * 0.86), (x + gap + thick, 0, height * 0.7),
                  (x + gap + thick - 8, 0, mid - 14)], thick)
    return s.union(s.turned(profile, sides), beak, knob, hold)


def watering_can(r: Generator) -> Manifold:
    """A small can for house plants: a long spout with a rose, a bow at the back."""
    radius, height = r.uniform(42, 54), r.uniform(85, 120)
    profile = [(radius, 0), (radius * r.uniform(0.8, 1), height)]
    reach = r.uniform(60, 85)
    spout = s.tube([[-radius * 0.7, 0, height * 0.2], [-radius - reach, 0, height * 1.15]], [12, 8])
    rose = (s.turned([(7, 0), (17, 16), (17, 21)], 20).rotate((0, -55, 0))
            .translate((-radius - reach + 3, 0, height * 1.13)))
    ear = _ear(r, profile, height * 0.2, height * 0.85, r.uniform(32, 42), r.uniform(11, 16),
               r.choice(["round", "drop"]))
    return s.union(s.turned(profile), spout, rose, ear) - s.cavity(profile, 4.5)


def flask(r: Generator) -> Manifold:
    """A thermos or sports bottle: a body, a shoulder, a screw cap or a nipple; some with a loop on the cap."""
    radius, height = r.uniform(29, 44), r.uniform(160, 270)
    neck = radius * r.uniform(0.65, 0.9)
    body = s.turned([(radius - 2, 0), (radius, 2), (radius, height * 0.74), (neck, height * 0.82),
                     (neck * 0.9, height * 0.84)])
    cap = s.turned([(neck, height * 0.83), (neck, height * 0.96), (neck * 0.9, height)])
    parts = [body, cap]
    if r.random() < 0.5:
        reach = r.uniform(22, 28)
        parts.append(s.bow([(-neck * 0.8, 0, height * 0.97), (-neck * 0.8, 0, height + reach),
                            (neck * 0.8, 0, height + reach), (neck * 0.8, 0, height * 0.97)], 8, 14))
    return s.union(*parts)


def carafe(r: Generator) -> Manifold:
    """A bellied jug with a narrow neck and a wide mouth."""
    belly, height = r.uniform(40, 56), r.uniform(170, 250)
    neck = r.uniform(17, 26)
    knots = [(belly * 0.75, 0), (belly, height * 0.25), (neck, height * 0.7), (neck * 1.5, height)]
    return s.shell(s.smooth_profile(knots, 20), r.uniform(4, 5))


def vase(r: Generator) -> Manifold:
    heights = np.linspace(0, r.uniform(110, 230), 5)
    radii = np.clip(r.uniform(26, 44) * r.uniform(0.55, 1.15, 5), 16, 48)
    return s.shell(s.smooth_profile(list(zip(radii, heights, strict=True))), r.uniform(4, 6))
