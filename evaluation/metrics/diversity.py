"""Diversity of a set of grasps.

HALO's protocol (Karunratanakul et al., 3DV 2021, after GanHand, Corona et al., CVPR 2020): hands in one canonical
frame, k-means with 20 clusters, the entropy of the cluster counts (natural logarithm, at most ln 20 = 2.9957) and the
mean distance to the own cluster's centre. FastGrasp's code divides every coordinate by its standard deviation first
(`scipy.cluster.vq.whiten`), which makes the size unitless and scale-invariant, and prints the figures of canonical
hands and of hands in the objects' frames ("raw"). With 100 samples the entropy is 2.78 +- 0.05 whatever the diversity,
so differences below 0.1 are not significant. Several k-means seeds are run and their standard deviation is given, and
beside them the mean pairwise distance of joints in centimetres.
"""

from __future__ import annotations

import numpy as np

CLUSTERS = 20
SEEDS = 10
ROUNDING_CM = 1e-3  # samples that differ by less count as equal, coordinates that vary by less as constant


class DiversityError(ValueError):
    """No diversity can be computed from these keypoints."""


def diversity_columns(keypoints: np.ndarray, side: str = "right") -> dict[str, float]:
    """Compute HALO's figures and FastGrasp's whitened ones, canonical and raw.

    Args:
        keypoints: (B, 21, 3), metres, MediaPipe order, in the objects' frames; all samples of all objects, B >= 2.
        side: "left" mirrors the hands first, so that a mirrored set has the same figures.

    Returns:
        entropy_nats, cluster_size_cm, entropy_whitened_nats, cluster_size_whitened, entropy_whitened_raw_nats,
        cluster_size_whitened_raw, each the mean over `SEEDS` k-means seeds, and each with "_sd" over the seeds.

    Raises:
        DiversityError: see `canonical_keypoints_cm`; fewer than two hands.
    """
    canonical = canonical_keypoints_cm(keypoints, side).reshape(len(keypoints), -1)
    raw = (_mirrored(keypoints, side) * 100.0).reshape(len(keypoints), -1)
    columns = {}
    for features, entropy, size in (
        (canonical, "entropy_nats", "cluster_size_cm"),
        (whitened(canonical), "entropy_whitened_nats", "cluster_size_whitened"),
        (whitened(raw), "entropy_whitened_raw_nats", "cluster_size_whitened_raw"),
    ):
        found = cluster_diversity(features)
        columns |= {entropy: found["entropy"], f"{entropy}_sd": found["entropy_sd"]}
        columns |= {size: found["cluster_size"], f"{size}_sd": found["cluster_size_sd"]}
    return columns


def degenerate_hands(keypoints: np.ndarray) -> np.ndarray:
    """Return which of the hands (B, 21, 3) have no canonical frame, bool (B,).

    True where a keypoint is not finite, or wrist, index and middle knuckle are collinear or coincide.
    """
    points = np.asarray(keypoints, dtype=np.float64)
    middle, index = points[:, 9] - points[:, 0], points[:, 5] - points[:, 0]
    with np.errstate(invalid="ignore", over="ignore"):
        area = np.linalg.norm(np.cross(index, middle), axis=1)
        size = np.linalg.norm(middle, axis=1) * np.linalg.norm(index, axis=1)
        flat = ~(area > 1e-6 * size) | ~(size > 1e-12)
    return flat | ~np.isfinite(points).all(axis=(1, 2))


def canonical_keypoints_cm(keypoints: np.ndarray, side: str = "right") -> np.ndarray:
    """Transform hands (B, 21, 3), metres, into HALO's canonical frame, centimetres.

    The root is the origin, the middle finger's MCP joint lies on -y, the normal of the plane of root, index and middle
    MCP on z. The six coordinates that are zero by this definition are set to zero exactly. `side` as in
    `diversity_columns`. Raises DiversityError for a degenerate hand (`degenerate_hands`) or another side.
    """
    broken = np.flatnonzero(degenerate_hands(keypoints))
    if len(broken):
        raise DiversityError(
            f"{len(broken)} of {len(keypoints)} hands (the first is number {broken[0]}) have no palm: wrist, index and "
            "middle knuckle must be three finite points not on one line. Leave them out (`degenerate_hands`)."
        )
    points = _mirrored(keypoints, side) * 100.0
    points = points - points[:, :1]
    middle, index = points[:, 9], points[:, 5]
    y = -middle / np.linalg.norm(middle, axis=1, keepdims=True)
    z = np.cross(index, middle)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    frame = np.stack([np.cross(y, z), y, z], axis=1)  # rows are the axes
    canonical = np.einsum("bij,bkj->bki", frame, points)
    canonical[:, 9, [0, 2]] = 0.0
    canonical[:, 5, 2] = 0.0
    return canonical


