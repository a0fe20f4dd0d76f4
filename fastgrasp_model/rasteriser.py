"""A small software rasteriser in NumPy: meshes and point clouds into buffers of depth, normal and colour.

Pictures of grasps must come out on any machine, without a window, a GPU or a system library. A panel of half
a million pixels takes about a tenth of a second. Lighting is `shading.py`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. rotation: (3, 3), rows are right, down and forward; eye: (3,) metres; focal in
    pixels."""

    eye: np.ndarray
    rotation: np.ndarray
    focal: float
    width: int
    height: int

    @classmethod
    def looking_at(
        cls, target, direction, up, fit: np.ndarray, width: int, height: int, degrees: float = 22.0
    ) -> Camera:
        """A camera that sees `target` from `direction` (3,), far enough away that the points `fit` (N, 3)
        fill the picture."""
        forward = -np.asarray(direction) / np.linalg.norm(direction)
        right = np.cross(forward, up)
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        local = (fit - target) @ rotation.T
        middle = 0.5 * (local.min(axis=0) + local.max(axis=0))
        local = local - middle
        tangent = np.tan(np.radians(degrees) / 2)
        spread = np.maximum(np.abs(local[:, 0]) * height / width, np.abs(local[:, 1])) / tangent
        distance = float((spread - local[:, 2]).max())
        eye = target + rotation.T @ (middle - np.array([0.0, 0.0, distance]))
        return cls(eye, rotation, 0.5 * height / tangent, width, height)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) in the world to (..., 3): pixel column, pixel row, depth along the viewing axis."""
        local = (points - self.eye.astype(points.dtype)) @ self.rotation.T.astype(points.dtype)
        local = local.astype(np.float32, copy=False)
        depth = np.maximum(local[..., 2:], 1e-6)
        centre = np.array([self.width / 2, self.height / 2], dtype=np.float32)
        return np.concatenate(
            [local[..., :2] / depth * np.float32(self.focal) + centre, local[..., 2:]], axis=-1
        )


class Buffers:
    """What the camera sees in each of its H * W pixels, flat: depth (inf where nothing), normal, colour,
    label."""

    def __init__(self, camera: Camera):
        count = camera.width * camera.height
        self.camera = camera
        self.depth = np.full(count, np.inf, dtype=np.float32)
        self.normal = np.zeros((count, 3), dtype=np.float32)
        self.colour = np.zeros((count, 3), dtype=np.float32)
        self.label = np.zeros(count, dtype=np.int16)

    def draw_mesh(
        self, corners: np.ndarray, normals: np.ndarray, colour, label: int, two_sided: bool = False
    ) -> None:
        """Triangles `corners` (F, 3, 3) in metres with a normal at every corner (F, 3, 3)."""
        projected = self.camera.project(corners)
        pixel, face, weights, depth = scan(projected, self.camera.width, self.camera.height, two_sided)
        won = self._nearest(pixel, depth)
        pixel, face, weights = pixel[won], face[won], weights[won]
        corner_normal = normals.astype(np.float32)
        normal = sum(weights[:, k : k + 1] * corner_normal[face, k] for k in range(3))
        if two_sided:
            away = (
                np.einsum("ni,ni->n", normal, self.positions(pixel) - self.camera.eye.astype(np.float32)) > 0
            )
            normal[away] *= -1
        self.normal[pixel] = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        self._paint(pixel, colour, label)

    def draw_beads(self, points: np.ndarray, radius: float, colour, label: int) -> None:
        """A point cloud (N, 3) as little balls of `radius` metres."""
        centre = self.camera.project(points)
        reach = int(np.ceil(radius * self.camera.focal / centre[:, 2].min())) + 1
        rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        offset = np.stack([columns.ravel(), rows.ravel()], axis=1)  # (K, 2)
        cell = np.floor(centre[:, None, :2]).astype(np.int64) + offset  # (N, K, 2)
        scale = (centre[:, 2] / self.camera.focal)[:, None, None]
        flat = (cell + 0.5 - centre[:, None, :2]) * scale / radius
        height = 1.0 - (flat**2).sum(axis=-1)
        good = (
            (height > 0)
            & (cell >= 0).all(axis=-1)
            & (cell < [self.camera.width, self.camera.height]).all(axis=-1)
        )
        which, place = np.nonzero(good)
        up = np.sqrt(height[which, place])
        pixel = cell[which, place, 1] * self.camera.width + cell[which, place, 0]
        won = self._nearest(pixel, (centre[which, 2] - radius * up).astype(np.float32))
        local = np.concatenate([flat[which, place], -up[:, None]], axis=1)[won] @ self.camera.rotation
        pixel = pixel[won]
        self.normal[pixel] = local
        self._paint(pixel, colour, label)

    def positions(self, pixel: np.ndarray) -> np.ndarray:
        """Where in the world the surface in pixels (N,) lies, (N, 3) float32 metres; not finite where there
        is none."""
        row, column = np.divmod(pixel, self.camera.width)
        right, down, forward = self.camera.rotation.astype(np.float32)
        scale = np.float32(1 / self.camera.focal)
        x = ((column + np.float32(0.5 - self.camera.width / 2)) * scale).astype(np.float32)
        y = ((row + np.float32(0.5 - self.camera.height / 2)) * scale).astype(np.float32)
        ray = x[:, None] * right + y[:, None] * down + forward
        return self.camera.eye.astype(np.float32) + self.depth[pixel][:, None] * ray

    def _nearest(self, pixel: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Update the depth buffer; indices of the samples that are now the nearest of their pixel."""
        before = self.depth[pixel]
        np.minimum.at(self.depth, pixel, depth)
        return np.flatnonzero((depth == self.depth[pixel]) & (depth < before))

    def _paint(self, pixel: np.ndarray, colour, label: int) -> None:
        self.colour[pixel] = colour
        self.label[pixel] = label


