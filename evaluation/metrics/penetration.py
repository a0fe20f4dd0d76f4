"""How far and with how much volume hands sink into an object.

Strict: solid volume on a 1 mm grid (the paper's "1 mm^3 cubes"; see `metrics.solid` for the count), and the greatest
depth of a vertex. HALO (Karunratanakul et al., 3DV 2021) and ContactGen (Liu et al., ICCV 2023) count the same solid
volume but set it to 0 where no hand vertex is inside; the strict figure does not, so an edge of the object between two
vertices counts.

Legacy: surface voxels of 5 mm, as the code of GraspTTA (Jiang et al., ICCV 2021) and FastGrasp counts them. That
figure falls to zero for a buried hand and is kept only to compare with published tables.

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
    inside,
    shared_volume,
    signed_distance,
    solid_of,
    winding_number,
)
from fastgrasp_model.geometry.meshes import MeshError

LEGACY_PITCH = 0.005
LEGACY_VOXEL_CM3 = 0.125

Hands = Sequence[np.ndarray] | np.ndarray


class ObjectSolid:
    """One object prepared for many hands: `solid`, a `Solid` with its search trees, and the legacy voxels.

    Raises MeshError for a mesh that is not closed.
    """

    def __init__(self, mesh) -> None:
        """mesh: `trimesh.Trimesh` in metres, closed (`geometry.meshes.watertight_with_notes`)."""
        self.mesh = mesh
        self.solid = solid_of(mesh)
        _require_closed(self.solid)

    @cached_property
    def surface_voxels(self) -> np.ndarray:
        """Centres (N, 3), metres, of trimesh's 5 mm voxels that the surface runs through."""
        return np.asarray(self.mesh.voxelized(LEGACY_PITCH).points, dtype=np.float64)


def penetration_volume_solid_cm3(
    hands: Hands, faces: Hands, target: ObjectSolid | Solid, pitch: float = 0.001
) -> np.ndarray:
    """Volume shared by hand and object.

    Args:
        hands, faces: see the module.
        target: the object, an `ObjectSolid` (prepare it once for many hands), `Solid` or `trimesh.Trimesh`, metres.
        pitch: side of a column of the grid, metres.

    Returns:
        (B,) float64, cubic centimetres.

    Raises:
        MeshError: the object is not closed. ValueError: a hand is not closed.
    """
    solid = _solid(target)
    return np.array([shared_volume(hand, solid, pitch) * 1e6 for hand in _hand_solids(hands, faces)])


def penetration_volume_halo_cm3(hands: Hands, faces: Hands, target: ObjectSolid | Solid) -> np.ndarray:
    """`penetration_volume_solid_cm3`, but 0 where no hand vertex is inside the object (HALO, ContactGen).

    Their code counts cells of 1 mm that lie along the axes of the frame; the grid here is the strict one, so the
    figures agree but for the noise of counting.
    """
    solid = _solid(target)
    touched = np.array([bool(inside(solid, hand).any()) for hand in _batch(hands)])
    return np.where(touched, penetration_volume_solid_cm3(hands, faces, solid), 0.0)


def penetration_volume_legacy_cm3(hands: Hands, faces: Hands, target: ObjectSolid) -> np.ndarray:
    """The legacy figure: 5 mm voxels of the object's surface whose centre is inside the hand, times 0.125 cm3.

    As published: trimesh voxelises the object, and a centre is inside where a ray to it crosses the hand an odd number
    of times, so a place where two fingers overlap is outside. One difference: the hand here is closed at the wrist.
    GraspTTA and FastGrasp pass MANO's open mesh on HO-3D and trimesh asks a second ray where the hole confuses the
    first; FastGrasp closes it elsewhere. Only voxels by the wrist can differ.

    Arguments as `penetration_volume_solid_cm3`, but `target` is an `ObjectSolid` or a `trimesh.Trimesh`.
    Returns (B,) float64, cm3.
    """
    centres = (target if isinstance(target, ObjectSolid) else ObjectSolid(target)).surface_voxels
    counts = []
    for hand in _hand_solids(hands, faces):
        low, high = hand.bounds
        near = centres[((centres >= low) & (centres <= high)).all(axis=1)]
        crossed = np.rint(winding_number(hand, near)).astype(int) if len(near) else np.zeros(0, int)
        counts.append(int((crossed % 2 == 1).sum()))
    return np.array(counts) * LEGACY_VOXEL_CM3


def penetration_depth_cm(hands: Hands, target: ObjectSolid | Solid) -> np.ndarray:
    """Greatest distance of a hand vertex inside the object from the object's surface (the paper's Table 4).

    Args as `penetration_volume_solid_cm3`. Returns (B,) float64, centimetres, 0 where no vertex is inside.
    """
    return depth_from_distances_cm(hand_distances(hands, target))


def hand_distances(hands: Hands, target: ObjectSolid | Solid) -> list[np.ndarray]:
    """Signed distances of every hand's vertices from the object: B arrays (V,), metres, negative inside."""
    solid = _solid(target)
    return [signed_distance(solid, hand) for hand in _batch(hands)]


def depth_from_distances_cm(distances: Hands) -> np.ndarray:
    """`penetration_depth_cm` from signed distances, B arrays (V,) in metres, negative inside: (B,) cm."""
    return np.array([max(-float(np.min(distance)), 0.0) * 100.0 for distance in distances])


def _hand_solids(hands: Hands, faces: Hands) -> Iterator[Solid]:
    """The solid of each hand in turn."""
    hands = _batch(hands)
    one = len(faces) and np.ndim(faces[0]) == 1  # rows of one (F, 3) array, not arrays
    if not one and len(faces) != len(hands):
        raise ValueError(f"expected faces (F, 3) or {len(hands)} arrays of them, one for each hand; got {len(faces)}")
    for number, hand in enumerate(hands):
        yield hand_solid(hand, faces if one else faces[number])


def _batch(hands: Hands) -> Hands:
    return np.asarray(hands)[None] if len(hands) and np.ndim(hands[0]) == 1 else hands


def _solid(target) -> Solid:
    solid = target.solid if isinstance(target, ObjectSolid) else target
    solid = solid if isinstance(solid, Solid) else solid_of(solid)
    _require_closed(solid)
    return solid


def _require_closed(solid: Solid) -> None:
    if not solid.closed:
        raise MeshError(
            "The object's mesh is not closed, so it has no inside. Close it with "
            "`geometry.meshes.watertight_with_notes`, which mends small holes and says what it cannot mend."
        )
