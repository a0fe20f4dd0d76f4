"""Shape space and joint regressor: many unposed bodies become ten directions and 16 sparse rows."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from .bodies import BodyFactory, sample_bodies
from .source import SourceHand
from .unpose import rest_hand

SHAPE_COUNT = 10
# Vertices round a joint that may carry it, and how heavily the sum of a row is held to one.
REGRESSOR_VERTICES, SUM_WEIGHT = 160, 10.0


def sample_rest_hands(
    hand: SourceHand, factory: BodyFactory, weights, scale: float, rows, count: int, seed: int
):
    """`count` seeded people at rest: vertices (N, 778, 3) and joints (N, 16, 3), metres."""
    vertices, joints = [], []
    for body in sample_bodies(count, seed):
        rest = rest_hand(hand, factory.vertices(body), weights, scale, body)
        vertices.append(rows @ rest.vertices)
        joints.append(rest.landmarks[:16])
    return np.array(vertices), np.array(joints)


def shape_space(vertices: np.ndarray, joints: np.ndarray, origin_joints: np.ndarray):
    """PCA of samples (N, 778, 3): (shapedirs (778, 3, 10), joint directions (16, 3, 10), variance share).

    Scaled so that the samples' coefficients have unit variance; beta 0 is size, larger is bigger.
    """
    flat = vertices.reshape(len(vertices), -1)
    flat = flat - flat.mean(0)
    u, s, vt = np.linalg.svd(flat, full_matrices=False)
    spread = s[:SHAPE_COUNT] / np.sqrt(len(flat))
    directions = vt[:SHAPE_COUNT] * spread[:, None]
    extent = np.linalg.norm(vertices.reshape(len(vertices), -1, 3) - origin_joints[0], axis=2).mean(1)
    scores = u[:, :SHAPE_COUNT] * np.sqrt(len(flat))
    sign = np.sign(
        [np.corrcoef(scores[:, 0], extent)[0, 1]] + [row[np.abs(row).argmax()] for row in vt[1:SHAPE_COUNT]]
    )
    scores, directions = scores * sign, directions * sign[:, None]
    moved = (joints - joints.mean(0)).reshape(len(joints), -1)
    joint_directions = np.linalg.lstsq(scores, moved, rcond=None)[0]
    share = float((s[:SHAPE_COUNT] ** 2).sum() / (s**2).sum())
    return directions.T.reshape(-1, 3, SHAPE_COUNT), joint_directions.T.reshape(16, 3, SHAPE_COUNT), share


def joint_regressor(
    template: np.ndarray, shapedirs: np.ndarray, joints: np.ndarray, joint_directions: np.ndarray
):
    """Rows (16, 778), not negative, sum one: joints of the template and of every shape direction at once."""
    known = np.concatenate([template[:, :, None], shapedirs], 2)
    wanted = np.concatenate([joints[:, :, None], joint_directions], 2)
    rows = np.zeros((16, len(template)))
    for j, joint in enumerate(joints):
        near = np.argsort(np.linalg.norm(template - joint, axis=1), kind="stable")[:REGRESSOR_VERTICES]
        centred = known[near].copy()
        centred[:, :, 0] -= joint
        target = wanted[j].copy()
        target[:, 0] = 0
        matrix = np.concatenate([centred.reshape(len(near), -1).T * 1e3, np.full((1, len(near)), SUM_WEIGHT)])
        # A faint pull of all to zero spreads the row over several vertices instead of a few.
        matrix = np.concatenate([matrix, 0.05 * np.eye(len(near))])
        right = np.concatenate([target.ravel() * 1e3, [SUM_WEIGHT], np.zeros(len(near))])
        row = nnls(matrix, right)[0]
        rows[j, near] = row / row.sum()
    return rows
