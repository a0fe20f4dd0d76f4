"""Families of plain solids, as toys of wood and as packing: balls, rods, cones, prisms, arches, gears. Millimetres."""

from __future__ import annotations

import numpy as np
from manifold3d import CrossSection, Manifold
from numpy.random import Generator

from fastgrasp_synthesis.shapes import solids as s


def block(r: Generator) -> Manifold:
    """A building block: cube, plank, bridge or roof."""
    x, y, z = r.uniform(28, 50), r.uniform(28, 60), r.uniform(50, 130)
    kind = r.choice(["plank", "bridge", "roof"])
    body = s.rounded_box(x, y, z, r.uniform(1, 4))
    if kind == "bridge":
        return body - s.cylinder(z * 0.25, 200).translate((0, 0, -100)).rotate((0, 90, 0)).translate((0, y / 2, 0))
    return (s.hull(body.trim_by_plane((0, 0, -1), 0), s.rounded_box(x, 6, 6, 2).translate((0, 0, z * 0.4)))
            if kind == "roof" else body)


def bridge_arch(r: Generator) -> Manifold:
    """A horse shoe, a magnet or a rainbow: a flat arch."""
    radius, wide, thick = r.uniform(26, 44), r.uniform(15, 26), r.uniform(14, 34)
    section = CrossSection.square((wide, thick), True).translate((radius + wide / 2, 0))
    arch = Manifold.revolve(section, 48, 180.0)
    leg = s.rounded_box(wide, r.uniform(4, 40), thick, 1)
    y = -leg.bounding_box()[4] + 1
    return s.union(arch, leg.translate((radius + wide / 2, y, 0)), leg.translate((-radius - wide / 2, y, 0)))


def star(r: Generator) -> Manifold:
    """A star or a flower, as a cushion or a cookie cutter's shape."""
    points, radius = int(r.integers(5, 8)), r.uniform(32, 52)
    t = np.pi * np.arange(2 * points) / points
    reach = np.where(np.arange(2 * points) % 2, r.uniform(0.5, 0.75), 1.0) * radius
    section = CrossSection([np.stack([reach * np.cos(t), reach * np.sin(t)], 1)]).offset(2.5, circular_segments=16)
    return Manifold.extrude(section, r.uniform(16, 40))


def gear(r: Generator) -> Manifold:
    teeth, radius, thick = int(r.integers(9, 16)), r.uniform(24, 42), r.uniform(12, 28)
    t = np.linspace(0, 2 * np.pi, 4 * teeth, endpoint=False)
    reach = radius * np.where((np.arange(4 * teeth) // 2) % 2, 0.84, 1.0)
    hub = s.cylinder(radius * 0.4, thick + 10).translate((0, 0, -thick / 2 - 5))
    return s.union(s.plate_of(np.stack([reach * np.cos(t), reach * np.sin(t)], 1), thick),
                   hub) - s.cylinder(radius * 0.22, 200).translate((0, 0, -100))


def ball(r: Generator) -> Manifold:
    radius = r.uniform(18, 45)
    return s.egg(radius, radius, radius, 36)


def ellipsoid(r: Generator) -> Manifold:
    """A pebble, a rugby ball."""
    return s.egg(r.uniform(15, 38), r.uniform(18, 44), r.uniform(22, 70), 32)


def cylinder(r: Generator) -> Manifold:
    """A rod, a drum, a pipe end."""
    radius = r.uniform(9, 46)
    bevel = r.uniform(0.3, 3)
    high = r.uniform(max(35, radius), 200)
    return s.turned([(radius - bevel, 0), (radius, bevel), (radius, high - bevel), (radius - bevel, high)], 36)


def cone(r: Generator) -> Manifold:
    """A traffic cone, a party hat, a funnel upside down."""
    radius, high = r.uniform(24, 42), r.uniform(80, 160)
    body = s.cylinder(radius, high, radius * r.uniform(0.12, 0.35), 36)
    return s.union(body, s.rounded_box(radius * 2.5, radius * 2.5, 9, 3)) if r.random() < 0.5 else body


def prism(r: Generator) -> Manifold:
    """A straight or twisted column on three to eight sides."""
    sides, radius, height = int(r.integers(3, 9)), r.uniform(18, 40), r.uniform(45, 150)
    t = 2 * np.pi * np.arange(sides) / sides
    section = CrossSection([radius * np.stack([np.cos(t), np.sin(t)], 1)]).offset(-3).offset(3, circular_segments=16)
    twist = r.choice([0.0, r.uniform(-60, 60)])
    return Manifold.extrude(section, height, 12, twist, (r.uniform(0.6, 1.0),) * 2)
