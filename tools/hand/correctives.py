"""Pose correctives: what linear blend skinning loses at a bend, fitted linearly in the rotation matrices.

For every joint alone, sampled within its limits, the wanted surface is dual-quaternion skinning (L. Kavan et al., ACM
TOG 27 (2008)) with its crease pressed flat, displaced along its normals until the volume is that at rest. The
difference to linear skinning, carried back to the rest pose, is fitted by ridge regression on the nine entries of
R - I. The sum over joints is MANO's `posedirs`. Since it is a sum, the knuckles share one fit (see `Bend`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from fastgrasp_model.hand.joint_angles import JOINT_LIMITS

from .remesh import vertex_normals
from .skeleton import PARENTS, anatomical_axes, rotation_matrices

# The thumb's first joint sits deep in the palm: it has no crease.
THUMB_ROOT = 13
SAMPLES_PER_JOINT = 48
RIDGE = 0.02
# Metres a bend bulges at most, and slope across the crease.
BULGE_CAP, CREASE_SLOPE = 0.0035, 0.5
# Metres along the bone and off it within which skin is pressed: at a knuckle, where the palm is thick, and elsewhere.
KNUCKLES, KNUCKLE_REACH, CREASE_REACH = (1, 4, 7, 10), (0.020, 0.027), (0.016, 0.018)
# The ball of the thumb is deep: there skin is displaced by up to so many metres, out or in.
THUMB_BULGE = 0.008
# At the knuckles the palm's flesh gives way to all sides: metres along the bone, share of the inner side, metres.
KNUCKLE_SWELL, INNER_SWELL, KNUCKLE_BULGE = 0.020, 0.45, 0.0065
# Neighbouring fingers leave little room: of the bulge, this much is taken off at the sides.
SIDE_LOSS = 0.8


@dataclass(frozen=True)
class Bend:
    """One joint about to turn: its number, its place (3,), the share (V,) of skin that turns, bone (3,), nearby skin
    (V,) bool, and where skin may `swell` (V,) to give volume back.

    Knuckles are taken as if all four fingers turned about this one as a mitten, and a joint is given its `part` (V,) of
    what that needs. So the corrections of fingers that close together add up to one, not to four, in the skin between
    them, and a web, which then turns whole, gets none.
    """

    joint: int
    place: np.ndarray
    share: np.ndarray
    bone: np.ndarray
    near: np.ndarray
    swell: np.ndarray
    part: np.ndarray


def fit_posedirs(template, weights, joints, closed_faces, seed: int) -> np.ndarray:
    """Fit posedirs (778, 3, 135): offsets at rest = posedirs @ (R_1 - I, ..., R_15 - I), row-major, metres."""
    rng = np.random.default_rng(seed)
    axes, volume = anatomical_axes(joints), closed_volume(template, closed_faces)
    posedirs = np.zeros((len(template), 3, 135))
    for j in range(1, 16):
        bend = _bend(j, template, weights, joints, axes)
        blended = (bend.share > 1e-4) & (bend.share < 1 - 1e-4)
        chosen = np.where((blended | bend.near | (bend.swell > 0.02)) & (bend.part > 1e-3))[0]
        features, offsets = [], []
        for _ in range(SAMPLES_PER_JOINT):
            twist, spread, bending = rotation_matrices(rng.uniform(*JOINT_LIMITS[j - 1].T)[:, None] * axes[j - 1])
            rotation = bending @ spread @ twist
            offsets.append(_rest_offsets(template, rotation, bend, closed_faces, volume)[chosen])
            features.append((rotation - np.eye(3)).ravel())
        a, b = np.array(features), np.array(offsets).reshape(SAMPLES_PER_JOINT, -1)
        fit = np.linalg.solve(a.T @ a + RIDGE * np.eye(9), a.T @ b)
        posedirs[chosen, :, 9 * (j - 1) : 9 * j] = fit.T.reshape(len(chosen), 3, 9)
    return posedirs


def _bend(j: int, template, weights, joints, axes) -> Bend:
    own, bone = _branch_share(j, weights), -axes[j - 1, 0]
    share = sum(_branch_share(k, weights) for k in KNUCKLES) if j in KNUCKLES else own
    offset = template - joints[j]
    along = offset @ bone
    radial = np.linalg.norm(offset - along[:, None] * bone, axis=1)
    reach = KNUCKLE_REACH if j in KNUCKLES else CREASE_REACH
    near = (share + weights[:, PARENTS[j]] > 0.9) & (np.abs(along) < reach[0]) & (radial < reach[1])
    swell = 4 * share * (1 - share)
    if j in KNUCKLES:
        swell = np.exp(-((along / KNUCKLE_SWELL) ** 2)) * np.clip(4 * share, 0, 1)
    return Bend(j, joints[j], share, bone, near & (j != THUMB_ROOT), swell, own / np.maximum(share, 1e-9))


def _branch_share(j: int, weights: np.ndarray) -> np.ndarray:
    """Sum the weights (V,) of joint j and the joints beyond."""
    branch = [k for k in range(16) if j in (k, PARENTS[k]) or (k > 0 and PARENTS[PARENTS[k]] == j)]
    return weights[:, branch].sum(1)


def _rest_offsets(template, rotation, bend: Bend, closed_faces, volume) -> np.ndarray:
    """Compute what to add at rest (778, 3) so that linear skinning gives the wanted surface."""
    wanted = two_bone_dual_quaternion(template, bend.share, bend.place, rotation)
    wanted = press_crease(wanted, template, bend.place, bend.bone, rotation, bend.near)
    most = THUMB_BULGE if bend.joint == THUMB_ROOT else KNUCKLE_BULGE if bend.joint in KNUCKLES else BULGE_CAP
    least = -most if bend.joint == THUMB_ROOT else 0.0
    wanted = refill(wanted, _bump(wanted, bend, rotation, closed_faces), closed_faces, volume, least, most)
    wanted = press_crease(wanted, template, bend.place, bend.bone, rotation, bend.near)
    blended = bend.share[:, None, None] * (rotation - np.eye(3)) + np.eye(3)
    plain = bend.place + np.einsum("vab,vb->va", blended, template - bend.place)
    offsets = bend.part[:, None] * (wanted - plain)
    # A blend of rotations may be nearly singular at strong bends: damped inverse.
    gram = np.einsum("vba,vbc->vac", blended, blended) + 0.02 * np.eye(3)
    return np.linalg.solve(gram, np.einsum("vba,vb->va", blended, offsets)[..., None])[..., 0]


def two_bone_dual_quaternion(vertices, share, joint, rotation) -> np.ndarray:
    """Apply dual-quaternion skinning (V, 3) when only `joint` turns; share (V,) is that of the turned side.

    Both motions fix the joint, so their blend is a rotation about it by the normalised linear blend of the quaternions.
    """
    blend = share[:, None] * Rotation.from_matrix(rotation).as_quat() + (1 - share[:, None]) * np.array([0, 0, 0, 1.0])
    blend /= np.linalg.norm(blend, axis=1, keepdims=True)
    axis, r = blend[:, :3], vertices - joint
    t = 2 * np.cross(axis, r)
    return joint + r + blend[:, 3:] * t + np.cross(axis, t)


def press_crease(posed, template, joint, bone, rotation, near) -> np.ndarray:
    """Keep the two sides of a bend apart: each stays on its side of the bisecting plane through the joint.

    posed, template (V, 3); bone (3,) unit, distal, at rest; rotation (3, 3) of the child; near (V,) bool. This is the
    flat crease of flesh on flesh; without it both sides run through each other on the inner side.
    """
    middle = bone + rotation @ bone
    middle /= np.linalg.norm(middle)
    before, after = (template - joint) @ bone, (posed - joint) @ middle
    least = CREASE_SLOPE * before
    push = np.where(before > 0, np.maximum(least - after, 0), np.minimum(least - after, 0))
    return posed + (push * near)[:, None] * middle


def closed_volume(vertices: np.ndarray, closed_faces: np.ndarray) -> float:
    """Compute the signed volume in cubic metres of a closed mesh (divergence theorem)."""
    a, b, c = vertices[closed_faces].transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6)


def refill(posed, bump, closed_faces, volume: float, least: float, most: float) -> np.ndarray:
    """Displace skin (V, 3) along its normals by amount * bump (V,) to restore the volume; least <= amount <= most."""
    normals = vertex_normals(posed, closed_faces)
    amount = 0.0
    tiny = 1e-5 * bump[:, None] * normals
    slope = (closed_volume(posed + tiny, closed_faces) - closed_volume(posed, closed_faces)) / 1e-5
    for _ in range(3):
        lost = volume - closed_volume(posed + amount * bump[:, None] * normals, closed_faces)
        amount = float(np.clip(amount + lost / slope, least, most))
    return posed + amount * bump[:, None] * normals


def _bump(posed, bend: Bend, rotation, closed_faces) -> np.ndarray:
    """Weigh where a bend gives its volume back (V,): on the outer side, less at the sides, where the next finger is."""
    if bend.joint == THUMB_ROOT:
        return bend.swell
    normals = vertex_normals(posed, closed_faces)
    inward = rotation @ bend.bone - bend.bone
    inward /= max(float(np.linalg.norm(inward)), 1e-9)
    across = np.cross(bend.bone, inward)
    across /= max(float(np.linalg.norm(across)), 1e-9)
    outer = np.clip(1 - normals @ inward, 0, 1)
    if bend.joint in KNUCKLES:
        outer = INNER_SWELL + (1 - INNER_SWELL) * outer
    return bend.swell * outer * (1 - SIDE_LOSS * (normals @ across) ** 2)
