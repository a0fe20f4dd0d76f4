"""Rotations as torch tensors: axis-angle, matrix, quaternion and the continuous six numbers.

Every function takes any batch dimensions, keeps dtype and device, and has finite gradients everywhere, also at the
zero rotation and at half a turn (where the axis-angle of a matrix jumps, so its gradient is one-sided); libraries such
as scipy give no gradients. Axis-angle vectors are radians; quaternions are (x, y, z, w) as in ROS.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_SERIES_BELOW = 1e-3  # squared angle below which series replace the closed forms, which divide by almost nothing


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Convert axis-angle vectors (..., 3) to rotation matrices (..., 3, 3) by Rodrigues' formula.

    R = I + a [w] + b [w]^2 with a = sin(t)/t and b = (1 - cos t)/t^2, t = |w|. Near t = 0 the Taylor series of a and b
    in t^2 is used, so the gradient at the zero rotation is exact.
    """
    squared = (axis_angle * axis_angle).sum(-1)
    small = squared < _SERIES_BELOW
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    half = torch.sin(0.5 * angle) / angle
    series_a = 1 - squared / 6 * (1 - squared / 20 * (1 - squared / 42))
    series_b = 0.5 - squared / 24 * (1 - squared / 30 * (1 - squared / 56))
    a = torch.where(small, series_a, torch.sin(angle) / angle)
    b = torch.where(small, series_b, 2 * half * half)
    x, y, z = (a[..., None] * axis_angle).unbind(-1)
    diagonal = 1 - b * squared
    outer = b[..., None, None] * axis_angle[..., :, None] * axis_angle[..., None, :]  # b w w^T
    rest = torch.stack([diagonal, -z, y, z, diagonal, -x, -y, x, diagonal], -1)
    return outer + rest.unflatten(-1, (3, 3))


def matrix_to_quaternion(matrix: Tensor) -> Tensor:
    """Convert rotation matrices (..., 3, 3) to unit quaternions (..., 4), (x, y, z, w) with w >= 0.

    Shepperd's method (J. Guidance and Control 1, 1978): of four equivalent expressions the one with the largest
    divisor is taken, so nothing is ever divided by less than one half.
    """
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = matrix.flatten(-2).unbind(-1)
    # Four times the squares and products of the components.
    xx, yy, zz, ww = 1 + r00 - r11 - r22, 1 - r00 + r11 - r22, 1 - r00 - r11 + r22, 1 + r00 + r11 + r22
    xy, xz, yz, xw, yw, zw = r01 + r10, r02 + r20, r12 + r21, r21 - r12, r02 - r20, r10 - r01
    rows = [xx, xy, xz, xw, xy, yy, yz, yw, xz, yz, zz, zw, xw, yw, zw, ww]
    candidates, squares = torch.stack(rows, -1).unflatten(-1, (4, 4)), torch.stack([xx, yy, zz, ww], -1)
    best = squares.argmax(-1)[..., None]
    chosen = candidates.gather(-2, best[..., None].expand(*best.shape, 4)).squeeze(-2)
    quaternion = functional.normalize(chosen, dim=-1)
    return torch.where(quaternion[..., 3:] < 0, -quaternion, quaternion)


def quaternion_to_matrix(quaternion: Tensor) -> Tensor:
    """Convert quaternions (..., 4), (x, y, z, w) of any length but zero, to rotation matrices (..., 3, 3)."""
    x, y, z, w = functional.normalize(quaternion, dim=-1).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
        2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
        2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def matrix_to_axis_angle(matrix: Tensor) -> Tensor:
    """Convert rotation matrices (..., 3, 3) to axis-angle (..., 3), radians, length at most pi.

    At exactly half a turn, where both signs of the axis are right, one of them is returned.
    """
    quaternion = matrix_to_quaternion(matrix)
    vector, w = quaternion[..., :3], quaternion[..., 3]
    squared = (vector * vector).sum(-1)
    small = squared < _SERIES_BELOW
    sine = torch.where(small, torch.ones_like(squared), squared).sqrt()
    safe_w = torch.where(small, w, torch.ones_like(w))
    # 2 atan2(s, w) / s = 2/w (1 - q/3 + q^2/5 - q^3/7) with q = (s/w)^2
    q = squared / (safe_w * safe_w)
    series = 2 / safe_w * (1 - q * (1 / 3 - q * (1 / 5 - q / 7)))
    factor = torch.where(small, series, 2 * torch.atan2(sine, w) / sine)
    return factor[..., None] * vector


def rotation_6d_to_matrix(six: Tensor) -> Tensor:
    """Convert six numbers (..., 6), two columns not yet orthonormal, to rotation matrices (..., 3, 3).

    Gram-Schmidt of Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019. The
    layout is (column 0, column 1); PyTorch3D flattens rows instead.
    """
    first, second = six[..., :3], six[..., 3:]
    x = functional.normalize(first, dim=-1, eps=1e-8)
    y = functional.normalize(second - (x * second).sum(-1, keepdim=True) * x, dim=-1, eps=1e-8)
    return torch.stack([x, y, torch.linalg.cross(x, y)], -1)


def matrix_to_rotation_6d(matrix: Tensor) -> Tensor:
    """Return the first two columns (..., 6) of rotation matrices (..., 3, 3)."""
    return torch.cat([matrix[..., :, 0], matrix[..., :, 1]], -1)


def random_rotations(
    count: int, generator: torch.Generator | None = None, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Draw `count` rotations, uniform over SO(3), as (count, 3, 3) on the CPU: normal quaternions, normalised."""
    return quaternion_to_matrix(torch.randn(count, 4, generator=generator, dtype=dtype))
