"""Local frames at grasp points, and the cloud as seen from them.

The origin of a local frame is a point on the object's surface, its z axis is the outward normal there, and the roll
about z is free. The networks work in local frames, so that they need not learn the object's place and orientation.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Frames(NamedTuple):
    """K rigid frames: x_world = rotation x_local + origin, with rotation (K, 3, 3) and origin (K, 3) in metres."""

    rotation: Tensor
    origin: Tensor

    def to_local(self, points: Tensor) -> Tensor:
        """Return points (K, N, 3) of the world in the frames."""
        return (points - self.origin.unsqueeze(1)) @ self.rotation

    def to_world(self, points: Tensor) -> Tensor:
        """Return points (K, N, 3) of the frames in the world."""
        return points @ self.rotation.transpose(1, 2) + self.origin.unsqueeze(1)


def local_frames(points: Tensor, normals: Tensor, roll: Tensor) -> Frames:
    """Return frames at points (K, 3) with z along the normals (K, 3), rotated about z by roll (K,) radians."""
    z = torch.nn.functional.normalize(normals, dim=-1)
    # The axis least along z makes the start of a basis; the roll then makes the choice irrelevant.
    helper = torch.nn.functional.one_hot(z.abs().argmin(-1), 3).to(z)
    x = torch.nn.functional.normalize(torch.linalg.cross(helper, z), dim=-1)
    y = torch.linalg.cross(z, x)
    cos, sin = roll.cos().unsqueeze(-1), roll.sin().unsqueeze(-1)
    return Frames(torch.stack([cos * x + sin * y, cos * y - sin * x, z], dim=-1), points)


def neighbours(points: Tensor, frames: Frames, count: int, radius: float, generator=None) -> Tensor:
    """Draw `count` points of clouds (K, N, 3) within `radius` of the frames' origins: (K, count, 3), in the frames.

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
    return frames.to_local(points.expand(len(order), -1, -1).gather(1, order.unsqueeze(-1).expand(-1, -1, 3)))


def global_context(points: Tensor, frames: Frames) -> Tensor:
    """Describe whole clouds (K, N, 3), or one (1, N, 3), in the frames (K, 9): what the neighbours do not show.

    The centroid (3, decimetres) and the covariance (6, signed square roots).
    """
    centre = points.mean(1, keepdim=True)
    centred = (points - centre) / 0.1
    spread = torch.einsum("kni,knj->kij", centred, centred) / points.shape[1]
    mean, covariance = frames.to_local(centre).squeeze(1), frames.rotation.transpose(1, 2) @ spread @ frames.rotation
    upper = covariance[:, [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]
    return torch.cat([mean / 0.1, upper.sign() * upper.abs().clamp(min=1e-8).sqrt()], dim=-1)
