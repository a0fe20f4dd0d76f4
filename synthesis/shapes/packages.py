"""Families of packages: boxes, cartons, tins, tubs, bottles, jars and bags as they stand in a larder. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def food_box(r: Generator) -> Manifold:
    """Crackers, cereals, detergent: tall and wide, held by its thickness."""
    return s.rounded_box(r.uniform(45, 85), r.uniform(120, 180), r.uniform(150, 240), r.uniform(0.8, 2.5))


def box(r: Generator) -> Manifold:
    """Tea, medicine, screws."""
    return s.rounded_box(r.uniform(25, 80), r.uniform(25, 110), r.uniform(30, 130), r.uniform(1, 6))


def packet(r: Generator) -> Manifold:
    """A narrow upright packet, such as of sugar, rice or pudding."""
    return s.rounded_box(r.uniform(28, 55), r.uniform(65, 110), r.uniform(95, 190), r.uniform(1, 5))


def milk_carton(r: Generator) -> Manifold:
    """A carton with a gable top and, at times, a screw cap on the slope."""
    x, y, height = r.uniform(62, 90), r.uniform(62, 90), r.uniform(110, 190)
    ridge = height + x * r.uniform(0.35, 0.5)
    body = s.pillar(x, y, height, 3)
    roof = s.hull(s.pillar(x, y, 1, 3).translate((0, 0, height - 1)),
                  s.rounded_box(5, y * 0.98, 4, 1).translate((0, 0, ridge)))
    fin = s.rounded_box(5, y * 0.98, 24, 1).translate((0, 0, ridge + 8))
    parts = [body, roof, fin]
    if r.random() < 0.5:
        slope = np.degrees(np.arctan2(ridge - height, x / 2))
        cap = s.cylinder(r.uniform(11, 14), 14, segments=24).translate((0, 0, -2)).rotate((0, slope, 0))
        parts.append(cap.translate((x / 4, 0, (height + ridge) / 2)))
    return s.union(*parts)


def drink_carton(r: Generator) -> Manifold:
    """A brick of juice with a cap, or a small one with a straw."""
    if r.random() < 0.5:
        x, y, z = r.uniform(55, 75), r.uniform(75, 98), r.uniform(160, 210)
        top = s.cylinder(r.uniform(11, 15), 14, segments=24).translate((0, y * 0.2, z / 2 - 1))
    else:
        x, y, z = r.uniform(36, 44), r.uniform(48, 64), r.uniform(95, 130)
        top = s.tube([[0, y * 0.25, z / 2 - 4], [0, y * 0.25, z / 2 + 25], [0, y * 0.25 + 16, z / 2 + 42]], 4, 10)
    return s.union(s.rounded_box(x, y, z, 1.5), top)


def can(r: Generator) -> Manifold:
    radius, height, lip = r.uniform(24, 40), r.uniform(70, 150), r.uniform(1.5, 4)
    knots = [(radius - lip, 0), (radius, lip), (radius, height - lip), (radius - lip, height)]
    return s.turned(knots, 36)


def large_can(r: Generator) -> Manifold:
    """Coffee, paint, formula: 8 to 11 cm across, with beads round the wall and a rim or a lid."""
    radius, height = r.uniform(40, 55), r.uniform(80, 190)
    profile = [(radius - 1, 0), (radius + 1, 2), (radius + 1, 4), (radius, 6)]
    for z in np.linspace(height * 0.3, height * 0.6, int(r.integers(0, 4))):
        profile += [(radius, z), (radius - 2, z + 3), (radius, z + 6)]
    lid = r.uniform(0, 3)
    profile += [(radius, height - 16), (radius + lid, height - 15), (radius + lid, height - 1),
                (radius + lid - 2, height)]
    return s.turned(profile, 36)


def tub(r: Generator) -> Manifold:
    """Yoghurt, margarine, ice cream: tapered, with a lid that stands out."""
    top, height = r.uniform(36, 55), r.uniform(55, 130)
    foot = top * r.uniform(0.72, 0.92)
    profile = [(foot - 2, 0), (foot, 3), (top - 2, height - 9), (top + 1, height - 8), (top + 1, height),
               (top - 4, height), (top - 5, height - 2)]
    return s.turned(profile, 36).scale((1, r.choice([1.0, 1.0, r.uniform(0.75, 1)]), 1))


def flat_tin(r: Generator) -> Manifold:
    """Fish, sweets, shoe polish: low, oval or round, with a rim."""
    x, y, z = r.uniform(65, 115), r.uniform(48, 80), r.uniform(20, 45)
    body = s.pillar(x, y, z, y * r.uniform(0.25, 0.49))
    rim = s.pillar(x + 3, y + 3, 4, y * 0.4)
    return s.union(body, rim, rim.translate((0, 0, z - 4)))


def tin(r: Generator) -> Manifold:
    """Tea or biscuits: a box with a lid one size larger, some with a knob."""
    x, y, z, corner = r.uniform(60, 115), r.uniform(50, 85), r.uniform(60, 150), r.uniform(3, 18)
    lid = s.pillar(x + 3, y + 3, z * 0.25, corner + 1, 0.97).translate((0, 0, z * 0.78))
    parts = [s.pillar(x, y, z * 0.9, corner), lid]
    if r.random() < 0.35:
        parts.append(s.turned([(6, z), (6, z + 6), (12, z + 12), (10, z + 18)], 20))
    return s.union(*parts)


def canister(r: Generator) -> Manifold:
    """A kitchen jar with a lid and a knob."""
    radius, height = r.uniform(36, 54), r.uniform(80, 150)
    belly = radius * r.uniform(0.9, 1.08)
    body = s.turned(s.smooth_profile([(radius * 0.92, 0), (belly, height * 0.5), (radius * 0.9, height)]))
    lid = s.turned(s.smooth_profile([(radius * 0.98, height), (radius * 0.96, height + 8),
                                     (radius * 0.3, height + 16)]))
    knob = s.egg(11, 11, r.uniform(9, 13)).translate((0, 0, height + 22))
    return s.union(body, lid, knob)


def jar(r: Generator) -> Manifold:
    """Jam: a body, a short shoulder, a wide lid."""
    radius, height = r.uniform(28, 46), r.uniform(60, 140)
    lid, sides = radius * r.uniform(0.8, 1.02), int(r.choice([6, 8, 32, 32]))
    body = s.turned([(radius - 3, 0), (radius, 3), (radius, height * 0.72), (lid * 0.86, height * 0.84),
                     (lid * 0.86, height * 0.9)], sides)
    return s.union(body, s.cylinder(lid, height * 0.15, segments=36).translate((0, 0, height * 0.87)))


def spray_can(r: Generator) -> Manifold:
    """Paint, hair spray, deodorant: a dome and a cap or a button."""
    radius, height = r.uniform(22, 33), r.uniform(120, 210)
    body = s.turned([(radius - 2, 0), (radius, 2), (radius, height * 0.85), (radius * 0.8, height * 0.92),
                     (radius * 0.45, height * 0.95)])
    if r.random() < 0.5:
        cap = s.cylinder(radius * r.uniform(0.85, 1.0), height * 0.25).translate((0, 0, height * 0.83))
    else:
        cap = s.turned([(radius * 0.4, height * 0.9), (radius * 0.32, height), (radius * 0.3, height * 1.07)], 20)
    return s.union(body, cap)


def pill_bottle(r: Generator) -> Manifold:
    """A small bottle with a ribbed cap."""
    radius, height = r.uniform(16, 28), r.uniform(50, 95)
    body = s.turned([(radius - 1, 0), (radius, 1), (radius, height * 0.75), (radius * 0.8, height * 0.82)])
    t = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    reach = radius * r.uniform(0.92, 1.08) * (1 + 0.03 * np.sign(np.sin(18 * t)))
    cap = s.plate_of(np.stack([reach * np.cos(t), reach * np.sin(t)], 1), height * 0.25)
    return s.union(body, cap.translate((0, 0, height * 0.9)))


def bottle(r: Generator) -> Manifold:
    """Body, shoulder, neck and cap; every other one oval in section."""
    radius, height = r.uniform(22, 40), r.uniform(130, 260)
    neck, shoulder = radius * r.uniform(0.28, 0.5), height * r.uniform(0.5, 0.72)
    knots = [(radius * 0.9, 0), (radius, 6), (radius * r.uniform(0.85, 1), shoulder * 0.5),
             (radius * r.uniform(0.9, 1), shoulder), (neck, height * 0.86), (neck, height * 0.9)]
    cap = s.cylinder(neck * r.uniform(1.05, 1.3), height * 0.1).translate((0, 0, height * 0.89))
    return s.union(s.turned(s.smooth_profile(knots)), cap).scale((1, r.choice([1.0, r.uniform(0.55, 0.9)]), 1))


def large_bottle(r: Generator) -> Manifold:
    """Water, oil, fabric softener: up to 10 cm across and 29 cm tall, with a waist for the hand or rings."""
    radius, height = r.uniform(37, 50), r.uniform(200, 290)
    neck, waist = r.uniform(12, 19), radius * r.uniform(0.72, 0.98)
    knots = [(radius * 0.85, 0), (radius, 10), (radius, height * 0.3), (waist, height * 0.45),
             (radius * 0.97, height * 0.6), (neck * 1.1, height * 0.88), (neck, height * 0.93)]
    cap = s.cylinder(neck * 1.15, height * 0.09, segments=24).translate((0, 0, height * 0.91))
    return s.union(s.turned(s.smooth_profile(knots, 28), 28), cap).scale((1, r.choice([1.0, r.uniform(0.65, 0.95)]), 1))


def squeeze_bottle(r: Generator) -> Manifold:
    """A flat bottle with a nozzle or a flat cap to stand on, such as for sauce or shampoo."""
    wide, deep, height = r.uniform(50, 85), r.uniform(34, 55), r.uniform(120, 200)
    corner = deep * r.uniform(0.3, 0.48)
    body = s.hull(s.pillar(wide * 0.9, deep * 0.9, 2, corner * 0.9),
                  s.pillar(wide, deep, height * 0.4, corner).translate((0, 0, height * 0.1)),
                  s.pillar(wide * r.uniform(0.5, 0.9), deep * 0.7, 2, deep * 0.34).translate((0, 0, height * 0.8)))
    neck = r.uniform(9, 14)
    tip = neck * r.choice([0.35, 1.0])
    nozzle = s.turned([(neck, height * 0.78), (neck, height * 0.88), (tip, height), (tip * 0.9, height + 2)], 24)
    return s.union(body, nozzle)


def pump_bottle(r: Generator) -> Manifold:
    """Soap or lotion with a pump on top."""
    wide, height = r.uniform(52, 78), r.uniform(95, 150)
    deep = wide * r.uniform(0.65, 1.0)
    body = s.pillar(wide, deep, height, deep * r.uniform(0.15, 0.49), r.uniform(0.75, 1))
    collar = s.turned([(16, height - 2), (16, height + 14), (6, height + 15), (6, height + 34)], 24)
    head = s.rounded_box(r.uniform(42, 60), 18, 13, 4).translate((-12, 0, height + 38))
    return s.union(body, collar, head)


def spray_bottle(r: Generator) -> Manifold:
    """A trigger sprayer for windows or plants."""
    radius, height = r.uniform(30, 40), r.uniform(130, 175)
    neck = r.uniform(13, 16)
    knots = [(radius * 0.95, 0), (radius, height * 0.1), (radius * 0.95, height * 0.5), (neck, height * 0.82),
             (neck, height)]
    body = s.turned(s.smooth_profile(knots)).scale((1, r.uniform(0.7, 1), 1))
    head = s.hull(s.rounded_box(40, 24, 26, 5).translate((0, 0, height + 12)),
                  s.rounded_box(16, 18, 16, 4).translate((r.uniform(40, 52), 0, height + 17)))
    trigger = s.bow([(26, 0, height + 8), (34, 0, height - 12), (28, 0, height - 32), (34, 0, height - 40)], 8, 13)
    return s.union(body, head, trigger)


def jug(r: Generator) -> Manifold:
    """A bottle with a grip hole through its shoulder, such as for bleach, milk or detergent."""
    wide, deep, height = r.uniform(95, 125), r.uniform(55, 75), r.uniform(190, 260)
    body = s.hull(s.pillar(wide, deep, height * 0.5, deep * 0.35),
                  s.pillar(wide * 0.8, deep * 0.7, 2, deep * 0.3).translate((wide * 0.08, 0, height * 0.86)))
    neck = s.turned([(18, height * 0.8), (15, height * 0.9), (19, height * 0.9), (19, height)],
                    24).translate((-wide * 0.12, 0, 0))
    tall = height * r.uniform(0.16, 0.19)
    hole = s.egg(r.uniform(13, 16), 100, tall).translate((wide * 0.2, 0, height * 0.6))
    slim = s.rounded_box(60, 60, 2.6 * tall, 12).translate((wide * 0.38, 40 + r.uniform(11, 14), height * 0.6))
    return s.union(body, neck) - hole - slim - slim.mirror((0, 1, 0))


def bag(r: Generator) -> Manifold:
    """A filled bag of coffee or flour: a flat foot and a folded or clipped top."""
    x, y, height = r.uniform(45, 70), r.uniform(70, 105), r.uniform(110, 190)
    body = s.hull(s.pillar(x, y, height * 0.55, x * 0.3),
                  s.rounded_box(6, y * 0.95, 4, 2).translate((0, 0, height * 0.85)))
    fold = s.rounded_box(r.uniform(8, 14), y * 0.95, r.uniform(16, 36), 3).translate((0, 0, height * 0.9))
    return s.union(body, fold)


def egg_box(r: Generator) -> Manifold:
    """A carton of six or ten eggs with a bumpy foot."""
    count, pitch = int(r.choice([2, 3, 3])), r.uniform(38, 46)
    lid = s.hull(s.pillar(count * pitch + 8, 2 * pitch + 8, 4, 8),
                 s.pillar(count * pitch - 8, 2 * pitch - 8, 2, 8).translate((0, 0, pitch * 0.75)))
    cups = [s.turned([(pitch * 0.32, -pitch * 0.75), (pitch * 0.5, 2)], 20)
            .translate(((i - (count - 1) / 2) * pitch, (j - 0.5) * pitch, 0)) for i in range(count) for j in (0, 1)]
    return s.union(lid, *cups)
