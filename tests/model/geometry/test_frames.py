"""Local frames, and clouds as seen from them."""

import torch

from fastgrasp_model.geometry.frames import Frames, global_context, local_frames, neighbours
from fastgrasp_model.geometry.rotations import random_rotations


def test_frames_there_and_back_and_axes():
    g = torch.Generator().manual_seed(0)
    at, normals = torch.randn(7, 3, generator=g), torch.nn.functional.normalize(torch.randn(7, 3, generator=g), dim=-1)
    roll = torch.rand(7, generator=g) * 6
    frames = local_frames(at, normals, roll)
    torch.testing.assert_close(frames.rotation[..., 2], normals)
    torch.testing.assert_close(
        frames.rotation.transpose(1, 2) @ frames.rotation, torch.eye(3).expand(7, 3, 3), atol=1e-5, rtol=0
    )
    assert torch.linalg.det(frames.rotation).min() > 0.99
    points = torch.randn(7, 20, 3, generator=g)
    torch.testing.assert_close(frames.to_world(frames.to_local(points)), points, atol=1e-5, rtol=0)
    turned = local_frames(at, normals, roll + 0.5)
    cosine = (turned.rotation[..., 0] * frames.rotation[..., 0]).sum(-1)
    torch.testing.assert_close(cosine, torch.full((7,), 0.5).cos(), atol=1e-5, rtol=0)


def test_neighbours_takes_only_points_within_reach():
    g = torch.Generator().manual_seed(0)
    points = torch.rand(3, 500, 3, generator=g)
    frames = Frames(random_rotations(3, g), points[:, 7])
    near = neighbours(points, frames, 64, 0.2, g)
    assert near.shape == (3, 64, 3) and near.norm(dim=-1).max() <= 0.2 + 1e-5
    lonely = neighbours(points, Frames(frames.rotation, frames.origin + 10), 8, 0.2, g)
    assert torch.isfinite(lonely).all() and (lonely - lonely[:, :1]).abs().max() < 1e-4


def test_context_moves_with_the_object():
    g = torch.Generator().manual_seed(0)
    points = 0.05 * torch.randn(2, 300, 3, generator=g)
    frames = Frames(random_rotations(2, g), 0.1 * torch.randn(2, 3, generator=g))
    turn, shift = random_rotations(2, g), torch.randn(2, 3, generator=g)
    moved = points @ turn.transpose(1, 2) + shift[:, None]
    carried = Frames(turn @ frames.rotation, (turn @ frames.origin[..., None])[..., 0] + shift)
    torch.testing.assert_close(global_context(moved, carried), global_context(points, frames), atol=1e-4, rtol=0)
