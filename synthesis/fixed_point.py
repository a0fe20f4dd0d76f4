"""Hands as fixed-point codes: which number of a hand gets which step, there and back.

value = start + step * code, with one start and one step for each column; the packed file holds both.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fastgrasp_model.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from fastgrasp_model.hand.anatomy import FINGER_JOINTS
from fastgrasp_model.hand.joint_angles import JOINT_LIMITS, angles_to_matrices, matrices_to_angles

COLUMNS = {"betas": 10, "global_orient": 3, "angles": 45, "transl": 3}
# What one step of a code may move the vertex that it moves most, metres. Some 25 codes act on a vertex and their
# roundings add up by chance; docs/grasp_set.md has the error measured.
SHIFT = 2.6e-5
# How far that vertex goes, averaged over grasps of the open hand. Angles: metres a radian of (twist, spread, bend) at
# the three joints of a finger, from the palm outwards; betas: metres a unit.
_FINGER_REACH = ((0.067, 0.042, 0.075), (0.036, 0.029, 0.045), (0.013, 0.019, 0.021))
_THUMB_REACH = ((0.080, 0.078, 0.096), (0.027, 0.055, 0.058), (0.014, 0.026, 0.027))
_BETA_REACH = (0.0086, 0.0032, 0.0013, 0.0021, 0.0008, 0.0008, 0.0008, 0.0008, 0.0009, 0.0008)
_STEPS = {"betas": SHIFT / np.array(_BETA_REACH), "global_orient": np.full(3, 1.5e-4), "transl": np.full(3, 2e-5)}
TENTH = 1e-4  # metres, unit of depth and displacement
MOST = 255  # their greatest code: so much, or more
LONGEST = np.pi + 1e-3  # of an axis-angle vector
_CHUNK = 8192


def grid(name: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(start, step) of each column of `values` (N,C), float64.

    The angles' grid runs from limit to limit, so an angle at its limit comes back as that. The others' are multiples
    of the step, whatever the set, so that packing what was unpacked changes nothing.
    """
    if name == "angles":
        reach = np.empty((15, 3))
        for finger, chain in FINGER_JOINTS.items():
            reach[[joint - 1 for joint in chain]] = _THUMB_REACH if finger == "thumb" else _FINGER_REACH
        low, high = JOINT_LIMITS.reshape(45, 2).T
        return low, (high - low) / np.maximum(np.ceil((high - low) * reach.reshape(45) / SHIFT), 1)
    step = _STEPS[name]
    return np.rint(values.min(axis=0) / step) * step, step


def encode(values: np.ndarray, start: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Codes (C,N) int64 of values (N,C)."""
    places = (np.ascontiguousarray(values.T, dtype=np.float64) - start[:, None]) / step[:, None]
    return np.maximum(np.rint(places), 0).astype(np.int64)


def divide(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes (C,N) below 65536 as (high (C,N), low (P,ceil(N/8)), bits (C,)), all uint8: code = high * 2**bits + rest.

    The high part has the leading eight bits of the column's greatest code, so that deflate sees their distribution. The
    rest is noise: each of its bits is one row of `low`, column after column, the highest first, eight grasps a byte.
    """
    bits = np.array([max(int(row.max()).bit_length() - 8, 0) for row in codes])
    planes = [row >> place & 1 for row, count in zip(codes, bits, strict=True) for place in reversed(range(count))]
    low = np.packbits(np.array(planes, dtype=np.uint8).reshape(-1, codes.shape[1]), axis=1)
    return (codes >> bits[:, None]).astype(np.uint8), low, bits.astype(np.uint8)


def unite(high: np.ndarray, low: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """The uint16 codes (C,N) that `divide` divided."""
    codes = high.astype(np.uint16)
    planes = iter(low)
    for row, count in zip(codes, bits, strict=True):
        for _ in range(count):
            row <<= np.uint16(1)
            row |= np.unpackbits(next(planes), count=len(row))
    return codes


def decode(codes: np.ndarray, start: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Values (N,C) float32 of codes (C,N)."""
    values = np.empty((codes.shape[1], len(codes)), dtype=np.float32)
    for column, row in enumerate(codes):
        values[:, column] = start[column] + step[column] * row
    return values


def encode_tenths(values: np.ndarray) -> np.ndarray:
    """Lengths in metres -> uint8 tenths of a millimetre; below zero is 0, above 25.5 mm is 255."""
    return np.clip(np.rint(values / TENTH), 0, MOST).astype(np.uint8)


def decode_tenths(codes: np.ndarray) -> np.ndarray:
    """uint8 tenths of a millimetre -> metres, float32."""
    return codes.astype(np.float32) * np.float32(TENTH)


def to_angles(hand_pose: np.ndarray, axes: Tensor) -> np.ndarray:
    """Axis-angles (N,45) -> anatomical angles (N,45), joint by joint (twist, spread, bend), radians."""
    return _chunked(hand_pose, lambda pose: matrices_to_angles(axis_angle_to_matrix(pose), axes))


def to_hand_pose(angles: np.ndarray, axes: Tensor) -> np.ndarray:
    """Anatomical angles (N,45) -> axis-angles (N,45), radians."""
    return _chunked(angles, lambda part: matrix_to_axis_angle(angles_to_matrices(part, axes)))


def shortest(axis_angles: np.ndarray) -> np.ndarray:
    """The same rotations (N,3) with axis-angles no longer than half a turn and a rounding."""
    turns = np.array(axis_angles, dtype=np.float64)
    long = np.linalg.norm(turns, axis=1) > LONGEST
    turns[long] = matrix_to_axis_angle(axis_angle_to_matrix(torch.from_numpy(turns[long]))).numpy()
    return turns


def _chunked(values: np.ndarray, turn) -> np.ndarray:
    result = np.empty((len(values), 45), dtype=np.float32)
    with torch.no_grad():
        for first in range(0, len(values), _CHUNK):
            part = np.ascontiguousarray(values[first : first + _CHUNK], dtype=np.float32)
            result[first : first + _CHUNK] = turn(torch.from_numpy(part).reshape(-1, 15, 3)).flatten(1).numpy()
    return result
