"""Penetration of hands into an object: volume and depth.

Strict: the solid volume counted in columns of 1 mm (the paper's "1 mm^3 cubes"; see `metrics.solid`), and the greatest
depth of a vertex. HALO (Karunratanakul et al., 3DV 2021) and ContactGen (Liu et al., ICCV 2023) count the same solid
volume but set it to 0 where no hand vertex is inside; the strict figure also counts an edge between two vertices.

Legacy: surface voxels of 5 mm, as the code of GraspTTA (Jiang et al., ICCV 2021) and FastGrasp counts them. That
figure falls to zero for a buried hand and serves only to compare with published tables.

Hands are B vertex arrays (V, 3) in metres, in the frame of the object: a list, whose hands may differ in size, or one
array (B, V, 3), or a single hand (V, 3). Faces are closed at the wrist (`metrics.solid.closed_hand`) and point
outwards: one array (F, 3) for all hands, or a list of B.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from fastgrasp_evaluation.metrics.solid import (
    Solid,
    hand_solid,
    shared_volume,
    signed_distance,
    solid_of,
    winding_number,
)
from fastgrasp_model.geometry.meshes import MeshError

LEGACY_PITCH = 0.005  # metres
LEGACY_VOXEL_CM3 = 0.125

Hands = Sequence[np.ndarray] | np.ndarray


class ObjectSolid:
    """One object prepared for many hands: `solid`, a `Solid` with its search trees, and the legacy voxels.

    mesh: closed `trimesh.Trimesh`, metres (`closed_mesh.watertight_with_notes`). Raises MeshError if it is open.
    """

    def __init__(self, mesh) -> None:
        self.mesh = mesh
        self.solid = solid_of(mesh)
        if not self.solid.closed:
            raise MeshError(
                "The object's mesh is not closed, so it has no inside. Close it with "
                "`metrics.closed_mesh.watertight_with_notes`, which fills small holes and reports what it cannot fill."
            )

    @cached_property
    def surface_voxels(self) -> np.ndarray:
        """Centres (N, 3), metres, of trimesh's 5 mm voxels that the surface runs through."""
        return np.asarray(self.mesh.voxelized(LEGACY_PITCH).points, dtype=np.float64)


def penetration_volume_solid_cm3(hands: Hands, faces: Hands, target: ObjectSolid) -> np.ndarray:
    """Return the volume that each hand shares with the object, cm3 (B,). Raises ValueError for an open hand."""
    return np.array([shared_volume(hand, target.solid) * 1e6 for hand in _hand_solids(hands, faces)])


def halo_volume_cm3(solid_volume_cm3: np.ndarray, distances: Hands) -> np.ndarray:
    """Return solid volumes (B,), set to 0 where no hand vertex is inside the object (HALO, ContactGen).

    distances: from `hand_distances`. Their code counts cells of 1 mm along the axes of the frame; the grid here is the
    strict one, so the figures agree up to discretisation.
    """
    return np.where([np.min(distance) < 0 for distance in distances], solid_volume_cm3, 0.0)


def penetration_volume_legacy_cm3(hands: Hands, faces: Hands, target: ObjectSolid) -> np.ndarray:
    """Return the 5 mm voxels of the object's surface with their centre inside the hand, times 0.125 cm3: (B,).

    As published: trimesh voxelises the object, and a centre is inside where a ray to it crosses the hand an odd number
    of times, so the overlap of two fingers is outside. One difference: the hand here is closed at the wrist. GraspTTA
    and FastGrasp pass MANO's open mesh on HO-3D and trimesh asks a second ray where the hole confuses the first;
    FastGrasp closes it elsewhere. Only voxels by the wrist can differ.
    """
    centres = target.surface_voxels
    counts = []
    for hand in _hand_solids(hands, faces):
        low, high = hand.bounds
        near = centres[((centres >= low) & (centres <= high)).all(axis=1)]
        crossed = np.rint(winding_number(hand, near)).astype(int) if len(near) else np.zeros(0, int)
        counts.append(int((crossed % 2 == 1).sum()))
    return np.array(counts) * LEGACY_VOXEL_CM3


def hand_distances(hands: Hands, target: ObjectSolid) -> list[np.ndarray]:
    """Return signed distances of each hand's vertices from the object: B arrays (V,), metres, negative inside."""
    return [signed_distance(target.solid, hand) for hand in _batch(hands)]


def depth_from_distances_cm(distances: Hands) -> np.ndarray:
    """Return the greatest depth of a vertex (the paper's Table 4), cm (B,), 0 where none is inside.

    distances: from `hand_distances`.
    """
    return np.array([max(-float(np.min(distance)), 0.0) * 100.0 for distance in distances])


def _hand_solids(hands: Hands, faces: Hands) -> Iterator[Solid]:
    hands = _batch(hands)
    one = len(faces) and np.ndim(faces[0]) == 1  # rows of one (F, 3) array, not arrays
    if not one and len(faces) != len(hands):
        raise ValueError(f"expected faces (F, 3) or {len(hands)} arrays of them, one for each hand; got {len(faces)}")
    for number, hand in enumerate(hands):
        yield hand_solid(hand, faces if one else faces[number])


def _batch(hands: Hands) -> Hands:
    return np.asarray(hands)[None] if len(hands) and np.ndim(hands[0]) == 1 else hands
