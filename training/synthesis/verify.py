"""Which optimised hands are grasps: cheap geometric tests first, then the six-direction slip test on what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fastgrasp_model import contact
from fastgrasp_model.geometry.signed_distance import SignedDistanceGrids
from fastgrasp_training.synthesis.hands import GRASP_TYPES, TYPE_NAMES, Hands
from fastgrasp_training.synthesis.optimise import Optimised


@dataclass(frozen=True)
class VerifySettings:
    """Limits a grasp must keep; metres unless said."""

    depth: float = 0.003  # deepest hand vertex
    within: float = 0.0025  # a finger or the palm this near touches
    overlap: float = 0.004  # deepest overlap of two collision spheres of the hand
    residual: float = 0.35  # force-closure residual, no unit
    slip: float = 0.02  # greatest move under gravity along any of six directions
    slip_large: float = 0.03  # the same for objects longer than `large`
    large: float = 0.16
    volume: float = 3.0  # shared with the object, cm3: a finger through a thin wall lies nowhere deep


REASONS = ("depth", "contact", "overlap", "balance", "slip", "volume")


@dataclass
class Verdict:
    """Of B hands: which passed the cheap tests (B,), their depth (B,), and how many each test turned away."""

    passed: Tensor
    depth: Tensor
    vertices: Tensor
    distance: Tensor
    rejected: dict[str, int]


def cheap_tests(hands: Hands, found: Optimised, grids: SignedDistanceGrids, settings: VerifySettings) -> Verdict:
    """Depth, contacts, self-intersection and balance of every hand, with all 778 vertices."""
    with torch.no_grad():
        pose = hands.pose(found.betas, found.rotations, found.transl)
        vertices = hands.layer.skin(pose, found.betas, found.rotations)
        distance = grids.query(vertices, found.object)
        depth = contact.greatest_depth(distance)
        tests = {
            "depth": depth <= settings.depth,
            "contact": _touches_enough(hands, distance, found.kind, settings.within),
            "overlap": hands.spheres.overlap(pose).amax(1) <= settings.overlap,
            "balance": balance(hands, vertices, distance, found, grids) <= settings.residual,
        }
    passed, rejected = torch.ones_like(tests["depth"]), {}
    for name, good in tests.items():  # each hand is charged to the first test it fails
        rejected[name] = int((passed & ~good).sum())
        passed = passed & good
    return Verdict(passed & torch.isfinite(depth), depth, vertices, distance, rejected)


def _touches_enough(hands: Hands, distance: Tensor, kind: Tensor, within: float) -> Tensor:
    """Thumb and two other fingers (a pinch: one), or palm and two fingers for the palm type: (B,) bool."""
    fingers = contact.touching_sets(distance, hands.fingers, within)  # (B,5)
    palm = contact.touching_sets(distance, [hands.pads["palm"]], within)[:, 0]
    others = fingers[:, 1:].sum(1)
    needed = torch.tensor([1 if spec.name == "pinch" else 2 for spec in GRASP_TYPES])[kind]
    opposed = fingers[:, 0] & (others >= needed)
    return torch.where(kind == TYPE_NAMES.index("palm"), palm & (others >= 2), opposed)


def balance(hands: Hands, vertices: Tensor, distance: Tensor, found: Optimised, grids: SignedDistanceGrids) -> Tensor:
    """Least wrench residual (B,) over force shares of the vertex sets that touch."""
    places, reach = contact.contact_points(vertices, distance, hands.full_sets)
    normals = contact.smooth_normals(grids, places, found.object)
    touching = reach < 0.003
    touching = touching | ~touching.any(1, keepdim=True)
    centre = torch.zeros(3)
    forces = contact.balanced_forces(places, normals, touching, centre, rounds=150)
    return contact.wrench_residual(places, normals, forces, centre)


def shared_volumes(hands: Hands, vertices: Tensor, objects: Tensor, meshes: list) -> np.ndarray:
    """Volume (B,) in cm3 that hands (B,778,3) share with their objects (B,) of `meshes` (closed, metres)."""
    from fastgrasp_model.metrics.penetration import ObjectSolid, penetration_volume_solid_cm3

    faces, volumes = hands.layer.closed_faces.numpy(), np.zeros(len(vertices))
    for number in objects.unique().tolist():
        mine = (objects == number).numpy()
        skins = vertices[mine].double().numpy()
        volumes[mine] = penetration_volume_solid_cm3(skins, faces, ObjectSolid(meshes[number]))
    return volumes


def slip_limits(meshes: list, settings: VerifySettings) -> np.ndarray:
    """Allowed slip (M,) in metres of each object."""
    return np.array([settings.slip_large if max(mesh.extents) > settings.large else settings.slip for mesh in meshes])


__all__ = ["REASONS", "Verdict", "VerifySettings", "balance", "cheap_tests", "shared_volumes", "slip_limits"]
