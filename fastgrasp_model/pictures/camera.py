"""A pinhole camera, and what it sees of triangles: by ray casts with Embree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LEAST_EXTENT = 0.005  # metres: half of what a camera frames at least, so that a single point is seen from outside


class PictureError(ValueError):
    """A picture that cannot be drawn. The message says why."""


@dataclass(frozen=True)
class Camera:
    """rotation (3, 3): rows are right, down and forward; eye (3,) metres; focal length in pixels."""

    eye: np.ndarray
    rotation: np.ndarray
    focal: float
    width: int
    height: int

    @classmethod
    def framing(
        cls, points: np.ndarray, direction, up, width: int, height: int, degrees: float = 22.0, margin: float = 1.06
    ) -> Camera:
        """Return a camera that sees points (N, 3) fill the picture, from `direction` (3,), with `up` (3,) upwards.

        Looking along `up`, the axis that lies most across takes its place. Raises PictureError for a size below 1,
        no points, and points, a direction or an `up` that are zero or not finite.
        """
        if width < 1 or height < 1:
            raise PictureError(f"A picture has a width and a height of 1 pixel or more, got {width} x {height}.")
        points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        if not len(points) or not np.isfinite(points).all():
            raise PictureError("There is nothing to look at: expected at least one point, all of them finite.")
        rotation = looking(direction, up)
        target = 0.5 * (points.min(axis=0) + points.max(axis=0))
        local = (points - target) @ rotation.T * margin
        middle = 0.5 * (local.min(axis=0) + local.max(axis=0))
        local = local - middle
        tangent = np.tan(np.radians(degrees) / 2)
        extent = np.maximum(np.abs(local[:, 0]) * height / width, np.abs(local[:, 1]))
        distance = float((np.maximum(extent, LEAST_EXTENT) / tangent - local[:, 2]).max())
        eye = target + rotation.T @ (middle - np.array([0.0, 0.0, distance]))
        return cls(eye, rotation, 0.5 * height / tangent, width, height)

    def rays(self) -> np.ndarray:
        """Return the unit directions (H * W, 3) through the pixels' centres, row by row."""
        row, column = np.divmod(np.arange(self.height * self.width), self.width)
        x, y = column + 0.5 - self.width / 2, row + 0.5 - self.height / 2
        rays = np.stack([x, y, np.full(len(x), self.focal)], axis=1) @ self.rotation
        return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def looking(direction, up) -> np.ndarray:
    """Return the rotation (3, 3) of a camera that looks from `direction` (3,): rows are right, down and forward.

    Where `up` (3,) lies along the direction, the axis that lies most across takes its place. Raises PictureError.
    """
    forward, up = -_unit(direction, "direction"), _unit(up, "up")
    right = np.cross(forward, up)
    if np.linalg.norm(right) < 1e-6:
        right = np.cross(forward, np.eye(3)[np.abs(forward).argmin()])
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])


def _unit(vector, name: str) -> np.ndarray:
    """Return a vector (3,) with length 1. Raises PictureError."""
    vector = np.asarray(vector, dtype=np.float64)
    largest = np.abs(vector).max() if vector.shape == (3,) else np.nan
    if not 0 < largest < np.inf:
        raise PictureError(f"The {name} of a camera is three finite numbers, not all zero, got {vector.tolist()}.")
    vector = vector / largest
    return vector / np.linalg.norm(vector)


class Hits(NamedTuple):
    """Rays that meet a triangle: which rays (N,), positions (N, 3), triangles (N,), barycentric weights (N, 3), and the
    normals of the triangles (N, 3), not of unit length."""

    ray: np.ndarray
    position: np.ndarray
    face: np.ndarray
    weights: np.ndarray
    facing: np.ndarray


class Caster:
    """Casts rays at triangles (F, 3, 3) in metres, prepared once."""

    def __init__(self, triangles: np.ndarray):
        self._parts = [_Part(triangles)] if len(triangles) else []

    @classmethod
    def together(cls, casters: Sequence[Caster]) -> Caster:
        """Return a caster at the triangles of several, in order, that prepares nothing anew."""
        joint = cls(np.zeros((0, 3, 3)))
        joint._parts = [part for caster in casters for part in caster._parts]
        return joint

    def first(self, origins: np.ndarray, directions: np.ndarray) -> Hits:
        """Return the first hits of rays from origins (N, 3) along unit directions (N, 3)."""
        directions = np.ascontiguousarray(directions, dtype=np.float32)
        origins = np.ascontiguousarray(np.broadcast_to(origins, directions.shape), dtype=np.float32)
        count, before = len(directions), 0
        depth, face, weights = np.full(count, np.inf, np.float32), np.full(count, -1), np.zeros((count, 3))
        corners = np.zeros((count, 3, 3))
        for part in self._parts:
            found = part.scene.run(origins, directions, output=True)
            nearer = np.flatnonzero((found["primID"] >= 0) & (found["tfar"] < depth))
            hit, u, v = found["primID"][nearer], found["u"][nearer], found["v"][nearer]
            depth[nearer], face[nearer] = found["tfar"][nearer], hit + before
            weights[nearer] = np.stack([1 - u - v, u, v], axis=1)
            corners[nearer] = part.triangles[hit]
            before += len(part.triangles)
        ray = np.flatnonzero(face >= 0)
        corners = corners[ray]
        facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        return Hits(ray, origins[ray] + depth[ray, None] * directions[ray], face[ray], weights[ray], facing)

    def blocked(self, origins: np.ndarray, directions: np.ndarray, within: float = 1e3) -> np.ndarray:
        """Return whether each ray (N,) meets a triangle within `within` metres."""
        origins = np.ascontiguousarray(origins, dtype=np.float32)
        directions = np.ascontiguousarray(np.broadcast_to(directions, origins.shape), dtype=np.float32)
        blocked = np.zeros(len(origins), dtype=bool)
        for part in self._parts:
            free = np.flatnonzero(~blocked)
            reach = np.full(len(free), within, dtype=np.float32)
            blocked[free] = part.scene.run(origins[free], directions[free], reach, query="OCCLUDED") >= 0
        return blocked


class _Part:
    """Triangles (F, 3, 3) and Embree's scene of them."""

    def __init__(self, triangles: np.ndarray):
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self.triangles, self.scene = np.asarray(triangles, dtype=np.float64), EmbreeScene()
        self._mesh = TriangleMesh(self.scene, np.ascontiguousarray(triangles, dtype=np.float32))
