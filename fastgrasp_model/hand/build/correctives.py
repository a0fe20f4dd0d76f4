"""Pose correctives: what linear blend skinning loses at a bend, fitted linearly in the rotation matrices.

For every joint alone, sampled within its limits, the wanted surface is dual-quaternion skinning (L. Kavan
et al., ACM TOG 27 (2008)) plus a bulge along the normals of the bend that gives back the lost volume. The
difference to linear skinning, carried back to the rest pose, is fitted by ridge regression on the nine
entries of R - I. The sum over joints is MANO's `posedirs`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .anatomy import JOINT_LIMITS, anatomical_axes, angles_to_matrices
from .remesh import vertex_normals
from .skeleton import PARENTS, joint_transforms

# The thumb's first joint sits deep in the palm: it has no crease, and its wide blend keeps the volume.
THUMB_ROOT = 13
SAMPLES_PER_JOINT = 48
RIDGE = 0.02
# Metres a bend bulges at most, metres from a joint within which skin is pressed, and slope across the crease.
BULGE_CAP, CREASE_REACH, CREASE_SLOPE = 0.0025, 0.016, 0.5
# Neighbouring fingers leave little room: of the bulge, this much is taken off at the sides.
SIDE_LOSS = 0.8


def quaternion(matrix: np.ndarray) -> np.ndarray:
    """(w, x, y, z) of one rotation matrix, w >= 0 (angles here stay well below pi)."""
    w = np.sqrt(max(0.0, 1 + np.trace(matrix))) / 2
    x, y, z = (matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1])
    return np.array([w, x / (4 * w), y / (4 * w), z / (4 * w)])


def two_bone_dual_quaternion(vertices, share, joint, rotation) -> np.ndarray:
    """Dual-quaternion skinning (V, 3) when only `joint` turns: share (V,) is that of the turned side.

    Both motions fix the joint, so blending them fixes it too, and the blend is a pure rotation about the
    joint by the normalised linear blend of the quaternions.
    """
    q = quaternion(rotation)
    blend = share[:, None] * q + (1 - share[:, None]) * np.array([1.0, 0, 0, 0])
    blend /= np.linalg.norm(blend, axis=1, keepdims=True)
    w, axis = blend[:, :1], blend[:, 1:]
    r = vertices - joint
    t = 2 * np.cross(axis, r)
    return joint + r + w * t + np.cross(axis, t)


def closed_volume(vertices: np.ndarray, closed_faces: np.ndarray) -> float:
    """Signed volume in cubic metres of a closed mesh (divergence theorem)."""
    a, b, c = vertices[closed_faces].transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6)


def press_crease(posed, template, joint, bone, rotation, near) -> np.ndarray:
    """Keep the two sides of a bend apart: each stays on its side of the bisecting plane through the joint.

    posed, template (V, 3); bone (3,) unit, distal, at rest; rotation (3, 3) of the child; near (V,) bool.
    This is the flat crease of flesh on flesh; without it both sides run through each other on the inner
    side.
    """
    middle = bone + rotation @ bone
    middle /= np.linalg.norm(middle)
    before, after = (template - joint) @ bone, (posed - joint) @ middle
    least = CREASE_SLOPE * before
    push = np.where(before > 0, np.maximum(least - after, 0), np.minimum(least - after, 0))
    return posed + (push * near)[:, None] * middle


def _refill(posed, share, bone, rotation, closed_faces, volume: float) -> np.ndarray:
    """Bulge the bend along the normals, mostly outside, until the volume is back; at most BULGE_CAP."""
    normals = vertex_normals(posed, closed_faces)
    inward = rotation @ bone - bone
    inward /= max(float(np.linalg.norm(inward)), 1e-9)
    across = np.cross(bone, inward)
    across /= max(float(np.linalg.norm(across)), 1e-9)
    bump = (
        4
        * share
        * (1 - share)
        * np.clip(1 - normals @ inward, 0, 1)
        * (1 - SIDE_LOSS * (normals @ across) ** 2)
    )
    amount = 0.0
    tiny = 1e-5 * bump[:, None] * normals
    slope = (closed_volume(posed + tiny, closed_faces) - closed_volume(posed, closed_faces)) / 1e-5
    for _ in range(3):
        lost = volume - closed_volume(posed + amount * bump[:, None] * normals, closed_faces)
        amount = float(np.clip(amount + lost / slope, 0, BULGE_CAP))
    return posed + amount * bump[:, None] * normals


@dataclass(frozen=True)
class Bend:
    """One joint about to turn: its number, the share (V,) of skin that turns, bone (3,), nearby skin (V,)."""

    joint: int
    share: np.ndarray
    bone: np.ndarray
    near: np.ndarray


def _bend(j: int, template, weights, joints, axes) -> Bend:
    branch = [k for k in range(16) if k == j or PARENTS[k] == j or (k > 0 and PARENTS[PARENTS[k]] == j)]
    share, bone = weights[:, branch].sum(1), -axes[j - 1, 0]
    offset = template - joints[j]
    along = offset @ bone
    radial = np.linalg.norm(offset - along[:, None] * bone, axis=1)
    near = (share + weights[:, PARENTS[j]] > 0.9) & (np.abs(along) < CREASE_REACH) & (radial < CREASE_REACH)
    return Bend(j, share, bone, near & (j != THUMB_ROOT))


def fit_posedirs(template, weights, joints, closed_faces, seed: int) -> np.ndarray:
    """posedirs (778, 3, 135): offsets at rest = posedirs @ (R_1 - I, ..., R_15 - I), row-major, metres."""
    rng = np.random.default_rng(seed)
    axes, volume = anatomical_axes(joints), closed_volume(template, closed_faces)
    posedirs = np.zeros((len(template), 3, 135))
    for j in range(1, 16):
        bend = _bend(j, template, weights, joints, axes)
        moving = np.where(((bend.share > 1e-4) & (bend.share < 1 - 1e-4)) | bend.near)[0]
        low, high = np.radians(JOINT_LIMITS[j - 1]).T
        features, offsets = [], []
        for _ in range(SAMPLES_PER_JOINT):
            angles = np.zeros((15, 3))
            angles[j - 1] = rng.uniform(low, high)
            rotations = np.concatenate([np.eye(3)[None], angles_to_matrices(angles, axes)])
            offsets.append(
                _rest_offsets(template, weights, joints, rotations, bend, closed_faces, volume)[moving]
            )
            features.append((rotations[j] - np.eye(3)).ravel())
        a, b = np.array(features), np.array(offsets).reshape(SAMPLES_PER_JOINT, -1)
        fit = np.linalg.solve(a.T @ a + RIDGE * np.eye(9), a.T @ b)
        posedirs[moving, :, 9 * (j - 1) : 9 * j] = fit.T.reshape(len(moving), 3, 9)
    return posedirs


def _rest_offsets(template, weights, joints, rotations, bend: Bend, closed_faces, volume) -> np.ndarray:
    """What to add at rest (778, 3) so that linear skinning gives the wanted surface."""
    joint, rotation = joints[bend.joint], rotations[bend.joint]
    wanted = two_bone_dual_quaternion(template, bend.share, joint, rotation)
    wanted = press_crease(wanted, template, joint, bend.bone, rotation, bend.near)
    if bend.joint != THUMB_ROOT:
        wanted = _refill(wanted, bend.share, bend.bone, rotation, closed_faces, volume)
    turn, place = joint_transforms(rotations, joints)
    blended = np.einsum("vj,jab->vab", weights, turn)
    shift = weights @ (place - np.einsum("jab,jb->ja", turn, joints))
    plain = np.einsum("vab,vb->va", blended, template) + shift
    offsets = wanted - plain
    # A blend of rotations may be nearly singular at strong bends: damped inverse.
    gram = np.einsum("vba,vbc->vac", blended, blended) + 0.02 * np.eye(3)
    return np.linalg.solve(gram, np.einsum("vba,vb->va", blended, offsets)[..., None])[..., 0]
