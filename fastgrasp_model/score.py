"""The analytic score of grasps, for models without a grasp evaluator: from the cloud alone, about 1 ms a grasp.

The product of four terms in [0, 1]:

1. Contact: the thumb and at least two fingers lie on the cloud.
2. Penetration: the depth of the hand below the cloud's tangent planes.
3. Balance: the wrench residual of force closure of the touching pads, each force within its friction cone, minimised
   over the forces (compare Liu et al. 2021).
4. Resistance: the least disturbing wrench that the skin in contact resists with unit forces, the epsilon quality of
   Ferrari and Canny (1992) over sampled directions.

On a single view, fingers on the hidden side find no points. The score ranks grasps of one cloud; it does not compare
grasps of different clouds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from fastgrasp_model.hand.fingers import FINGERS

CONTACT_SCALE = 0.006  # metres from the surface at which a contact counts 1/e
ALLOWED_DEPTH = 0.001  # metres a pad may sink in: skin is soft
DEPTH_SCALE = 0.010  # metres of further depth at which the score falls to 1/e
FRICTION = 0.6
LEVER = 0.05  # metres; torques are divided by it to be comparable with forces
STRONG = 0.5  # resistance from which a grasp counts as strong
REACH = 0.06  # metres; vertices farther from the cloud are neither touching nor inside
_CONE_EDGES = 6
_PAD_VERTICES = 6
_SAMPLE_STEP = 6  # every sixth hand vertex is tested for penetration
_SKIN_CONTACTS = 24  # vertices of a hand that count for its resistance


class _Surface(NamedTuple):
    """The cloud at hand vertices: height (B, V), negative inside; distance (B, V); normal (B, V, 3)."""

    height: np.ndarray
    distance: np.ndarray
    normal: np.ndarray


def score_grasps(vertices: np.ndarray, points: np.ndarray, normals: np.ndarray, pads: dict) -> np.ndarray:
    """Return the scores (B,) float32 in [0, 1], higher is better, of grasps of one object.

    vertices (B, 778, 3): hands in the frame of the cloud, metres; points (N, 3) and outward unit normals (N, 3): the
    cloud, 1,000 to 4,000 points are plenty; pads: vertex numbers of the contact areas, from `hand.anatomy.pads`.
    """
    vertices = np.asarray(vertices, dtype=np.float64)
    areas = {name: _thinned(np.asarray(ids)) for name, ids in pads.items()}
    sample = np.arange(0, vertices.shape[1], _SAMPLE_STEP)
    used = np.concatenate([sample, *areas.values()])
    points, first = np.unique(np.asarray(points, dtype=np.float64), axis=0, return_index=True)
    surface = _surface_below(vertices[:, used], points, np.asarray(normals, dtype=np.float64)[first])
    touch, place, normal = _contacts(vertices[:, used], surface, areas, len(sample))
    names = list(areas)
    score = np.sqrt(_contact_quality(touch, names)) * _penetration_quality(surface.height)
    score *= _balance_quality(touch, place, normal)
    score *= 0.2 + 0.8 * _resistance_quality(vertices[:, used], surface, points.mean(axis=0))
    return np.clip(score, 0.0, 1.0).astype(np.float32)


def _thinned(ids: np.ndarray) -> np.ndarray:
    return ids[np.linspace(0, len(ids) - 1, min(_PAD_VERTICES, len(ids))).round().astype(int)]


def _surface_below(vertices: np.ndarray, points: np.ndarray, normals: np.ndarray) -> _Surface:
    """Return heights over the tangent planes of the three nearest points: outside of one is outside."""
    tree = cKDTree(points)
    spacing = float(np.median(tree.query(points[:: max(1, len(points) // 128)], k=2)[0][:, 1]))
    far, nearest = tree.query(vertices, k=3, distance_upper_bound=REACH)  # (B, V, 3); missing: inf and N
    near = np.isfinite(far)
    nearest = np.where(near, nearest, 0)
    offset = vertices[:, :, None] - points[nearest]  # (B, V, 3 neighbours, 3)
    height = np.einsum("bvki,bvki->bvk", offset, normals[nearest])
    aside = np.sqrt(np.maximum((offset**2).sum(-1) - height**2, 0.0))
    height = np.where(near, height, REACH)
    # A neighbour speaks for the surface only as far as the next point of the cloud.
    distance = np.hypot(np.abs(height), np.maximum(aside - 2.0 * spacing, 0.0))
    distance = np.where(near, distance, REACH).min(axis=-1)
    # Beyond the rim of a partial cloud: unknown, not inside.
    beside = (aside[..., 0] > 4.0 * spacing + 0.004) & (height[..., 0] < 0)
    height = np.where(beside, REACH, height.max(axis=-1))
    return _Surface(height, distance, normals[nearest[..., 0]])


def _contacts(vertices: np.ndarray, surface: _Surface, areas: dict, start: int):
    """Return for each contact area a closeness (B, C), a position (B, C, 3) and the cloud's normal (B, C, 3)."""
    touch, place, normal = [], [], []
    for ids in areas.values():
        part = slice(start, start + len(ids))
        start += len(ids)
        closeness = np.exp(-((surface.distance[:, part] / CONTACT_SCALE) ** 2))
        touch.append(closeness.max(axis=1))
        weight = (closeness + 1e-6)[..., None]
        place.append((weight * vertices[:, part]).sum(axis=1) / weight.sum(axis=1))
        direction = (weight * surface.normal[:, part]).sum(axis=1)
        normal.append(direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9))
    return np.stack(touch, 1), np.stack(place, 1), np.stack(normal, 1)