def scan(projected: np.ndarray, width: int, height: int, two_sided: bool, parallel: bool = False):
    """Samples of triangles at pixel centres.

    Args:
        projected: (F, 3 corners, 3): column, row, depth.
        two_sided: also those that face away (clockwise on the screen when seen from outside).
        parallel: projected along parallel rays; otherwise through a pinhole, where 1 / depth is linear.

    Returns:
        pixel (N,) = row * width + column, face (N,), weights (N, 3) of the corners, depth (N,).
    """
    near = np.ones_like(projected[:, :, 2]) if parallel else projected[:, :, 2]
    flat = projected[:, :, :2] - np.float32(0.5)
    first_edge, second_edge = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    area = first_edge[:, 0] * second_edge[:, 1] - first_edge[:, 1] * second_edge[:, 0]
    drawn = (area != 0) if two_sided else (area < 0)
    drawn &= (near > 1e-6).all(axis=1)
    face, x, y = _covered(flat, drawn, width, height)
    # The weight of corner k is a linear function of x and y.
    following, last_corner = np.roll(flat, -1, axis=1), np.roll(flat, -2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope_x = (following[..., 1] - last_corner[..., 1]) / area[:, None]
        slope_y = (last_corner[..., 0] - following[..., 0]) / area[:, None]
        base = -(slope_x * following[..., 0] + slope_y * following[..., 1])
        planes = np.stack([slope_x, slope_y, base], axis=1) / near[:, None, :]  # (F, 3, 3 corners)
    planes = planes[face]
    weights = planes[:, 0] * x[:, None] + planes[:, 1] * y[:, None] + planes[:, 2]
    weights /= weights.sum(axis=1, keepdims=True)
    depth = np.einsum("nk,nk->n", weights, projected[face, :, 2])
    return y.astype(np.int64) * width + x, face, weights, depth.astype(np.float32)


def _covered(flat: np.ndarray, drawn: np.ndarray, width: int, height: int):
    """Pixel centres inside triangles `flat` (F, 3, 2), row by row: face (N,), column (N,), row (N,)."""
    low = np.clip(np.ceil(flat[..., 1].min(axis=1)), 0, height).astype(np.int32)
    high = np.clip(np.floor(flat[..., 1].max(axis=1)), -1, height - 1).astype(np.int32)
    face, row = _ranges(np.where(drawn, np.maximum(high - low + 1, 0), 0), low)
    start, end = flat[face], np.roll(flat, -1, axis=1)[face]  # (R, 3 edges, 2)
    line = row[:, None].astype(np.float32)
    crossing = (np.minimum(start[..., 1], end[..., 1]) <= line) & (
        line <= np.maximum(start[..., 1], end[..., 1])
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (line - start[..., 1]) / (end[..., 1] - start[..., 1])
        place = start[..., 0] + share * (end[..., 0] - start[..., 0])
    crossing &= np.isfinite(place)
    left = np.clip(np.ceil(np.where(crossing, place, np.inf).min(axis=1)), 0, width).astype(np.int32)
    right = np.clip(np.floor(np.where(crossing, place, -np.inf).max(axis=1)), -1, width - 1).astype(np.int32)
    span, column = _ranges(np.maximum(right - left + 1, 0), left)
    return face[span], column, row[span]


def _ranges(count: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every i the numbers first[i], first[i] + 1, ... (count[i] of them): which i, and the number."""
    which = np.repeat(np.arange(len(count)), count)
    rank = np.arange(len(which)) - (np.cumsum(count) - count)[which]
    return which, first[which] + rank


def corner_normals(vertices: np.ndarray, faces: np.ndarray, crease_degrees: float = 40.0) -> np.ndarray:
    """A normal for every corner of every face, (F, 3, 3): smooth across edges flatter than the crease angle,
    sharp at others."""
    corners = vertices[faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    unit = area / np.maximum(np.linalg.norm(area, axis=1, keepdims=True), 1e-12)
    # Pairs of faces that share a vertex, from the corners sorted by vertex.
    vertex = faces.ravel()
    order = np.argsort(vertex, kind="stable")
    start = np.searchsorted(vertex[order], np.arange(len(vertices)))
    valence = np.bincount(vertex, minlength=len(vertices))
    pairs = valence[vertex]
    corner = np.repeat(np.arange(len(vertex)), pairs)
    rank = np.arange(len(corner)) - (np.cumsum(pairs) - pairs)[corner]
    other = order[start[vertex[corner]] + rank] // 3
    smooth = np.einsum("ni,ni->n", unit[corner // 3], unit[other]) > np.cos(np.radians(crease_degrees))
    corner, other = corner[smooth], other[smooth]
    total = np.stack([np.bincount(corner, area[other, i], len(vertex)) for i in range(3)], axis=1)
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    return total.reshape(-1, 3, 3)
