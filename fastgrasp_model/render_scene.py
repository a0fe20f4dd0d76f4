"""What stands in a picture of a grasp: the object, the hands, and the sides from which both show.

`render.py` lays the panels out on paper; `rasteriser.py` and `shading.py` draw and light them. An object is a
mesh or a cloud, a hand any triangle mesh. Coordinates are metres in one frame, colours linear.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from fastgrasp_model.geometry.subdivision import loop_subdivision
from fastgrasp_model.hand import VERTICES
from fastgrasp_model.rasteriser import Buffers, Camera, corner_normals, scan
from fastgrasp_model.shading import from_srgb, shade, to_srgb

SUPERSAMPLE = 2
OBJECT_COLOUR = from_srgb(116, 148, 168)
SKIN = from_srgb(228, 184, 158)
UP = np.array([0.0, 0.0, 1.0])
_WHOLE_OBJECT, _NEAR = 0.26, 0.18  # metres from the middle of the hand
_OPEN_HAND_FACES = 1538  # in MANO's order the triangles that close the wrist come after these


class SceneObject:
    """Triangles with normals, or a cloud as beads, or nothing."""

    def __init__(self, mesh):
        self.is_cloud = not hasattr(mesh, "faces") or len(mesh.faces) == 0
        if self.is_cloud:
            points = (
                np.zeros((0, 3))
                if mesh is None
                else np.asarray(getattr(mesh, "vertices", mesh), dtype=np.float64)
            )
            points = points.reshape(-1, 3)
            self.points, self.radius = _beads(points[np.isfinite(points).all(axis=1)])
            self.corners = _bead_triangles(self.points, self.radius)
            self.is_open = False
            return
        vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces)
        self.points = vertices[np.unique(faces)]
        self.corners = vertices[faces]
        self.normals = corner_normals(vertices, faces, 35.0)
        self.is_open = not (mesh.is_watertight and mesh.volume > 0)

    def draw(self, buffers: Buffers) -> None:
        if not self.is_cloud:
            buffers.draw_mesh(self.corners, self.normals, OBJECT_COLOUR, 0, two_sided=self.is_open)
        elif len(self.points):
            buffers.draw_beads(self.points, self.radius, OBJECT_COLOUR, 0)


class SceneHand:
    """One hand: its plain triangles with what each is worth to a picture, and the triangles that are drawn.

    A hand of MANO's topology is drawn smoothed, with a flat wrist; another as it is, from both sides where it is not
    closed. Vertices (V, 3) metres, faces (F, 3), keypoints (21, 3) in MediaPipe order or None.

    Raises ValueError where a shape is wrong, there is no face, or a vertex is not finite.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, keypoints: np.ndarray | None = None):
        vertices, faces = _checked(vertices, faces)
        self.points = vertices[np.unique(faces)]
        self.plain = vertices[faces]
        smoothing = _smoothing(np.ascontiguousarray(faces, dtype=np.int32).tobytes(), len(vertices))
        self.worth = _worth(vertices, faces, keypoints, cut=_OPEN_HAND_FACES if smoothing else len(faces))
        self.is_open = smoothing is None and not _is_solid(self.plain, faces)
        if smoothing:
            matrix, faces = smoothing
            vertices = matrix @ vertices
        self.corners = vertices[faces]
        self.normals = corner_normals(vertices, faces, 60.0)

    def draw(self, buffers: Buffers) -> None:
        buffers.draw_mesh(self.corners, self.normals, SKIN, 1, two_sided=self.is_open)


