"""Whether a gripping hand keeps the object for one second, whichever way gravity points: a small rigid-body simulator.

The published protocol's 35 steps say little about holding, and its engine cannot run longer: between one convex hull
and a hand mesh Bullet keeps four contact points at a time, so that even a pinched box creeps by a centimetre; and
V-HACD's hulls bulge 1 to 4 mm out of the object, so that a hand without contact presses hard. This test has analytic
answers in simple cases, which the unit tests check: a box pinched between two pads holds if and only if twice the
friction force exceeds its weight, and a box on one plate falls.

- The object is a rigid solid of 1 kg and uniform density, exact to its signed distance grid. The hand does not move.
- The skin is an elastic foundation of independent springs (Johnson, Contact Mechanics, 1985, section 4.3): each piece
  presses with `stiffness` times its compression, so the result does not depend on the mesh resolution. Skin that faces
  away from the surface, as on the back of a buried finger, does not press.
- The grip compresses skin that just touches by `squeeze`, the contact distance of the strict protocol, which gives
  200 kPa, 20 N on 1 cm2. Measured pressures of hands on tools average 250 kPa or less (Hall, External pressure at the
  hand during object handling and work with tools, Int. J. Industrial Ergonomics 20, 1997). Without it a pinch would
  fall at 0.0 mm of penetration and hold at 0.1. A stiffer grip changes little: of 40 grasps of the open set 85 % hold,
  with twice the stiffness the same, with half of it 75 %, with a hard hand (1e9 N/m3, no squeeze) 97 %.
- Friction is Coulomb's, coefficient 0.8; sticking contacts are springs, dragged when they slide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fastgrasp_evaluation.metrics.distance_field import DistanceField
from fastgrasp_evaluation.metrics.simulation import SimulationError, checked_hand
from fastgrasp_evaluation.physics import DIRECTIONS, GRAVITY


@dataclass(frozen=True)
class HoldSettings:
    """Constants of the test; SI units, the object weighs 1 kg."""

    friction: float = 0.8
    duration: float = 1.0
    limit: float = 0.02  # metres the centre of mass may move
    stiffness: float = 1e8  # N/m3: pressure for each metre of compression
    squeeze: float = 0.002  # metres by which the grip compresses skin that just touches
    lag: float = 0.002  # seconds: damping divided by stiffness
    step: float = 1.0 / 480.0
    patch: float = 0.010  # longest edge of the pieces of skin
    rest: float = 1e-3  # m/s: an object slower than this for `rest_time` seconds is at rest
    rest_time: float = 0.05


class HoldTest:
    """The test for one object: `mesh` is a closed trimesh.Trimesh in metres.

    Raises SimulationError if the mesh has no positive volume.
    """

    def __init__(self, mesh, settings: HoldSettings | None = None) -> None:
        self.settings = settings or HoldSettings()
        if not mesh.volume > 0:
            raise SimulationError(
                f"the object's volume is {mesh.volume:.3g} m3; expected a closed mesh with outward faces"
            )
        self._centre = np.asarray(mesh.center_mass, dtype=np.float64)
        self._inertia = np.asarray(mesh.moment_inertia, dtype=np.float64) / mesh.volume
        vertices = np.asarray(mesh.vertices, dtype=np.float64) - self._centre
        self._field = DistanceField(vertices, np.asarray(mesh.faces))

    def __call__(self, vertices: np.ndarray, faces: np.ndarray, directions: Sequence = DIRECTIONS) -> np.ndarray:
        """Return the metres (D,) the object has moved at the end, with gravity along each of `directions` (D, 3).

        vertices (V, 3), metres, in the object's frame; faces (F, 3), outward. The test ends after `duration`, when one
        direction has failed, or when the object rests in all of them. Raises SimulationError for an invalid hand.
        """
        vertices, faces = checked_hand(vertices, faces)
        skin = skin_pieces(vertices - self._centre, faces, self.settings.patch)
        return _HoldRun(skin, self._field, self._inertia, directions, self.settings).distances()

    def held(self, vertices: np.ndarray, faces: np.ndarray) -> bool:
        """Return whether the object moves less than `limit` in all six directions."""
        return bool((self(vertices, faces) < self.settings.limit).all())


def skin_pieces(vertices: np.ndarray, faces: np.ndarray, edge: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Divide a hand's surface into N pieces around the vertices of its mesh, refined to edges of at most `edge`.

    Returns positions (N, 3), outward unit normals (N, 3) and areas (N,).
    """
    from trimesh.remesh import subdivide_to_size

    points, faces = subdivide_to_size(vertices, np.asarray(faces), max_edge=edge, max_iter=20)
    points, merged = np.unique(np.round(points, 7), axis=0, return_inverse=True)
    faces = merged.reshape(-1)[faces]
    corners = points[faces]
    thirds = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 6.0
    vectors = np.zeros_like(points)
    for corner in range(3):
        np.add.at(vectors, faces[:, corner], thirds)
    areas = np.linalg.norm(vectors, axis=1)
    return points, vectors / np.maximum(areas, 1e-12)[:, None], areas


