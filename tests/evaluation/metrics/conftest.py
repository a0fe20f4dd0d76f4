"""Slow, plain geometry that the metrics are held to."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def to_triangles():
    """Distance from a point to the nearest of some triangles (F, 3, 3): to the plane where the foot is inside, else to
    the nearest side."""

    def distance(p: np.ndarray, triangles: np.ndarray) -> float:
        normal = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        height = ((p - triangles[:, 0]) * normal).sum(axis=1)
        foot = p - height[:, None] * normal
        inside, nearest = np.ones(len(triangles), bool), np.full(len(triangles), np.inf)
        for u, v in ((0, 1), (1, 2), (2, 0)):
            start, side = triangles[:, u], triangles[:, v] - triangles[:, u]
            inside &= (np.cross(side, foot - start) * normal).sum(axis=1) >= 0
            share = (((p - start) * side).sum(axis=1) / (side**2).sum(axis=1)).clip(0, 1)
            nearest = np.minimum(nearest, np.linalg.norm(p - start - share[:, None] * side, axis=1))
        return float(np.where(inside, abs(height), nearest).min())

    return distance
