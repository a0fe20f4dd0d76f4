"""The skeleton of the open hand: the tree, its bones at rest, anatomical axes, and natural postures.

Frame: metres, right hand, fingers to -x, back of the hand +y, thumb side +z (MANO's rest pose).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from fastgrasp_model.hand.joint_angles import JOINT_LIMITS

PARENTS = np.array([-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14])
# First joints of the fingers in joint order, and for each finger which row of the 21 landmarks is its tip.
FINGER_ROOTS = {"index": 1, "middle": 4, "pinky": 7, "ring": 10, "thumb": 13}
TIP_ROWS = {"index": 16, "middle": 17, "pinky": 18, "ring": 19, "thumb": 20}
WRIST_AT_REST = np.array([0.096, 0.006, 0.006])
WRIST_TO_MIDDLE_TIP = 0.1877
# Directions from the wrist to the knuckles at rest, to lay the palm by; chosen, rounded.
KNUCKLE_DIRECTIONS = {
    "index": (-0.98, -0.05, 0.20), "middle": (-0.995, -0.01, -0.09), "pinky": (-0.86, -0.09, -0.50),
    "ring": (-0.96, -0.02, -0.29),
}  # fmt: skip
# Directions of the three bones of each finger at rest (MCP-PIP, PIP-DIP, DIP-tip).
BONE_DIRECTIONS = {
    "index": ((-0.985, 0.06, 0.07), (-0.99, -0.04, 0.04), (-0.99, -0.06, 0.02)),
    "middle": ((-0.99, 0.05, -0.12), (-0.99, -0.04, -0.13), (-0.99, -0.06, -0.13)),
    "pinky": ((-0.82, 0.0, -0.57), (-0.83, -0.03, -0.55), (-0.84, -0.05, -0.53)),
    "ring": ((-0.955, 0.05, -0.29), (-0.955, -0.04, -0.30), (-0.955, -0.06, -0.30)),
    "thumb": ((-0.64, 0.03, 0.77), (-0.81, -0.18, 0.55), (-0.80, -0.15, 0.57)),
}


def finger_chain(name: str) -> list[int]:
    """Return the rows of the 21 landmarks along a finger: three joints and the tip."""
    root = FINGER_ROOTS[name]
    return [root, root + 1, root + 2, TIP_ROWS[name]]


def unit(v: np.ndarray) -> np.ndarray:
    """Scale vectors to length one along the last axis."""
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def rotation_matrices(axis_angle: np.ndarray) -> np.ndarray:
    """Convert axis-angle vectors (..., 3) to rotation matrices (..., 3, 3)."""
    return Rotation.from_rotvec(axis_angle.reshape(-1, 3)).as_matrix().reshape(*axis_angle.shape, 3)


def swing(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Compute the least rotation (3, 3) that turns one direction onto another."""
    a, b = unit(source), unit(target)
    axis = np.cross(a, b)
    length = np.linalg.norm(axis)
    return rotation_matrices(axis / length * np.arctan2(length, a @ b)) if length >= 1e-9 else np.eye(3)


def anatomical_axes(joints: np.ndarray) -> np.ndarray:
    """Compute unit axes (15, 3, 3) of joints 1..15, rows twist, spread, bend, from the rest joints (16, 3)."""
    axes = np.zeros((15, 3, 3))
    for j in range(1, 16):
        start, child = (j, j + 1) if j % 3 else (PARENTS[j], j)
        back = unit(joints[start] - joints[child])
        up = unit(np.array([1.0, 1.0, 1.0])) if j >= 13 else np.array([0.0, 1.0, 0.0])
        side = unit(np.cross(back, up))
        axes[j - 1] = back, np.cross(side, back), side
    return axes


def sample_postures(count: int, axes: np.ndarray, seed: int) -> np.ndarray:
    """Draw natural hand poses (count, 45), axis-angle: fingers close with some freedom each, DIP 2/3 of PIP."""
    rng = np.random.default_rng(seed)
    close = rng.beta(1.1, 1.3, size=(count, 1))
    angles = np.zeros((count, 15, 3))
    for root in (0, 3, 6, 9):
        own = np.clip(close[:, 0] + 0.18 * rng.normal(size=count), -0.1, 1.0)
        angles[:, root, 2] = own * np.radians(80) + np.radians(8) * rng.normal(size=count)
        angles[:, root + 1, 2] = np.clip(own + 0.12 * rng.normal(size=count), 0, 1) * np.radians(95)
        angles[:, root + 2, 2] = angles[:, root + 1, 2] * (2 / 3 + 0.08 * rng.normal(size=count))
        angles[:, root, 1] = (1 - np.clip(own, 0, 1)) * np.radians(6) * rng.normal(size=count)
    angles[:, 12] = rng.normal((0.25, 0.2, 0.15), (0.2, 0.25, 0.2), size=(count, 3)) * (0.4 + close)
    bend = np.clip(close[:, 0] + 0.3 * rng.normal(size=count), 0, 1)
    angles[:, 13, 2], angles[:, 14, 2] = bend * 0.7, bend * 0.9
    # Half a degree everywhere: without it the components of no variance would be arbitrary.
    angles = np.clip(angles + np.radians(0.5) * rng.normal(size=angles.shape), *JOINT_LIMITS.transpose(2, 0, 1))
    return np.einsum("...jk,jka->...ja", angles, axes).reshape(count, 45)  # exact for bends alone
