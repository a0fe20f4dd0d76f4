"""Building blocks of procedural objects on manifold3d: rounded boxes, turned bodies, tubes, shells.

Every length here is in millimetres; `objects.make_object` turns the finished solid into metres. z is up.
"""

from __future__ import annotations

from collections.abc import Sequence

import manifold3d as m3
import numpy as np
from manifold3d import CrossSection, Manifold
from numpy.random import Generator

SEGMENTS = 32  # around a turned body


def rounded_box(x: float, y: float, z: float, radius: float = 3.0) -> Manifold:
    """A box x by y by z centred at the origin with rounded edges."""
    radius = min(radius, 0.49 * min(x, y, z))
    ball = Manifold.sphere(radius, 12)
    corners = [ball.translate((sx * (x / 2 - radius), sy * (y / 2 - radius), sz * (z / 2 - radius))) for sx in (-1, 1)
               for sy in (-1, 1) for sz in (-1, 1)]
    return Manifold.batch_hull(corners)


def turned(profile: Sequence[tuple[float, float]], segments: int = SEGMENTS) -> Manifold:
    """The solid of revolution about z of a profile of (radius, height), from bottom to top; closed on the axis."""
    points = np.array([(max(r, 0.0), z) for r, z in profile], dtype=np.float64)
    contour = np.concatenate([[[0.0, points[0, 1]]], points, [[0.0, points[-1, 1]]]])
    return Manifold.revolve(CrossSection([contour], m3.FillRule.NonZero), segments)


def smooth_profile(knots: Sequence[tuple[float, float]], count: int = 24) -> list[tuple[float, float]]:
    """A monotone-in-height smooth curve (PCHIP) through knots (radius, height)."""
    from scipy.interpolate import PchipInterpolator

    radii, heights = np.array(knots, dtype=float).T
    z = np.linspace(heights[0], heights[-1], count)
    return list(zip(PchipInterpolator(heights, radii)(z), z, strict=True))


def shell(profile: Sequence[tuple[float, float]], wall: float, floor: float | None = None) -> Manifold:
    """An open vessel: the turned solid less the same profile drawn in by the wall, open at the top."""
    return turned(profile) - cavity(profile, wall, floor)


def cavity(profile: Sequence[tuple[float, float]], wall: float, floor: float | None = None) -> Manifold:
    """What to take out of a turned solid to leave a wall (and a floor) of the given thickness."""
    bottom, top = profile[0][1] + (wall if floor is None else floor), profile[-1][1]
    radii, heights = np.array(profile, dtype=float).T
    z = np.unique(np.concatenate([[bottom], heights[heights > bottom], [top]]))
    inner = [(max(np.interp(h, heights, radii) - wall, 0.5), h) for h in z]
    inner.append((inner[-1][0] + 0.2, top + 5.0))
    return turned(inner)


def tube(path: np.ndarray, radii: Sequence[float] | float, sides: int = 14, flatten: float = 1.0) -> Manifold:
    """A rod along path (n,3) with a radius per point; `flatten` scales the section's second axis. Ends are flat."""
    path = np.asarray(path, dtype=float)
    radii = np.broadcast_to(np.asarray(radii, dtype=float), (len(path),))
    tangents = np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    side = np.cross(tangents[0], [0.0, 0.0, 1.0] if abs(tangents[0, 2]) < 0.9 else [1.0, 0.0, 0.0])
    angles = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    rings = []
    for point, tangent, radius in zip(path, tangents, radii, strict=True):
        side = side - tangent * (side @ tangent)
        side /= np.linalg.norm(side)
        other = np.cross(tangent, side)
        rings.append(point + radius * (np.cos(angles)[:, None] * side + flatten * np.sin(angles)[:, None] * other))
    return lofted(np.array(rings))


def lofted(rings: np.ndarray) -> Manifold:
    """The solid whose sections are rings (n,k,3), closed with a fan at both ends."""
    n, k, _ = rings.shape
    vertices = np.concatenate([rings.reshape(-1, 3), [rings[0].mean(0), rings[-1].mean(0)]])
    i, j = np.meshgrid(np.arange(n - 1), np.arange(k), indexing="ij")
    a, b = (i * k + j).ravel(), (i * k + (j + 1) % k).ravel()
    walls = np.concatenate([np.stack([a, b, b + k], 1), np.stack([a, b + k, a + k], 1)])
    ring = np.arange(k)
    start = np.stack([np.full(k, n * k), (ring + 1) % k, ring], 1)
    end = np.stack([np.full(k, n * k + 1), (n - 1) * k + ring, (n - 1) * k + (ring + 1) % k], 1)
    return from_arrays(vertices, np.concatenate([walls, start, end]))


def from_arrays(vertices: np.ndarray, faces: np.ndarray) -> Manifold:
    """A Manifold from vertices (V,3) and faces (F,3), turned inside out if it has negative volume."""
    solid = Manifold(m3.Mesh(np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(faces, np.uint32)))
    if solid.volume() < 0:
        solid = Manifold(m3.Mesh(np.ascontiguousarray(vertices, np.float32),
                                 np.ascontiguousarray(faces[:, ::-1], np.uint32)))
    return solid


