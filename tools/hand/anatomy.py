"""Joint limits, anatomical axes and natural postures, in plain NumPy for the build only.

The model's own `hand/anatomy.py` holds the same table for use at run time; the build keeps its copy so that
the file it writes never depends on code that reads it.
"""

from __future__ import annotations

import numpy as np

from .skeleton import PARENTS, rotation_matrices, unit

_PIP, _DIP = ((-2, 2), (-3, 3), (-5, 105)), ((-2, 2), (-3, 3), (-10, 80))
# Degrees from rest, joints 1..15: (twist, spread, bend). Spread is positive to the thumb side; thumb: palmar.
JOINT_LIMITS = np.array(
    [
        ((-5, 5), (-22, 14), (-25, 90)),
        _PIP,
        _DIP,
        ((-5, 5), (-12, 12), (-25, 90)),
        _PIP,
        _DIP,
        ((-5, 5), (-24, 26), (-25, 90)),
        _PIP,
        _DIP,
        ((-5, 5), (-14, 12), (-25, 90)),
        _PIP,
        _DIP,
        ((-30, 30), (-25, 45), (-20, 45)),
        ((-8, 8), (-10, 10), (-10, 60)),
        ((-3, 3), (-4, 4), (-20, 80)),
    ],
    dtype=float,
)


def anatomical_axes(joints: np.ndarray) -> np.ndarray:
    """Unit axes (15, 3, 3) of joints 1..15, rows twist, spread, bend, from the rest joints (16, 3)."""
    axes = np.zeros((15, 3, 3))
    for j in range(1, 16):
        child = j + 1 if j % 3 else j
        start = j if j % 3 else PARENTS[j]
        back = unit(joints[start] - joints[child])
        up = unit(np.array([1.0, 1.0, 1.0])) if j >= 13 else np.array([0.0, 1.0, 0.0])
        side = unit(np.cross(back, up))
        axes[j - 1] = back, np.cross(side, back), side
    return axes


def axis_angle_sum(angles: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Axis-angle vectors (..., 15, 3) that are the plain sums of angle times axis; exact for bends alone."""
    return np.einsum("...jk,jka->...ja", angles, axes)


def angles_to_matrices(angles: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Angles (..., 15, 3) radians -> rotations (..., 15, 3, 3): R = bend @ spread @ twist."""
    parts = [rotation_matrices(angles[..., k, None] * axes[:, k]) for k in range(3)]
    return parts[2] @ parts[1] @ parts[0]


def sample_postures(count: int, axes: np.ndarray, seed: int) -> np.ndarray:
    """Natural hand poses (count, 45), axis-angle: fingers close with some freedom each, DIP 2/3 of PIP."""
    rng = np.random.default_rng(seed)
    low, high = np.radians(JOINT_LIMITS).transpose(2, 0, 1)
    close = rng.beta(1.1, 1.3, size=(count, 1))
    angles = np.zeros((count, 15, 3))
    for root in (0, 3, 6, 9):
        own = np.clip(close[:, 0] + 0.18 * rng.normal(size=count), -0.1, 1.0)
        angles[:, root, 2] = own * np.radians(80) + np.radians(8) * rng.normal(size=count)
        angles[:, root + 1, 2] = np.clip(own + 0.12 * rng.normal(size=count), 0, 1) * np.radians(95)
        angles[:, root + 2, 2] = angles[:, root + 1, 2] * (2 / 3 + 0.08 * rng.normal(size=count))
        opening = (1 - np.clip(own, 0, 1)) * np.radians(6)
        angles[:, root, 1] = opening * rng.normal(size=count)
    angles[:, 12] = rng.normal((0.25, 0.2, 0.15), (0.2, 0.25, 0.2), size=(count, 3)) * (0.4 + close)
    bend = np.clip(close[:, 0] + 0.3 * rng.normal(size=count), 0, 1)
    angles[:, 13, 2], angles[:, 14, 2] = bend * 0.7, bend * 0.9
    # Half a degree everywhere: without it the components of no variance would be arbitrary.
    angles = np.clip(angles + np.radians(0.5) * rng.normal(size=angles.shape), low, high)
    return axis_angle_sum(angles, axes).reshape(count, 45)
