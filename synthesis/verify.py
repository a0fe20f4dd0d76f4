"""Which optimised hands are grasps: limits, the cheap geometric tests, and the volumes and depths that cost more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fastgrasp_evaluation.physics import contacts as contact
from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
from fastgrasp_synthesis.grasp_types import SETS
from fastgrasp_synthesis.hands import Hands
from fastgrasp_synthesis.optimise import Optimised


@dataclass(frozen=True)
class VerifySettings:
    """Limits a grasp must keep; metres unless said."""

    depth: float = 0.003  # deepest hand vertex
    within: float = 0.002  # a finger this near touches
    faithful: float = 0.004  # the palm and all fingers but one that make the grasp's type are this near
    overlap: float = 0.004  # deepest overlap of two collision spheres of the hand
    gravity: float = 3.5  # newtons of 9.8 that friction cones leave unbalanced in the worst of six directions
    slip: float = 0.02  # greatest move under gravity along any of six directions
    slip_large: float = 0.03  # the same for objects longer than `large`
    large: float = 0.16
    self_depth: float = 0.002  # deepest skin of the hand inside the hand
    volume: float = 3.0  # shared with the object, cm3: a finger through a thin wall lies nowhere deep


NEEDED = 0.7  # vertex sets of at least this weight make a grasp type


@dataclass
class Verdict:
    """Of B hands: which passed the cheap tests (B,), their depth (B,), metres, their posed vertices (B,778,3) with the
    signed distance of each (B,778), and how many each test turned away."""

    passed: Tensor
    depth: Tensor
    vertices: Tensor
    distance: Tensor
    rejected: dict[str, int]


def cheap_tests(hands: Hands, found: Optimised, grids: SignedDistanceGrids, settings: VerifySettings) -> Verdict:
    """Depth, contacts, type and self-intersection of every hand, with all 778 vertices."""
    with torch.no_grad():
        pose = hands.layer.pose_joints(found.betas, found.rotations, found.transl)
        vertices = hands.layer.skin(pose, found.betas, found.rotations)
        distance = grids.query(vertices, found.object)
        depth = contact.greatest_depth(distance)
        tests = {"depth": depth <= settings.depth, "contact": _touches_enough(hands, distance, settings.within),
                 "type": _is_of_its_type(hands, distance, found.kind, settings.faithful),
                 "overlap": hands.spheres.overlap(pose).amax(1) <= settings.overlap}
    passed, rejected = torch.ones_like(tests["depth"]), {}
    for name, good in tests.items():  # each hand is charged to the first test it fails
        rejected[name] = int((passed & ~good).sum())
        passed = passed & good
    return Verdict(passed & torch.isfinite(depth), depth, vertices, distance, rejected)


def _touches_enough(hands: Hands, distance: Tensor, within: float) -> Tensor:
    """Thumb and at least two other fingers: (B,) bool."""
    fingers = contact.touching_sets(distance, hands.fingers, within)  # (B,5)
    return fingers[:, 0] & (fingers[:, 1:].sum(1) >= 2)


def _is_of_its_type(hands: Hands, distance: Tensor, kind: Tensor, within: float) -> Tensor:
    """Whether the vertex sets that make the grasp type are at the object, all but one finger: (B,) bool."""
    near = contact.touching_sets(distance, hands.full_sets, within)  # (B,S)
    needed = hands.type_weights[kind] >= NEEDED
    missing = needed & ~near
    palm = missing[:, SETS.index("palm")]  # a power grasp without the palm is none
    return ~palm & (missing.sum(1) <= torch.where(needed.sum(1) > 3, 1, 0))


def shared_volumes(hands: Hands, vertices: Tensor, objects: Tensor, meshes: list) -> np.ndarray:
    """Volume (B,) in cm3 that hands (B,778,3) share with their objects (B,) of `meshes` (closed, metres)."""
    from fastgrasp_evaluation.metrics.penetration import ObjectSolid, penetration_volume_solid_cm3

    faces, volumes = hands.layer.closed_faces.cpu().numpy(), np.zeros(len(vertices))
    skins, owners = vertices.cpu().numpy().astype(np.float64), objects.cpu().numpy()
    for number in np.unique(owners).tolist():
        mine = owners == number
        volumes[mine] = penetration_volume_solid_cm3(skins[mine], faces, ObjectSolid(meshes[number]))
    return volumes


def self_depths(hands: Hands, vertices: Tensor) -> np.ndarray:
    """How deep (B,) metres each hand (B,778,3) lies in itself, measured on the mesh."""
    from fastgrasp_evaluation.metrics.self_penetration import self_penetration_cm

    if not len(vertices):
        return np.zeros(0)
    faces, skins = hands.layer.closed_faces.cpu().numpy(), vertices.cpu().numpy().astype(np.float64)
    return 0.01 * np.asarray(self_penetration_cm(list(skins), [faces] * len(skins)))


def slip_limits(meshes: list, settings: VerifySettings) -> np.ndarray:
    """Allowed slip (M,) in metres of each object."""
    return np.array([settings.slip_large if max(mesh.extents) > settings.large else settings.slip for mesh in meshes])
