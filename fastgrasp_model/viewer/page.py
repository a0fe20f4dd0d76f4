"""Some grasps as one HTML file that needs no server and no network: hands and objects to turn, with captions."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path

import numpy as np

from fastgrasp_model.files import write_bytes
from fastgrasp_model.viewer.scene import FIELD_OF_VIEW, BestView, add_hand, add_object
from fastgrasp_model.viewer.server import start_server, stop_server
from fastgrasp_model.viewer.sets import BrowsableSet, ViewError
from fastgrasp_model.viewer.sheet import caption, mesh_of

STEP = 0.3  # metres from one grasp to the next
ASPECT = 1.5  # width by height of the window that shows all columns


def write_page(grasps: BrowsableSet, rows: np.ndarray, path: str | Path, title: str = "", columns: int = 0) -> Path:
    """Write the grasps of `rows`, `columns` beside each other, each turned so that hand and object show.

    The scene and viser's client (MIT) are in the file. Raises ViewError: no rows; MissingExtraError without viser;
    OSError: the path cannot be written.
    """
    if not len(rows):
        raise ViewError("there are no grasps to draw")
    columns = min(columns or math.ceil(math.sqrt(len(rows))), len(rows))
    server = start_server(label=title)
    try:
        posed = grasps.grasps(rows)
        for i, row in enumerate(rows.tolist()):
            place = STEP * np.array([i % columns, 0.0, -(i // columns)])
            _add_grasp(server.scene, grasps, row, posed[i], place)
        high = math.ceil(len(rows) / columns)
        extent = 1.1 * STEP * max(high, columns / ASPECT)
        camera = server.initial_camera
        camera.fov = float(FIELD_OF_VIEW)
        camera.look_at = middle = STEP * np.array([(columns - 1) / 2, 0.0, -(high - 1) / 2])
        camera.position = middle + extent / (2 * np.tan(FIELD_OF_VIEW / 2)) * np.array([0.0, -0.95, 0.31])
        page = server.scene.as_html()
    finally:
        stop_server(server)
    page = page.replace("<title>Viser</title>", f"<title>{escape(title or grasps.name)}</title>", 1)
    return write_bytes(path, page.encode())


def _add_grasp(scene, grasps: BrowsableSet, row: int, posed, place: np.ndarray) -> None:
    """Add grasp `row` at `place` (3,), turned about z until its best side is towards -y."""
    mesh, missing = mesh_of(grasps, int(grasps.object_of[row]))
    vertices = posed.vertices[0]
    view = BestView(mesh, vertices, posed.faces, posed.keypoints[0])
    turn = -np.pi / 2 - np.arctan2(view.direction[1], view.direction[0])
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0.0], [np.sin(turn), np.cos(turn), 0.0], [0.0, 0.0, 1.0]])
    wxyz = (np.cos(turn / 2), 0.0, 0.0, np.sin(turn / 2))
    name = f"/grasp_{row}"
    scene.add_frame(name, show_axes=False, wxyz=wxyz, position=place - rotation @ view.target)
    add_hand(scene, vertices, posed.faces, f"{name}/hand")
    add_object(scene, mesh, f"{name}/object")
    below = place - np.array([0.0, 0.0, 0.5 * STEP])
    scene.add_label(f"/caption_{row}", caption(grasps, row, missing), position=below, anchor="center-center")
