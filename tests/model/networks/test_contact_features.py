"""What query_points feel: distances on a plane, and vectors that bones see the same however all is turned."""

import torch

from fastgrasp_model.geometry.rotations import random_rotations
from fastgrasp_model.networks.contact_features import FIELD, REACH, TOUCH, in_bones, touch


def test_touch_on_a_plane():
    """Above, on and below the plane z = 0: height is signed, the vector leads to the nearest point, far is cut off."""
    grid = torch.stack(torch.meshgrid(torch.arange(-10, 11), torch.arange(-10, 11), indexing="ij"), -1).reshape(-1, 2)
    points = torch.cat([grid * 0.01, torch.zeros(len(grid), 1)], -1).float()[None]
    normals = torch.tensor([0.0, 0.0, 1.0]).expand_as(points)
    query_points = torch.tensor([[[0.0, 0.0, 0.01], [0.02, 0.0, -0.005], [0.0, 0.0, 0.2]]])
    felt = touch(query_points, points, normals)[0] * 0.01  # metres
    torch.testing.assert_close(felt[0], torch.tensor([0, 0, -0.01, 0, 0, -0.01, 0.01]), atol=1e-6, rtol=0)
    torch.testing.assert_close(felt[1], torch.tensor([0, 0, 0.005, 0, 0, 0.005, -0.005]), atol=1e-6, rtol=0)
    assert abs(float(felt[2, :3].norm()) - REACH) < 1e-6


def test_bones_see_the_same_however_hand_and_object_are_turned():
    """Vectors in the shared frame turn with the scene; in the frames of the bones they stay, and keep their lengths."""
    g = torch.Generator().manual_seed(0)
    points = 0.05 * torch.randn(2, 60, 3, generator=g)
    normals, query_points = torch.nn.functional.normalize(points, dim=-1), 0.06 * torch.randn(2, 5, 3, generator=g)
    bones, turn = random_rotations(10, g).view(2, 5, 3, 3), random_rotations(2, g)

    def felt(rotation):
        back = rotation.transpose(1, 2)
        told = touch(query_points @ back, points @ back, normals @ back)
        return told, in_bones(told, rotation.unsqueeze(1) @ bones)

    still, seen = felt(torch.eye(3).expand(2, 3, 3))
    turned, seen_turned = felt(turn)
    torch.testing.assert_close(seen_turned, seen, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(turned[..., :3], still[..., :3], atol=0.1)
    torch.testing.assert_close(seen[..., 6], still[..., 6])  # a distance is no vector
    torch.testing.assert_close(seen[..., :3].norm(dim=-1), still[..., :3].norm(dim=-1))


def test_bones_see_the_normal_of_the_field_too():
    """A normal along a bone's own y is y to that bone."""
    bones = random_rotations(3, torch.Generator().manual_seed(1)).view(1, 3, 3, 3)
    felt = torch.cat([torch.randn(1, 3, TOUCH + 1), bones[..., 1]], dim=-1)
    seen = in_bones(felt, bones)
    assert seen.shape == (1, 3, TOUCH + FIELD)
    torch.testing.assert_close(seen[..., 6:8], felt[..., 6:8])
    torch.testing.assert_close(seen[..., -3:], torch.tensor([0.0, 1.0, 0.0]).expand(1, 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(seen[..., :TOUCH], in_bones(felt[..., :TOUCH], bones))
