"""Shape space and joint regressor: many unposed bodies become ten directions and 16 sparse rows."""

from __future__ import annotations

import numpy as np

from fastgrasp_model.hand.mano_file import SHAPE_COUNT

from .bodies import BodyFactory, sample_bodies
from .source import SourceHand
from .unpose import rest_hand

# Vertices round a joint that may carry it, how heavily the sum of a row is held to one and the shapes are fitted (in
# units of 1 mm at the template), and how heavily a row is held small.
REGRESSOR_VERTICES, SUM_WEIGHT, SHAPE_WEIGHT, REGRESSOR_RIDGE = 160, 10.0, 3.0, 0.1


def sample_rest_hands(hand: SourceHand, factory: BodyFactory, weights, rows, count: int, seed: int):
    """Sample `count` seeded people at rest: vertices (N, 778, 3) and joints (N, 16, 3), metres."""
    hands = [rest_hand(hand, factory.vertices(body), weights, None, body) for body in sample_bodies(count, seed)]
    return np.array([rows @ rest.vertices for rest in hands]), np.array([rest.landmarks[:16] for rest in hands])


def shape_space(vertices: np.ndarray, origin: np.ndarray):
    """Compute the PCA of samples (N, 778, 3): (shapedirs (778, 3, 10), variance share).

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
    """Fit the betas (N, 10) whose hands lie nearest to samples (N, 778, 3); rest (778, 3) is that of no betas."""
    offsets = (vertices - rest).reshape(len(vertices), -1)
    return np.linalg.lstsq(shapedirs.reshape(-1, SHAPE_COUNT), offsets.T, rcond=None)[0].T


def joint_regressor(template, shapedirs, joints, betas, sampled) -> np.ndarray:
    """Fit rows (16, 778), sums one, to the template's joints (16, 3) and those (N, 16, 3) of samples of betas (N, 10).

    They are the least rows that do so, and hold negative numbers: joints inside the flesh, such as the thumb's root,
    change otherwise with the betas than any mean of the skin round them.
    """
    offsets = (sampled - joints).reshape(len(sampled), -1)
    directions = np.linalg.lstsq(betas, offsets, rcond=None)[0].T.reshape(len(joints), 3, SHAPE_COUNT)
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
    """Measure metres (N, 16) between regressed joints of the betas (N, 10) and the sampled joints (N, 16, 3)."""
    rest, directions = regressor @ template, np.einsum("jv,vxk->kjx", regressor, shapedirs)
    return np.linalg.norm(rest + np.tensordot(betas, directions, 1) - sampled, axis=2)
