"""Differentiable hand-object terms shared by synthesis and training losses.

Distances come from `SignedDistanceGrids` (metres, negative inside the object), vertex sets are index tensors. B hands,
V vertices, C contacts; metres; one figure per hand, (B,), unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids

CONTACT_DISTANCE = 0.002  # metres within which a vertex counts as touching


def soft_minimum(distance: Tensor, temperature: float = 0.002, dim: int = -1) -> Tensor:
    """Average distances (..., N) with the weights softmax(-distance / temperature): a smooth minimum."""
    weight = torch.softmax(-distance / temperature, dim=dim)
    return (weight * distance).sum(dim)


def set_distances(distance: Tensor, sets: Sequence[Tensor], temperature: float = 0.002) -> Tensor:
    """Compute the soft minimum (B, len(sets)) of the distance (B,V) over each vertex set, such as a pad."""
    return torch.stack([soft_minimum(distance[:, ids], temperature) for ids in sets], dim=1)


def contact_points(
    points: Tensor, distance: Tensor, sets: Sequence[Tensor], temperature: float = 0.002
) -> tuple[Tensor, Tensor]:
    """Find where each vertex set touches: places (B,C,3), soft minima (B,C), of points (B,V,3), distance (B,V)."""
    weights = [torch.softmax(-distance[:, ids] / temperature, dim=1) for ids in sets]  # (B,n) each
    places = [(weight.unsqueeze(-1) * points[:, ids]).sum(1) for weight, ids in zip(weights, sets, strict=True)]
    least = [(weight * distance[:, ids]).sum(1) for weight, ids in zip(weights, sets, strict=True)]
    return torch.stack(places, dim=1), torch.stack(least, dim=1)


def membership(sets: Sequence[Tensor], count: int) -> Tensor:
    """Return the matrix (count, len(sets)) with a one where a vertex is in a set, for `soft_contacts`."""
    members = torch.zeros(count, len(sets), device=sets[0].device)
    for column, ids in enumerate(sets):
        members[ids, column] = 1.0
    return members


def soft_contacts(
    points: Tensor, distance: Tensor, members: Tensor, temperature: float = 0.002
) -> tuple[Tensor, Callable[[], Tensor]]:
    """Return `set_distances` (B,C) and a function that computes the places of `contact_points` (B,C,3).

    Faster than these for many sets: a few products with the matrix members (V,C) of `membership`. Sets farther than
    60 temperatures from the nearest vertex count with the plain mean of their distances.
    """
    weight = ((distance.detach().amin(1, keepdim=True) - distance) / temperature).clamp_min(-60.0).exp()
    total = weight @ members

    def places() -> Tensor:
        return ((weight[:, None] * points.transpose(1, 2)) @ members / total[:, None]).transpose(1, 2)

    return (weight * distance) @ members / total, places


def smooth_normals(grids: SignedDistanceGrids, points: Tensor, index: Tensor, step: float = 0.003) -> Tensor:
    """Compute outward unit normals (B,C,3) at points (B,C,3) by central differences of the distance.

    Six look-ups a point; the step (metres) smooths edges. Differentiable in the points.
    """
    offsets = step * torch.eye(3, dtype=points.dtype, device=points.device)
    queries = points.unsqueeze(2) + torch.cat([offsets, -offsets])  # (B,C,6,3)
    value = grids.query(queries.flatten(1, 2), index).unflatten(1, (points.shape[1], 6))  # (B,C,6)
    slope = value[..., :3] - value[..., 3:]
    return slope / slope.norm(dim=-1, keepdim=True).clamp_min(1e-9)


def penetration(distance: Tensor, allowance: float | Tensor = 0.0) -> Tensor:
    """Sum over the vertices how much deeper than the allowance (scalar or (V,), metres) distance (B,V) lies."""
    return torch.relu(-distance - allowance).sum(-1)


def greatest_depth(distance: Tensor) -> Tensor:
    """Return the depth of the deepest vertex from distance (B,V), 0 if none is inside."""
    return torch.relu(-distance).amax(-1)


def force_closure_residual(
    points: Tensor, normals: Tensor, forces: Tensor, centre: Tensor, length: float | Tensor = 0.05
) -> Tensor:
    """Compute the squared net wrench of contact forces along the inward normals, per unit of total force.

    points, normals (B,C,3); forces (B,C) not negative with sum 1; centre (B,3) or (3,) of mass; length: the lever in
    metres that makes a torque comparable with a force. 0 = the normals alone balance. After Liu et al. 2021,
    "Synthesizing diverse and physically stable grasps", eq. 5, with free force shares.
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
    """Find the shares (B,C) of the active contacts (B,C) bool, sum 1, that minimise `force_closure_residual`.

    Exponentiated gradient descent. No autograd: by the envelope theorem the residual's gradient with these shares
    held fixed is the gradient of its minimum.
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
    """Compute the cosine between the object's normals under the two sides of the grip: -1 = exactly opposed.

    normals (B,C,3) at the contacts; thumb and others (B,C): the weights of the two sides.
    """
    one, two = ((side.unsqueeze(-1) * normals).sum(1) for side in (thumb, others))
    return torch.cosine_similarity(one, two, dim=-1, eps=1e-6)


def touching_sets(distance: Tensor, sets: Sequence[Tensor], within: float = CONTACT_DISTANCE) -> Tensor:
    """Tell which vertex sets touch, (B, len(sets)) bool: any vertex nearer than `within` metres."""
    return torch.stack([distance[:, ids].amin(1) < within for ids in sets], dim=1)
