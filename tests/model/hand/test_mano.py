"""The MANO layer against an independent reference in NumPy, its gradients, its left hand and its fast
paths.
"""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from fastgrasp_model.geometry.rotations import axis_angle_to_matrix
from fastgrasp_model.hand.mano import OPEN_HAND, ManoLayer
from fastgrasp_model.hand.model_file import load_hand_file


@pytest.fixture(scope="module")
def model() -> dict[str, np.ndarray]:
    return load_hand_file(OPEN_HAND)


@pytest.fixture(scope="module")
def layer() -> ManoLayer:
    return ManoLayer.from_file(OPEN_HAND, dtype=torch.float64)


@pytest.fixture(scope="module")
def parameters() -> torch.Tensor:
    return 0.6 * torch.randn(6, 61, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def reference_hand(model: dict[str, np.ndarray], parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One hand by the equations of the paper, with loops and 4x4 matrices: vertices (778, 3), joints (16,
    3).
    """
    betas, pose, transl = parameters[:10], parameters[10:58].reshape(16, 3), parameters[58:]
    rotations = Rotation.from_rotvec(pose).as_matrix()
    shaped = model["v_template"] + model["shapedirs"] @ betas
    rest = model["J_regressor"] @ shaped
    posed = shaped + model["posedirs"] @ (rotations[1:] - np.eye(3)).reshape(-1)
    chain = np.zeros((16, 4, 4))
    for joint, parent in enumerate(model["kintree_table"][0]):
        local = np.eye(4)
        local[:3, :3] = rotations[joint]
        local[:3, 3] = rest[joint] - (rest[parent] if joint else 0)
        chain[joint] = chain[parent] @ local if joint else local
    joints = chain[:, :3, 3].copy()
    for joint in range(16):
        chain[joint, :3, 3] -= chain[joint, :3, :3] @ rest[joint]
    vertices = np.zeros((778, 3))
    for number, point in enumerate(posed):
        blended = sum(model["weights"][number, joint] * chain[joint] for joint in range(16))
        vertices[number] = (blended @ [*point, 1])[:3]
    return vertices + transl, joints + transl


def test_agrees_with_the_reference_in_both_precisions(layer, model, parameters):
    output = layer.from_parameters(parameters)
    single = ManoLayer.from_file(OPEN_HAND).from_parameters(parameters.float())
    for row in range(3):
        vertices, joints = reference_hand(model, parameters[row].numpy())
        # The file's single-precision weights sum to 1 within 1e-7, so it matters that little where transl is
        # added.
        np.testing.assert_allclose(output.vertices[row].numpy(), vertices, rtol=0, atol=5e-8)
        np.testing.assert_allclose(output.joints[row].numpy(), joints, rtol=0, atol=1e-12)
        np.testing.assert_allclose(single.vertices[row].numpy(), vertices, rtol=0, atol=1e-6)


def test_zero_parameters_give_the_template(layer, model):
    output = layer.from_parameters(torch.zeros(1, 61, dtype=torch.float64))
    np.testing.assert_allclose(output.vertices[0].numpy(), model["v_template"], atol=1e-12)
    np.testing.assert_allclose(output.joints[0].numpy(), model["J_regressor"] @ model["v_template"], atol=1e-12)


def test_wrist_is_rest_wrist_plus_transl_whatever_the_rotation(layer, parameters):
    joints = layer.from_parameters(parameters).joints
    expected = layer.rest_joints(parameters[:, :10])[:, 0] + parameters[:, 58:]
    np.testing.assert_allclose(joints[:, 0].numpy(), expected.numpy(), atol=1e-12)


def test_gradients_agree_with_differences(layer, parameters):
    ids = torch.tensor([0, 317, 745])

    def some_vertices(row):
        matrices = axis_angle_to_matrix(row[:, 10:58].unflatten(1, (16, 3)))
        output = layer.from_matrices(row[:, :10], matrices, row[:, 58:], vertex_ids=ids)
        return output.vertices, output.joints

    assert torch.autograd.gradcheck(some_vertices, parameters[:1].clone().requires_grad_())


def test_gradients_are_finite_at_the_flat_hand(layer):
    zero = torch.zeros(2, 61, dtype=torch.float64, requires_grad=True)
    output = layer.from_parameters(zero)
    (output.vertices.square().sum() + output.joints.square().sum()).backward()
    assert torch.isfinite(zero.grad).all()
    assert (zero.grad.abs().sum(0) > 0).all()


def test_left_hand_is_the_mirrored_right_hand(layer, parameters):
    left = ManoLayer.from_file(OPEN_HAND, side="left", dtype=torch.float64)
    flipped = parameters.clone()
    flipped[:, 10:58] *= torch.tensor([1.0, -1, -1], dtype=torch.float64).repeat(16)
    flipped[:, 58] *= -1
    mirror = torch.tensor([-1.0, 1, 1], dtype=torch.float64)
    right_output, left_output = layer.from_parameters(parameters), left.from_parameters(flipped)
    np.testing.assert_allclose(left_output.vertices, right_output.vertices * mirror, atol=1e-12)
    np.testing.assert_allclose(left_output.joints, right_output.joints * mirror, atol=1e-12)
    assert left.side == "left" and volume(left) == pytest.approx(volume(layer)) and volume(left) > 0


def volume(layer: ManoLayer) -> float:
    """Signed volume of the closed rest hand, positive where faces look outwards; m^3."""
    a, b, c = layer.v_template[layer.closed_faces].unbind(1)
    return float((a * torch.linalg.cross(b, c)).sum() / 6)


def test_closed_faces_are_watertight_and_outward(layer):
    faces = layer.closed_faces
    assert layer.faces.shape == (1538, 3) and faces.shape == (1552, 3)
    assert torch.equal(faces[:1538], layer.faces)
    edges = {(int(a), int(b)) for face in faces for a, b in zip(face, face.roll(-1), strict=True)}
    assert len(edges) == 3 * 1552 and all((b, a) in edges for a, b in edges)
    assert 1e-4 < volume(layer) < 6e-4  # a hand has some 0.3 litres


def test_chosen_vertices_are_rows_of_the_whole(layer, parameters):
    matrices = axis_angle_to_matrix(parameters[:, 10:58].unflatten(1, (16, 3)))
    ids = torch.tensor([745, 3, 100])
    whole = layer.from_matrices(parameters[:, :10], matrices, parameters[:, 58:])
    some = layer.from_matrices(parameters[:, :10], matrices, parameters[:, 58:], vertex_ids=ids)
    np.testing.assert_allclose(some.vertices, whole.vertices[:, ids], atol=1e-14)
    assert torch.equal(some.joints, whole.joints)


def test_pose_correctives_can_be_left_out_and_matter_only_when_bent(layer, parameters):
    arguments = parameters[:, :10], parameters[:, 58:]
    flat = torch.eye(3, dtype=torch.float64).expand(6, 16, 3, 3)
    bent = axis_angle_to_matrix(parameters[:, 10:58].unflatten(1, (16, 3)))
    for matrices, least, most in ((flat, 0, 1e-14), (bent, 1e-4, 0.05)):
        full = layer.from_matrices(arguments[0], matrices, arguments[1]).vertices
        plain = layer.from_matrices(arguments[0], matrices, arguments[1], pose_correctives=False).vertices
        assert least <= (full - plain).abs().max() <= most


def test_positive_turns_about_z_bend_the_fingers_into_the_palm(layer):
    pose = torch.zeros(1, 16, 3, dtype=torch.float64)
    pose[:, 1:13, 2] = 0.6
    zeros = torch.zeros(1, 10, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64)
    bent = layer.from_matrices(zeros[0], axis_angle_to_matrix(pose), zeros[1]).vertices[0, layer.tip_ids[1:]]
    assert (bent[:, 1] < layer.v_template[layer.tip_ids[1:], 1] - 0.03).all()


def test_environment_names_the_default_hand(monkeypatch, tmp_path):
    copy = tmp_path / "other.npz"
    copy.write_bytes(OPEN_HAND.read_bytes())
    monkeypatch.setenv("FASTGRASP_HAND", str(copy))
    assert ManoLayer.from_file().name == "other.npz"
    monkeypatch.delenv("FASTGRASP_HAND")
    assert ManoLayer.from_file().name == "open hand"


def test_wrong_side_and_wrong_parameters_are_refused(model, layer):
    with pytest.raises(ValueError, match="'right' or 'left'"):
        ManoLayer(model, side="both")
    with pytest.raises(ValueError, match=r"\(B, 61\)"):
        layer.from_parameters(torch.zeros(2, 48))


def test_empty_batch(layer):
    output = layer.from_parameters(torch.zeros(0, 61, dtype=torch.float64))
    assert output.vertices.shape == (0, 778, 3) and output.joints.shape == (0, 16, 3)
