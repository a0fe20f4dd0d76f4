"""Families of vessels and packages: cups, mugs, bottles, bowls, pitchers, boxes, cans. Millimetres."""

from __future__ import annotations

from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_training.synthesis import solids as s


def cylinder(r: Generator) -> Manifold:
    return s.cylinder(r.uniform(8, 42), r.uniform(35, 220), segments=int(r.choice([24, 32, 40])))


def can(r: Generator) -> Manifold:
    radius, height, lip = r.uniform(24, 44), r.uniform(35, 150), r.uniform(1.5, 4)
    knots = [(radius - lip, 0), (radius, lip), (radius, height - lip), (radius - lip, height)]
    return s.turned(knots, 36).scale((1, r.choice([1.0, 1.0, r.uniform(0.6, 1)]), 1))


def bottle(r: Generator) -> Manifold:
    """Body, shoulder, neck and cap; every other one oval in section."""
    radius, height = r.uniform(20, 42), r.uniform(120, 250)
    neck, shoulder = radius * r.uniform(0.25, 0.6), height * r.uniform(0.5, 0.75)
    waist = radius * r.uniform(0.85, 1.0)
    body = s.turned(
        s.smooth_profile(
            [
                (radius * 0.9, 0),
                (radius, 6),
                (waist, shoulder * 0.5),
                (radius * r.uniform(0.9, 1), shoulder),
                (neck, height * 0.86),
                (neck, height * 0.9),
            ]
        )
    )
    cap = s.cylinder(neck * r.uniform(1.0, 1.3), height * 0.12).translate((0, 0, height * 0.88))
    return s.union(body, cap).scale((1, r.choice([1.0, r.uniform(0.55, 0.9)]), 1))


def squeeze_bottle(r: Generator) -> Manifold:
    """A flat bottle with a nozzle, such as for sauce or shampoo."""
    wide, deep, height = r.uniform(50, 90), r.uniform(32, 55), r.uniform(110, 190)
    body = Manifold.extrude(
        s.rounded_outline(wide, deep, deep * r.uniform(0.25, 0.45)), height * 0.7, 8, 0.0, (r.uniform(0.75, 1.0),) * 2
    )
    shoulder = s.turned(
        s.smooth_profile(
            [
                (deep * 0.46, height * 0.6),
                (deep * 0.4, height * 0.75),
                (deep * 0.2, height * 0.84),
                (deep * 0.2, height * 0.88),
            ]
        )
    )
    nozzle = s.cylinder(deep * 0.2, height * 0.17, r.uniform(2.5, 6)).translate((0, 0, height * 0.86))
    return s.union(body, shoulder, nozzle)


def spray_bottle(r: Generator) -> Manifold:
    radius, height = r.uniform(26, 38), r.uniform(130, 180)
    neck = r.uniform(11, 15)
    body = s.turned(s.smooth_profile([(radius, 0), (radius, height * 0.5), (neck, height * 0.8), (neck, height)]))
    head = s.rounded_box(r.uniform(60, 85), 26, 30, 5).translate((r.uniform(8, 16), 0, height + 10))
    trigger = s.tube([[26, 0, height - 2], [32, 0, height - 20], [28, 0, height - 40]], [5, 5, 4])
    return s.union(body.scale((1, r.uniform(0.65, 1), 1)), head, trigger)


def jug(r: Generator) -> Manifold:
    """A bottle with a grip hole through its shoulder, such as for bleach or milk."""
    wide, deep, height = r.uniform(85, 125), r.uniform(55, 75), r.uniform(190, 260)
    body = Manifold.extrude(s.rounded_outline(wide, deep, deep * 0.35), height * 0.85, 1, 0.0, (0.72, 0.8))
    neck = s.cylinder(r.uniform(14, 20), height * 0.2).translate((-wide * 0.1, 0, height * 0.8))
    hole = s.egg(13, 100, height * r.uniform(0.14, 0.18)).translate((wide * 0.12, 0, height * 0.56))
    return s.union(body, neck) - hole


def _cup_profile(r: Generator, low: tuple[float, float], high: tuple[float, float], ratio: tuple[float, float]):
    top, height = r.uniform(*low), r.uniform(*high)
    foot = top * r.uniform(*ratio)
    return s.smooth_profile([(foot, 0), (foot + (top - foot) * r.uniform(0.3, 0.8), height * 0.45), (top, height)], 12)


def cup(r: Generator) -> Manifold:
    return s.shell(_cup_profile(r, (28, 46), (60, 140), (0.6, 1.0)), r.uniform(4, 5.5))


def mug(r: Generator) -> Manifold:
    profile = _cup_profile(r, (34, 48), (70, 120), (0.75, 1.0))
    wall, height = r.uniform(4, 5.5), profile[-1][1]
    low, high = height * r.uniform(0.12, 0.25), height * r.uniform(0.75, 0.92)
    ear = s.handle(profile[6][0] - 2, low, high, r.uniform(26, 40), r.uniform(4, 6.5), r.uniform(0.9, 1.7))
    return s.union(s.turned(profile), ear) - s.cavity(profile, wall)


def pitcher(r: Generator) -> Manifold:
    radius, height = r.uniform(46, 66), r.uniform(140, 235)
    profile = s.smooth_profile(
        [
            (radius, 0),
            (radius * r.uniform(0.9, 1.1), height * 0.4),
            (radius * r.uniform(0.75, 1), height * 0.85),
            (radius * r.uniform(0.8, 1), height),
        ],
        14,
    )
    ear = s.handle(
        radius * 0.86,
        height * r.uniform(0.15, 0.3),
        height * r.uniform(0.82, 0.95),
        r.uniform(42, 58),
        r.uniform(6, 9),
        r.uniform(1.0, 1.8),
    )
    return s.union(s.turned(profile), ear) - s.cavity(profile, r.uniform(4.5, 6))


