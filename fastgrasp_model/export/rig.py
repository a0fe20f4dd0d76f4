"""A posed hand as a skeleton, a linear skin and one morph target, as animation programs have them.

MANO moves vertices with the joints (a linear skin) after pose blend shapes have changed the rest hand. A skin alone
cannot express these: they become a morph target of the rest hand. With the target at 1 and the joints in the grasp's
pose the skin gives the grasp's vertices. At most four joints move a vertex, as every program reads; what MANO's other
weights would do is in the target too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_model.export.exporter import ExportError
from fastgrasp_model.grasps import Grasps

if TYPE_CHECKING:
    from fastgrasp_model.hand.mano_layer import ManoLayer

INFLUENCES = 4
MOST_DIFFERENCE = 0.0005  # metres between the file's vertices and those of the hand model


@dataclass(frozen=True)
class HandRig:
    """A hand at rest (flat, wrist not turned, metres) and what brings it into the grasp.

    `vertices` (V, 3) and `joints` (16, 3) at rest; `parents` (16,), the root's is -1; `influences` (V, 4) joints and
    `weights` (V, 4) that sum to 1; of the grasp: `rotations` (16, 4) quaternions x, y, z, w and `offsets` (16, 3), both
    in the parent's frame, and `corrective` (V, 3), added to `vertices` before the skin.
    """

    vertices: np.ndarray
    joints: np.ndarray
    parents: list[int]
    influences: np.ndarray
    weights: np.ndarray
    rotations: np.ndarray
    offsets: np.ndarray
    corrective: np.ndarray


def hand_rig(grasps: Grasps, row: int, layer: ManoLayer) -> HandRig:
    """Return the rig of one grasp. `layer`: the model of its hand, of its side, in float64.

    Raises ExportError where the grasp's vertices are not those of the layer.
    """
    import torch
    from scipy.spatial.transform import Rotation

    betas = torch.as_tensor(grasps.betas[row : row + 1]).to(layer.dtype)
    transl = torch.as_tensor(grasps.transl[row : row + 1]).to(layer.dtype)
    axis_angles = np.concatenate([grasps.global_orient[row], grasps.hand_pose[row]]).reshape(-1, 3)
    local = Rotation.from_rotvec(axis_angles.astype(np.float64))
    matrices = torch.as_tensor(local.as_matrix())[None].to(layer.dtype)
    flat = torch.eye(3, dtype=layer.dtype).expand(1, len(axis_angles), 3, 3)
    with torch.no_grad():
        rest = layer.from_matrices(betas, flat, torch.zeros_like(transl))
        posed = layer.from_matrices(betas, matrices, transl).vertices[0].numpy()
        pose = layer.pose_joints(betas, matrices, transl)
    target = grasps.vertices[row].astype(np.float64)
    difference = float(np.abs(posed - target).max())
    if difference > MOST_DIFFERENCE:
        raise ExportError(
            f"these hands are not of the hand '{layer.name}': vertices differ by {1000 * difference:.1f} mm. "
            "Give the hand file that they were generated with, --mano MANO_RIGHT.pkl"
        )
    vertices, joints = rest.vertices[0].numpy(), rest.joints[0].numpy()
    influences, weights = strongest(layer.weights.numpy())
    rotation, place = pose.rotations[0].numpy(), pose.joints[0].numpy()
    moved = place - np.einsum("jab,jb->ja", rotation, joints)
    skin = np.einsum("vk,vkab->vab", weights, rotation[influences])
    shift = np.einsum("vk,vka->va", weights, moved[influences])
    unskinned = np.linalg.solve(skin, (target - shift)[..., None])[..., 0]
    parents = [-1, *layer.parents[1:]]
    offsets = joints - np.where(np.array(parents)[:, None] >= 0, joints[parents], 0)
    offsets[0] = place[0]
    rotations = local.as_quat(canonical=True)
    return HandRig(vertices, joints, parents, influences, weights, rotations, offsets, unskinned - vertices)


def strongest(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return of weights (V, J) the four largest of each vertex: joints (V, 4) and weights (V, 4) that sum to 1."""
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :INFLUENCES]
    chosen = np.maximum(np.take_along_axis(weights, joints, axis=1), 0)
    chosen = (chosen / chosen.sum(axis=1, keepdims=True)).astype(np.float32)
    chosen[:, 0] = 1 - chosen[:, 1:].sum(axis=1)
    return np.where(chosen > 0, joints, 0), chosen  # glTF: a joint without weight is joint 0
