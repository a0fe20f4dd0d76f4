"""Plain NumPy arrays: MANO parameters, or hand meshes.

.npz with named arrays, .npy with parameters (B, 61) or vertices (B, V, 3) alone, .pkl with a dict of arrays (the
restricted reader runs no code). Keys of parameters: parameters.py; also `vertices` (B, V, 3), `faces` (F, 3) or
(B, F, 3), `keypoints` (B, 21, 3) in MediaPipe's order, `side` and `object`, one string or one for each hand.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fastgrasp_evaluation.formats import parameters as mano
from fastgrasp_evaluation.formats.hands import Hand
from fastgrasp_evaluation.formats.ours import object_names
from fastgrasp_evaluation.formats.request import ReadRequest
from fastgrasp_model.hand import VERTICES
from fastgrasp_model.hand.restricted_pickle import PickleRefused, read_pickle
from fastgrasp_model.numpy_files import NumpyFileError, read_npy, read_npz

VERTEX_KEYS = ("vertices", "verts", "hand_verts")
# Largest plausible length of an edge of a posed hand relative to its length at rest.
_STRETCH = 3.0
_EXPECTED = f"vertices (B, 778, 3), or (B, V, 3) with faces (F, 3); or {mano.EXPECTED}"


def load(request: ReadRequest) -> dict[str, np.ndarray]:
    """Read the arrays of a file by name; a single array is `parameters` or `vertices`, by its shape.

    Raises HandFileError if the file is damaged or holds objects.
    """
    path = request.path
    try:
        if path.suffix.lower() in (".pkl", ".pickle"):
            return read_pickle(path)
        if path.suffix.lower() == ".npz":
            return read_npz(path)
        loaded = read_npy(path)
    except (PickleRefused, NumpyFileError, OSError) as error:
        raise request.error(f"no arrays of plain numbers ({error}). Save them with np.savez again.") from error
    if loaded.ndim == 3:
        return {"vertices": loaded}
    return {"parameters": loaded}


def read(content: dict[str, np.ndarray], request: ReadRequest) -> list[Hand]:
    """Read the hands in these arrays. Raises HandFileError for missing keys and wrong shapes."""

    def sides_of(count: int) -> list[str]:
        return _sides(content, count, request)

    parameters = mano.find(content, sides_of, request)
    vertices = _vertices(content, request)
    if vertices is None and parameters is None:
        raise request.error(f"found {', '.join(sorted(content)) or 'no arrays'}; expected {_EXPECTED}.")
    count = len(parameters.rows if vertices is None else vertices)
    sides, names = sides_of(count), object_names(content, count, request)
    keypoints = _keypoints(content, count, request)
    if vertices is None:
        hands = mano.posed_hands(parameters, names, sides, request)
        if keypoints is None:
            return hands
        return [replace(hand, keypoints=rows) for hand, rows in zip(hands, keypoints, strict=True)]
    faces = _faces(content, vertices, sides, request)
    rows = _rows_beside(parameters, count, request)
    return [
        Hand(
            names[i], sides[i], vertices[i], faces[i], None if keypoints is None else keypoints[i],
            None if rows is None else rows[i, 13:58], None if rows is None else rows[i, :10],
        )
        for i in range(count)
    ]  # fmt: skip


def _sides(content: dict[str, np.ndarray], count: int, request: ReadRequest) -> list[str]:
    return [request.hand_side(side) for side in request.texts(content, "side", count) or [None] * count]


def _vertices(content: dict[str, np.ndarray], request: ReadRequest) -> np.ndarray | None:
    key = next((key for key in VERTEX_KEYS if key in content), None)
    if key is None:
        return None
    array = request.numbers(content, key)
    array = array[None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[2] != 3 or array.shape[1] < 4:
        raise request.error(
            f"'{key}' has shape {np.shape(content[key])}, expected (B, 778, 3), or (B, V, 3) with faces."
        )
    return array * request.scale


def _keypoints(content: dict[str, np.ndarray], count: int, request: ReadRequest) -> np.ndarray | None:
    if "keypoints" not in content:
        return None
    array = np.asarray(content["keypoints"])
    if array.dtype.kind not in "fiu" or array.shape != (count, 21, 3):
        raise request.error(f"'keypoints' has shape {array.shape}, expected {(count, 21, 3)} in MediaPipe's order.")
    return array.astype(np.float64) * request.scale


def _rows_beside(parameters: mano.Parameters | None, count: int, request: ReadRequest) -> np.ndarray | None:
    """Return the parameters (B, 61) given in addition to vertices, or None."""
    if parameters is None:
        return None
    if len(parameters.rows) != count:
        raise request.error(
            f"{count} hands in the vertices but {len(parameters.rows)} in the parameters. Save them alike."
        )
    return parameters.rows


def _faces(
    content: dict[str, np.ndarray], vertices: np.ndarray, sides: list[str], request: ReadRequest
) -> list[np.ndarray]:
    """Return the faces of each hand, of the file or, for 778 vertices, of the hand layer."""
    count, size = vertices.shape[:2]
    if "faces" in content:
        faces = np.asarray(content["faces"])
        if faces.dtype.kind not in "iu" or faces.shape[-1:] != (3,) or faces.ndim not in (2, 3):
            raise request.error(f"'faces' has shape {faces.shape} and type {faces.dtype}, expected integers (F, 3).")
        if faces.ndim == 3 and len(faces) != count:
            raise request.error(f"'faces' has {len(faces)} rows for {count} hands, expected (F, 3) or (B, F, 3).")
        if faces.size and not (faces.min() >= 0 and faces.max() < size):
            raise request.error(
                f"'faces' name vertices {faces.min()} to {faces.max()}, expected 0 to {size - 1}. Count from 0."
            )
        return list(faces) if faces.ndim == 3 else [faces] * count
    if size != VERTICES:
        raise request.error(f"vertices (B, {size}, 3) without faces; expected faces (F, 3), or MANO's 778 vertices.")
    for side in dict.fromkeys(sides):
        chosen = [i for i, one in enumerate(sides) if one == side]
        _check_numbering(vertices[chosen], side, request)
    return [request.layer(side).closed_faces.cpu().numpy() for side in sides]


def _check_numbering(vertices: np.ndarray, side: str, request: ReadRequest) -> None:
    """Check that the edges of some finite hand are plausible in the layer's numbering. Raises HandFileError."""
    layer = request.layer(side)
    faces = layer.faces.cpu().numpy()
    edges = np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)

    def lengths(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[..., edges[:, 0], :] - points[..., edges[:, 1], :], axis=-1)

    hands = lengths(vertices[np.isfinite(vertices).all(axis=(1, 2))])
    if not len(hands):
        return
    # Relative to the median edge, hence independent of the unit.
    ratio = hands / np.maximum(np.median(hands, axis=1, keepdims=True), 1e-12)
    rest = lengths(layer.v_template.double().cpu().numpy())
    torn = (ratio > _STRETCH * np.maximum(rest / np.median(rest), 0.5)).mean(axis=1)
    if (torn > 0.02).all():
        raise request.error(
            f"its 778 vertices are not numbered as those of the {layer.name}, so their faces are unknown. Add 'faces' "
            "(F, 3) to the file, or give the MANO file they come from (--mano MANO_RIGHT.pkl, layer_for in Python)."
        )
