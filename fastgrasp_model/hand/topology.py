"""Geometry of a hand model's arrays: its side, its mirror image, its wrist closed."""

from __future__ import annotations

import numpy as np

from fastgrasp_model.hand.mano_file import HandModelError

_FAN_START = 108  # first vertex of the fan over the wrist, in MANO's mesh on the boundary


def side_of(model: dict[str, np.ndarray]) -> str:
    """Return the side of a model, "right" or "left": the resting fingers point to -x or to +x."""
    joints = model["J_regressor"] @ model["v_template"]
    return "right" if joints[1:, 0].mean() < joints[0, 0] else "left"


def mirrored_model(model: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the hand of the other side: everything mirrored in x, the winding of the faces reversed.

    A rotation matrix R becomes M R M with M = diag(-1, 1, 1), so an axis-angle (x, y, z) becomes (x, -y, -z),
    and the entry (r, c) of a pose feature changes sign where exactly one of r and c is x.
    """
    flip = np.array([-1.0, 1.0, 1.0])
    feature_signs = np.tile(np.outer(flip, flip).reshape(-1), 15)
    pose_signs = np.tile([1.0, -1.0, -1.0], 15)
    return {
        **model,
        "v_template": model["v_template"] * flip,
        "shapedirs": model["shapedirs"] * flip[:, None],
        "posedirs": model["posedirs"] * flip[:, None] * feature_signs,
        "hands_mean": model["hands_mean"] * pose_signs,
        "hands_components": model["hands_components"] * pose_signs,
        "f": model["f"][:, ::-1].copy(),
    }


def close_wrist(faces: np.ndarray) -> np.ndarray:
    """Close the one hole of faces (F, 3), of n vertices, with a fan of triangles: (F + n - 2, 3)."""
    loop = boundary_loop(faces)
    start = loop.index(_FAN_START) if _FAN_START in loop else 0
    loop = loop[start:] + loop[:start]
    fan = [(loop[0], loop[i], loop[i + 1]) for i in range(1, len(loop) - 1)]
    return np.concatenate([faces, np.array(fan, dtype=faces.dtype)])


def boundary_loop(faces: np.ndarray) -> list[int]:
    """Return the vertices around the one hole of a mesh (F, 3), in the order in which faces that fill it run.

    Raises HandModelError where the mesh has no hole, more than one, or edges of more than two faces.
    """
    edges = {tuple(edge) for edge in faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).tolist()}
    # A face that fills the hole runs along each boundary edge the other way.
    following = {b: a for a, b in edges if (b, a) not in edges}
    if not following or len(edges) != 3 * len(faces):
        raise HandModelError("The hand's faces are no surface with one hole at the wrist. Use MANO's topology.")
    loop = [min(following)]
    while following[loop[-1]] != loop[0] and len(loop) <= len(following):
        loop.append(following[loop[-1]])
    if len(loop) != len(following):
        raise HandModelError("The hand's faces have more than one hole, expected only the wrist. Use MANO's topology.")
    return loop