def arc(radius_x: float, radius_z: float, start: float, end: float, count: int = 16) -> np.ndarray:
    """Points (count,3) of an elliptic arc in the xz plane, angles in degrees from +x towards +z."""
    t = np.radians(np.linspace(start, end, count))
    return np.stack([radius_x * np.cos(t), np.zeros_like(t), radius_z * np.sin(t)], axis=1)


def handle(wall_x: float, low: float, high: float, reach: float, thick: float, flatten: float) -> Manifold:
    """A cup's ear: a half-ellipse in the xz plane whose ends lie at x = wall_x and heights low and high."""
    path = arc(reach, (high - low) / 2, -100, 100) + [wall_x, 0, (high + low) / 2]
    return tube(path, thick, sides=12, flatten=flatten)


def egg(x: float, y: float, z: float, segments: int = 28) -> Manifold:
    """An ellipsoid with the given half axes."""
    return Manifold.sphere(1.0, segments).scale((x, y, z))


def cylinder(radius: float, height: float, top: float | None = None, segments: int = SEGMENTS) -> Manifold:
    """A cylinder or cone frustum standing on z = 0."""
    return Manifold.cylinder(height, radius, radius if top is None else top, segments)


def along_x(solid: Manifold) -> Manifold:
    """Turn what points up (z) to point along x."""
    return solid.rotate((0, 90, 0))


def plate_of(outline: np.ndarray, thick: float) -> Manifold:
    """A flat piece: an outline (n,2) extruded by its thickness, centred in z."""
    section = CrossSection([np.asarray(outline, dtype=float)], m3.FillRule.NonZero)
    return Manifold.extrude(section, thick).translate((0, 0, -thick / 2))


def rounded_outline(x: float, y: float, radius: float) -> CrossSection:
    """A rectangle x by y centred at the origin with rounded corners."""
    radius = min(radius, 0.49 * min(x, y))
    return CrossSection.square((x - 2 * radius, y - 2 * radius), True).offset(radius, m3.JoinType.Round, 2.0, 24)


def union(*parts: Manifold) -> Manifold:
    """All parts in one."""
    return Manifold.batch_boolean(list(parts), m3.OpType.Add)


def grip(r: Generator, length: float, thick: float) -> Manifold:
    """A slightly waisted and bent rod along +x from the origin, about `thick` in radius."""
    x = np.linspace(0, length, 10)
    swell = thick * (1 + r.uniform(-0.18, 0.18) * np.sin(np.pi * x / length) + r.uniform(-0.15, 0.15) * x / length)
    bend = r.uniform(-0.06, 0.06) * length * np.sin(np.pi * x / length)
    return tube(np.stack([x, np.zeros_like(x), bend], 1), swell, sides=16, flatten=r.uniform(0.7, 1.15))


def smooth_path(points: Sequence[Sequence[float]], rounds: int = 3) -> np.ndarray:
    """An open line through the ends of `points` (n,3) with its corners cut `rounds` times (Chaikin 1974)."""
    path = np.asarray(points, dtype=float)
    for _ in range(rounds):
        cut = np.stack([0.75 * path[:-1] + 0.25 * path[1:], 0.25 * path[:-1] + 0.75 * path[1:]], 1).reshape(-1, 3)
        path = np.concatenate([path[:1], cut[1:-1], path[-1:]])
    return path


def bow(points: Sequence[Sequence[float]], thick: float, wide: float | None = None, rounds: int = 3) -> Manifold:
    """A handle along a smoothed line in the xz plane: `thick` in that plane, `wide` along y."""
    wide = thick if wide is None else wide
    return tube(smooth_path(points, rounds), wide / 2, sides=14, flatten=thick / wide)


def pillar(x: float, y: float, z: float, radius: float, top: float | tuple[float, float] = 1.0) -> Manifold:
    """A column standing on z = 0: a rounded rectangle x by y, scaled by `top` at its upper end."""
    scale = (top, top) if np.isscalar(top) else top
    return Manifold.extrude(rounded_outline(x, y, radius), z, 0, 0.0, scale)


def trough(x: float, y: float, z: float, wall: float, radius: float, foot: float = 1.0) -> Manifold:
    """An open box with its top x by y and a foot scaled by `foot`."""
    outer = pillar(x, y, z, radius, foot).rotate((180, 0, 0)).translate((0, 0, z))
    inner = pillar(x - 2 * wall, y - 2 * wall, z, max(radius - wall, 1), foot).rotate((180, 0, 0))
    return outer - inner.translate((0, 0, z + wall))


def torus(radius: float, thick: float, segments: int = 32) -> Manifold:
    """A ring round z: `radius` to the middle of a rod of radius `thick`."""
    return Manifold.revolve(CrossSection.circle(thick, 14).translate((radius, 0)), segments)


def hull(*parts: Manifold) -> Manifold:
    """The convex hull of all parts."""
    return Manifold.batch_hull(list(parts))


def ring_of(solid: Manifold, count: int, radius: float) -> list[Manifold]:
    """`count` copies of a solid, moved out along x and spread round z."""
    return [solid.translate((radius, 0, 0)).rotate((0, 0, 360 * i / count)) for i in range(count)]
