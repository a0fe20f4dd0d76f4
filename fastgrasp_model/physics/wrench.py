"""Can these contacts hold the object against gravity? The quasi-static answer, without a simulation.

A contact may push along the inward normal with so many newtons at most, and rub with at most friction times as much
(Coulomb, an exact cone and no pyramid). `wrench_gap` asks which such forces come nearest to balancing 1 kg under
gravity along each of D directions, and answers with what stays unbalanced. That is a convex quadratic programme over
second-order cones, solved for the whole batch at once by the alternating direction method of multipliers (Boyd et al.,
"Distributed Optimization and Statistical Learning via ADMM", Found. Trends Machine Learning 3(1), 2011, sections 3.4
and 5): a wrench has six numbers, so each round costs a product with a 6x6 inverse.

`hand_contacts` finds the contacts of a posed hand and how hard each may push: skin is a bed of springs, as in
`metrics.hold`, which was the reference for its constants. Patches of touching skin make one contact each, spread over
the hand, so that a pad resists a twist.

B hands, C contacts, V vertices, F faces, D directions; metres and newtons; the origin is the object's centre of mass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fastgrasp_model.geometry.signed_distance import SignedDistanceGrids
from fastgrasp_model.hand import VERTICES
from fastgrasp_model.physics import GRAVITY

DIRECTIONS = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))
RELAXATION, PENALTY = 1.7, 0.015  # of the solver; the penalty in units of the greatest eigenvalue


@dataclass(frozen=True)
class WrenchSettings:
    """Constants of the check; SI units, the object weighs 1 kg.

    The stiffness is a quarter of the simulated skin's: skin that just touches may push with 50 kPa, 5 N on 1 cm2, and
    1 mm inside the object with 75 kPa. What the gap tells of holding for a second (`metrics.hold`) shows an audit
    (`python -m fastgrasp_synthesis.audit`) of a set made without the two tests of forces, that is with
    `verify: {gravity: 99, slip: 99, slip_large: 99}`: 60 grasps on the first 6 objects of the list, 58 % of which hold,
    gave an area under the curve of 0.90 for the gap and 0.80 for the slip test.
    """

    friction: float = 0.8
    stiffness: float = 2.5e7  # N/m3: greatest pressure for each metre of compression
    squeeze: float = 0.002  # metres that skin which just touches is compressed
    length: float = 0.05  # metres: a torque divided by it compares with a force
    count: int = 24  # contacts of a hand, at most
    rounds: int = 60
    nearest: int = VERTICES  # vertices of a hand that may touch: so many, nearest to the object or deepest in it


def wrench_gap(points: Tensor, normals: Tensor, limits: Tensor, settings: WrenchSettings | None = None,
               directions: Tensor | None = None) -> Tensor:  # fmt: skip
    """Newtons (B,D) that contact forces within their friction cones leave unbalanced, near 0 where they hold.

    points (B,C,3) and outward unit normals (B,C,3) of the object; limits (B,C), newtons: the greatest normal force of
    each contact, 0 = no contact; directions (D,3) unit vectors of gravity, the six axes by default. The value is the
    root of |force|^2 + |torque / length|^2: 9.8 for a hand that does not touch. No autograd.
    """
    s = settings or WrenchSettings()
    axes = (torch.tensor(DIRECTIONS) if directions is None else directions).to(points)
    with torch.no_grad():
        load = torch.cat([GRAVITY * axes, torch.zeros_like(axes)], dim=1).T  # (6,D)
        grasp = _grasp_matrix(points, normals, s.length).flatten(2)
        return (grasp @ _best_forces(grasp, load, limits, s) + load).norm(dim=1)


def unbalanced(points: Tensor, normals: Tensor, limits: Tensor, settings: WrenchSettings | None = None) -> Tensor:
    """What `wrench_gap` gives for the six axes, (B,6), with a slope: for training.

    The forces are the best ones, each kept as a share of what its contact may push (the envelope theorem); so the slope
    says where a contact should move, and which should press more. The normals are constants.
    """
    s = settings or WrenchSettings()
    axes = torch.tensor(DIRECTIONS).to(points)
    load = torch.cat([GRAVITY * axes, torch.zeros_like(axes)], dim=1).T
    grasp = _grasp_matrix(points, normals.detach(), s.length).flatten(2)
    with torch.no_grad():
        share = _best_forces(grasp, load, limits, s) / _each(limits).clamp_min(1e-6)
    return (grasp @ (share * _each(limits)) + load).square().sum(1).clamp_min(1e-6).sqrt()


def _each(limits: Tensor) -> Tensor:
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
    """Nearest forces (B,C,3,D) = (normal, two tangents) with |tangents| <= friction * normal and normal <= limits.

    limits (B,C). First the nearest point of the endless cone; where that lies beyond the limit, of the cone's lid.
    """
    normal, across = force[:, :, 0], force[:, :, 1:]
    size = (across * across).sum(2).sqrt()
    edge = ((normal + friction * size) / (1.0 + friction * friction)).clamp_min(0.0)
    push = torch.where(size <= friction * normal, normal, edge)
    push = torch.minimum(push, limits.unsqueeze(-1))
    scale = (friction * push / size.clamp_min(1e-12)).clamp_max(1.0)
    return torch.cat([push.unsqueeze(2), across * scale.unsqueeze(2)], dim=2)


def hand_contacts(vertices: Tensor, faces: Tensor, distance: Tensor, grids: SignedDistanceGrids, index: Tensor,
                  settings: WrenchSettings | None = None) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Where posed hands touch: points (B,C,3), outward unit normals (B,C,3) of the object, limits (B,C) in newtons.

    vertices (B,V,3) in the frame of object index (B,) with outward faces (F,3), distance (B,V) of the vertices. Each
    vertex presses with its share of the skin, as far as that looks at the object. The one that presses most is the
    first centre, the touching vertex farthest from all centres the next; a contact is what lies nearest to a centre.
    """
    with torch.no_grad():
        return pressed_contacts(vertices, faces, distance, grids, index, settings)


