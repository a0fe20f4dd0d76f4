"""The MANO layer: its conventions, gradients, left hand, fast paths, export and speed.

Whether its vertices are right is for test_reference_forward.py to say.
"""

import io
import math

import numpy as np
import pytest
import torch

from fastgrasp_model.geometry.rotations import axis_angle_to_matrix
from fastgrasp_model.hand.mano_file import load_hand_file
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer


@pytest.fixture(scope="module")
def model() -> dict[str, np.ndarray]:
    return load_hand_file(OPEN_HAND)


@pytest.fixture(scope="module")
def layer() -> ManoLayer:
    return ManoLayer.from_file(OPEN_HAND, dtype=torch.float64)


@pytest.fixture(scope="module")
def parameters() -> torch.Tensor:
    return 0.6 * torch.randn(6, 61, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


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


def test_gradients_of_the_whole_mesh_agree_with_differences(layer, parameters):
    row = parameters[1:2].clone()
    row[:, 10:13] *= (math.pi - 1e-3) / row[:, 10:13].norm()
    row[:, 13:16], row[:, 16:19] = 0, 1e-3 * row[:, 16:19]
    inputs = [part.clone().requires_grad_() for part in row.split([10, 3, 45, 3], 1)]
    assert torch.autograd.gradcheck(lambda *parts: tuple(layer(*parts)), inputs, fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("angle", [0.0, 1e-30, 1e-8, 1e-3, math.pi - 1e-6, math.pi, math.pi + 1e-6, 2 * math.pi])
def test_gradients_are_finite_and_alive_at_every_angle(dtype, angle):
    layer = ManoLayer.from_file(OPEN_HAND, dtype=dtype)
    rows = torch.zeros(3, 61, dtype=dtype)
    for number, axis in enumerate(torch.eye(3, dtype=dtype)):
        rows[number, 10:58] = (angle * axis).repeat(16)
    rows.requires_grad_()
    output = layer.from_parameters(rows)
    towards = torch.linspace(-1, 1, 778, dtype=dtype)[:, None] * torch.tensor([1.0, -2, 0.5], dtype=dtype)
    ((output.vertices * towards).sum() + output.joints.square().sum()).backward()
    assert torch.isfinite(rows.grad).all()
    assert (rows.grad.abs().sum(0) > 0).all()


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


def test_the_closing_faces_are_a_fan_over_manos_wrist_ring(layer):
    ring = [108, 79, 78, 121, 214, 215, 279, 239, 234, 92, 38, 122, 118, 117, 119, 120]
    closing = layer.closed_faces[1538:].tolist()
    assert len(closing) == 14 and all(face[0] == 108 for face in closing)
    way_round = [108, *(face[1] for face in closing), closing[-1][2]]
    assert way_round in (ring, [108, *ring[:0:-1]])  # in MANO's order, either way round


def test_sizes_tips_and_tree_are_manos(layer):
    assert layer.v_template.shape == (778, 3) and layer.weights.shape == (778, 16)
    assert layer.joint_shapedirs.shape == (10, 48) and layer.hands_components.shape == (45, 45)
    assert layer.tip_ids.tolist() == [745, 317, 444, 556, 673] and layer.hands_mean.shape == (45,)
    assert layer.parents == [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14]
    assert not list(layer.parameters()) and not layer.state_dict()


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


@pytest.mark.slow
def test_exported_program_gives_the_same_hands_for_other_batch_sizes(parameters):
    layer = ManoLayer.from_file(OPEN_HAND)
    file = io.BytesIO()
    torch.export.save(layer.exported(), file)
    file.seek(0)
    program = torch.export.load(file).module()
    for count in (1, 2, 6):
        arguments = parameters[:count].float().split([10, 3, 45, 3], 1)
        vertices, joints = program(*arguments)
        expected = layer(*arguments)
        np.testing.assert_allclose(vertices, expected.vertices, rtol=0, atol=1e-7)
        np.testing.assert_allclose(joints, expected.joints, rtol=0, atol=1e-7)


def test_a_trace_gives_the_same_hands_for_other_batch_sizes(parameters):
    layer = ManoLayer.from_file(OPEN_HAND)
    traced = torch.jit.trace(layer, tuple(parameters[:2].float().split([10, 3, 45, 3], 1)))
    arguments = parameters.float().split([10, 3, 45, 3], 1)
    np.testing.assert_allclose(traced(*arguments)[0], layer(*arguments).vertices, rtol=0, atol=1e-7)