def whitened(features: np.ndarray) -> np.ndarray:
    """Divide every column of features (B, D), centimetres, by its standard deviation (`scipy.cluster.vq.whiten`).

    Columns that hardly vary (`ROUNDING_CM`) become zero: in a canonical frame three coordinates besides the root are
    zero by definition, and the published code scales their rounding errors up to a deviation of 1 like all others.
    """
    features = _merged(np.asarray(features, dtype=np.float64))
    deviation = features.std(axis=0)
    varies = deviation > ROUNDING_CM
    return np.where(varies, features / np.where(varies, deviation, 1.0), 0.0)


def cluster_diversity(features: np.ndarray, clusters: int = CLUSTERS, seeds: int = SEEDS) -> dict[str, float]:
    """Compute entropy and cluster size of k-means (SciPy's, the best of its 20 starts) over several seeds.

    Args:
        features: (B, D), one row per sample, B >= 2. Rows nearer than `ROUNDING_CM` count as equal, and no more
            clusters are used than there are different rows.

    Returns:
        entropy, entropy_sd, cluster_size, cluster_size_sd: mean and standard deviation over the seeds; the size in the
        unit of the features.

    Raises:
        DiversityError: fewer than two rows, or values that are not finite.
    """
    from scipy.cluster.vq import kmeans, vq

    if len(features) < 2:
        raise DiversityError(f"diversity needs at least two hands, got {len(features)}")
    if not np.isfinite(features).all():
        raise DiversityError("features hold values that are not finite (NaN); leave those hands out")
    features = _merged(np.asarray(features, dtype=np.float64))
    wanted = min(clusters, len(np.unique(features, axis=0)))
    entropies, sizes = [], []
    for seed in range(seeds):
        centres, _ = kmeans(features, wanted, iter=20, rng=np.random.default_rng(seed))
        label, distance = vq(features, centres)
        share = np.bincount(label, minlength=wanted) / len(features)
        share = share[share > 0]
        entropies.append(float(-(share * np.log(share)).sum()) + 0.0)
        sizes.append(float(distance.mean()))
    found = {"entropy": entropies, "cluster_size": sizes}
    return {name: float(np.mean(values)) for name, values in found.items()} | {
        f"{name}_sd": float(np.std(values)) for name, values in found.items()
    }


def mean_pairwise_joint_distance_cm(keypoints: np.ndarray) -> float:
    """Return the mean distance, cm, between the same joint of two grasps of one object, over all pairs.

    keypoints: (B, 21, 3), metres, in the object's frame. One grasp alone gives 0.
    """
    points = np.asarray(keypoints, dtype=np.float64)
    if len(points) < 2:
        return 0.0
    first, second = np.triu_indices(len(points), k=1)
    return float(np.linalg.norm(points[first] - points[second], axis=-1).mean() * 100.0)


def _mirrored(keypoints: np.ndarray, side: str) -> np.ndarray:
    """Return keypoints as those of right hands: left ones mirrored in x."""
    if side not in ("right", "left"):
        raise DiversityError(f"side must be 'right' or 'left', got {side!r}")
    return np.asarray(keypoints, dtype=np.float64) * ([-1.0, 1.0, 1.0] if side == "left" else 1.0)


def _merged(features: np.ndarray) -> np.ndarray:
    """Replace every row of features (B, D) by the first that lies within `ROUNDING_CM` of it."""
    from scipy.spatial.distance import cdist

    parts = np.array_split(features, len(features) // 500 + 1)
    leader = np.concatenate([(cdist(part, features) <= ROUNDING_CM).argmax(axis=1) for part in parts])
    return features[leader]
