"""The layout of pictures: panels with captions on paper, written to files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_model.files import write_bytes
from fastgrasp_model.pictures.camera import PictureError
from fastgrasp_model.pictures.scene import UP, SceneHand, SceneObject, directions, framing_camera
from fastgrasp_model.pictures.shading import panel as draw_panel

if TYPE_CHECKING:
    from fastgrasp_model.grasps import Grasps

PANEL = 380  # pixels
PAPER_TOP, PAPER_BOTTOM = np.array([1.0, 1.0, 1.0]), np.array([0.925, 0.935, 0.945])
MOST_PIXELS, LONGEST_SIDE = 50_000_000, 60_000
INK, FAINT_INK = (52, 58, 66), (128, 136, 146)


def render_grasps(
    grasps: Grasps, object_mesh, path: str | Path, views: int = 2, max_hands: int = 4, title: str | None = None,
    panel: int = PANEL,
) -> Path:  # fmt: skip
    """Draw a column for each of the first `max_hands` grasps and a row for each of `views` sides.

    object_mesh: `trimesh.Trimesh`, or a point cloud (N, 3), metres, in the frame of the grasps; path: .png or .jpg,
    written atomically and returned; title: a line above the picture; panel: width and height of one panel in pixels.
    Below each column stands the grasp's number in the file, from 0. Raises PictureError for no grasps, numbers
    below 1 and more than `MOST_PIXELS`, OSError where the path cannot be written.
    """
    _at_least_one(views=views, max_hands=max_hands, panel=panel)
    count = min(max_hands, len(grasps))
    if count == 0:
        raise PictureError("There are no grasps to draw.")
    _check_size(count, views, panel)
    rows: list[list] = [[] for _ in range(views)]
    scene = SceneObject(object_mesh)
    for i in range(count):
        hand = _hand(grasps, i)
        for row, direction in enumerate(directions(scene, hand, views)):
            caption = f"grasp {i}   score {grasps.score[i]:.2f}" if row == 0 else ""
            rows[row].append((_panel(scene, hand, direction, panel), caption))
    return save_picture(compose(rows, panel, title), path)


def render_sheet(
    items: list[tuple], path: str | Path, columns: int = 6, title: str | None = None, panel: int = 260
) -> Path:
    """Draw a sheet of many grasps, one panel for each of `items`: (grasps, index, mesh or cloud, label).

    path: .png or .jpg, returned; columns: panels in a row. An object that several items share is prepared once. Raises
    PictureError for no items, numbers below 1 and more than `MOST_PIXELS`, OSError where the path cannot be written.
    """
    _at_least_one(columns=columns, panel=panel)
    if not items:
        raise PictureError("There are no grasps to draw.")
    _check_size(min(columns, len(items)), -(-len(items) // columns), panel)
    scenes: dict[int, SceneObject] = {}
    rows: list[list] = []
    for number, (grasps, index, mesh, label) in enumerate(items):
        if number % columns == 0:
            rows.append([])
        if id(mesh) not in scenes:
            scenes[id(mesh)] = SceneObject(mesh)
        scene = scenes[id(mesh)]
        hand = _hand(grasps, index)
        rows[-1].append((_panel(scene, hand, directions(scene, hand, 1)[0], panel), label))
    return save_picture(compose(rows, panel, title), path)


def hand_views(
    vertices: np.ndarray, faces: np.ndarray, object_mesh, keypoints: np.ndarray | None = None, views: int = 2,
    panel: int = PANEL,
) -> list[np.ndarray]:  # fmt: skip
    """Draw one hand of any topology on its object: `views` pictures (panel, panel, 3) uint8 sRGB, without text.

    vertices (V, 3), faces (F, 3): the hand in the frame of the object, metres, smoothed if it has MANO's mesh;
    object_mesh: `trimesh.Trimesh`, a point cloud (N, 3), or a `SceneObject` made of one, which saves time where many
    hands hold the same object; keypoints (21, 3) in MediaPipe order: sides that show the fingers are preferred.
    Raises PictureError for wrong shapes, no faces, or vertices that are not finite.
    """
    _at_least_one(views=views, panel=panel)
    hand = SceneHand(vertices, faces, keypoints)
    scene = object_mesh if isinstance(object_mesh, SceneObject) else SceneObject(object_mesh)
    pictures = []
    for direction in directions(scene, hand, views):
        paper = _paper(panel, panel)
        _lay(paper, _panel(scene, hand, direction, panel))
        pictures.append(_bytes(paper))
    return pictures


def _at_least_one(**numbers: int) -> None:
    """Raise PictureError for a number below 1."""
    for name, number in numbers.items():
        if number < 1:
            raise PictureError(f"{name} is 1 or more, got {number}.")


def _check_size(columns: int, rows: int, panel: int) -> None:
    """Raise PictureError, before the work, for a picture that would not fit into memory or into a .jpg."""
    if columns * rows * panel**2 > MOST_PIXELS or max(columns, rows) * panel > LONGEST_SIDE:
        size = f"{columns} x {rows} panels of {panel} pixels"
        raise PictureError(f"A picture of {size} is too large; draw fewer or smaller ones.")


def _panel(scene: SceneObject, hand: SceneHand, direction: np.ndarray, size: int) -> np.ndarray:
    """Draw one panel (S, S, 4); what runs into its border fades into the paper."""
    picture = draw_panel([scene, hand], framing_camera(scene, [hand], direction, size), UP)
    edge = np.clip(np.minimum(np.arange(size), np.arange(size)[::-1]) / (0.05 * size), 0, 1)
    edge = edge * edge * (3 - 2 * edge)
    return picture * np.minimum(edge[:, None], edge[None, :])[..., None]


def _hand(grasps: Grasps, index: int) -> SceneHand:
    return SceneHand(grasps.vertices[index], grasps.faces, grasps.keypoints[index])


def _paper(height: int, width: int) -> np.ndarray:
    """Return paper (height, width, 3), sRGB 0..1, a little darker towards the bottom."""
    share = np.linspace(0, 1, height)[:, None, None]
    return np.broadcast_to((1 - share) * PAPER_TOP + share * PAPER_BOTTOM, (height, width, 3)).copy()


def _lay(place: np.ndarray, picture: np.ndarray) -> None:
    """Draw `picture` (S, S, 4), premultiplied, on the part `place` (S, S, 3) of a paper."""
    place[:] = place * (1 - picture[..., 3:]) + picture[..., :3]


def _bytes(paper: np.ndarray) -> np.ndarray:
    return (paper * 255 + 0.5).clip(0, 255).astype(np.uint8)


def compose(rows: list[list], panel: int, title: str | None):
    """Return rows of (panel (S, S, 4), caption) on paper, as a PIL image."""
    from PIL import Image, ImageDraw

    margin, gap, head = max(10, panel // 24), max(4, panel // 60), panel // 7 if title else 0
    line = max(16, panel // 14) if any(caption for row in rows for _, caption in row) else 0
    captioned = [line if any(caption for _, caption in row) else 0 for row in rows]
    width = 2 * margin + max(len(row) for row in rows) * (panel + gap) - gap
    height = 2 * margin + head + len(rows) * (panel + gap) - gap + sum(captioned)
    paper = _paper(height, width)
    texts, top = [], margin + head
    for row, space in zip(rows, captioned, strict=True):
        for column, (picture, caption) in enumerate(row):
            left = margin + column * (panel + gap)
            _lay(paper[top : top + panel, left : left + panel], picture)
            texts.append((left + panel // 2, top + panel + space // 2, caption))
        top += panel + gap + space
    image = Image.fromarray(_bytes(paper))
    draw = ImageDraw.Draw(image)
    for x, y, caption in texts:
        draw.text((x, y), caption, fill=FAINT_INK, font=caption_font(max(11, panel // 22)), anchor="mm")
    if title:
        font = caption_font(max(14, panel // 15))
        draw.text((margin + gap, margin + head // 2), title, fill=INK, font=font, anchor="lm")
    return image


def caption_font(size: int):
    """Return the font of captions, `size` pixels high."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


def save_picture(image, path: str | Path) -> Path:
    """Write a PIL image as .png or .jpg, atomically. Raises OSError, or PictureError for another ending."""
    kinds, ending = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}, Path(path).suffix.lower()
    if ending not in kinds:
        raise PictureError(f"cannot write {path}: expected a name that ends in {' or '.join(kinds)}")
    buffer = io.BytesIO()
    image.save(buffer, kinds[ending])
    return write_bytes(path, buffer.getvalue())
