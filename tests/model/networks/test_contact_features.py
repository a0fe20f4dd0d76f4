"""Contact features: distances on a plane, and vectors in bone frames that no rotation of the scene changes."""

import torch

from fastgrasp_model.geometry.rotations import random_rotations
from fastgrasp_model.networks.contact_features import (
    CONTACT_FEATURES,
    IMPLICIT_FEATURES,
    REACH,
    contact_features,
    in_bone_frames,
)


def test_features_on_a_plane():
    """Above, on and below the plane z = 0: height is signed, the vector leads to the nearest point, far is cut off."""
    grid = torch.stack(torch.meshgrid(torch.arange(-10, 11), torch.arange(-10, 11), indexing="ij"), -1).reshape(-1, 2)
    points = torch.cat([grid * 0.01, torch.zeros(len(grid), 1)], -1).float()[None]
    normals = torch.tensor([0.0, 0.0, 1.0]).expand_as(points)
    query_points = torch.tensor([[[0.0, 0.0, 0.01], [0.02, 0.0, -0.005], [0.0, 0.0, 0.2]]])
    features = contact_features(query_points, points, normals)[0] * 0.01  # metres
    torch.testing.assert_close(features[0], torch.tensor([0, 0, -0.01, 0, 0, -0.01, 0.01]), atol=1e-6, rtol=0)
    torch.testing.assert_close(features[1], torch.tensor([0, 0, 0.005, 0, 0, 0.005, -0.005]), atol=1e-6, rtol=0)
    assert abs(float(features[2, :3].norm()) - REACH) < 1e-6


def test_bones_see_the_same_however_hand_and_object_are_turned():
    """Vectors in the shared frame turn with the scene; in the frames of the bones they stay, and keep their lengths."""
    g = torch.Generator().manual_seed(0)
    points = 0.05 * torch.randn(2, 60, 3, generator=g)
    normals, query_points = torch.nn.functional.normalize(points, dim=-1), 0.06 * torch.randn(2, 5, 3, generator=g)
    bones, turn = random_rotations(10, g).view(2, 5, 3, 3), random_rotations(2, g)

    def features(rotation):
        back = rotation.transpose(1, 2)
        local = contact_features(query_points @ back, points @ back, normals @ back)
        return local, in_bone_frames(local, rotation.unsqueeze(1) @ bones)

    still, seen = features(torch.eye(3).expand(2, 3, 3))
    turned, seen_turned = features(turn)
    torch.testing.assert_close(seen_turned, seen, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(turned[..., :3], still[..., :3], atol=0.1)
    torch.testing.assert_close(seen[..., 6], still[..., 6])  # a distance is no vector
    torch.testing.assert_close(seen[..., :3].norm(dim=-1), still[..., :3].norm(dim=-1))


def test_bones_see_the_normal_of_the_implicit_shape_too():
    """A normal along a bone's own y is y to that bone."""
    bones = random_rotations(3, torch.Generator().manual_seed(1)).view(1, 3, 3, 3)
    features = torch.cat([torch.randn(1, 3, CONTACT_FEATURES + 1), bones[..., 1]], dim=-1)
    seen = in_bone_frames(features, bones)
    assert seen.shape == (1, 3, CONTACT_FEATURES + IMPLICIT_FEATURES)
    torch.testing.assert_close(seen[..., 6:8], features[..., 6:8])
    torch.testing.assert_close(seen[..., -3:], torch.tensor([0.0, 1.0, 0.0]).expand(1, 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(seen[..., :CONTACT_FEATURES], in_bone_frames(features[..., :CONTACT_FEATURES], bones))
