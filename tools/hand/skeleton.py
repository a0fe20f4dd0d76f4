"""The skeleton of the open hand: the tree, the directions of its bones at rest, and plain NumPy skinning.

Frame: metres, right hand, fingers to -x, back of the hand +y, thumb side +z (MANO's rest pose).
"""

from __future__ import annotations

import numpy as np

PARENTS = np.array([-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14])
# First joints of the fingers in joint order, and for each finger which row of the 21 landmarks is its tip.
FINGER_ROOTS = {"index": 1, "middle": 4, "pinky": 7, "ring": 10, "thumb": 13}
TIP_ROWS = {"index": 16, "middle": 17, "pinky": 18, "ring": 19, "thumb": 20}
WRIST_AT_REST = np.array([0.096, 0.006, 0.006])
WRIST_TO_MIDDLE_TIP = 0.1877
# Directions from the wrist to the knuckles at rest, to lay the palm by; chosen, rounded.
KNUCKLE_DIRECTIONS = {
    "index": (-0.98, -0.05, 0.20),
    "middle": (-0.995, -0.01, -0.09),
    "pinky": (-0.86, -0.09, -0.50),
    "ring": (-0.96, -0.02, -0.29),
}
# Directions of the three bones of each finger at rest (MCP-PIP, PIP-DIP, DIP-tip).
BONE_DIRECTIONS = {
    "index": ((-0.985, 0.06, 0.07), (-0.99, -0.04, 0.04), (-0.99, -0.06, 0.02)),
    "middle": ((-0.99, 0.05, -0.12), (-0.99, -0.04, -0.13), (-0.99, -0.06, -0.13)),
    "pinky": ((-0.82, 0.0, -0.57), (-0.83, -0.03, -0.55), (-0.84, -0.05, -0.53)),
    "ring": ((-0.955, 0.05, -0.29), (-0.955, -0.04, -0.30), (-0.955, -0.06, -0.30)),
    "thumb": ((-0.64, 0.03, 0.77), (-0.81, -0.18, 0.55), (-0.80, -0.15, 0.57)),
}


def unit(v: np.ndarray) -> np.ndarray:
    """Unit vectors along the last axis."""
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def rotation_matrices(axis_angle: np.ndarray) -> np.ndarray:
    """(..., 3) axis-angle -> (..., 3, 3), by Rodrigues' formula."""
    angle = np.linalg.norm(axis_angle, axis=-1)[..., None, None]
    k = axis_angle / np.maximum(angle[..., 0], 1e-12)
    zero = np.zeros_like(k[..., 0])
    cross = np.stack(
        [zero, -k[..., 2], k[..., 1], k[..., 2], zero, -k[..., 0], -k[..., 1], k[..., 0], zero], -1
    ).reshape(*k.shape[:-1], 3, 3)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def swing(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The least rotation (3, 3) that turns one direction onto another."""
    a, b = unit(source), unit(target)
    axis = np.cross(a, b)
    length = np.linalg.norm(axis)
    if length < 1e-9:
        return np.eye(3)
    return rotation_matrices(axis / length * np.arctan2(length, a @ b))


def kabsch(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) that lays source rows (N, 3) best on target rows (W. Kabsch, 1976)."""
    u, _, vt = np.linalg.svd(target.T @ source)
    return u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt


def joint_transforms(rotations: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World rotations (..., 16, 3, 3) and places (..., 16, 3) from local ones and rest joints (16, 3)."""
    turn, place = [rotations[..., 0, :, :]], [np.broadcast_to(joints[0], (*rotations.shape[:-3], 3))]
    for j in range(1, len(joints)):
        parent = PARENTS[j]
        turn.append(turn[parent] @ rotations[..., j, :, :])
        place.append(place[parent] + turn[parent] @ (joints[j] - joints[parent]))
    return np.stack(turn, -3), np.stack(place, -2)


def skin(vertices: np.ndarray, weights: np.ndarray, joints: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Linear blend skinning: vertices (V, 3) posed by local rotations (16, 3, 3); the wrist stays."""
    turn, place = joint_transforms(rotations, joints)
    shift = place - np.einsum("jab,jb->ja", turn, joints)
    return np.einsum("vj,jab,vb->va", weights, turn, vertices, optimize=True) + weights @ shift
