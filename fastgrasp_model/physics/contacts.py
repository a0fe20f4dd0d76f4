"""Differentiable hand-object terms shared by synthesis, training losses and the score.

Pure functions of tensors: distances from `SignedDistanceGrids` (metres, negative inside the object), vertex sets as
index tensors, forces and normals as vectors. B is the number of hands, V of vertices, C of contacts. All lengths are
metres; every function returns one figure per hand, (B,), unless said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fastgrasp_model.geometry.signed_distance import SignedDistanceGrids

TOUCH = 0.002  # metres within which a vertex counts as touching


def soft_minimum(distance: Tensor, temperature: float = 0.002, dim: int = -1) -> Tensor:
    """Mean of distances (..., N) weighted by softmax(-distance / temperature): near the least, smooth."""
    weight = torch.softmax(-distance / temperature, dim=dim)
    return (weight * distance).sum(dim)


def set_distances(distance: Tensor, sets: Sequence[Tensor], temperature: float = 0.002) -> Tensor:
    """Soft-min distance (B, len(sets)) of vertex sets (index tensors into V), such as pads, from distance (B,V)."""
    return torch.stack([soft_minimum(distance[:, ids], temperature) for ids in sets], dim=1)


def contact_points(
    points: Tensor, distance: Tensor, sets: Sequence[Tensor], temperature: float = 0.002
) -> tuple[Tensor, Tensor]:
    """Where each vertex set touches: places (B,C,3) and soft-min distances (B,C) of points (B,V,3), distance (B,V)."""
    places, depths = [], []
    for ids in sets:
        weight = torch.softmax(-distance[:, ids] / temperature, dim=1)  # (B,n)
        places.append((weight.unsqueeze(-1) * points[:, ids]).sum(1))
        depths.append((weight * distance[:, ids]).sum(1))
    return torch.stack(places, dim=1), torch.stack(depths, dim=1)


def membership(sets: Sequence[Tensor], count: int) -> Tensor:
    """Float matrix (count, len(sets)) with a one where a vertex is in a set, for `soft_contacts`."""
    members = torch.zeros(count, len(sets), device=sets[0].device)
    for column, ids in enumerate(sets):
        members[ids, column] = 1.0
    return members


def soft_contacts(
    points: Tensor, distance: Tensor, members: Tensor, temperature: float = 0.002
) -> tuple[Tensor, Callable[[], Tensor]]:
    """What `set_distances` gives, (B,C), and a function that gives the places of `contact_points`, (B,C,3).

    All sets in a few products with the matrix members (V,C) of `membership`. Sets farther than 60 temperatures from
    the nearest vertex count with the plain mean of their distances.
    """
    weight = ((distance.detach().amin(1, keepdim=True) - distance) / temperature).clamp_min(-60.0).exp()
    total = weight @ members

    def places() -> Tensor:
        return ((weight[:, None] * points.transpose(1, 2)) @ members / total[:, None]).transpose(1, 2)

    return (weight * distance) @ members / total, places


def smooth_normals(grids: SignedDistanceGrids, points: Tensor, index: Tensor, step: float = 0.003) -> Tensor:
    """Outward unit normals (B,C,3) at points (B,C,3) by central differences of the distance, differentiable.

    Six look-ups a point; the step smooths edges, and autograd gives the change of the normal with the point.
    """
    offsets = step * torch.eye(3, dtype=points.dtype, device=points.device)
    probes = points.unsqueeze(2) + torch.cat([offsets, -offsets])  # (B,C,6,3)
    value = grids.query(probes.flatten(1, 2), index).unflatten(1, (points.shape[1], 6))  # (B,C,6)
    slope = value[..., :3] - value[..., 3:]
    return slope / slope.norm(dim=-1, keepdim=True).clamp_min(1e-9)


def penetration(distance: Tensor, allowance: float | Tensor = 0.0) -> Tensor:
    """Sum over the vertices of how far distance (B,V) lies deeper than the allowance (scalar or (V,)), metres."""
    return torch.relu(-distance - allowance).sum(-1)


def greatest_depth(distance: Tensor) -> Tensor:
    """Depth of the deepest vertex, 0 if none is inside; from distance (B,V)."""
    return torch.relu(-distance).amax(-1)


def wrench_residual(
    points: Tensor, normals: Tensor, forces: Tensor, centre: Tensor, length: float | Tensor = 0.05
) -> Tensor:
    """Squared net wrench of contact forces along the inward normals, per unit of total force.

    points, normals (B,C,3), forces (B,C) not negative with sum 1, centre (B,3) or (3,) the object's centre of mass,
    length the lever in metres that makes a torque comparable with a force. 0 = the normals alone balance.
    After Liu et al. 2021, "Synthesizing diverse and physically stable grasps", eq. 5, with free force shares.
    """
    push = -forces.unsqueeze(-1) * normals
    arms = points - (centre.unsqueeze(-2) if centre.ndim > 1 else centre)
    force = push.sum(1)
    torque = torch.linalg.cross(arms, push, dim=-1).sum(1)
    scale = length.unsqueeze(-1) if isinstance(length, Tensor) and length.ndim else length
    return force.square().sum(-1) + (torque / scale).square().sum(-1)


def balanced_forces(
    points: Tensor, normals: Tensor, active: Tensor, centre: Tensor, length: float = 0.05, rounds: int = 60
) -> Tensor:
    """Force shares (B,C), not negative, sum 1 over the active contacts, that make `wrench_residual` least.

    Exponentiated gradient descent; active (B,C) bool. No autograd: by the envelope theorem the residual's gradient
    with these shares held fixed is the gradient of its minimum.
    """
    with torch.no_grad():
        arms = points - (centre.unsqueeze(-2) if centre.ndim > 1 else centre)
        wrench = torch.cat([normals, torch.linalg.cross(arms, normals, dim=-1) / length], dim=-1)  # (B,C,6)
        gram = wrench @ wrench.transpose(1, 2)
        logits = torch.zeros_like(points[..., 0]).masked_fill(~active, -1e9)
        for _ in range(rounds):
            shares = torch.softmax(logits, dim=1)
            logits = logits - 1.0 * (gram @ shares.unsqueeze(-1)).squeeze(-1).masked_fill(~active, 0.0)
        return torch.softmax(logits, dim=1)


def opposition(normals: Tensor, thumb: Tensor, others: Tensor) -> Tensor:
    """How well the thumb opposes: -1 exactly opposed normals, +1 the same direction.

    normals (B,C,3) of the object at the contacts; thumb and others (B,C) weights of the two sides of the grip.
    """
    one = (thumb.unsqueeze(-1) * normals).sum(1)
    two = (others.unsqueeze(-1) * normals).sum(1)
    return torch.cosine_similarity(one, two, dim=-1, eps=1e-6)


def touching_sets(distance: Tensor, sets: Sequence[Tensor], within: float = TOUCH) -> Tensor:
    """Which vertex sets (fingers, palm) touch: (B, len(sets)) bool, any vertex nearer than `within` metres."""
    return torch.stack([distance[:, ids].amin(1) < within for ids in sets], dim=1)
