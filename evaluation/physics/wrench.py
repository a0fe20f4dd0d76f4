"""The wrench residual of a grasp: how much of the object's weight its contact forces leave unbalanced.

A contact pushes along the inward normal up to a limit and rubs with at most friction times as much (Coulomb's exact
cone). `wrench_residual` finds the forces that come nearest to balancing 1 kg under gravity along each of D directions,
a convex quadratic programme over second-order cones, by the alternating direction method of multipliers (Boyd et al.,
"Distributed Optimization and Statistical Learning via ADMM", Found. Trends Machine Learning 3(1), 2011, sections 3.4
and 5). Solvers of cone programmes take one problem at a time; this one takes the whole batch, on any device, and each
round costs one product with a 6x6 inverse.

`hand_contacts` finds the contacts of a posed hand and their limits: skin is a bed of springs, as in `metrics.hold`,
and patches of touching skin make one contact each, so that a pad resists a twist.

B hands, C contacts, V vertices, F faces, D directions; metres and newtons; the origin is the object's centre of mass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fastgrasp_evaluation.physics import DIRECTIONS, GRAVITY
from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
from fastgrasp_model.hand import VERTICES

RELAXATION, PENALTY = 1.7, 0.015  # of the solver; the penalty in units of the greatest eigenvalue


@dataclass(frozen=True)
class WrenchSettings:
    """Constants of the contact model; SI units, the object weighs 1 kg.

    The stiffness is a quarter of the simulated skin's: skin that just touches may push with 50 kPa, 5 N on 1 cm2, and
    1 mm inside the object with 75 kPa. As a predictor of holding for a second (`metrics.hold`) the residual reached an
    area under the curve of 0.90, the slip test 0.80: 60 grasps on the first 6 objects, 58 % of which hold, made with
    `verify: {gravity: 99, slip: 99, slip_large: 99}` and measured by `python -m fastgrasp_synthesis.audit`.
    """

    friction: float = 0.8
    stiffness: float = 2.5e7  # N/m3: greatest pressure for each metre of compression
    squeeze: float = 0.002  # metres that skin which just touches is compressed
    length: float = 0.05  # metres: a torque divided by it compares with a force
    count: int = 24  # contacts of a hand, at most
    rounds: int = 60
    nearest: int = VERTICES  # vertices of a hand that may touch: so many, nearest to the object or deepest in it


def wrench_residual(
    points: Tensor, normals: Tensor, limits: Tensor, settings: WrenchSettings | None = None,
    directions: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Compute the newtons (B,D) that the best contact forces leave unbalanced, near 0 where the grasp holds.

    points (B,C,3) and outward unit normals (B,C,3) of the object; limits (B,C), newtons: the greatest normal force of
    each contact, 0 = no contact; directions (D,3) unit vectors of gravity, the six axes by default. The value is the
    root of |force|^2 + |torque / length|^2: 9.8 for a hand that does not touch. No autograd.
    """
    s = settings or WrenchSettings()
    with torch.no_grad():
        load = _load(torch.tensor(DIRECTIONS) if directions is None else directions, points)
        grasp = _grasp_matrix(points, normals, s.length).flatten(2)
        return (grasp @ _best_forces(grasp, load, limits, s) + load).norm(dim=1)


def wrench_residual_with_gradient(
    points: Tensor, normals: Tensor, limits: Tensor, settings: WrenchSettings | None = None
) -> Tensor:
    """Compute the `wrench_residual` of the six axes, (B,6), differentiable in points and limits, for training.

    The best forces are held fixed as shares of the limits (envelope theorem), the normals are constants.
    """
    s = settings or WrenchSettings()
    load = _load(torch.tensor(DIRECTIONS), points)
    grasp = _grasp_matrix(points, normals.detach(), s.length).flatten(2)
    with torch.no_grad():
        share = _best_forces(grasp, load, limits, s) / _per_component(limits).clamp_min(1e-6)
    return (grasp @ (share * _per_component(limits)) + load).square().sum(1).clamp_min(1e-6).sqrt()


def _load(directions: Tensor, like: Tensor) -> Tensor:
    """Wrench (6,D) of the weight along directions (D,3)."""
    axes = directions.to(like)
    return torch.cat([GRAVITY * axes, torch.zeros_like(axes)], dim=1).T


def _per_component(limits: Tensor) -> Tensor:
    """Limits (B,C) for each component of the forces, (B,3C,1)."""
    return limits.repeat_interleave(3, dim=1).unsqueeze(-1)


def _grasp_matrix(points: Tensor, normals: Tensor, length: float) -> Tensor:
    """Wrench (B,6,C,3) of a unit force along the inward normal and two tangents of each contact."""
    frame = torch.stack([-normals, *_tangents(normals)], dim=2)  # (B,C,3 vectors,3)
    torque = torch.linalg.cross(points.unsqueeze(2).expand_as(frame), frame, dim=-1) / length
    return torch.cat([frame, torque], dim=-1).permute(0, 3, 1, 2)


def _tangents(normals: Tensor) -> tuple[Tensor, Tensor]:
    """Two unit vectors (...,3) at right angles to the normals and to each other."""
    other = torch.nn.functional.one_hot(normals.abs().argmin(-1), 3).to(normals)
    first = torch.linalg.cross(normals, other, dim=-1)
    first = first / first.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    return first, torch.linalg.cross(normals, first, dim=-1)


