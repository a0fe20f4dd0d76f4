"""Outward normals of object clouds, and clouds of a fixed size with normals, as the networks read them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fastgrasp_model.geometry.clouds import estimate_normals, sample_cloud

CLOUD_POINTS = 1024
NORMAL_POINTS = 2048  # normals are estimated on a denser cloud, so that thin handles keep theirs


def prepare_cloud(
    points: np.ndarray, rng: np.random.Generator, viewpoint: np.ndarray | None = None, count: int = CLOUD_POINTS
) -> tuple[np.ndarray, np.ndarray]:
    """Return `count` points of a valid cloud (N, 3) and outward normals, (count, 3) each, float32, same frame.

    `viewpoint` (3,) is the sensor's position, for a cloud seen from one side.
    """
    cloud = sample_cloud(points, min(max(NORMAL_POINTS, count), len(points)), rng)
    normals = orient_outward(cloud, estimate_normals(cloud, 12), viewpoint)
    cloud, normals = cloud[:count], normals[:count]
    if len(cloud) < count:
        more = rng.integers(0, len(cloud), count - len(cloud))
        cloud, normals = np.concatenate([cloud, cloud[more]]), np.concatenate([normals, normals[more]])
    return cloud.astype(np.float32), normals.astype(np.float32)


def orient_outward(points: np.ndarray, normals: np.ndarray, viewpoint: np.ndarray | None = None) -> np.ndarray:
    """Orient normals (N, 3) outwards: towards `viewpoint` (3,) where it is known, else away from the centroid."""
    if viewpoint is not None:
        return _faced(normals, np.asarray(viewpoint, dtype=points.dtype) - points)
    return _faced(normals, points - points.mean(0))


def averaged_normals(points: Tensor, normals: Tensor, at: Tensor, radius: float = 0.015) -> Tensor:
    """Return the mean normals (K, 3) of clouds (K, N, 3) within `radius` metres of the points `at` (K, 3)."""
    near = ((points - at.unsqueeze(1)).square().sum(-1) < radius**2).to(points.dtype)
    return torch.nn.functional.normalize((normals * near.unsqueeze(-1)).sum(1), dim=-1)


def _faced(normals: np.ndarray, direction: np.ndarray) -> np.ndarray:
    sign = np.sign((normals * direction).sum(1, keepdims=True))
    return normals * np.where(sign == 0, 1, sign)
