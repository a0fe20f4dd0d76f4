"""Dividing the skin of a hand's links into convex pieces, for simulators.

A piece is a set of vertices, and its body their convex hull. The division is found on the mean hand at rest; the same
sets of vertices serve every shape, so a new hand costs only its hulls.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull

from fastgrasp_model.hand.joint_angles import JOINT_NAMES
from fastgrasp_model.hand.mano_layer import ManoLayer

# Skin belongs to a link from this weight on; at the joints it belongs to two, so that bent fingers have no gap.
_OF_PALM, _OF_FINGER = 0.4, 0.3
# Pieces of a link: the palm is hollow, the ball of the thumb and the webs at the knuckles are not convex.
_PIECES = {"wrist": 6, "thumb_cmc": 3, "index_mcp": 2, "middle_mcp": 2, "ring_mcp": 2, "pinky_mcp": 2, "thumb_mcp": 2}
_ALLOWED = 0.001  # metres that skin may lie inside its piece's hull
_SHARES = (0.2, 0.35, 0.5, 0.65, 0.8)  # of the faces, on one side of a cut that is tried


def convex_pieces(layer: ManoLayer) -> list[list[np.ndarray]]:
    """Return for each of the 16 links its pieces, each as vertex ids (n,)."""
    vertices = layer.v_template.double().cpu().numpy()
    faces = layer.closed_faces.cpu().numpy()
    weights = layer.weights.cpu().numpy()
    result = []
    for link, name in enumerate(JOINT_NAMES):
        own = faces[(weights[faces, link] > (_OF_FINGER if link else _OF_PALM)).all(axis=1)]
        result.append([np.unique(piece) for piece in _divided(vertices, own, _PIECES.get(name, 1))])
    return result


def hull(points: np.ndarray) -> np.ndarray:
    """Return the corners of the convex hull of points (n, 3)."""
    return points[ConvexHull(points).vertices]


def _divided(vertices: np.ndarray, faces: np.ndarray, count: int) -> list[np.ndarray]:
    """Divide faces (F, 3) into `count` groups whose hulls bury little skin: cut the worst group in two, repeatedly."""
    groups = [(_buried(vertices, faces), faces)]
    while len(groups) < count:
        groups.sort(key=lambda group: -group[0])
        _, worst = groups.pop(0)
        halves = [[(_buried(vertices, half), half) for half in cut] for cut in _cuts(vertices, worst)]
        groups += min(halves, key=lambda cut: cut[0][0] + cut[1][0])
    return [faces for _, faces in groups]


def _cuts(vertices: np.ndarray, faces: np.ndarray):
    """Yield divisions of faces in two by planes across their principal axes and between the first two."""
    centres = vertices[faces].mean(axis=1)
    axes = np.linalg.svd(centres - centres.mean(axis=0), full_matrices=False)[2]
    for direction in (*axes, axes[0] + axes[1], axes[0] - axes[1]):
        places = centres @ direction
        for share in _SHARES:
            low = places < np.quantile(places, share)
            yield faces[low], faces[~low]


def _buried(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Integrate over the faces the squared depth in their own convex hull beyond `_ALLOWED`; infinite without hull."""
    if len(np.unique(faces)) < 6:
        return np.inf
    planes = ConvexHull(vertices[np.unique(faces)]).equations
    corners = vertices[faces]
    depths = -(corners.mean(axis=1) @ planes[:, :3].T + planes[:, 3]).max(axis=1)
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return float((areas * np.maximum(depths - _ALLOWED, 0) ** 2).sum())
