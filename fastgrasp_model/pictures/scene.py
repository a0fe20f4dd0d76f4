"""What stands in a picture of a grasp: the object, the hands, and the directions from which both show.

An object is a mesh or a cloud, a hand any triangle mesh. Coordinates are metres in one frame, colours linear.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import trimesh

from fastgrasp_model.hand import VERTICES
from fastgrasp_model.pictures.camera import Camera, Caster, PictureError
from fastgrasp_model.pictures.shading import from_srgb

OBJECT_COLOUR = from_srgb(116, 148, 168)
SKIN = from_srgb(228, 184, 158)
UP = np.array([0.0, 0.0, 1.0])
WHOLE_OBJECT, NEAR_HAND = 0.26, 0.18  # metres; of an object that reaches farther only what is near is framed
OPEN_HAND_FACES = 1538  # MANO's own; the triangles that close the wrist come after these
MOST_BEADS = 6000
CANDIDATES = ((18, 12), (48, 6))  # directions to choose among: elevation in degrees, how many round the object
MOST_VIEWS = sum(turns for _, turns in CANDIDATES)


class SceneItem:
    """Triangles (F, 3, 3) with a unit normal at every corner (F, 3, 3), and the points (N, 3) to be framed."""

    def __init__(self, triangles: np.ndarray, normals: np.ndarray, points: np.ndarray, colour, is_skin: bool):
        self.triangles, self.normals, self.points = triangles, normals, points
        self.colour, self.is_skin = colour, is_skin

    @cached_property
    def caster(self) -> Caster:
        """Casts rays at the triangles: built once, however often the item is drawn."""
        return Caster(self.triangles)


class SceneObject(SceneItem):
    """A mesh with sharp creases, or a cloud (N, 3) as beads, without what is not finite; None is no object."""

    def __init__(self, mesh):
        if hasattr(mesh, "faces") and len(mesh.faces):
            faces = np.asarray(mesh.faces)
            faces = faces[np.isfinite(mesh.vertices).all(axis=1)[faces].all(axis=1)]
            triangles, normals, points = _smooth(np.asarray(mesh.vertices), faces, 35.0)
        else:
            points = np.zeros((0, 3)) if mesh is None else getattr(mesh, "vertices", mesh)
            triangles, normals, points = _balls(*beads(points))
        super().__init__(triangles, normals, points, OBJECT_COLOUR, is_skin=False)


class SceneHand(SceneItem):
    """A hand (V, 3) with faces (F, 3); one of MANO's topology is subdivided once.

    `worth` (F,) is what showing a triangle is worth in the choice of directions: most for fingers, which are known
    with keypoints (21, 3) in MediaPipe order, and negative for the cut of the wrist. Raises PictureError where a shape
    is wrong, there is no face, or a vertex is not finite.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, keypoints: np.ndarray | None = None):
        vertices, faces = _checked(vertices, faces)
        worth = _worth(vertices, faces, keypoints)
        if len(vertices) == VERTICES and len(faces) >= OPEN_HAND_FACES:
            fine, fine_faces = trimesh.remesh.subdivide_loop(vertices, faces, iterations=1)
            triangles, normals, points = _smooth(fine, fine_faces, 60.0)
            worth = np.repeat(worth, 4) if len(fine_faces) == 4 * len(faces) else np.full(len(fine_faces), 0.5)
        else:
            triangles, normals, points = _smooth(vertices, faces, 60.0)
        self.worth = worth
        super().__init__(triangles, normals, points, SKIN, is_skin=True)


def directions(scene: SceneObject, hand: SceneHand, count: int, size: int = 72) -> list[np.ndarray]:
    """Return `count` unit directions from which hand and object both show, each from another side.

    Raises PictureError for fewer than 1 or more than there are to choose among (`MOST_VIEWS`).
    """
    if not 1 <= count <= MOST_VIEWS:
        raise PictureError(f"A hand is drawn from 1 to {MOST_VIEWS} sides, got {count}.")
    caster = Caster.together([scene.caster, hand.caster])
    worth_of = np.concatenate([np.zeros(len(scene.triangles)), hand.worth])
    framed = framed_points(scene, [hand])
    candidates, worth = [], []
    for elevation, turns in CANDIDATES:
        level = np.cos(np.radians(elevation))
        for azimuth in np.radians(np.arange(turns) * 360 / turns + elevation):
            direction = np.array([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(np.radians(elevation))])
            camera = Camera.framing(framed, direction, UP, size, size)
            face = caster.first(camera.eye, camera.rays()).face
            of_hand = worth_of[face].sum() / size**2
            of_object = np.count_nonzero(face < len(scene.triangles)) / size**2
            candidates.append(direction)
            worth.append(of_hand + 0.6 * min(of_object, 1.2 * of_hand) - 0.02 * (elevation > 30))
    return _apart(np.array(candidates), np.array(worth), count)