def _contact_quality(touch: np.ndarray, names: list[str]) -> np.ndarray:
    """Return (B,) from thumb and the best two fingers; the palm or a thumb phalanx may replace the thumb's tip."""
    column = {name: touch[:, i] for i, name in enumerate(names)}
    zero = np.zeros(len(touch))
    thumb = np.maximum(column["thumb"], 0.8 * np.maximum(column.get("thumb_middle", zero), column.get("palm", zero)))
    fingers = [np.maximum(column[f], 0.9 * column.get(f"{f}_middle", zero)) for f in FINGERS[1:]]
    best = np.sort(np.stack(fingers, axis=1), axis=1)[:, -2:].mean(axis=1)
    return 0.1 + 0.9 * np.sqrt(thumb * best)


def _penetration_quality(height: np.ndarray) -> np.ndarray:
    """Return (B,) from the mean of the deepest twentieth of the tested vertices: one stray normal does not decide."""
    count = max(1, height.shape[1] // 20)
    deepest = np.sort(np.maximum(-height, 0.0), axis=1)[:, -count:].mean(axis=1)
    return np.exp(-np.maximum(deepest - ALLOWED_DEPTH, 0.0) / DEPTH_SCALE)


def _balance_quality(touch: np.ndarray, place: np.ndarray, normal: np.ndarray, steps: int = 40) -> np.ndarray:
    """Return (B,) from the least |wrench| of unit total force in the friction cones (exponentiated gradient)."""
    count = touch.shape[1]
    direction = _cone_directions(-normal)  # (B, C, E, 3) forces on the object
    weight = touch[..., None] + 1e-6
    centre = (weight * place).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    torque = np.cross((place - centre)[:, :, None] / LEVER, direction)
    wrench = np.concatenate([direction, torque], axis=-1).reshape(len(touch), count * _CONE_EDGES, 6)
    doubt = np.repeat(1.0 - touch, _CONE_EDGES, axis=1)  # pushing where nothing touches costs
    share = np.full(doubt.shape, 1.0 / doubt.shape[1])
    for step in range(steps):
        total = np.einsum("bk,bki->bi", share, wrench)
        slope = 2.0 * np.einsum("bi,bki->bk", total, wrench) + doubt
        rate = 4.0 / (1.0 + 0.1 * step)
        share *= np.exp(-rate * (slope - slope.min(axis=1, keepdims=True)))
        share /= share.sum(axis=1, keepdims=True)
    residual = np.linalg.norm(np.einsum("bk,bki->bi", share, wrench), axis=1) + (share * doubt).sum(axis=1)
    return np.exp(-3.0 * residual)


def _resistance_quality(vertices: np.ndarray, surface: _Surface, centre: np.ndarray) -> np.ndarray:
    """Return (B,): the least resistance over disturbing directions, each by its best vertex, up to `STRONG`."""
    closeness = np.exp(-((np.maximum(surface.distance - 0.001, 0.0) / (0.5 * CONTACT_SCALE)) ** 2))
    best = np.argsort(-closeness, axis=1)[:, :_SKIN_CONTACTS]
    rows = np.arange(len(best))[:, None]
    weight, normal = closeness[rows, best], surface.normal[rows, best]
    arm = (vertices[rows, best] - centre) / LEVER
    force, torque = _DISTURBANCES[:, :3], _DISTURBANCES[:, 3:]
    # Motion of each contact under each disturbance, (B, C, D, 3), and its parts into the surface and along it.
    motion = force + np.cross(torque, arm[:, :, None])
    into = -np.einsum("bcdi,bci->bcd", motion, normal)
    along = np.sqrt(np.maximum((motion**2).sum(axis=-1) - into**2, 0.0))
    held = (weight[..., None] * (into + FRICTION * along)).max(axis=1)  # (B, D)
    return np.clip(held.min(axis=1) / STRONG, 0.0, 1.0)


def _disturbances(count: int = 122) -> np.ndarray:
    """Unit wrenches (count + 6, 6): random ones, and pure forces along the axes."""
    random = np.random.default_rng(0).normal(size=(count, 6))
    forces = np.concatenate([np.eye(6)[:3], -np.eye(6)[:3]])
    return np.concatenate([forces, random / np.linalg.norm(random, axis=1, keepdims=True)])


_DISTURBANCES = _disturbances()


def _cone_directions(axis: np.ndarray) -> np.ndarray:
    """Unit vectors on the friction cones about `axis` (B, C, 3): (B, C, E, 3)."""
    helper = np.where(np.abs(axis[..., :1]) < 0.8, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    first = np.cross(axis, helper)
    first /= np.maximum(np.linalg.norm(first, axis=-1, keepdims=True), 1e-9)
    second = np.cross(axis, first)
    angle = np.arange(_CONE_EDGES) * 2.0 * np.pi / _CONE_EDGES
    around = np.cos(angle)[:, None] * first[..., None, :] + np.sin(angle)[:, None] * second[..., None, :]
    return (axis[..., None, :] + FRICTION * around) / np.sqrt(1.0 + FRICTION**2)
