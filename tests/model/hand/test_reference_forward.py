"""The layer against a forward pass written apart from it: NumPy, float64, plain loops over joints and vertices.

From Loper et al., "SMPL: A Skinned Multi-Person Linear Model", ACM TOG 34(6), 2015, section 3 (Rodrigues, blend
skinning, shape and pose blend shapes, joint regressor), and Romero et al., "Embodied Hands", ACM TOG 36(6), 2017,
which gives that model a hand. Nothing of the layer or of the package's rotations is used here.
"""

import numpy as np
import pytest
import torch

from fastgrasp_model.geometry.rotations import axis_angle_to_matrix
from fastgrasp_model.hand.mano_file import load_hand_file
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer
from fastgrasp_model.hand.topology import mirrored_model

IDENTITY = np.eye(3)


def rotation(vector: np.ndarray) -> np.ndarray:
    """Rodrigues' formula: I + sin(t) K + (1 - cos(t)) K K, K the cross product with the unit axis."""
    angle = np.sqrt(vector @ vector)
    if angle == 0:
        return IDENTITY
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return IDENTITY + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def reference_hand(model: dict, row: np.ndarray, correctives: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """One row of 61 parameters -> vertices (778, 3) and joints (16, 3), metres."""
    betas, pose, transl = row[:10], row[10:58].reshape(16, 3), row[58:]
    turns = [rotation(vector) for vector in pose]
    shaped = model["v_template"].copy()
    for number, beta in enumerate(betas):  # B_S
        shaped += beta * model["shapedirs"][:, :, number]
    rest = np.array([sum(w * v for w, v in zip(row, shaped, strict=True) if w) for row in model["J_regressor"]])
    posed = shaped.copy()
    features = np.concatenate([(turn - IDENTITY).reshape(9) for turn in turns[1:]])
    for number, feature in enumerate(features if correctives else []):  # B_P
        posed += feature * model["posedirs"][:, :, number]
    rotations, joints = [], []
    for joint, parent in enumerate(model["kintree_table"][0]):  # the kinematic chain
        if joint == 0:
            rotations.append(turns[0])
            joints.append(rest[0])
        else:
            rotations.append(rotations[parent] @ turns[joint])
            joints.append(joints[parent] + rotations[parent] @ (rest[joint] - rest[parent]))
    vertices = np.zeros((778, 3))
    for number, point in enumerate(posed):  # linear blend skinning
        for joint, weight in enumerate(model["weights"][number]):
            if weight:
                vertices[number] += weight * (rotations[joint] @ (point - rest[joint]) + joints[joint])
    return vertices + transl, np.array(joints) + transl


def random_rows(count: int, seed: int) -> np.ndarray:
    """Betas of spread 2, any global rotation, hard poses, half a metre away, and the corner cases of rotations."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate(
        [
            2 * rng.normal(size=(count, 10)),
            rng.normal(size=(count, 3)) * 2,
            rng.normal(size=(count, 45)) * 0.7,
            rng.normal(size=(count, 3)) * 0.5,
        ],
        axis=1,
    )
    rows[0, 10:58] = 0
    rows[1, 10:13] = [np.pi, 0, 0]
    rows[2, 10:13] *= (np.pi - 1e-9) / np.linalg.norm(rows[2, 10:13])
    rows[3, 13:16] *= 1e-5 / np.linalg.norm(rows[3, 13:16])  # where the series stands in
    rows[3, 16:19] *= 0.0316 / np.linalg.norm(rows[3, 16:19])  # and where it ends
    return rows


@pytest.fixture(scope="module")
def models() -> dict[str, dict]:
    right = load_hand_file(OPEN_HAND)
    return {"right": right, "left": mirrored_model(right)}


@pytest.mark.parametrize("correctives", [True, False])
@pytest.mark.parametrize("side", ["right", "left"])
def test_layer_agrees_with_the_reference(models, side, correctives):
    rows = random_rows(6, seed=7)
    layer = ManoLayer.from_file(OPEN_HAND, side=side, dtype=torch.float64)
    tensor = torch.as_tensor(rows)
    matrices = axis_angle_to_matrix(tensor[:, 10:58].unflatten(1, (16, 3)))
    output = layer.from_matrices(tensor[:, :10], matrices, tensor[:, 58:], pose_correctives=correctives)
    for number, row in enumerate(rows):
        vertices, joints = reference_hand(models[side], row, correctives)
        # The file's single-precision weights sum to 1 within 1e-7, which matters where transl is added.
        np.testing.assert_allclose(output.vertices[number], vertices, rtol=0, atol=3e-7)
        np.testing.assert_allclose(output.joints[number], joints, rtol=0, atol=1e-12)


def test_single_precision_and_every_way_in_agree_with_the_reference(models):
    rows = random_rows(5, seed=8)
    layer = ManoLayer.from_file(OPEN_HAND)
    tensor = torch.as_tensor(rows, dtype=torch.float32)
    ways = layer.from_parameters(tensor), layer(*tensor.split([10, 3, 45, 3], 1))
    for number, row in enumerate(rows):
        vertices, joints = reference_hand(models["right"], row)
        for output in ways:
            np.testing.assert_allclose(output.vertices[number], vertices, rtol=0, atol=1e-6)
            np.testing.assert_allclose(output.joints[number], joints, rtol=0, atol=1e-6)
