"""Hand and object of a grasp in a viser scene, and the camera that sees both."""

from __future__ import annotations

import numpy as np
import trimesh

from fastgrasp_model.pictures.camera import looking
from fastgrasp_model.pictures.scene import UP, SceneHand, SceneObject, beads, directions, framing_camera

SKIN, OBJECT = (220, 166, 137), (150, 170, 190)  # sRGB
FIELD_OF_VIEW = np.radians(22.0)  # of `framing_camera`
CREASE = np.radians(35.0)  # sharper edges of an object are not smoothed
PHONE = 0.75  # a narrower picture has the panel below it


def add_hand(scene, vertices: np.ndarray, faces: np.ndarray, name: str = "/hand"):
    """Add a hand (V, 3), subdivided once, and return its handle."""
    fine, fine_faces = trimesh.remesh.subdivide_loop(vertices, faces, iterations=1)
    return scene.add_mesh_simple(name, fine.astype(np.float32), fine_faces.astype(np.uint32), color=SKIN, side="double")


def add_object(scene, shown, name: str = "/object"):
    """Add a mesh or a point cloud (P, 3) and return its handle; None is nothing."""
    if shown is None:
        return None
    if hasattr(shown, "faces") and len(shown.faces):
        mesh = trimesh.Trimesh(shown.vertices, shown.faces, process=False)
        mesh = trimesh.graph.smooth_shade(mesh, angle=CREASE) if len(mesh.face_adjacency) else mesh
        vertices, faces = np.asarray(mesh.vertices, dtype=np.float32), np.asarray(mesh.faces, dtype=np.uint32)
        return scene.add_mesh_simple(name, vertices, faces, color=OBJECT, side="double")
    points, radius = beads(getattr(shown, "vertices", shown))
    ball = trimesh.creation.icosphere(subdivisions=1, radius=radius)
    upright = np.tile([1.0, 0.0, 0.0, 0.0], (len(points), 1))
    return scene.add_batched_meshes_simple(name, ball.vertices, ball.faces, upright, points, batched_colors=OBJECT)


class BestView:
    """A camera from the side that shows hand and object best; `target` (3,) is the middle of the picture."""

    def __init__(self, shown, vertices: np.ndarray, faces: np.ndarray, keypoints: np.ndarray | None = None) -> None:
        scene, hand = SceneObject(shown), SceneHand(vertices, faces, keypoints)
        self.direction = directions(scene, hand, 1)[0]
        camera = framing_camera(scene, [hand], self.direction, 100)
        forward = camera.rotation[2]
        self.distance = float(max(0.1, (hand.points.mean(axis=0) - camera.eye) @ forward))
        self.target = camera.eye + self.distance * forward

    def place(self, camera, aspect: float = 1.0) -> None:
        """Set a viser camera; `aspect` is width by height of its picture. On a phone the panel covers the lower part:
        the grasp stands above it."""
        distance = 1.12 * self.distance / min(1.0, aspect)
        up = -looking(self.direction, UP)[1]
        lowered = 0.18 * 2 * distance * np.tan(FIELD_OF_VIEW / 2) if aspect < PHONE else 0.0
        look_at = self.target - lowered * up
        camera.fov = float(FIELD_OF_VIEW)
        camera.up_direction = tuple(UP)
        camera.position = tuple(look_at + distance * self.direction)
        camera.look_at = tuple(look_at)
