"""A pinhole camera, and what it sees of triangles: by ray casts with Embree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


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

        Looking along `up`, another axis takes its place.
        """
        forward = -np.asarray(direction, dtype=np.float64) / np.linalg.norm(direction)
        right = np.cross(forward, up)
        if np.linalg.norm(right) < 1e-6:
            right = np.cross(forward, np.roll(up, 1))
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        target = 0.5 * (points.min(axis=0) + points.max(axis=0))
        local = (points - target) @ rotation.T * margin
        middle = 0.5 * (local.min(axis=0) + local.max(axis=0))
        local = local - middle
        tangent = np.tan(np.radians(degrees) / 2)
        extent = np.maximum(np.abs(local[:, 0]) * height / width, np.abs(local[:, 1])) / tangent
        distance = float((extent - local[:, 2]).max())
        eye = target + rotation.T @ (middle - np.array([0.0, 0.0, distance]))
        return cls(eye, rotation, 0.5 * height / tangent, width, height)

    def rays(self) -> np.ndarray:
        """Return the unit directions (H * W, 3) through the pixels' centres, row by row."""
        row, column = np.divmod(np.arange(self.height * self.width), self.width)
        x, y = column + 0.5 - self.width / 2, row + 0.5 - self.height / 2
        rays = np.stack([x, y, np.full(len(x), self.focal)], axis=1) @ self.rotation
        return rays / np.linalg.norm(rays, axis=1, keepdims=True)


class Hits(NamedTuple):
    """Rays that meet a triangle: which rays (N,), positions (N, 3), triangles (N,), barycentric weights (N, 3), and the
    normals of the triangles (N, 3), not of unit length."""

    ray: np.ndarray
    position: np.ndarray
    face: np.ndarray
    weights: np.ndarray
    facing: np.ndarray


class Caster:
    """Casts rays at triangles (F, 3, 3) in metres."""

    def __init__(self, triangles: np.ndarray):
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self._triangles = np.asarray(triangles, dtype=np.float64)
        self._scene = EmbreeScene()
        self._mesh = TriangleMesh(self._scene, np.ascontiguousarray(triangles, dtype=np.float32))

    def first(self, origins: np.ndarray, directions: np.ndarray) -> Hits:
        """Return the first hits of rays from origins (N, 3) along unit directions (N, 3)."""
        origins = np.ascontiguousarray(np.broadcast_to(origins, directions.shape), dtype=np.float32)
        found = self._scene.run(origins, np.ascontiguousarray(directions, dtype=np.float32), output=True)
        ray = np.flatnonzero(found["primID"] >= 0)
        u, v = found["u"][ray], found["v"][ray]
        position = origins[ray] + found["tfar"][ray, None] * directions[ray].astype(np.float32)
        corners = self._triangles[found["primID"][ray]]
        facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        return Hits(ray, position, found["primID"][ray], np.stack([1 - u - v, u, v], axis=1), facing)

    def blocked(self, origins: np.ndarray, directions: np.ndarray, within: float = 1e3) -> np.ndarray:
        """Return whether each ray (N,) meets a triangle within `within` metres."""
        origins = np.ascontiguousarray(origins, dtype=np.float32)
        directions = np.ascontiguousarray(np.broadcast_to(directions, origins.shape), dtype=np.float32)
        reach = np.full(len(origins), within, dtype=np.float32)
        return self._scene.run(origins, directions, reach, query="OCCLUDED") >= 0