def _best_forces(flat: Tensor, load: Tensor, limits: Tensor, s: WrenchSettings) -> Tensor:
    """Forces (B,3C,D) within their cones for which flat (B,6,3C) times them plus load (6,D) is least."""
    batch, count = limits.shape
    gram = flat @ flat.transpose(1, 2)
    penalty = PENALTY * torch.linalg.eigvalsh(gram)[:, -1].clamp_min(1e-6)[:, None, None]
    inverse = torch.linalg.inv(gram + penalty * torch.eye(6).to(gram))
    back = flat.transpose(1, 2) @ inverse  # (B,3C,6): the matrix inversion lemma
    force = flat.new_zeros(batch, 3 * count, load.shape[1])  # within the cones
    price = torch.zeros_like(force)
    for _ in range(s.rounds):
        wanted = force - price
        free = wanted - back @ (flat @ wanted + load)  # least squares near `wanted`, cones forgotten
        price = price + RELAXATION * free + (1.0 - RELAXATION) * force
        force = into_cones(price.view(batch, count, 3, load.shape[1]), limits, s.friction).view_as(force)
        price = price - force
    return force


def into_cones(force: Tensor, limits: Tensor, friction: float) -> Tensor:
    """Project forces (B,C,3,D) = (normal, two tangents) onto |tangents| <= friction * normal, normal <= limits (B,C).

    First onto the endless cone; what then lies beyond the limit, onto the cone's lid.
    """
    normal, across = force[:, :, 0], force[:, :, 1:]
    size = (across * across).sum(2).sqrt()
    edge = ((normal + friction * size) / (1.0 + friction * friction)).clamp_min(0.0)
    push = torch.where(size <= friction * normal, normal, edge)
    push = torch.minimum(push, limits.unsqueeze(-1))
    scale = (friction * push / size.clamp_min(1e-12)).clamp_max(1.0)
    return torch.cat([push.unsqueeze(2), across * scale.unsqueeze(2)], dim=2)


def hand_contacts(
    vertices: Tensor, faces: Tensor, distance: Tensor, grids: SignedDistanceGrids, index: Tensor,
    settings: WrenchSettings | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Find where posed hands touch: points (B,C,3), outward normals (B,C,3) of the object, limits (B,C) in newtons.

    vertices (B,V,3) in the frame of object index (B,) with outward faces (F,3); distance (B,V) of the vertices. Each
    vertex presses with its share of the skin, as far as that faces the object. The vertex that presses most is the
    first centre, the touching vertex farthest from all centres the next; a contact gathers what is nearest to a centre.
    Points and limits are differentiable in vertices and distance, the normals are constants.
    """
    s = settings or WrenchSettings()
    with torch.no_grad():
        skin = vertex_areas(vertices, faces)
        if s.nearest < vertices.shape[1]:
            near = distance.topk(s.nearest, dim=1, largest=False).indices
            skin = skin.gather(1, near.unsqueeze(-1).expand(-1, -1, 3))
    if s.nearest < vertices.shape[1]:
        vertices, distance = vertices.gather(1, near.unsqueeze(-1).expand(-1, -1, 3)), distance.gather(1, near)
    with torch.no_grad():
        slope = grids.query_with_normals(vertices, index)[1]
        facing = torch.relu(-(slope * skin).sum(-1))  # m2
    press = s.stiffness * facing * torch.relu(s.squeeze - distance)  # (B,V) newtons
    owner = _patches(vertices.detach(), press.detach(), s.count)
    limits = press.new_zeros(len(press), s.count).scatter_add(1, owner, press)
    moments = press.new_zeros(len(press), s.count, 3)
    moments = moments.scatter_add(1, owner.unsqueeze(-1).expand_as(vertices), press.unsqueeze(-1) * vertices)
    points = moments / limits.clamp_min(1e-9).unsqueeze(-1)
    return points, grids.query_with_normals(points.detach(), index)[1], limits


def _patches(vertices: Tensor, press: Tensor, count: int) -> Tensor:
    """Assign each vertex (B,V) to one of at most `count` patches; press (B,V) is 0 where there is no contact."""
    rows = torch.arange(len(vertices), device=vertices.device)
    nearest = torch.where(press > 0, torch.inf, -1.0).to(press)  # squared distance to the nearest centre
    owner = torch.zeros_like(press, dtype=torch.long)
    centre = press.argmax(1)
    for number in range(count):
        away = (vertices - vertices[rows, centre].unsqueeze(1)).square().sum(-1)
        owner = torch.where(away < nearest, number, owner)
        nearest = torch.minimum(nearest, away)
        centre = nearest.argmax(1)
    return owner


def vertex_areas(vertices: Tensor, faces: Tensor) -> Tensor:
    """Compute outward vectors (B,V,3) as long as each vertex's share of the skin, m2."""
    corners = vertices[:, faces]  # (B,F,3,3)
    thirds = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0], dim=-1) / 6.0
    shares = torch.zeros_like(vertices)
    for corner in range(3):
        shares.index_add_(1, faces[:, corner], thirds)
    return shares


def worst_wrench_residual(
    vertices: Tensor, faces: Tensor, distance: Tensor, grids: SignedDistanceGrids, index: Tensor,
    settings: WrenchSettings | None = None,
) -> Tensor:  # fmt: skip
    """Compute the greatest `wrench_residual` (B,) of posed hands over the six axes; arguments of `hand_contacts`."""
    if not len(index):
        return vertices.new_zeros(0)
    with torch.no_grad():
        contacts = hand_contacts(vertices, faces, distance, grids, index, settings)
    return wrench_residual(*contacts, settings).amax(1)
