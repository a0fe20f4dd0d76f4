"""Keypoints of a posed hand with unknown parameters, from its vertices.

MANO's joint regressor is made for the rest pose: on grasping postures of the open hand its error is 3.1 mm on average
and up to 15 mm. Here each joint has weights over the vertices that move with it or with its parent, fitted to sampled
poses of the layer by ridge regression: 0.05 mm on average and 0.6 mm at most on the same postures, 0.1 and 1 mm on
random poses (angles of 0.4 rad). The weights of a joint sum to one, so rigid motions are exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_model.hand.keypoints import keypoints_from

if TYPE_CHECKING:
    from fastgrasp_model.hand.mano_layer import HandOutput, ManoLayer

_SAMPLES = 400
_BEYOND_LIMITS = 0.15  # radians, standard deviation of the noise added to angles inside the limits
_RIDGE = 1e-6  # of the mean squared coordinate; trades noise in the vertices against accuracy
_LEAST_WEIGHT = 0.02  # skin weight of the vertices used for a joint


def posed_joint_regressor(layer: ManoLayer) -> np.ndarray:
    """Fit weights (16, 778) float64 that take the posed vertices of a `ManoLayer` to its posed joints."""
    posed = _sampled_hands(layer)
    vertices, joints = (array.double().cpu().numpy() for array in posed)
    weights = layer.weights.double().cpu().numpy()
    regressor = np.zeros((joints.shape[1], vertices.shape[1]))
    for joint, parent in enumerate(layer.parents):
        near = weights[:, joint] > _LEAST_WEIGHT
        if joint:
            near |= weights[:, parent] > _LEAST_WEIGHT
        regressor[joint, near] = _affine_weights(vertices[:, near], joints[:, joint])
    return regressor


def keypoints_of(vertices: np.ndarray, regressor: np.ndarray, layer: ManoLayer) -> np.ndarray:
    """Compute keypoints (B, 21, 3) float32 of vertices (B, 778, 3) by a `posed_joint_regressor` of the layer."""
    vertices = np.asarray(vertices, dtype=np.float64)
    joints = np.einsum("jv,bvx->bjx", regressor, vertices)
    return keypoints_from(vertices, joints, layer.tip_ids.cpu().numpy()).astype(np.float32)


def _sampled_hands(layer: ManoLayer) -> HandOutput:
    """Pose hands of random shapes with angles within the joint limits plus noise; always the same ones."""
    import torch

    from fastgrasp_model.geometry.rotations import axis_angle_to_matrix
    from fastgrasp_model.hand.anatomy import joint_axes
    from fastgrasp_model.hand.joint_angles import JOINT_LIMITS, angles_to_matrices

    generator = torch.Generator().manual_seed(0)
    low, high = torch.as_tensor(JOINT_LIMITS, dtype=layer.dtype).unbind(-1)
    angles = low + (high - low) * torch.rand(_SAMPLES, 15, 3, generator=generator).to(layer.dtype)
    noise = _BEYOND_LIMITS * torch.randn(_SAMPLES, 15, 3, generator=generator).to(layer.dtype)
    betas = torch.randn(_SAMPLES, 10, generator=generator).to(layer.v_template)
    with torch.no_grad():
        local = angles_to_matrices(angles.to(betas), joint_axes(layer)) @ axis_angle_to_matrix(noise.to(betas))
        root = torch.eye(3).to(betas).expand(_SAMPLES, 1, 3, 3)
        return layer.from_matrices(betas, torch.cat([root, local], 1), betas.new_zeros(_SAMPLES, 3))


def _affine_weights(vertices: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """Fit weights (V,) of sum one from vertices (B, V, 3) to joint (B, 3) by ridge regression."""
    count = vertices.shape[1]
    centre = vertices.mean(axis=1, keepdims=True)
    rows = (vertices - centre).transpose(0, 2, 1).reshape(-1, count)
    wanted = (joint - centre[:, 0]).reshape(-1)
    ridge = _RIDGE * (rows**2).sum(axis=0).mean()
    weights = np.linalg.solve(rows.T @ rows + ridge * np.eye(count), rows.T @ wanted)
    return weights + (1 - weights.sum()) / count
