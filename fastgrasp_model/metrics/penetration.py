"""How far and with how much volume hands sink into an object.

Strict: solid volume on a 1 mm grid over the common bounding box (the paper's "1 mm^3 cubes"; HALO,
Karunratanakul et al. 2021, and ContactGen, Liu et al. 2023, count the same way). HALO sets the volume to 0
where no hand vertex is inside; this module does not, so a blade between two vertices counts.

Legacy: surface voxels of 5 mm, as the code of GraspTTA (Jiang et al. 2021) and FastGrasp counts them. That
figure falls to zero for a buried hand and is kept only to compare with published tables.
"""

from __future__ import annotations

import numpy as np

from fastgrasp_model.metrics.solid import Solid, inside, occupancy, signed_distance, solid_of

LEGACY_PITCH = 0.005


def penetration_volume_solid_cm3(
    hand_vertices: np.ndarray, closed_faces: np.ndarray, object_mesh, pitch: float = 0.001
) -> np.ndarray:
    """Volume shared by hand and object.

    Args:
        hand_vertices: (B, 778, 3) or (778, 3), metres, in the frame of the object.
        closed_faces: (F, 3) faces of the hand, closed at the wrist (`metrics.solid.closed_hand`).
        object_mesh: `trimesh.Trimesh` in metres, or a `Solid` (prepare it once for many calls).
        pitch: edge of a grid cell, metres.

    Returns:
        (B,) float64, cubic centimetres.
    """
    target = _solid(object_mesh)
    hands = _batch(hand_vertices)
    faces = np.ascontiguousarray(closed_faces, dtype=np.int64)
    return np.array(
        [_shared_cells(Solid(hand, faces, True), target, pitch) * pitch**3 * 1e6 for hand in hands]
    )


def penetration_volume_legacy_cm3(
    hand_vertices: np.ndarray, closed_faces: np.ndarray, object_mesh
) -> np.ndarray:
    """The legacy figure: 5 mm voxels of the object's surface, centre inside the hand, times 0.125 cm3.

    Arguments as `penetration_volume_solid_cm3`, but `object_mesh` must be a `trimesh.Trimesh`.
    Returns (B,) float64, cm3.
    """
    centres = np.asarray(object_mesh.voxelized(LEGACY_PITCH).points)
    faces = np.ascontiguousarray(closed_faces, dtype=np.int64)
    counts = []
    for hand in _batch(hand_vertices):
        near = centres[((centres >= hand.min(axis=0)) & (centres <= hand.max(axis=0))).all(axis=1)]
        counts.append(inside(Solid(hand, faces, True), near).sum() if len(near) else 0)
    return np.array(counts) * LEGACY_PITCH**3 * 1e6


def penetration_depth_cm(hand_vertices: np.ndarray, object_mesh) -> np.ndarray:
    """Greatest distance of a hand vertex inside the object from the object's surface (the paper's Table 4).

    Args:
        hand_vertices: (B, 778, 3) or (778, 3), metres, in the frame of the object.
        object_mesh: `trimesh.Trimesh` in metres, or a `Solid`.

    Returns:
        (B,) float64, centimetres, 0 where no vertex is inside.
    """
    return depth_from_distances_cm(signed_distance(_solid(object_mesh), _batch(hand_vertices)))


def depth_from_distances_cm(distances: np.ndarray) -> np.ndarray:
    """`penetration_depth_cm` from signed distances (B, 778) in metres, negative inside: (B,) cm."""
    return np.maximum(-distances.min(axis=1), 0.0) * 100.0


def _shared_cells(hand: Solid, target: Solid, pitch: float) -> int:
    """Number of grid cells whose centre is inside both."""
    low = np.maximum(hand.bounds[0], target.bounds[0])
    high = np.minimum(hand.bounds[1], target.bounds[1])
    if not (high > low).all():
        return 0
    shape = tuple(np.ceil((high - low) / pitch).astype(int))
    return int((occupancy(hand, low, shape, pitch) & occupancy(target, low, shape, pitch)).sum())


def _batch(hand_vertices: np.ndarray) -> np.ndarray:
    hands = np.ascontiguousarray(hand_vertices, dtype=np.float64)
    return hands[None] if hands.ndim == 2 else hands


def _solid(object_mesh) -> Solid:
    return object_mesh if isinstance(object_mesh, Solid) else solid_of(object_mesh)
