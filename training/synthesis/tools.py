"""Families of tools and things with grips: hammers, drills, scissors, cutlery, brushes, lamps. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import Manifold
from numpy.random import Generator

from fastgrasp_training.synthesis import solids as s


def _grip(r: Generator, length: float, thick: float) -> Manifold:
    """A slightly waisted rod along +x from the origin."""
    x = np.linspace(0, length, 10)
    swell = thick * (1 + r.uniform(-0.18, 0.18) * np.sin(np.pi * x / length) + r.uniform(-0.15, 0.15) * x / length)
    bend = r.uniform(-0.06, 0.06) * length * np.sin(np.pi * x / length)
    return s.tube(np.stack([x, np.zeros_like(x), bend], 1), swell, sides=16, flatten=r.uniform(0.7, 1.15))


def hammer(r: Generator) -> Manifold:
    length = r.uniform(150, 260)
    head = s.cylinder(r.uniform(11, 17), r.uniform(65, 105)).translate((0, 0, -r.uniform(28, 45)))
    claw = s.rounded_box(30, 20, 26, 4).translate((0, 0, 0))
    return s.union(_grip(r, length, r.uniform(10, 15)), head, claw)


def screwdriver(r: Generator) -> Manifold:
    shaft = s.along_x(s.cylinder(r.uniform(3, 5), r.uniform(60, 130), segments=16)).translate(
        (-r.uniform(55, 60), 0, 0)
    )
    return s.union(_grip(r, r.uniform(75, 115), r.uniform(10, 18)).translate((r.uniform(0, 1), 0, 0)), shaft)


def drill(r: Generator) -> Manifold:
    """A pistol: barrel, chuck, grip and battery."""
    barrel_r, barrel = r.uniform(22, 33), r.uniform(110, 160)
    body = s.along_x(
        s.turned([(barrel_r * 0.8, 0), (barrel_r, 12), (barrel_r, barrel * 0.7), (14, barrel), (9, barrel + 35)])
    )
    drop, lean = r.uniform(95, 125), r.uniform(-18, 8)
    grip = s.tube(
        [[40, 0, 0], [40 + lean * 0.5, 0, -drop * 0.5], [40 + lean, 0, -drop]],
        r.uniform(15, 21) * np.array([1.1, 1, 1.1]),
        sides=18,
        flatten=r.uniform(0.95, 1.25),
    )
    battery = s.rounded_box(r.uniform(60, 90), r.uniform(45, 65), r.uniform(20, 40), 5).translate((40 + lean, 0, -drop))
    return s.union(body, grip, battery)


def hairdryer(r: Generator) -> Manifold:
    radius = r.uniform(28, 40)
    body = s.along_x(
        s.turned(s.smooth_profile([(radius * 0.8, 0), (radius, 40), (radius * 0.75, 110), (radius * 0.7, 170)]))
    )
    grip = s.tube(
        [[45, 0, 0], [40, 0, -65], [36, 0, -r.uniform(110, 140)]], [17, r.uniform(14, 17), r.uniform(13, 16)], 18
    )
    return s.union(body, grip)


def iron(r: Generator) -> Manifold:
    length, wide = r.uniform(150, 200), r.uniform(80, 100)
    outline = [
        (0, -wide / 2),
        (length * 0.55, -wide / 2),
        (length, -6),
        (length, 6),
        (length * 0.55, wide / 2),
        (0, wide / 2),
    ]
    sole = s.plate_of(np.array(outline), r.uniform(25, 40))
    bow = s.tube(s.arc(length * 0.36, r.uniform(65, 80), 5, 175, 18) + [length * 0.45, 0, 0], r.uniform(11, 15), 16)
    return s.union(sole, bow)


def scissors(r: Generator) -> Manifold:
    """Two crossed blades with rings, laid flat."""
    ring, thick, length = r.uniform(14, 20), r.uniform(6, 9), r.uniform(75, 115)
    spread = np.radians(r.uniform(7, 16))
    eye = Manifold.revolve(s.CrossSection.circle(thick / 2, 12).translate((ring, 0)), 28)
    half = []
    for sign in (-1, 1):
        turn = np.degrees(spread) * sign
        blade = s.plate_of(np.array([(-6, -5), (length, -1.5), (length, 1.5), (-6, 6)]), thick * 0.8)
        shank = s.tube([[-r.uniform(40, 55), sign * 8, 0], [0, 0, 0]], thick * 0.55, 12)
        half.append(
            s.union(blade, shank, eye.scale((r.uniform(1, 1.4), 1, 1)).translate((-62, sign * 12, 0))).rotate(
                (0, 0, turn)
            )
        )
    return s.union(*half)


def knife(r: Generator) -> Manifold:
    length, deep = r.uniform(70, 160), r.uniform(16, 35)
    blade = s.plate_of(
        np.array([(0, -deep / 2), (length * 0.8, -deep / 2), (length, deep / 2), (0, deep / 2)]), 4.0
    ).rotate((90, 0, 0))
    return s.union(blade, _grip(r, r.uniform(90, 120), r.uniform(9, 13)).rotate((0, 0, 180)).translate((5, 0, 0)))


def spoon(r: Generator) -> Manifold:
    """Also ladles and spatulas: a rod with a flat or hollow end."""
    big = r.uniform(0.7, 2.0)
    dish = s.egg(28 * big, 19 * big, r.uniform(5, 12)) - s.egg(24 * big, 15 * big, 9).translate((0, 0, 9))
    return s.union(dish, _grip(r, r.uniform(110, 190), r.uniform(5, 9)).translate((20 * big, 0, 0)))


def fork(r: Generator) -> Manifold:
    wide = r.uniform(22, 40)
    tines = [s.rounded_box(55, 4.5, 4.5, 1.5).translate((-45, y, 0)) for y in np.linspace(-wide / 2, wide / 2, 4)]
    root = s.rounded_box(28, wide + 5, 5, 2).translate((-10, 0, 0))
    return s.union(root, *tines, _grip(r, r.uniform(100, 160), r.uniform(5, 9)))


def marker(r: Generator) -> Manifold:
    """Pens, markers, candles, sticks."""
    radius, length = r.uniform(5, 12), r.uniform(90, 160)
    return s.turned([(radius * 0.8, 0), (radius, 4), (radius, length * 0.8), (radius * r.uniform(0.3, 1), length)], 20)


def bar(r: Generator) -> Manifold:
    return s.rounded_box(r.uniform(12, 30), r.uniform(12, 36), r.uniform(90, 240), r.uniform(1, 6))


def brush(r: Generator) -> Manifold:
    head = s.rounded_box(r.uniform(50, 110), r.uniform(25, 60), r.uniform(20, 40), 5)
    return s.union(head, _grip(r, r.uniform(110, 170), r.uniform(8, 14)).translate((20, 0, 5)))


def wrench(r: Generator) -> Manifold:
    length, thick, head = r.uniform(110, 190), r.uniform(8, 13), r.uniform(17, 27)
    shank = s.rounded_box(length, head * 0.8, thick, 2.5).translate((length / 2, 0, 0))
    jaw = s.cylinder(head, thick).translate((0, 0, -thick / 2)) - s.rounded_box(head * 2, head * 0.8, 60, 1).translate(
        (-head, 0, 0)
    )
    ring = s.cylinder(head * 0.9, thick).translate((length, 0, -thick / 2)) - s.cylinder(head * 0.5, 60).translate(
        (length, 0, -30)
    )
    return s.union(shank, jaw, ring)


def pliers(r: Generator) -> Manifold:
    gap, thick = r.uniform(14, 24), r.uniform(6.5, 9)
    arms = [
        s.tube([[0, 0, 0], [40, sign * gap, 0], [r.uniform(115, 135), sign * gap * 0.9, 0]], [9, thick, thick], 12)
        for sign in (-1, 1)
    ]
    return s.union(*arms, s.cylinder(16, 14).translate((0, 0, -7)), s.rounded_box(60, 20, 12, 3).translate((-28, 0, 0)))


def clamp(r: Generator) -> Manifold:
    wide = r.uniform(60, 100)
    frame = s.rounded_box(wide, 70, 14, 4) - s.rounded_box(wide - 26, 60, 30, 3).translate((0, 17, 0))
    return s.union(frame, s.along_x(s.cylinder(6, wide * 0.9)).translate((10, 22, 0)))


def flashlight(r: Generator) -> Manifold:
    grip, head, length = r.uniform(12, 20), r.uniform(20, 32), r.uniform(90, 170)
    return s.turned([(grip, 0), (grip, length * 0.7), (head, length * 0.82), (head, length)])


def razor(r: Generator) -> Manifold:
    head = s.rounded_box(14, r.uniform(38, 50), r.uniform(14, 22), 3)
    return s.union(head, _grip(r, r.uniform(90, 120), r.uniform(6, 10)))


def kettlebell(r: Generator) -> Manifold:
    radius = r.uniform(35, 55)
    bow = s.tube(s.arc(radius * 0.85, r.uniform(45, 60), -10, 190, 20) + [0, 0, radius * 0.6], r.uniform(9, 13), 14)
    return s.union(s.egg(radius, radius, radius * 0.95), bow)


def dumbbell(r: Generator) -> Manifold:
    grip, radius, length, width = r.uniform(11, 16), r.uniform(24, 40), r.uniform(90, 125), r.uniform(20, 40)
    return s.turned(
        [
            (radius, 0),
            (radius, width),
            (grip, width + 3),
            (grip, width + length - 3),
            (radius, width + length),
            (radius, 2 * width + length),
        ],
        int(r.choice([8, 24])),
    )


def padlock(r: Generator) -> Manifold:
    x, y, z = r.uniform(35, 60), r.uniform(16, 26), r.uniform(35, 50)
    bow = s.tube(s.arc(x * 0.34, r.uniform(26, 38), -15, 195, 18) + [0, 0, z * 0.5], r.uniform(4, 5.5), 12)
    return s.union(s.rounded_box(x, y, z, 3), bow)


def camera(r: Generator) -> Manifold:
    x, y, z = r.uniform(90, 125), r.uniform(28, 45), r.uniform(55, 80)
    lens = s.cylinder(r.uniform(20, 30), r.uniform(25, 60)).rotate((90, 0, 0)).translate((r.uniform(-12, 12), 0, 0))
    return s.union(s.rounded_box(x, y, z, 5), lens, s.rounded_box(28, 22, 22, 3).translate((0, 0, z / 2)))


def binoculars(r: Generator) -> Manifold:
    radius, length, gap = r.uniform(17, 26), r.uniform(85, 130), r.uniform(48, 66)
    pipe = s.turned(
        [(radius * 0.7, 0), (radius * 0.8, length * 0.35), (radius, length * 0.6), (radius * 1.1, length)], 24
    )
    return s.union(
        pipe.translate((-gap / 2, 0, 0)),
        pipe.translate((gap / 2, 0, 0)),
        s.rounded_box(gap, 18, length * 0.4, 4).translate((0, 0, length * 0.42)),
    )


def headphones(r: Generator) -> Manifold:
    wide = r.uniform(65, 80)
    band = s.tube(s.arc(wide, r.uniform(75, 95), 0, 180, 22), r.uniform(5, 8), 12, r.uniform(1.2, 2.2))
    ear = s.along_x(s.turned([(28, -12), (34, -6), (34, 6), (28, 12)], 24))
    return s.union(band, ear.translate((-wide, 0, -8)), ear.translate((wide, 0, -8)))


def joystick(r: Generator) -> Manifold:
    base = s.rounded_box(r.uniform(70, 100), r.uniform(70, 100), r.uniform(25, 40), 6)
    stick = s.tube(
        [[0, 0, 0], [0, 0, 60], [r.uniform(-12, 12), 0, r.uniform(110, 130)]],
        [15, r.uniform(12, 16), r.uniform(15, 20)],
        16,
    )
    return s.union(base, stick)


FAMILIES = {
    "hammer": hammer,
    "screwdriver": screwdriver,
    "drill": drill,
    "hairdryer": hairdryer,
    "iron": iron,
    "scissors": scissors,
    "knife": knife,
    "spoon": spoon,
    "fork": fork,
    "marker": marker,
    "bar": bar,
    "brush": brush,
    "wrench": wrench,
    "pliers": pliers,
    "clamp": clamp,
    "flashlight": flashlight,
    "razor": razor,
    "kettlebell": kettlebell,
    "dumbbell": dumbbell,
    "padlock": padlock,
    "camera": camera,
    "binoculars": binoculars,
    "headphones": headphones,
    "joystick": joystick,
}
