"""A single view as a small range image along parallel rays, the input of the shape completion.

An object seen from one side is two surfaces: the front, which the sensor measures, and the back, where the same rays
leave it. In the image each is one number a pixel, so that a network can predict one from the other.

The rays are parallel to the line from the sensor to the centre of the cloud. (A sensor's own rays fan out by a few
degrees; parallel ones keep symmetric objects symmetric.) Ranges count from the centre in units of half the image's
width: the same shape gives the same image, whatever its size and distance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

PIXELS = 64
STEP = 2.0 / PIXELS  # the width of a pixel
MARGIN = 0.12  # of the cloud's width that is left free at each side of the image
STRAY = 0.005  # share of the points at each side that may lie beyond it


class RangeImage(NamedTuple):
    """Where an image of `PIXELS` x `PIXELS` lies in space, metres, in the cloud's frame.

    centre (3,): the middle of the image, at range 0; axes (3, 3): columns right, down, forward; scale: metres that
    count as 1, half the image's width.
    """

    centre: np.ndarray
    axes: np.ndarray
    scale: float

    @classmethod
    def around(cls, points: np.ndarray, eye: np.ndarray, up: np.ndarray | None = None) -> RangeImage:
        """The image that a cloud (N, 3) fills, as seen from `eye` (3,). `up` (3,) turns it about its axis."""
        mean = points.mean(0, dtype=np.float64)
        axes = _axes(mean - np.asarray(eye, dtype=np.float64), up)
        local = (points - mean) @ axes
        low, high = np.quantile(local[:, :2], [STRAY, 1 - STRAY], axis=0)
        middle = np.append(0.5 * (low + high), np.median(local[:, 2]))
        return cls(mean + axes @ middle, axes, max(float((high - low).max()), 1e-4) * (0.5 + MARGIN))

    def pixels(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (N, 3) -> their pixels (N,), row by row, -1 outside the image, and their ranges (N,)."""
        local = (points - self.centre) @ self.axes / self.scale
        cell = np.floor((local[:, :2] + 1) / STEP).astype(np.int64)
        inside = ((cell >= 0) & (cell < PIXELS)).all(1)
        return np.where(inside, cell[:, 1] * PIXELS + cell[:, 0], -1), local[:, 2]

    def mean_ranges(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (N, 3) -> how many there are in each pixel, and their mean range, 0 without: two (PIXELS, PIXELS)."""
        pixel, ranges = self.pixels(points)
        ranges, pixel = ranges[pixel >= 0], pixel[pixel >= 0]
        count = np.bincount(pixel, minlength=PIXELS**2)
        mean = np.bincount(pixel, ranges, minlength=PIXELS**2) / np.maximum(count, 1)
        return count.reshape(PIXELS, PIXELS), mean.reshape(PIXELS, PIXELS)

    def places(self, row: np.ndarray, column: np.ndarray, ranges: np.ndarray) -> np.ndarray:
        """The points (..., 3) in the middles of pixels (...) at ranges (...)."""
        local = np.stack([(column + 0.5) * STEP - 1, (row + 0.5) * STEP - 1, ranges], -1)
        return self.centre + self.scale * local @ self.axes.T


def hidden_surface(image: RangeImage, front: np.ndarray, back: np.ndarray, inside: np.ndarray):
    """Return points and outward normals, (M, 3) float32, of what the sensor cannot see, in the cloud's frame.

    front, back (PIXELS, PIXELS): ranges at which the rays of `image` enter and leave the object; inside
    (PIXELS, PIXELS): which rays meet it. The back is sampled once a pixel; the sides, which join front and back along
    the outline where they are steep, at steps of a pixel's width.
    """
    row, column = np.nonzero(inside)
    sides, outward = _sides(image, front, back, inside)
    points = np.concatenate([image.places(row, column, back[inside]), sides])
    normals = np.concatenate([_normals(back, inside)[inside] @ image.axes.T, outward])
    return points.astype(np.float32), normals.astype(np.float32)


def _sides(image: RangeImage, front: np.ndarray, back: np.ndarray, inside: np.ndarray):
    """Points (S, 3) between front and back along the outline, and normals (S, 3) across the rays, outwards."""
    slope = _slope_outwards(inside)
    row, column = np.nonzero(inside & (np.abs(slope).sum(-1) > 0) & (back - front > 1.5 * STEP))
    count = np.floor((back - front)[row, column] / STEP).astype(int)
    which = np.repeat(np.arange(len(row)), count)
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    row, column = row[which], column[which]
    outward = slope[row, column] @ image.axes[:, :2].T
    outward /= np.maximum(np.linalg.norm(outward, axis=-1, keepdims=True), 1e-9)
    return image.places(row, column, front[row, column] + STEP * (number + 0.5)), outward


def _slope_outwards(inside: np.ndarray) -> np.ndarray:
    """(H, W, 2) right and down components of the way out, of the pixels on the outline; 0 elsewhere."""
    from scipy.ndimage import binary_erosion, gaussian_filter

    soft = gaussian_filter(inside.astype(np.float64), 1.5)
    down, right = np.gradient(soft)
    rim = inside & ~binary_erosion(inside)
    return -np.stack([right, down], -1) * rim[..., None]


def _normals(back: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Normals (H, W, 3) right, down and forward, away from the sensor, by the slopes between pixels `inside`."""
    slopes = [-_slope(back, inside, axis) for axis in (1, 0)]
    normals = np.stack([*slopes, np.ones_like(back)], -1)
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def _slope(ranges: np.ndarray, inside: np.ndarray, axis: int) -> np.ndarray:
    """The slope (H, W) along an axis: between both neighbours, to the one that is inside, or 0."""
    good = np.delete(inside, -1, axis) & np.delete(inside, 0, axis)
    step = np.where(good, np.diff(ranges, axis=axis), 0.0)
    none = np.zeros_like(np.take(step, [0], axis))
    total = np.concatenate([step, none], axis) + np.concatenate([none, step], axis)
    number = np.concatenate([good, none], axis) + np.concatenate([none, good], axis)
    return total / np.maximum(number, 1) / STEP


def _axes(forward: np.ndarray, up: np.ndarray | None) -> np.ndarray:
    forward = forward / max(np.linalg.norm(forward), 1e-9)
    helper = np.eye(3)[np.argmin(np.abs(forward))] if up is None else np.asarray(up, dtype=np.float64)
    right = np.cross(forward, helper)
    right /= max(np.linalg.norm(right), 1e-9)
    return np.stack([right, np.cross(forward, right), forward], axis=1)