def pressed_contacts(vertices: Tensor, faces: Tensor, distance: Tensor, grids: SignedDistanceGrids, index: Tensor,
                     settings: WrenchSettings | None = None) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """What `hand_contacts` gives, with slopes of points and limits in vertices and distance, for training."""
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
    """Which of at most `count` patches each vertex (B,V) belongs to; press (B,V) is 0 where there is no contact."""
    rows = torch.arange(len(vertices), device=vertices.device)
    gap = torch.where(press > 0, torch.inf, -1.0).to(press)  # squared, to the nearest centre
    owner = torch.zeros_like(press, dtype=torch.long)
    centre = press.argmax(1)
    for number in range(count):
        away = (vertices - vertices[rows, centre].unsqueeze(1)).square().sum(-1)
        owner = torch.where(away < gap, number, owner)
        gap = torch.minimum(gap, away)
        centre = gap.argmax(1)
    return owner


def vertex_areas(vertices: Tensor, faces: Tensor) -> Tensor:
    """Outward vectors (B,V,3) as long as each vertex's share of the skin, m2."""
    corners = vertices[:, faces]  # (B,F,3,3)
    thirds = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0], dim=-1) / 6.0
    shares = torch.zeros_like(vertices)
    for corner in range(3):
        shares.index_add_(1, faces[:, corner], thirds)
    return shares


def gravity_gap(vertices: Tensor, faces: Tensor, distance: Tensor, grids: SignedDistanceGrids, index: Tensor,
                settings: WrenchSettings | None = None) -> Tensor:  # fmt: skip
    """Newtons (B,) that posed hands leave unbalanced in the worst of six directions; arguments as `hand_contacts`."""
    if not len(index):
        return vertices.new_zeros(0)
    return wrench_gap(*hand_contacts(vertices, faces, distance, grids, index, settings), settings).amax(1)
