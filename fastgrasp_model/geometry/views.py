"""An object's cloud made ready for the networks, and the frames from which they see it.

A view is a cloud of fixed size with normals that point outwards. From a view, frames are taken: an *anchor* frame sits
on a surface point with z along the normal and a free roll about it, so that where the object is and how it is turned
need not be learned; the *object* frame sits at the centroid with the axes of the cloud.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from fastgrasp_model.geometry.clouds import estimate_normals, sample_cloud

VIEW_POINTS = 1024
NORMAL_POINTS = 2048  # normals are estimated on a denser cloud, or thin handles lose theirs
SEE_THROUGH = 0.2  # share of points that may lie behind or before their neighbours in a single view (its edges)


class Frames(NamedTuple):
    """Frames in space: x_space = rotation x_frame + origin. rotation (K, 3, 3), origin (K, 3)."""

    rotation: Tensor
    origin: Tensor

    def into(self, points: Tensor) -> Tensor:
        """Points (K, N, 3) in space -> in the frames."""
        return (points - self.origin.unsqueeze(1)) @ self.rotation

    def out_of(self, points: Tensor) -> Tensor:
        """Points (K, N, 3) in the frames -> in space."""
        return points @ self.rotation.transpose(1, 2) + self.origin.unsqueeze(1)


def prepare_view(
    points: np.ndarray,
    rng: np.random.Generator,
    viewpoint: np.ndarray | None = None,
    count: int = VIEW_POINTS,
) -> tuple[np.ndarray, np.ndarray]:
    """A valid cloud (N, 3) -> points (count, 3) and outward normals (count, 3), float32, same frame.

    `viewpoint` (3,) is where the sensor stood, for a cloud seen from one side (see `sensor_of`).
    """
    cloud = sample_cloud(points, min(max(NORMAL_POINTS, count), len(points)), rng)
    normals = orient_outward(cloud, estimate_normals(cloud, 12), viewpoint)
    cloud, normals = cloud[:count], normals[:count]
    if len(cloud) < count:
        more = rng.integers(0, len(cloud), count - len(cloud))
        cloud, normals = np.concatenate([cloud, cloud[more]]), np.concatenate([normals, normals[more]])
    return cloud.astype(np.float32), normals.astype(np.float32)


def orient_outward(points: np.ndarray, normals: np.ndarray, viewpoint: np.ndarray | None = None) -> np.ndarray:
    """Turn unoriented normals (N, 3) outwards: towards a sensor that is known, else away from the centroid."""
    if viewpoint is not None:
        return _faced(normals, np.asarray(viewpoint, dtype=points.dtype) - points)
    return _faced(normals, points - points.mean(0))


def sensor_of(points: np.ndarray, origin: np.ndarray) -> np.ndarray | None:
    """Where the sensor stood that saw a cloud (N, 3): `origin` (3,), if that can be; None for a cloud of all sides.

    Clouds often arrive in the sensor's frame. Its origin is the sensor if it lies well outside the cloud and no part
    of the cloud hides another from it: neighbours in the picture have like depths.
    """
    points = points[:: max(1, len(points) // NORMAL_POINTS)]
    rays = points - np.asarray(origin)
    distance = np.linalg.norm(rays, axis=1)
    middle = rays.mean(0)
    if np.linalg.norm(middle) < 1.5 * np.linalg.norm(rays - middle, axis=1).max():
        return None
    axis = middle / np.linalg.norm(middle)
    side = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    side /= np.linalg.norm(side)
    picture = rays @ np.stack([side, np.cross(axis, side)], axis=1) / (rays @ axis)[:, None] * distance.mean()
    apart, near = cKDTree(picture).query(picture, k=min(5, len(points)))
    gap = np.abs(distance[near] - distance[:, None])
    hidden = (gap > 3.0 * apart + 0.008).any(axis=1)
    return np.asarray(origin) if hidden.mean() < SEE_THROUGH else None


def _faced(normals: np.ndarray, direction: np.ndarray) -> np.ndarray:
    sign = np.sign((normals * direction).sum(1, keepdims=True))
    return normals * np.where(sign == 0, 1, sign)


def local_frames(points: Tensor, normals: Tensor, roll: Tensor) -> Frames:
    """Frames on points (K, 3) with z along the normals (K, 3), turned about it by roll (K,) radians."""
    z = torch.nn.functional.normalize(normals, dim=-1)
    # The axis least along z makes the start of a basis; the roll then makes the choice irrelevant.
    helper = torch.nn.functional.one_hot(z.abs().argmin(-1), 3).to(z)
    x = torch.nn.functional.normalize(torch.linalg.cross(helper, z), dim=-1)
    y = torch.linalg.cross(z, x)
    cos, sin = roll.cos().unsqueeze(-1), roll.sin().unsqueeze(-1)
    return Frames(torch.stack([cos * x + sin * y, cos * y - sin * x, z], dim=-1), points)


def smooth_normals(points: Tensor, normals: Tensor, at: Tensor, radius: float = 0.015) -> Tensor:
    """The mean normal (K, 3) of a cloud (K, N, 3) within `radius` of the points `at` (K, 3): steadier under noise."""
    near = ((points - at.unsqueeze(1)).square().sum(-1) < radius**2).to(points.dtype)
    return torch.nn.functional.normalize((normals * near.unsqueeze(-1)).sum(1), dim=-1)


def neighbourhood(points: Tensor, frames: Frames, count: int, radius: float, generator=None) -> Tensor:
    """`count` random points of clouds (K, N, 3) within `radius` of the frames' origins -> (K, count, 3) in the frames.

    A single cloud (1, N, 3) is that of all frames. Where fewer lie within, they repeat; the nearest point always counts
    as within. A `generator` on the CPU gives the same points on every device.
    """
    square = (points - frames.origin.unsqueeze(1)).square().sum(-1)  # (K, N)
    outside = square > torch.clamp(square.amin(-1, keepdim=True) + 1e-12, min=radius**2)
    drawn = torch.rand(square.shape, generator=generator, device=generator.device if generator else points.device)
    key = drawn.to(points.device) + 10.0 * outside
    order = key.topk(min(count, key.shape[1]), dim=-1, largest=False).indices
    inside = (~outside).sum(-1, keepdim=True).clamp(min=1, max=order.shape[1])
    order = order.gather(1, torch.arange(count, device=points.device).expand(len(order), -1) % inside)
    return frames.into(points.expand(len(order), -1, -1).gather(1, order.unsqueeze(-1).expand(-1, -1, 3)))


def context(points: Tensor, frames: Frames) -> Tensor:
    """What a local frame cannot see of clouds (K, N, 3), or of one (1, N, 3) from all frames: (K, 9).

    The centroid (3, decimetres) and the covariance (6, root scale).
    """
    centre = points.mean(1, keepdim=True)
    centred = (points - centre) / 0.1
    spread = torch.einsum("kni,knj->kij", centred, centred) / points.shape[1]
    mean, covariance = frames.into(centre).squeeze(1), frames.rotation.transpose(1, 2) @ spread @ frames.rotation
    upper = covariance[:, [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]
    return torch.cat([mean / 0.1, upper.sign() * upper.abs().clamp(min=1e-8).sqrt()], dim=-1)