class _HoldRun:
    """D copies of the object (origin at the centre of mass) in one hand, each under its own gravity."""

    SEARCH_EVERY, SEARCH_WITHIN = 4, 0.006  # steps between searches for skin near the object; metres

    def __init__(self, skin, field: DistanceField, inertia: np.ndarray, directions: Sequence, s: HoldSettings):
        self.skin, self.normals, areas = skin
        self.stiffness = s.stiffness * areas
        self.field, self.inertia, self.s = field, inertia, s
        self.gravity = GRAVITY * np.asarray(directions, dtype=np.float64)
        count = len(self.gravity)
        self.rotation = np.repeat(np.eye(3)[None], count, axis=0)  # object -> world
        self.position, self.speed = np.zeros((count, 3)), np.zeros((count, 6))  # velocity, spin
        self.stick_points = np.zeros((count, len(self.skin), 3))  # where skin sticks, in the object's frame
        self.touched = np.zeros((count, len(self.skin)), dtype=bool)
        self.near = np.arange(len(self.skin))

    def distances(self) -> np.ndarray:
        """Run all steps; return the metres (D,) that the centre of mass has moved."""
        s, fastest = self.s, 0.0
        rest_steps = round(s.rest_time / s.step)
        for number in range(round(s.duration / s.step)):
            if number % self.SEARCH_EVERY == 0:
                distance, _ = self.field((self.skin - self.position[:, None]) @ self.rotation)
                self.near = np.flatnonzero((distance < s.squeeze + self.SEARCH_WITHIN).any(axis=0))
            self._step()
            moved = np.linalg.norm(self.position, axis=1)
            if (moved >= s.limit).any():
                break
            fastest = max(fastest, self._fastest())
            if (number + 1) % rest_steps == 0:
                if fastest < s.rest:
                    break
                fastest = 0.0
        if not np.isfinite(moved).all():
            raise SimulationError("the hold test diverged: the object's position is not finite")
        return moved

    def _fastest(self) -> float:
        """Return the greatest speed, m/s, within the object's radius of gyration."""
        along, around = np.linalg.norm(self.speed.reshape(-1, 2, 3), axis=-1).T
        return float((along + np.sqrt(np.trace(self.inertia)) * around).max())

    def _step(self) -> None:
        """Do one step of linearly implicit Euler; the contacts are too stiff for an explicit one."""
        s = self.s
        arms = self.skin[self.near] - self.position[:, None]  # (D,N,3) world, from the centre of mass
        normals, force, presses, sticks = self._contact(arms)
        jacobian = np.concatenate([np.broadcast_to(np.eye(3), (*arms.shape, 3)), -_skew(arms)], axis=-1)  # (D,N,3,6)
        along = (normals[..., None, :] @ jacobian)[..., 0, :]  # (D,N,6)
        across = jacobian - normals[..., None] * along[..., None, :]
        flat = (across * sticks[..., None, None]).reshape(len(arms), -1, 6)
        stiff = flat.transpose(0, 2, 1) @ across.reshape(len(arms), -1, 6)
        stiff = stiff + (along * presses[..., None]).transpose(0, 2, 1) @ along  # (D,6,6)
        total = np.concatenate([self.gravity + force.sum(1), np.cross(arms, force).sum(1)], axis=1)  # (D,6)
        mass = np.zeros_like(stiff)
        mass[:, :3, :3] = np.eye(3)
        mass[:, 3:, 3:] = self.rotation @ self.inertia @ self.rotation.transpose(0, 2, 1)
        pull = s.step * (total - s.step * (stiff @ self.speed[..., None])[..., 0])
        self.speed = self.speed + np.linalg.solve(mass + s.step * (s.step + s.lag) * stiff, pull[..., None])[..., 0]
        self.position = self.position + s.step * self.speed[:, :3]
        self.rotation = _rotation_matrices(s.step * self.speed[:, 3:]) @ self.rotation

    def _contact(self, arms: np.ndarray):
        """Return normals (D,N,3), forces on the object (D,N,3), stiffness (D,N) of pressing, sticking contacts."""
        s, near = self.s, self.near
        local = arms @ self.rotation
        distance, slope = self.field(local)
        normals = slope @ self.rotation.transpose(0, 2, 1)  # outward from the object, world
        normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
        facing = np.clip(-(normals * self.normals[near]).sum(-1), 0.0, 1.0)  # skin that faces away cannot press
        stiffness = self.stiffness[near] * facing * (distance < s.squeeze)
        speed = self.speed[:, None, :3] + np.cross(self.speed[:, None, 3:], arms)
        closing = (speed * normals).sum(-1)
        press = np.maximum(stiffness * (s.squeeze - distance + s.lag * closing), 0.0)
        touching = press > 0
        stick_point = np.where((touching & self.touched[:, near])[..., None], self.stick_points[:, near], local)
        offset = (local - stick_point) @ self.rotation.transpose(0, 2, 1)
        offset = offset - (offset * normals).sum(-1, keepdims=True) * normals
        wanted = stiffness[..., None] * (offset - s.lag * (speed - closing[..., None] * normals))
        size = np.linalg.norm(wanted, axis=-1)
        share = np.minimum(s.friction * press / np.maximum(size, 1e-12), 1.0)
        self.stick_points[:, near] = local - (local - stick_point) * share[..., None]  # dragged when sliding
        self.touched[:, near] = touching
        force = wanted * share[..., None] - press[..., None] * normals
        return normals, force, stiffness * touching, stiffness * (touching & (share == 1.0))


def _skew(v: np.ndarray) -> np.ndarray:
    """Return the matrices (..., 3, 3) of the cross product with v (..., 3)."""
    x, y, z = np.moveaxis(v, -1, 0)
    zero = np.zeros_like(x)
    return np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*v.shape, 3)


def _rotation_matrices(vectors: np.ndarray) -> np.ndarray:
    """Return the rotation matrices (D, 3, 3) of rotation vectors (D, 3) by Rodrigues' formula."""
    angle = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)[:, None, None]
    k = _skew(vectors) / angle
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)
