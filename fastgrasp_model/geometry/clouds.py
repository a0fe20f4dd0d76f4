"""Point clouds as NumPy arrays: validation, sampling and normals.

Every cloud from outside passes `validate_cloud`. It takes what sensors send (organised, float64, NaN where nothing was
seen) and refuses, with the remedy, what cannot be an object that a hand grasps.
"""

from __future__ import annotations

import numpy as np

from fastgrasp_model.geometry.units import unit_remedy

MIN_POINTS = 50
MIN_EXTENT, MAX_EXTENT = 0.005, 1.5  # metres, longest side of the bounding box
MAX_DISTANCE = 1000.0  # metres of a coordinate; farther out float32 cannot tell tenths of a millimetre apart


class CloudError(ValueError):
    """A point cloud cannot be an object in metres; the message says what was found, and the remedy."""


def validate_cloud(points: object) -> np.ndarray:
    """Return the finite points (M, 3) float32 of a cloud (N, 3) or (H, W, 3) of any number type, in order.

    Metres, any frame. Raises CloudError for another shape or type, for fewer than `MIN_POINTS` finite points, and for
    an extent that is no graspable object's (another unit, a whole scene, one spot).
    """
    array = np.asarray(points)
    if array.dtype.kind not in "fiu":
        raise CloudError(f"The cloud has dtype {array.dtype}, expected numbers in metres (float32).")
    if array.ndim not in (2, 3) or array.shape[-1] != 3:
        raise CloudError(f"The cloud has shape {array.shape}, expected (N, 3) or (H, W, 3): x, y, z in metres only.")
    rows = array.reshape(-1, 3)
    finite = rows[np.isfinite(rows).all(axis=1)]
    if len(finite) < MIN_POINTS:
        raise CloudError(
            f"The cloud has {len(finite)} finite points of {len(rows)}, expected at least {MIN_POINTS}. "
            "Bring the sensor closer, or loosen the segmentation."
        )
    _check_extent(float(np.ptp(finite.astype(np.float64), axis=0).max()))
    _check_distance(float(np.abs(finite).max()))
    return np.ascontiguousarray(finite, dtype=np.float32)


def _check_extent(extent: float) -> None:
    if extent > MAX_EXTENT:
        raise CloudError(
            f"The cloud is {extent:.3g} m long, expected at most {MAX_EXTENT} m: "
            f"{unit_remedy(extent, ', or a whole scene')} Cut one object out of a scene first."
        )
    if extent < MIN_EXTENT:
        raise CloudError(
            f"The cloud is {extent:.3g} m long, expected at least {MIN_EXTENT} m: it looks like a single "
            "spot, or scaled twice. Give the points of a whole object in metres, or the file's own unit."
        )


def _check_distance(farthest: float) -> None:
    if farthest > MAX_DISTANCE:
        raise CloudError(
            f"The cloud lies {farthest:.3g} m from the origin of its frame, expected at most {MAX_DISTANCE:g} m: "
            f"float32 numbers are {np.spacing(np.float32(farthest)):.2g} m apart there. Subtract an offset, such as "
            "the cloud's mean, and add it to the grasps."
        )


def sample_cloud(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `count` rows of points (N, D); where N < count rows repeat, each at least once.

    Raises CloudError for an empty cloud.
    """
    total = len(points)
    if not total:
        raise CloudError("The cloud is empty, expected at least one point to sample from.")
    if total >= count:
        return points[rng.choice(total, count, replace=False)]
    extra = rng.integers(0, total, count - total)
    return points[np.concatenate([rng.permutation(total), extra])]


def estimate_normals(points: np.ndarray, neighbours: int = 16, viewpoint: np.ndarray | None = None) -> np.ndarray:
    """Estimate unit normals (N, 3) float32 of points (N, 3) as the least principal axes of their neighbourhoods.

    They point to `viewpoint` (3,), the sensor's place in the cloud's frame, where one is given; else away from the
    cloud's middle, which is right for convex objects and a guess for others. After Hoppe et al., "Surface
    Reconstruction from Unorganized Points", SIGGRAPH 1992. Raises CloudError for fewer than 3 points.
    """
    from scipy.spatial import cKDTree

    points = np.asarray(points, dtype=np.float64)
    if len(points) < 3:
        raise CloudError(f"Normals need at least 3 points, got {len(points)}.")
    centred = points - points.mean(axis=0)
    _, nearest = cKDTree(centred).query(centred, k=min(neighbours, len(points)))
    around = centred[nearest]  # (N, k, 3)
    around -= around.mean(axis=1, keepdims=True)
    normals = _least_axis(around.transpose(0, 2, 1) @ around)
    outward = centred if viewpoint is None else np.asarray(viewpoint, dtype=np.float64) - points
    normals[(normals * outward).sum(axis=1) < 0] *= -1
    return normals.astype(np.float32)


def _least_axis(matrices: np.ndarray) -> np.ndarray:
    """Compute unit eigenvectors (N, 3) of the smallest eigenvalue of symmetric matrices (N, 3, 3).

    Several times faster than `numpy.linalg.eigh`: eigenvalue by the trigonometric formula of Smith (Comm. ACM 4, 1961),
    eigenvector as the longest cross product of two rows of A - lambda I. Where that is ill-conditioned (two equal
    eigenvalues) `eigh` takes over.
    """
    scale = np.trace(matrices, axis1=1, axis2=2)[:, None, None]
    a = matrices / np.where(scale > 0, scale, 1)
    mean = np.trace(a, axis1=1, axis2=2) / 3
    shifted = a - mean[:, None, None] * np.eye(3)
    deviation = np.sqrt(np.einsum("nij,nij->n", shifted, shifted) / 6)
    unit = shifted / np.where(deviation > 0, deviation, 1)[:, None, None]
    half_det = 0.5 * np.einsum("ni,ni->n", unit[:, 0], np.cross(unit[:, 1], unit[:, 2]))
    angle = np.arccos(np.clip(half_det, -1, 1)) / 3
    least = mean + 2 * deviation * np.cos(angle + 2 * np.pi / 3)
    rows = a - least[:, None, None] * np.eye(3)
    crosses = np.cross(rows, np.roll(rows, -1, axis=1))  # (N, 3, 3): rows 0x1, 1x2, 2x0
    lengths = np.linalg.norm(crosses, axis=2)
    best = lengths.argmax(axis=1)[:, None]
    length = np.take_along_axis(lengths, best, axis=1)
    axis = np.take_along_axis(crosses, best[..., None], axis=1)[:, 0] / np.where(length > 0, length, 1)
    unsure = length[:, 0] < 1e-6
    if unsure.any():
        axis[unsure] = np.linalg.eigh(a[unsure])[1][:, :, 0]
    return axis
