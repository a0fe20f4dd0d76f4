"""Rotations: agreement with scipy, inverses, and gradients at the places where formulas divide by zero."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from fastgrasp_model.geometry import rotations as ro


@pytest.fixture
def vectors() -> torch.Tensor:
    """Axis-angle vectors of every size from nothing to nearly half a turn, and of more than that."""
    generator = torch.Generator().manual_seed(0)
    axes = torch.nn.functional.normalize(torch.randn(12, 3, generator=generator, dtype=torch.float64), dim=-1)
    angles = torch.tensor([0, 1e-9, 1e-4, 0.0316, 0.0317, 0.5, 1.5, 3.0, 3.14, math.pi - 1e-7, 4.0, 6.0])
    return axes * angles[:, None].double()


def test_axis_angle_to_matrix_agrees_with_scipy(vectors):
    expected = Rotation.from_rotvec(vectors.numpy()).as_matrix()
    np.testing.assert_allclose(ro.axis_angle_to_matrix(vectors).numpy(), expected, atol=1e-12)


def test_quaternions_agree_with_scipy_in_order_and_sign(vectors):
    matrices = torch.from_numpy(Rotation.from_rotvec(vectors.numpy()).as_matrix())
    quaternions = ro.matrix_to_quaternion(matrices)
    expected = Rotation.from_matrix(matrices.numpy()).as_quat(canonical=True)
    np.testing.assert_allclose(quaternions.numpy(), expected, atol=1e-9)
    np.testing.assert_allclose(ro.quaternion_to_matrix(3 * quaternions).numpy(), matrices.numpy(), atol=1e-9)


def test_axis_angle_comes_back_from_matrix(vectors):
    matrices = ro.axis_angle_to_matrix(vectors)
    back = ro.matrix_to_axis_angle(matrices)
    np.testing.assert_allclose(back[:10].numpy(), vectors[:10].numpy(), atol=1e-7)
    np.testing.assert_allclose(ro.axis_angle_to_matrix(back).numpy(), matrices.numpy(), atol=1e-9)
    assert (back.norm(dim=-1) <= math.pi + 1e-9).all()


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, -0.8, 0)])
def test_half_turns_are_exact(axis):
    matrix = ro.axis_angle_to_matrix(math.pi * torch.tensor(axis, dtype=torch.float64))
    back = ro.matrix_to_axis_angle(matrix)
    np.testing.assert_allclose(ro.axis_angle_to_matrix(back).numpy(), matrix.numpy(), atol=1e-9)


def test_six_numbers_are_two_columns_and_are_orthonormalised():
    matrices = ro.random_rotations(20, torch.Generator().manual_seed(1), torch.float64)
    six = ro.matrix_to_rotation_6d(matrices)
    np.testing.assert_array_equal(six[0, :3], matrices[0, :, 0])
    crooked = torch.cat([2 * six[:, :3], six[:, 3:] + 0.3 * six[:, :3]], -1)
    np.testing.assert_allclose(ro.rotation_6d_to_matrix(crooked).numpy(), matrices.numpy(), atol=1e-12)


def test_random_rotations_are_uniform_and_seeded():
    drawn = ro.random_rotations(4000, torch.Generator().manual_seed(2))
    again = ro.random_rotations(4000, torch.Generator().manual_seed(2))
    assert torch.equal(drawn, again)
    np.testing.assert_allclose(torch.linalg.det(drawn).numpy(), 1, atol=1e-5)
    # Under the uniform measure each entry has mean 0 and variance 1/3.
    assert drawn.mean(0).abs().max() < 0.05
    assert (drawn.var(0) - 1 / 3).abs().max() < 0.03


def test_gradients_agree_with_differences(vectors):
    smooth = vectors[[2, 5, 6, 7]].clone().requires_grad_()
    assert torch.autograd.gradcheck(ro.axis_angle_to_matrix, smooth)
    assert torch.autograd.gradcheck(lambda v: ro.matrix_to_axis_angle(ro.axis_angle_to_matrix(v)), smooth)
    six = torch.randn(3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3), requires_grad=True)
    assert torch.autograd.gradcheck(ro.rotation_6d_to_matrix, six)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-4, math.pi])
def test_gradients_are_finite_at_zero_and_at_half_a_turn(angle, dtype):
    vector = torch.tensor([[angle, 0, 0]], dtype=dtype, requires_grad=True)
    matrix = ro.axis_angle_to_matrix(vector)
    (ro.matrix_to_axis_angle(matrix).sum() + ro.matrix_to_quaternion(matrix).sum() + matrix.sum()).backward()
    assert torch.isfinite(vector.grad).all()
    if angle == 0:  # d(axis-angle of R(v))/dv is the identity there
        vector.grad = None
        ro.matrix_to_axis_angle(ro.axis_angle_to_matrix(vector)).sum().backward()
        np.testing.assert_allclose(vector.grad.numpy(), 1, atol=1e-6)


def test_batch_dimensions_and_single_precision():
    vectors = torch.randn(2, 5, 16, 3, generator=torch.Generator().manual_seed(4))
    matrices = ro.axis_angle_to_matrix(vectors)
    assert matrices.shape == (2, 5, 16, 3, 3) and matrices.dtype == torch.float32
    assert ro.matrix_to_quaternion(matrices).shape == (2, 5, 16, 4)
    product = matrices @ matrices.transpose(-1, -2)
    assert (product - torch.eye(3)).abs().max() < 2e-6
