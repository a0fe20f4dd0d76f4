"""From which side to look at a grasp: where the finger ends, the object and the thumb opposite all show."""

from __future__ import annotations

from functools import cache

import numpy as np

from fastgrasp_model.rasteriser import scan
from fastgrasp_model.render_scene import UP, SceneHand, SceneObject

SIZE = 56  # pixels of the small pictures that are compared
_RINGS = ((14, 12, 0.0), (48, 6, -0.05), (-26, 10, -0.08))  # degrees above the horizon, how many turns, preference
_ENDS = np.array([4, 3, 8, 7, 12, 11, 16, 15, 20, 19])  # keypoints: the tip and last joint of each finger
_END_WORTH = np.array([1.5, 1.0, 1.2, 0.8, 1.0, 0.7, 0.8, 0.6, 0.8, 0.6])
_BEHIND_SKIN = 0.014  # metres: a keypoint lies at most so deep under the skin that shows it


def best_side(scene: SceneObject, hand: SceneHand, keypoints: np.ndarray) -> np.ndarray:
    """The direction (3,), a unit vector from the grasp to the eye, from which most of the grasp can be judged.

    keypoints: (21, 3) metres, MediaPipe order. Compared are small pictures from all sides: how many finger ends are
    neither behind the object nor behind the hand, how much of the object shows, how much of the fingers.
    """
    centre = hand.points.mean(axis=0)
    scale = SIZE / (2.05 * float(np.linalg.norm(hand.points - centre, axis=1).max()))
    directions, preference = _directions()
    worth = [_worth(scene, hand, keypoints, centre, scale, direction) for direction in directions]
    return directions[int(np.argmax(np.array(worth) + preference))]


@cache
def _directions() -> tuple[np.ndarray, np.ndarray]:
    """Directions (D, 3) and how much each is preferred, (D,)."""
    found, preference = [], []
    for elevation, turns, liked in _RINGS:
        for azimuth in np.radians(np.arange(turns) * 360 / turns + elevation):
            up = np.radians(elevation)
            found.append([np.cos(up) * np.cos(azimuth), np.cos(up) * np.sin(azimuth), np.sin(up)])
            preference.append(liked)
    return np.array(found), np.array(preference)


def _worth(scene, hand, keypoints, centre, scale, direction) -> float:
    """What one direction shows, about 0 to 3."""
    right = np.cross(UP, direction)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(right, direction), -direction])  # right, down, forward

    def project(points: np.ndarray) -> np.ndarray:
        local = (points - centre) @ axes.T
        return np.concatenate([local[..., :2] * scale + SIZE / 2, local[..., 2:]], axis=-1).astype(np.float32)

    object_depth, _, _, _ = _depths(project(scene.corners), scene.is_open)
    hand_depth, pixel, face, depth = _depths(project(hand.plain), hand.is_open)
    shown = depth <= np.minimum(object_depth, hand_depth)[pixel]
    fingers = float(hand.worth[face[shown]].sum()) / SIZE**2
    there = np.isfinite(object_depth)
    free = np.count_nonzero(object_depth[there] < hand_depth[there]) / max(1, np.count_nonzero(there))
    ends = float(_ends_seen(project(keypoints[_ENDS]), object_depth, hand_depth) @ _END_WORTH) / _END_WORTH.sum()
    return 1.3 * ends + 1.1 * min(free, 0.6) / 0.6 + 2.5 * min(fingers, 0.3)


def _depths(projected: np.ndarray, is_open: bool):
    """The depth buffer (SIZE * SIZE,) of triangles, and the samples it was made of: pixel, face, depth."""
    pixel, face, _, depth = scan(projected, SIZE, SIZE, two_sided=is_open, parallel=True)
    nearest = np.full(SIZE * SIZE, np.inf, dtype=np.float32)
    np.minimum.at(nearest, pixel, depth)
    return nearest, pixel, face, depth


def _ends_seen(ends: np.ndarray, object_depth: np.ndarray, hand_depth: np.ndarray) -> np.ndarray:
    """Which projected finger ends (E, 3) are the nearest thing in their pixel, (E,) bool."""
    column, row = np.clip(ends[:, :2], 0, SIZE - 1).astype(np.int64).T
    pixel = row * SIZE + column
    skin = hand_depth[pixel]
    return (ends[:, 2] - skin < _BEHIND_SKIN) & (skin < object_depth[pixel])
