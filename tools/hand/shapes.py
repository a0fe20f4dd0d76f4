"""Shape space and joint regressor: many unposed bodies become ten directions and 16 sparse rows."""

from __future__ import annotations

import numpy as np

from .bodies import BodyFactory, sample_bodies
from .source import SourceHand
from .unpose import rest_hand

SHAPE_COUNT = 10
# Vertices round a joint that may carry it, how heavily the sum of a row is held to one and the shapes are fitted (in
# units of 1 mm at the template), and how heavily a row is held small.
REGRESSOR_VERTICES, SUM_WEIGHT, SHAPE_WEIGHT, REGRESSOR_RIDGE = 160, 10.0, 3.0, 0.1


def sample_rest_hands(hand: SourceHand, factory: BodyFactory, weights, rows, count: int, seed: int):
    """`count` seeded people at rest: vertices (N, 778, 3) and joints (N, 16, 3), metres."""
    vertices, joints = [], []
    for body in sample_bodies(count, seed):
        rest = rest_hand(hand, factory.vertices(body), weights, None, body)
        vertices.append(rows @ rest.vertices)
        joints.append(rest.landmarks[:16])
    return np.array(vertices), np.array(joints)


def shape_space(vertices: np.ndarray, origin: np.ndarray):
    """PCA of samples (N, 778, 3): (shapedirs (778, 3, 10), variance share).

    Scaled so that the samples' coefficients have unit variance; beta 0 is size, larger is bigger. `origin` (3,) is the
    wrist joint.
    """
    flat = vertices.reshape(len(vertices), -1)
    flat = flat - flat.mean(0)
    u, s, vt = np.linalg.svd(flat, full_matrices=False)
    directions = vt[:SHAPE_COUNT] * (s[:SHAPE_COUNT] / np.sqrt(len(flat)))[:, None]
    extent = np.linalg.norm(vertices - origin, axis=2).mean(1)
    sign = np.sign([np.corrcoef(u[:, 0], extent)[0, 1]] + [row[np.abs(row).argmax()] for row in vt[1:SHAPE_COUNT]])
    share = float((s[:SHAPE_COUNT] ** 2).sum() / (s**2).sum())
    return (directions * sign[:, None]).T.reshape(-1, 3, SHAPE_COUNT), share


def coefficients(vertices: np.ndarray, rest: np.ndarray, shapedirs: np.ndarray) -> np.ndarray:
    """The betas (N, 10) whose hands lie nearest to samples (N, 778, 3); rest (778, 3) is that of no betas."""
    moved = (vertices - rest).reshape(len(vertices), -1)
    return np.linalg.lstsq(shapedirs.reshape(-1, SHAPE_COUNT), moved.T, rcond=None)[0].T


def joint_regressor(template, shapedirs, joints, betas, sampled) -> np.ndarray:
    """Rows (16, 778), sums one: joints (16, 3) of the template, and those of samples (N, 16, 3) of the betas (N, 10).

    The least rows that give the template's joints and how the samples' joints go with the betas. They hold negative
    numbers: joints inside the flesh, such as the thumb's root, move otherwise than any mean of the skin round them.
    """
    moved = (sampled - joints).reshape(len(sampled), -1)
    directions = np.linalg.lstsq(betas, moved, rcond=None)[0].T.reshape(len(joints), 3, SHAPE_COUNT)
    known = np.concatenate([template[:, :, None], SHAPE_WEIGHT * shapedirs], 2)
    rows = np.zeros((len(joints), len(template)))
    for j, joint in enumerate(joints):
        near = np.argsort(np.linalg.norm(template - joint, axis=1), kind="stable")[:REGRESSOR_VERTICES]
        centred = known[near].copy()
        centred[:, :, 0] -= joint
        wanted = np.concatenate([np.zeros((3, 1)), SHAPE_WEIGHT * directions[j]], 1)
        matrix = np.concatenate([centred.reshape(len(near), -1).T * 1e3, np.full((1, len(near)), SUM_WEIGHT)])
        right = np.concatenate([wanted.ravel() * 1e3, [SUM_WEIGHT]])
        row = matrix.T @ np.linalg.solve(matrix @ matrix.T + REGRESSOR_RIDGE * np.eye(len(matrix)), right)
        rows[j, near] = row / row.sum()
    return rows


def regressor_errors(regressor, template, shapedirs, betas, sampled) -> np.ndarray:
    """Metres (N, 16) between regressed joints of the hands of the betas (N, 10) and the sampled joints (N, 16, 3)."""
    rest, directions = regressor @ template, np.einsum("jv,vxk->kjx", regressor, shapedirs)
    return np.linalg.norm(rest + np.tensordot(betas, directions, 1) - sampled, axis=2)