def _checked(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    vertices, faces = np.asarray(vertices, dtype=np.float64), np.asarray(faces)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3 or not len(faces):
        raise ValueError(f"A hand to draw needs vertices (V, 3) and faces (F, 3), got {vertices.shape}, {faces.shape}.")
    if not np.isfinite(vertices).all():
        raise ValueError("This hand has vertices that are not finite; it cannot be drawn.")
    return vertices, faces


def _is_solid(triangles: np.ndarray, faces: np.ndarray) -> bool:
    """Whether the faces are closed and look outwards."""
    from fastgrasp_model.geometry.signed_distance import is_closed

    local = triangles - triangles.mean(axis=(0, 1))
    return is_closed(faces) and np.einsum("ij,ij->", local[:, 0], np.cross(local[:, 1], local[:, 2])) > 0


def _worth(vertices: np.ndarray, faces: np.ndarray, keypoints: np.ndarray | None, cut: int) -> np.ndarray:
    """How much a picture gains from showing each face (F,): fingers most, the cut wrist (faces from `cut` on) less
    than nothing."""
    from fastgrasp_model.hand.fingers import finger_vertices

    worth = np.full(len(faces), 0.5)
    if keypoints is not None and np.isfinite(keypoints).all():
        of_finger = np.zeros(len(vertices), dtype=bool)
        of_finger[np.concatenate(list(finger_vertices(vertices, faces, keypoints).values()))] = True
        worth = np.where(of_finger[faces].any(axis=1), 1.0, 0.5)
    worth[cut:] = -2.0
    return worth


@lru_cache(maxsize=4)
def _smoothing(face_bytes: bytes, count: int):
    """One step of Loop subdivision of the open hand as a sparse matrix, and its faces closed again by a flat fan.

    None where the faces are not MANO's: 778 vertices, a hole at the wrist, and the triangles that close it (if any)
    after the others.
    """
    from scipy.sparse import csr_matrix, vstack

    from fastgrasp_model.hand.topology import HandModelError, boundary_loop

    faces = np.frombuffer(face_bytes, dtype=np.int32).reshape(-1, 3)
    if count != VERTICES or len(faces) < _OPEN_HAND_FACES:
        return None
    faces, lid = faces[:_OPEN_HAND_FACES], faces[_OPEN_HAND_FACES:]
    try:
        wrist = boundary_loop(faces)
    except HandModelError:
        return None
    if not np.isin(lid, wrist).all():
        return None
    matrix, fine_faces = loop_subdivision(faces, count)
    loop = boundary_loop(fine_faces)
    middle = csr_matrix(matrix[loop].mean(axis=0))
    fan = [(loop[i], loop[(i + 1) % len(loop)], matrix.shape[0]) for i in range(len(loop))]
    return vstack([matrix, middle]).tocsr(), np.concatenate([fine_faces, np.array(fan)])


def _beads(points: np.ndarray, most: int = 6000) -> tuple[np.ndarray, float]:
    """A cloud thinned for display, and a radius at which neighbouring beads nearly touch."""
    from scipy.spatial import cKDTree

    if len(points) < 4:
        return points, 0.002
    if len(points) > most:
        points = points[np.random.default_rng(0).choice(len(points), most, replace=False)]
    spacing = np.median(cKDTree(points).query(points, k=4)[0][:, 3])
    return points, float(np.clip(0.5 * spacing, 0.0006, 0.004))


def _bead_triangles(points: np.ndarray, radius: float) -> np.ndarray:
    """Octahedra (N * 8, 3, 3) in place of beads, where shadows are cast."""
    ends = np.concatenate([np.eye(3), -np.eye(3)]) * radius
    sides = [(i, 3 * a + (i + 1) % 3, 3 * b + (i + 2) % 3) for i in (0, 3) for a in (0, 1) for b in (0, 1)]
    return (points[:, None, None] + ends[np.array(sides)]).reshape(-1, 3, 3)


def directions(scene: SceneObject, hand: SceneHand, count: int, size: int = 88) -> list[np.ndarray]:
    """Directions from which hand and object both show; the second is the best from another side than the
    first."""
    candidates, worth = [], []
    for elevation, turns in ((18, 12), (48, 6)):
        for azimuth in np.arange(turns) * 360 / turns + elevation:
            level, angle = np.cos(np.radians(elevation)), np.radians(azimuth)
            direction = np.array(
                [level * np.cos(angle), level * np.sin(angle), np.sin(np.radians(elevation))]
            )
            hand_share, object_share = _shown(scene, hand, direction, size)
            candidates.append(direction)
            worth.append(
                hand_share + 0.6 * np.minimum(object_share, 1.2 * hand_share) - 0.02 * (elevation > 30)
            )
    candidates, worth = np.array(candidates), np.array(worth)
    chosen: list[np.ndarray] = []
    for _ in range(count):
        apart = np.ones(len(candidates), dtype=bool)
        for other in chosen:
            flat = (
                candidates[:, :2]
                @ other[:2]
                / (np.linalg.norm(candidates[:, :2], axis=1) * np.linalg.norm(other[:2]))
            )
            apart &= flat < np.cos(np.radians(80 if len(chosen) == 1 else 50))
        options = np.flatnonzero(apart) if apart.any() else np.arange(len(candidates))
        chosen.append(candidates[options[worth[options].argmax()]])
    return chosen


def _shown(scene: SceneObject, hand: SceneHand, direction: np.ndarray, size: int) -> tuple[float, float]:
    """What a small picture from one direction shows: worth of the hand's faces in it, and share of it that is
    object."""
    camera = _camera(scene, [hand], direction, size, size)
    nearest = []
    for item, corners in ((scene, scene.corners), (hand, hand.plain)):
        pixel, face, _, depth = scan(camera.project(corners), size, size, two_sided=item.is_open)
        buffer = np.full(size * size, np.inf, dtype=np.float32)
        np.minimum.at(buffer, pixel, depth)
        nearest.append(buffer)
    shown = depth <= np.minimum(*nearest)[pixel]  # of the hand, drawn last
    worth = float(hand.worth[face[shown]].sum()) / size**2
    return worth, float(np.count_nonzero(nearest[0] < nearest[1])) / size**2


def _camera(scene: SceneObject, hands: list[SceneHand], direction: np.ndarray, width: int, height: int) -> Camera:
    """A camera that frames the hands and the object; of a large object only what is near, so that hands stay
    visible."""
    fit = np.concatenate([hand.points for hand in hands])
    if len(scene.points):
        away = np.linalg.norm(scene.points - fit.mean(axis=0), axis=1)
        fit = np.concatenate(
            [fit, scene.points if away.max() < _WHOLE_OBJECT else scene.points[away < _NEAR]]
        )
    middle = 0.5 * (fit.min(axis=0) + fit.max(axis=0))
    return Camera.looking_at(middle, direction, UP, middle + (fit - middle) * 1.06, width, height)


def panel_picture(scene: SceneObject, hands: list[SceneHand], direction: np.ndarray, size: int) -> np.ndarray:
    """One drawn panel, (size, size, 4) sRGB with coverage, 0..1."""
    fine = size * SUPERSAMPLE
    buffers = Buffers(_camera(scene, hands, direction, fine, fine))
    scene.draw(buffers)
    for hand in hands:
        hand.draw(buffers)
    linear = shade(buffers, [(item.corners, item.is_open) for item in (scene, *hands)], UP)
    picture = np.concatenate([to_srgb(linear[..., :3]) * linear[..., 3:], linear[..., 3:]], axis=-1)
    return _faded(picture.reshape(size, SUPERSAMPLE, size, SUPERSAMPLE, 4).mean(axis=(1, 3)))


def _faded(picture: np.ndarray) -> np.ndarray:
    """A panel whose content, where it runs into the border, fades into the paper instead of being cut."""
    size = len(picture)
    edge = np.clip(np.minimum(np.arange(size), np.arange(size)[::-1]) / (0.05 * size), 0, 1)
    edge = edge * edge * (3 - 2 * edge)
    return picture * np.minimum(edge[:, None], edge[None, :])[..., None]