def teapot(r: Generator) -> Manifold:
    radius = r.uniform(42, 62)
    body = s.egg(radius, radius, radius * r.uniform(0.75, 0.95))
    lid = s.union(s.cylinder(radius * 0.4, 8), s.egg(8, 8, 8).translate((0, 0, 14))).translate((0, 0, radius * 0.72))
    spout = s.tube([[-radius * 0.7, 0, -10], [-radius * 1.25, 0, 5], [-radius * 1.5, 0, radius * 0.6]], [13, 9, 6])
    ear = s.handle(radius * 0.8, -radius * 0.45, radius * 0.55, r.uniform(34, 46), r.uniform(5, 7.5), r.uniform(1, 1.5))
    return s.union(body, lid, spout, ear)


def bowl(r: Generator) -> Manifold:
    top, height = r.uniform(45, 85), r.uniform(35, 75)
    foot = top * r.uniform(0.35, 0.6)
    knots = [(foot, 0), (foot + (top - foot) * r.uniform(0.65, 0.85), height * 0.45), (top, height)]
    return s.shell(s.smooth_profile(knots, 14), r.uniform(4, 6))


def wineglass(r: Generator) -> Manifold:
    foot, stem, top = r.uniform(28, 38), r.uniform(4, 6), r.uniform(26, 38)
    rise, height = r.uniform(60, 95), r.uniform(65, 100)
    stand = s.turned([(foot, 0), (foot, 3), (stem * 1.6, 9), (stem, 16), (stem, rise), (stem + 3, rise + 3)], 28)
    goblet = s.smooth_profile([(stem + 2, rise), (top * 1.08, rise + height * 0.5), (top, rise + height)], 12)
    return s.union(stand, s.turned(goblet)) - s.cavity(goblet, 4.0, 6.0)


def vase(r: Generator) -> Manifold:
    heights = s.np.linspace(0, r.uniform(90, 220), 5)
    return s.turned(s.smooth_profile([(r.uniform(18, 45), h) for h in heights]))


def jar(r: Generator) -> Manifold:
    radius, height = r.uniform(28, 48), r.uniform(50, 130)
    lid = radius * r.uniform(0.8, 1.05)
    body = s.turned([(radius - 3, 0), (radius, 3), (radius, height * 0.8), (lid * 0.9, height * 0.88)])
    return s.union(body, s.cylinder(lid, height * 0.17).translate((0, 0, height * 0.86)))


def plate(r: Generator) -> Manifold:
    radius, rim = r.uniform(65, 115), r.uniform(10, 22)
    profile = [(radius * 0.6, 0), (radius * 0.7, rim * 0.25), (radius, rim)]
    return s.shell(profile, 5.0, 5.0)


def pan(r: Generator) -> Manifold:
    radius, depth = r.uniform(55, 110), r.uniform(25, 55)
    profile = [(radius * 0.85, 0), (radius, depth)]
    length = r.uniform(100, 170)
    rise = depth * 0.8
    bar = s.tube(
        [
            [radius * 0.93, 0, rise],
            [radius + length * 0.5, 0, rise + r.uniform(0, 18)],
            [radius + length, 0, rise + r.uniform(0, 22)],
        ],
        [8, r.uniform(8, 13), r.uniform(9, 13)],
        flatten=r.uniform(0.7, 1),
    )
    return s.union(s.turned(profile), bar) - s.cavity(profile, 4.5)


def box(r: Generator) -> Manifold:
    return s.rounded_box(r.uniform(25, 80), r.uniform(25, 110), r.uniform(30, 130), r.uniform(1, 6))


def flat_box(r: Generator) -> Manifold:
    """A package one can hold by its thickness: cereals, sugar, books."""
    return s.rounded_box(r.uniform(24, 70), r.uniform(70, 165), r.uniform(100, 215), r.uniform(1, 4))


def slab(r: Generator) -> Manifold:
    """Soap, phone, remote control, wallet."""
    return s.rounded_box(r.uniform(10, 32), r.uniform(38, 80), r.uniform(70, 190), r.uniform(2, 9))


def basket(r: Generator) -> Manifold:
    """A small tray with an arched carrying handle."""
    x, y, z = r.uniform(90, 150), r.uniform(70, 110), r.uniform(40, 70)
    tray = s.rounded_box(x, y, z, 6) - s.rounded_box(x - 12, y - 12, z, 5).translate((0, 0, 8))
    arch = s.tube(s.arc(x / 2 - 4, r.uniform(70, 110), 0, 180, 20) + [0, 0, 5], r.uniform(5.5, 9), flatten=1.2)
    return s.union(tray, arch)


FAMILIES = {
    "cylinder": cylinder,
    "can": can,
    "bottle": bottle,
    "squeeze_bottle": squeeze_bottle,
    "spray_bottle": spray_bottle,
    "jug": jug,
    "cup": cup,
    "mug": mug,
    "pitcher": pitcher,
    "teapot": teapot,
    "bowl": bowl,
    "wineglass": wineglass,
    "vase": vase,
    "jar": jar,
    "plate": plate,
    "pan": pan,
    "box": box,
    "flat_box": flat_box,
    "slab": slab,
    "basket": basket,
}
