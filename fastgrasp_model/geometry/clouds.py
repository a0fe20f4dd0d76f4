"""Point clouds as NumPy arrays: checked, thinned out, and given normals.

`validate_cloud` is the one gate through which clouds from outside pass. It takes what sensors really send
(organised, float64, NaN where nothing was seen) and refuses, with the remedy, what cannot be an object that a
hand grasps.
"""

from __future__ import annotations

import numpy as np

MIN_POINTS = 50
# Metres, of the longest side of the bounding box. Nothing a hand holds is bigger or smaller.
MAX_EXTENT = 1.5
MIN_EXTENT = 0.005


class CloudError(ValueError):
    """A point cloud cannot be an object in metres. The message says what was found, and the remedy."""


def validate_cloud(points: object) -> np.ndarray:
    """Points (N, 3) or organised (H, W, 3), any number type, metres, any frame -> (M, 3) float32, all finite.

    Rows with NaN or inf are dropped; the order stays. Raises CloudError for another shape or type, for fewer
    than `MIN_POINTS` finite points, and for an extent that is no graspable object's (millimetres, a whole
    scene, one spot).
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
    return np.ascontiguousarray(finite, dtype=np.float32)


def _check_extent(extent: float) -> None:
    if extent > MAX_EXTENT:
        raise CloudError(
            f"The cloud is {extent:.3g} m long, expected at most {MAX_EXTENT} m: it looks like "
            "millimetres, or a whole scene. Convert to metres (times 0.001), or cut one object out of the scene first."
        )
    if extent < MIN_EXTENT:
        raise CloudError(
            f"The cloud is {extent:.3g} m long, expected at least {MIN_EXTENT} m: it looks like a single "
            "spot, or a unit larger than metres. Give the points of a whole object in metres."
        )


def sample_cloud(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Exactly `count` rows of points (N, D), at random.

    Rows repeat only where N < count, and then each comes at least once.

    Raises CloudError for an empty cloud.
    """
    total = len(points)
    if not total:
        raise CloudError("The cloud is empty, expected at least one point to sample from.")
    if total >= count:
        return points[rng.choice(total, count, replace=False)]
    extra = rng.integers(0, total, count - total)
    return points[np.concatenate([rng.permutation(total), extra])]


def voxel_downsample(points: np.ndarray, size: float) -> np.ndarray:
    """The mean point of each occupied cube with edge `size` (metres): (N, 3) -> (M, 3) float32.

    Raises ValueError for an edge that is not positive.
    """
    if not size > 0:
        raise ValueError(f"voxel size must be positive, got {size}")
    cells = np.floor((points - points.min(axis=0)) / size).astype(np.int64)
    side = cells.max(axis=0) + 1
    keys = (cells[:, 0] * side[1] + cells[:, 1]) * side[2] + cells[:, 2]
    _, owner, counts = np.unique(keys, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(owner, weights=points[:, axis]) for axis in range(3)], axis=1)
    return (sums / counts[:, None]).astype(np.float32)


def estimate_normals(points: np.ndarray, neighbours: int = 16, viewpoint: np.ndarray | None = None) -> np.ndarray:
    """Unit normals (N, 3) float32 of points (N, 3): where the nearest neighbours vary least.

    They point to `viewpoint` (3,) where one is given, the sensor's place in the cloud's frame; else away from
    the cloud's middle, which is right for convex objects and a guess for others. Principal components after
    Hoppe et al., "Surface Reconstruction from Unorganized Points", SIGGRAPH 1992. Raises CloudError for fewer
    than 3 points.
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
    """Unit eigenvectors (N, 3) of the smallest eigenvalue of symmetric matrices (N, 3, 3), in bulk.

    Eigenvalue by the trigonometric formula of Smith (Comm. ACM 4, 1961); the eigenvector is the longest cross
    product of two rows of A - lambda I. Where that is ill-conditioned (two equal eigenvalues) the general
    solver takes over.
    """
    scale = np.trace(matrices, axis1=1, axis2=2)[:, None, None]
    a = matrices / np.where(scale > 0, scale, 1)
    mean = np.trace(a, axis1=1, axis2=2) / 3
    shifted = a - mean[:, None, None] * np.eye(3)
    spread = np.sqrt(np.einsum("nij,nij->n", shifted, shifted) / 6)
    unit = shifted / np.where(spread > 0, spread, 1)[:, None, None]
    half_det = 0.5 * np.einsum("ni,ni->n", unit[:, 0], np.cross(unit[:, 1], unit[:, 2]))
    angle = np.arccos(np.clip(half_det, -1, 1)) / 3
    least = mean + 2 * spread * np.cos(angle + 2 * np.pi / 3)
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
