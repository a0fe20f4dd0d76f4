"""Whether the hand is in contact with the object: three published definitions and a stricter one.

All but one take signed distances in metres, negative inside the object, from `penetration.hand_distances`: (B, V), or
B arrays (V,) where hands differ in size. All return (B,) bool; the contact ratio of a set is the mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastgrasp_model.hand.fingers import FINGERS

CONTACT_DISTANCE_PUBLISHED = 0.005  # metres
CONTACT_DISTANCE_STRICT = 0.002  # metres

Distances = Sequence[np.ndarray] | np.ndarray


def contact_within_5mm(distances: Distances) -> np.ndarray:
    """Test for a hand vertex inside the object or within 5 mm of it (GraspTTA, and FastGrasp on HO-3D)."""
    return _nearest(distances) <= CONTACT_DISTANCE_PUBLISHED


def contact_inside(distances: Distances) -> np.ndarray:
    """Test for a hand vertex strictly inside the object (HALO)."""
    return _nearest(distances) < 0


def contact_legacy_volume(legacy_volume_cm3: np.ndarray) -> np.ndarray:
    """Test for a legacy surface volume (B,) that is not zero (FastGrasp on GRAB and OakInk)."""
    return np.asarray(legacy_volume_cm3) > 0


def contact_thumb_and_two_fingers(distances: Distances, fingers: dict[str, np.ndarray]) -> np.ndarray:
    """Test for contact of the thumb and at least two other fingers, inside or within 2 mm (strict protocol).

    distances: of hands of one topology; fingers: vertex indices from `hand.fingers.finger_vertices`.
    """
    distances = np.asarray(distances)
    touching = {name: distances[:, ids].min(axis=1) <= CONTACT_DISTANCE_STRICT for name, ids in fingers.items()}
    others = sum(touching[name].astype(int) for name in FINGERS[1:])
    return touching["thumb"] & (others >= 2)


def _nearest(distances: Distances) -> np.ndarray:
    return np.array([np.min(distance) for distance in distances])
