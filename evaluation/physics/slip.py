"""A quick slip test: does the object stay in the still hand when gravity pulls along each of six directions?

A second of simulation (`metrics.hold`) takes seconds for one grasp, synthesis has a hundredth. General physics engines
step one scene at a time, so all grasps and directions run here as one batch of rigid bodies of 1 kg: the hand's
vertices are still points with elastic contact against the signed distance grid, friction is a spring at each contact
that slides beyond the friction cone. Time step, duration and mass are those of the published protocol
(`metrics.simulation`); docs/grasp_set_card.md tells how well the test predicts holding for a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fastgrasp_evaluation.physics import DIRECTIONS, GRAVITY, STEPS, TIME_STEP
from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids

CHECK_EVERY = 5  # steps after which bodies that have slipped out are dropped
_STATE = ("points", "index", "gravity", "inverse_inertia", "turn", "place", "velocity", "spin", "stick", "touched")


@dataclass(frozen=True)
class SlipSettings:
    """Constants of the contact model; SI units, mass 1 kg."""

    contacts: int = 48  # nearest hand vertices that may touch
    substeps: int = 4
    stiffness: float = 8000.0  # N/m of one contact
    damping: float = 16.0  # N s/m of one contact
    friction: float = 0.8
    enough: float = 0.04  # metres: a body that moved this far is out


def slip_distances(
    vertices: Tensor, index: Tensor, grids: SignedDistanceGrids, inertias: Tensor, settings: SlipSettings | None = None,
    directions: Tensor | None = None, steps: int = STEPS,
) -> Tensor:  # fmt: skip
    """Compute how far (B,D), metres, each object moves under gravity along D directions, at most `settings.enough`.

    vertices (B,V,3) of the hands in the frame of object index (B,), whose origin is its centre of mass;
    inertias (G,3,3) of the objects for 1 kg (`unit_inertia`); directions (D,3), the six axes by default.
    """
    s = settings or SlipSettings()
    axes = torch.tensor(DIRECTIONS) if directions is None else directions
    axes = axes.to(vertices)
    if not len(index):
        return axes.new_zeros(0, len(axes))
    with torch.no_grad():
        near = grids.query(vertices, index).topk(min(s.contacts, vertices.shape[1]), dim=1, largest=False).indices
        points = vertices.gather(1, near.unsqueeze(-1).expand(-1, -1, 3))
        count = len(axes)
        inertia = inertias.to(vertices.dtype)[index].repeat_interleave(count, 0)
        gravity = GRAVITY * axes.repeat(len(index), 1)
        contacts, objects = points.repeat_interleave(count, 0), index.repeat_interleave(count)
        travel = _Bodies(contacts, objects, inertia, gravity, grids, s).run(steps)
    return torch.where(torch.isfinite(travel), travel, s.enough).clamp_max(s.enough).view(-1, count)


def unit_inertia(mesh) -> Tensor:
    """Compute the inertia (3,3) about the centre of mass of 1 kg that fills a closed trimesh.Trimesh."""
    return torch.tensor(np.asarray(mesh.moment_inertia) / mesh.volume, dtype=torch.float32)


class _Bodies:
    """N objects of 1 kg, each with its own still contact points (N,K,3), under constant gravity (N,3)."""

    def __init__(
        self, points: Tensor, index: Tensor, inertia: Tensor, gravity: Tensor, grids: SignedDistanceGrids,
        settings: SlipSettings,
    ) -> None:  # fmt: skip
        self.points, self.index, self.gravity, self.grids, self.s = points, index, gravity, grids, settings
        self.inverse_inertia = torch.linalg.inv(inertia + 1e-6 * torch.eye(3).to(inertia))
        self.dt = TIME_STEP / settings.substeps
        count = len(points)
        self.turn = torch.eye(3).to(points).repeat(count, 1, 1)  # object -> world
        self.place = points.new_zeros(count, 3)
        self.velocity, self.spin = points.new_zeros(count, 3), points.new_zeros(count, 3)
        self.stick = points.clone()  # where each contact sticks, in the object's frame
        self.touched = torch.zeros(points.shape[:2], dtype=torch.bool, device=points.device)

    def run(self, steps: int) -> Tensor:
        """Return the distance (N,) of the centre of mass from its start after the steps, or when it had slipped out."""
        travel = self.place.norm(dim=1)
        left = torch.arange(len(travel), device=travel.device)
        for step in range(steps):
            for _ in range(self.s.substeps):
                self._step()
            travel[left] = self.place.norm(dim=1)
            if step % CHECK_EVERY == CHECK_EVERY - 1:
                within = travel[left] < self.s.enough
                left = left[within]
                for name in _STATE:
                    setattr(self, name, getattr(self, name)[within])
        return travel

    def _step(self) -> None:
        """Compute the contact forces and advance by one substep."""
        s = self.s
        arms = self.points - self.place[:, None]  # (N,K,3) world, from the centre of mass
        local = arms @ self.turn  # R^T arms
        distance, normal = self.grids.query_with_normals(local, self.index, unit=False)
        depth = torch.relu(-distance)
        normal = normal @ self.turn.transpose(1, 2)  # outward, world
        # velocity of the object's material at the point
        speed = self.velocity[:, None] + torch.linalg.cross(self.spin[:, None].expand_as(arms), arms, dim=-1)
        along = (speed * normal).sum(-1, keepdim=True)
        touching = depth > 0
        # the hand pushes the object along -normal
        press = (s.stiffness * depth[..., None] + s.damping * along).clamp_min(0) * touching[..., None]
        # friction: a spring from where the contact first stuck, in the object's frame
        self.stick = torch.where((touching & self.touched)[..., None], self.stick, local)
        self.touched = touching
        offset = (local - self.stick) @ self.turn.transpose(1, 2)
        slide = s.stiffness * (offset - (offset * normal).sum(-1, keepdim=True) * normal) - s.damping * (
            speed - along * normal
        )
        size = slide.norm(dim=-1, keepdim=True).clamp_min(1e-9)
        share = (s.friction * press / size).clamp_max(1.0)
        # a sliding contact drags the place where it stuck
        self.stick = local - (local - self.stick) * share
        force = (slide * share - press * normal) * touching[..., None]
        total = self.gravity + force.sum(1)
        torque = torch.linalg.cross(arms, force, dim=-1).sum(1)
        self._integrate(total, torque)

    def _integrate(self, force: Tensor, torque: Tensor) -> None:
        """Advance velocities and poses by one substep."""
        dt = self.dt
        inverse = self.turn @ self.inverse_inertia @ self.turn.transpose(1, 2)
        self.velocity = self.velocity + dt * force
        self.spin = self.spin + dt * (inverse @ torque[..., None]).squeeze(-1)
        self.place = self.place + dt * self.velocity
        self.turn = _rotate(self.turn, dt * self.spin)


def _rotate(turn: Tensor, angle: Tensor) -> Tensor:
    """Apply a small rotation vector (N,3) to turn (N,3,3) and make it orthonormal again."""
    turn = turn + torch.linalg.cross(angle[:, :, None].expand_as(turn), turn, dim=1)
    x = torch.nn.functional.normalize(turn[..., 0], dim=1)
    z = torch.nn.functional.normalize(torch.linalg.cross(x, turn[..., 1], dim=1), dim=1)
    return torch.stack([x, torch.linalg.cross(z, x, dim=1), z], dim=2)
