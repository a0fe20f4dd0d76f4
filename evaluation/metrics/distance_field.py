"""An object's signed distance on a fine grid, interpolated in NumPy with double precision and cached by content."""

from __future__ import annotations

import zipfile

import numpy as np

from fastgrasp_evaluation.metrics.disk_cache import cached_file
from fastgrasp_model.files import write_atomically

GRID_VERSION = 1  # of the cached files


class DistanceField:
    """Signed distance (metres, negative inside) of one mesh and its gradient, by trilinear interpolation.

    vertices (V, 3), metres; faces (F, 3), closed. Nodes are 1.5 mm apart, closer for small objects.
    """

    PADDING, SPACING, FEWEST, MOST = 0.008, 0.0015, 64, 200

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        longest = float(np.ptp(vertices, axis=0).max()) + 2 * self.PADDING
        cells = int(np.clip(np.ceil(longest / self.SPACING), self.FEWEST, self.MOST))
        field, self._origin, self._spacing = _cached_grid(vertices, faces, cells, self.PADDING)
        self._values = field.astype(np.float64).ravel()
        self._last = np.array(field.shape) - 1.000001
        self._stride = np.array([field.shape[1] * field.shape[2], field.shape[2], 1])
        self._corners = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]) @ self._stride

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return distance (...) and gradient (..., 3) at points (..., 3).

        Outside the grid the distance to the grid is added to the value at its boundary.
        """
        local = (points - self._origin) / self._spacing
        inside = np.clip(local, 0.0, self._last)
        cell = inside.astype(np.int64)
        x, y, z = np.moveaxis(inside - cell, -1, 0)
        v = np.moveaxis(self._values[(cell @ self._stride)[..., None] + self._corners], -1, 0)  # 000 001 010 .. 111
        dx = v[4:] - v[:4]
        c = v[:4] + x * dx
        dy = c[2:] - c[:2]
        d = c[:2] + y * dy
        slope_x = dx[:2] + y * (dx[2:] - dx[:2])
        slopes = (slope_x[0] + z * (slope_x[1] - slope_x[0]), dy[0] + z * (dy[1] - dy[0]), d[1] - d[0])
        beyond = np.linalg.norm((local - inside) * self._spacing, axis=-1)
        return d[0] + z * slopes[2] + beyond, np.stack(slopes, axis=-1) / self._spacing


def _cached_grid(vertices: np.ndarray, faces: np.ndarray, cells: int, padding: float):
    """Return values (X, Y, Z), origin (3,) and spacing of `physics.signed_distance.mesh_distance_grid`."""
    path = cached_file("distance", "npz", (vertices, np.asarray(faces, np.int64)), (GRID_VERSION, cells, padding))
    try:
        with np.load(path, allow_pickle=False) as data:
            return data["values"], data["origin"].astype(np.float64), float(data["spacing"])
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        pass  # missing or damaged: made again
    from fastgrasp_evaluation.physics.signed_distance import mesh_distance_grid

    values, origin, spacing = mesh_distance_grid(vertices, faces, cells, padding)
    try:
        write_atomically(path, lambda file: np.savez(file, values=values, origin=origin, spacing=np.float64(spacing)))
    except OSError:
        pass  # the cache saves seconds, no more
    return values, origin.astype(np.float64), spacing