def framing_camera(scene: SceneObject, hands: list[SceneHand], direction: np.ndarray, size: int) -> Camera:
    """Return a camera that frames hands and object; of a large object only what is near the hands."""
    return Camera.framing(framed_points(scene, hands), direction, UP, size, size)


def framed_points(scene: SceneObject, hands: list[SceneHand]) -> np.ndarray:
    """Return the points (N, 3) of hands and object to be framed; of a large object only what is near the hands."""
    points = np.concatenate([hand.points for hand in hands])
    if len(scene.points):
        away = np.linalg.norm(scene.points - points.mean(axis=0), axis=1)
        near = scene.points if away.max() < WHOLE_OBJECT else scene.points[away < NEAR_HAND]
        points = np.concatenate([points, near])
    return points


def _apart(candidates: np.ndarray, worth: np.ndarray, count: int) -> list[np.ndarray]:
    """Return the best of candidate directions (K, 3), the second 80 degrees and the others 50 degrees apart; where
    there are no such any more, the best of those left."""
    level = candidates[:, :2] / np.linalg.norm(candidates[:, :2], axis=1, keepdims=True)
    chosen: list[int] = []
    for _ in range(count):
        left = np.ones(len(candidates), dtype=bool)
        left[chosen] = False
        apart = left.copy()
        for other in chosen:
            apart &= level @ level[other] < np.cos(np.radians(80 if len(chosen) == 1 else 50))
        options = np.flatnonzero(apart if apart.any() else left)
        chosen.append(int(options[worth[options].argmax()]))
    return [candidates[i] for i in chosen]


def _checked(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    vertices, faces = np.asarray(vertices, dtype=np.float64), np.asarray(faces)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3 or not len(faces):
        raise PictureError(f"A hand needs vertices (V, 3) and faces (F, 3), got {vertices.shape}, {faces.shape}.")
    if not np.isfinite(vertices).all():
        raise PictureError("This hand has vertices that are not finite; it cannot be drawn.")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise PictureError(f"This hand has faces of vertices outside 0 to {len(vertices) - 1}; it cannot be drawn.")
    return vertices, faces


def _worth(vertices: np.ndarray, faces: np.ndarray, keypoints: np.ndarray | None) -> np.ndarray:
    from fastgrasp_model.hand.fingers import finger_vertices

    worth = np.full(len(faces), 0.5)
    if keypoints is not None and np.isfinite(keypoints).all():
        fingers = np.concatenate(list(finger_vertices(vertices, faces, keypoints).values()))
        worth[np.isin(faces, fingers).any(axis=1)] = 1.0
    if len(vertices) == VERTICES:
        worth[OPEN_HAND_FACES:] = -2.0
    return worth


def _smooth(vertices: np.ndarray, faces: np.ndarray, crease: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return triangles, corner normals smooth across edges flatter than `crease` degrees, and the vertices in use."""
    mesh = trimesh.Trimesh(np.asarray(vertices, dtype=np.float64), faces, process=False)
    smooth = trimesh.graph.smooth_shade(mesh, angle=np.radians(crease)) if len(mesh.face_adjacency) else mesh
    normals = smooth.vertex_normals[smooth.faces]
    return smooth.triangles.view(np.ndarray), np.asarray(normals), np.asarray(vertices)[np.unique(faces)]


def beads(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Return a cloud's finite points (N, 3), at most `MOST_BEADS`, and the radius of balls that nearly touch."""
    from scipy.spatial import cKDTree

    points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) > MOST_BEADS:
        points = points[np.random.default_rng(0).choice(len(points), MOST_BEADS, replace=False)]
    spacing = np.median(cKDTree(points).query(points, k=4)[0][:, 3]) if len(points) >= 4 else 0.004
    return points, float(np.clip(0.5 * spacing, 0.0006, 0.004))


def _balls(points: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return balls at points (N, 3): triangles, corner normals, points."""
    ball = trimesh.creation.icosphere(subdivisions=1)
    normals = np.broadcast_to(ball.vertices[ball.faces], (len(points), *ball.faces.shape, 3)).reshape(-1, 3, 3)
    return np.repeat(points, len(ball.faces), axis=0)[:, None] + radius * normals, normals, points
