"""Hands, object and cloud in a viser scene, in layers that can be hidden, and the camera that sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import trimesh

from fastgrasp_model.pictures.camera import Camera, looking
from fastgrasp_model.pictures.scene import UP, SceneHand, SceneObject, beads, directions, framed_points

if TYPE_CHECKING:
    from fastgrasp_model.grasps import Grasps

SKIN, OBJECT = (220, 166, 137), (150, 170, 190)  # sRGB
PALE_SKIN, DOTS, BONES = (236, 214, 203), (235, 120, 30), (40, 60, 90)
SCALE = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]])  # viridis
FIELD_OF_VIEW = np.radians(22.0)  # of `Camera.framing`
CREASE = np.radians(35.0)  # sharper edges of an object are not smoothed
MOST_DOTS = 200_000  # points of a cloud that are drawn
SEEN_THROUGH = 0.5  # opacity of hands whose keypoints are shown
LAYERS = ("hand", "object", "cloud", "keypoints", "wrist")
FINGERS = np.array([[0, *range(first, first + 4)] for first in (1, 5, 9, 13, 17)])  # keypoints of a finger, wrist first
_DOTTED = {"point_shape": "circle", "precision": "float32"}
PHONE = 0.75  # a narrower picture has the panel below it


class Layers:
    """What stands in a viser scene: `handles` of each of `LAYERS`; every hand has keypoints and a wrist frame."""

    def __init__(self, scene) -> None:
        self._scene = scene
        self.handles: dict[str, list] = {layer: [] for layer in LAYERS}
        self._visible = dict.fromkeys(LAYERS, True)

    def draw(self, shown, cloud: np.ndarray | None, posed: Grasps, chosen: int, colours: np.ndarray) -> None:
        """Show an object, a cloud (P, 3), each or None, and K hands in `colours` (K, 3), the hand `chosen` smoothly."""
        self.clear()
        scene = self._scene
        self.handles["object"] = [handle for handle in [add_object(scene, shown)] if handle is not None]
        if cloud is not None:
            self.handles["cloud"] = [add_cloud(scene, cloud)]
        self.handles["hand"] = [
            add_hand(scene, vertices, posed.faces, f"/hands/{i}", tuple(int(c) for c in colours[i]), i == chosen)
            for i, vertices in enumerate(posed.vertices)
        ]
        points = posed.keypoints
        self.handles["keypoints"] = [
            scene.add_point_cloud("/keypoints/joints", points.reshape(-1, 3), BONES, **_DOTTED, point_size=0.003),
            scene.add_line_segments("/keypoints/bones", bones(points), BONES, thickness=0.002),
        ]
        turned = posed.wrist_quaternion[:, [3, 0, 1, 2]]  # viser has w first
        frames = scene.add_batched_axes("/wrists", turned, posed.wrist_position, axes_length=0.05, axes_radius=0.0015)
        self.handles["wrist"] = [frames]
        for layer, visible in self._visible.items():
            self.show(layer, visible)

    def show(self, layer: str, visible: bool) -> None:
        """Show or hide a layer, also in what is drawn later. Keypoints are seen through the hands."""
        self._visible[layer] = visible
        for handle in self.handles[layer]:
            handle.visible = visible
        for hand in self.handles["hand"]:
            hand.opacity = SEEN_THROUGH if self._visible["keypoints"] else None

    def clear(self) -> None:
        """Remove everything."""
        for handles in self.handles.values():
            for handle in handles:
                handle.remove()
            handles.clear()


def bones(keypoints: np.ndarray) -> np.ndarray:
    """Return the segments (K * 20, 2, 3) between the keypoints (K, 21, 3) of each finger, from the wrist to the tip."""
    pairs = np.stack([FINGERS[:, :-1], FINGERS[:, 1:]], axis=-1).reshape(-1, 2)
    return keypoints[:, pairs].reshape(-1, 2, 3)


def score_colours(scores: np.ndarray, lowest: float, highest: float) -> np.ndarray:
    """Return colours (K, 3) of 0 to 255 for scores (K,): violet the lowest, green in the middle, yellow the highest."""
    share = (np.asarray(scores, dtype=float) - lowest) / max(highest - lowest, 1e-9)
    steps = np.linspace(0, 1, len(SCALE))
    return np.stack([np.interp(share, steps, SCALE[:, channel]) for channel in range(3)], axis=1).round()


def add_hand(scene, vertices: np.ndarray, faces: np.ndarray, name: str, colour=SKIN, fine: bool = True):
    """Add a hand (V, 3), subdivided once if `fine`, and return its handle."""
    if fine:
        vertices, faces = trimesh.remesh.subdivide_loop(vertices, faces, iterations=1)
    return scene.add_mesh_simple(
        name, vertices.astype(np.float32), faces.astype(np.uint32), color=colour, side="double"
    )


def add_cloud(scene, points: np.ndarray, name: str = "/cloud"):
    """Add the finite points of a cloud (P, 3) as dots, at most `MOST_DOTS`, and return the handle."""
    points = np.asarray(points, dtype=np.float32).reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) > MOST_DOTS:
        points = points[np.random.default_rng(0).choice(len(points), MOST_DOTS, replace=False)]
    return scene.add_point_cloud(name, points, DOTS, **_DOTTED, point_size=0.001)


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
    """A camera from the side that shows object and chosen hand best, and that frames all K hands of `posed`.

    shown: the object or the cloud, or None; `target` (3,) is the middle of the picture.
    """

    def __init__(self, shown, posed: Grasps, chosen: int = 0) -> None:
        scene, hand = SceneObject(shown), SceneHand(posed.vertices[chosen], posed.faces, posed.keypoints[chosen])
        self.direction = directions(scene, hand, 1)[0]
        points = np.concatenate([framed_points(scene, [hand]), posed.vertices.reshape(-1, 3)])
        camera = Camera.framing(points, self.direction, UP, 100, 100)
        forward = camera.rotation[2]
        self.distance = float(max(0.1, (points.mean(axis=0) - camera.eye) @ forward))
        self.target = camera.eye + self.distance * forward

    def place(self, camera, aspect: float = 1.0) -> None:
        """Set a viser camera; `aspect` is width by height of its picture. On a phone the panel covers the lower part:
        the grasp stands above it."""
        distance = 1.2 * self.distance / min(1.0, aspect)
        up = -looking(self.direction, UP)[1]
        lowered = 0.18 * 2 * distance * np.tan(FIELD_OF_VIEW / 2) if aspect < PHONE else 0.0
        look_at = self.target - lowered * up
        camera.fov = float(FIELD_OF_VIEW)
        camera.up_direction = tuple(UP)
        camera.position = tuple(look_at + distance * self.direction)
        camera.look_at = tuple(look_at)
