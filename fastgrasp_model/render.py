"""Pictures of grasps: an object and the hands that hold it, from sides that show both, on a soft white
ground.

    render_grasps(grasps, mesh, "grasps.png")                 # the best four hands, each from two sides
    render_sheet([(grasps, 0, mesh, "mug"), ...], "sheet.png")  # many grasps of many objects

Everything is drawn by NumPy (`rasteriser.py`, `shading.py`), twice as large as needed and averaged down; a
panel takes about a third of a second.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_model.geometry.subdivision import loop_subdivision
from fastgrasp_model.rasteriser import Buffers, Camera, corner_normals, scan
from fastgrasp_model.shading import from_srgb, shade, to_srgb

if TYPE_CHECKING:
    from fastgrasp_model.grasps import Grasps

PANEL = 380  # pixels
SUPERSAMPLE = 2
OBJECT_COLOUR = from_srgb(116, 148, 168)
SKIN = from_srgb(228, 184, 158)
PAPER_TOP, PAPER_BOTTOM = np.array([1.0, 1.0, 1.0]), np.array([0.925, 0.935, 0.945])
INK, FAINT_INK = (52, 58, 66), (128, 136, 146)
UP = np.array([0.0, 0.0, 1.0])
_WHOLE_OBJECT, _NEAR = 0.26, 0.18  # metres from the middle of the hand
_OPEN_HAND_FACES = 1538  # in MANO's order the triangles that close the wrist come after these


def render_grasps(
    grasps: Grasps,
    object_mesh,
    path: str | Path,
    views: int = 2,
    max_hands: int = 4,
    title: str | None = None,
    panel: int = PANEL,
) -> Path:
    """A picture with a column for each of the first `max_hands` grasps and a row for each of `views` sides.

    Args:
        grasps: in the frame of the object, metres.
        object_mesh: `trimesh.Trimesh`, or a point cloud (N, 3), metres.
        path: .png or .jpg; written in one step.
        views: sides from which each grasp is seen.
        title: a line above the picture.
        panel: width and height of one panel in pixels.

    Returns:
        The path.

    Raises:
        ValueError: no grasps. OSError: the path cannot be written.
    """
    count = min(max_hands, len(grasps))
    if count == 0:
        raise ValueError("There are no grasps to draw.")
    rows: list[list] = [[] for _ in range(views)]
    scene = _Object(object_mesh)
    for i in range(count):
        hand = _Hand(grasps, i)
        for row, direction in enumerate(_directions(scene, hand, views)):
            caption = f"grasp {i + 1}   score {grasps.score[i]:.2f}" if row == 0 else ""
            rows[row].append((_panel(scene, [hand], direction, panel), caption))
    return _save(_compose(rows, panel, title), path)


def render_sheet(
    items: list[tuple], path: str | Path, columns: int = 6, title: str | None = None, panel: int = 260
) -> Path:
    """A sheet of many grasps, one panel each.

    Args:
        items: (grasps, index, mesh or cloud, label) for each panel.
        path: .png or .jpg.
        columns: panels in a row.

    Returns:
        The path.
    """
    if not items:
        raise ValueError("There are no grasps to draw.")
    scenes: dict[int, _Object] = {}
    rows: list[list] = []
    for number, (grasps, index, mesh, label) in enumerate(items):
        if number % columns == 0:
            rows.append([])
        scene = scenes.setdefault(id(mesh), _Object(mesh))
        hand = _Hand(grasps, index)
        rows[-1].append((_panel(scene, [hand], _directions(scene, hand, 1)[0], panel), label))
    return _save(_compose(rows, panel, title), path)


class _Object:
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


class _Hand:
    """One hand: its plain triangles and their worth for choosing a view, and a smoothed mesh with a flat
    wrist."""

    is_open = False

    def __init__(self, grasps: Grasps, index: int, colour: np.ndarray = SKIN):
        self.points = np.asarray(grasps.vertices[index], dtype=np.float64)
        self.plain = self.points[grasps.faces]
        self.worth = _worth(grasps, index)
        self.colour = colour
        open_faces = np.ascontiguousarray(grasps.faces[:_OPEN_HAND_FACES], dtype=np.int32)
        matrix, smooth_faces = _smoothing(open_faces.tobytes(), len(self.points))
        fine = matrix @ self.points
        self.corners = fine[smooth_faces]
        self.normals = corner_normals(fine, smooth_faces, 60.0)

    def draw(self, buffers: Buffers) -> None:
        buffers.draw_mesh(self.corners, self.normals, self.colour, 1)


def _worth(grasps: Grasps, index: int) -> np.ndarray:
    """How much a picture gains from showing each face (F,): fingers most, the cut wrist less than nothing."""
    from fastgrasp_model.metrics.contact_ratio import finger_vertices

    fingers = finger_vertices(grasps.vertices[index], grasps.faces, grasps.keypoints[index])
    of_finger = np.zeros(grasps.vertices.shape[1], dtype=bool)
    of_finger[np.concatenate(list(fingers.values()))] = True
    worth = np.where(of_finger[grasps.faces].any(axis=1), 1.0, 0.5)
    worth[_OPEN_HAND_FACES:] = -2.0
    return worth


@lru_cache(maxsize=4)
def _smoothing(face_bytes: bytes, count: int):
    """One step of Loop subdivision of the open hand as a sparse matrix, with its faces closed again by a flat
    fan."""
    from scipy.sparse import csr_matrix, vstack

    from fastgrasp_model.hand.topology import boundary_loop

    faces = np.frombuffer(face_bytes, dtype=np.int32).reshape(-1, 3)
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


def _directions(scene: _Object, hand: _Hand, count: int, size: int = 88) -> list[np.ndarray]:
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


def _shown(scene: _Object, hand: _Hand, direction: np.ndarray, size: int) -> tuple[float, float]:
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


def _camera(scene: _Object, hands: list[_Hand], direction: np.ndarray, width: int, height: int) -> Camera:
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


def _panel(scene: _Object, hands: list[_Hand], direction: np.ndarray, size: int) -> np.ndarray:
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


def _compose(rows: list[list], panel: int, title: str | None):
    """Panels with captions on paper, as a PIL image."""
    from PIL import Image, ImageDraw

    margin, gap, head = max(10, panel // 24), max(4, panel // 60), panel // 7 if title else 0
    line = max(16, panel // 14) if any(caption for row in rows for _, caption in row) else 0
    captioned = [line if any(caption for _, caption in row) else 0 for row in rows]
    width = 2 * margin + max(len(row) for row in rows) * (panel + gap) - gap
    height = 2 * margin + head + len(rows) * (panel + gap) - gap + sum(captioned)
    share = np.linspace(0, 1, height)[:, None, None]
    paper = np.broadcast_to((1 - share) * PAPER_TOP + share * PAPER_BOTTOM, (height, width, 3)).copy()
    texts, top = [], margin + head
    for row, space in zip(rows, captioned, strict=True):
        for column, (picture, caption) in enumerate(row):
            left = margin + column * (panel + gap)
            place = paper[top : top + panel, left : left + panel]
            place[:] = place * (1 - picture[..., 3:]) + picture[..., :3]
            texts.append((left + panel // 2, top + panel + space // 2, caption))
        top += panel + gap + space
    image = Image.fromarray((paper * 255 + 0.5).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for x, y, caption in texts:
        draw.text((x, y), caption, fill=FAINT_INK, font=_font(max(11, panel // 22)), anchor="mm")
    if title:
        draw.text(
            (margin + gap, margin + head // 2), title, fill=INK, font=_font(max(14, panel // 15)), anchor="lm"
        )
    return image


def _font(size: int):
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _save(image, path: str | Path) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        image.save(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path
