"""How different are the grasps of a set.

HALO's protocol (Karunratanakul et al. 2021, after GanHand, Corona et al. 2020): hands in one canonical frame,
k-means with 20 clusters, the entropy of the cluster counts (natural logarithm, at most ln 20 = 2.9957) and
the mean distance to the own cluster's centre. With 100 samples the entropy is 2.78 +- 0.05 whatever the
spread, so differences below 0.1 mean nothing: several seeds are run and the standard deviation is given,
beside a plain mean distance between joints that has a unit one can picture.
"""

from __future__ import annotations

import numpy as np

CLUSTERS = 20


def canonical_keypoints_cm(keypoints: np.ndarray) -> np.ndarray:
    """Hands moved into HALO's canonical frame.

    The root is the origin, the middle finger's MCP joint lies on -y, the normal of the plane of root, index
    and middle MCP on z.

    Args:
        keypoints: (B, 21, 3), metres, MediaPipe order.

    Returns:
        (B, 21, 3) centimetres.
    """
    points = (np.asarray(keypoints, dtype=np.float64) - keypoints[:, :1]) * 100.0
    middle, index = points[:, 9], points[:, 5]
    y = -middle / np.linalg.norm(middle, axis=1, keepdims=True)
    z = np.cross(index, middle)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    frame = np.stack([np.cross(y, z), y, z], axis=1)  # rows are the axes
    return np.einsum("bij,bkj->bki", frame, points)


def cluster_diversity(features: np.ndarray, clusters: int = CLUSTERS, seeds: int = 10) -> dict[str, float]:
    """Entropy and cluster size of k-means (SciPy's, the best of its 20 starts) over several seeds.

    Args:
        features: (B, D), one row for each sample; B at least 2. With fewer than `clusters` samples, B
            clusters are asked for.

    Returns:
        entropy, entropy_sd, cluster_size, cluster_size_sd: mean and standard deviation over the seeds; the
        size in the unit of the features.
    """
    from scipy.cluster.vq import kmeans, vq

    features = np.asarray(features, dtype=np.float64)
    wanted = min(clusters, len(np.unique(features, axis=0)))
    entropies, sizes = [], []
    for seed in range(seeds):
        centres, _ = kmeans(features, wanted, iter=20, rng=np.random.default_rng(seed))
        label, distance = vq(features, centres)
        share = np.bincount(label, minlength=wanted) / len(features)
        share = share[share > 0]
        entropies.append(float(-(share * np.log(share)).sum()) + 0.0)
        sizes.append(float(distance.mean()))
    return {
        "entropy": float(np.mean(entropies)),
        "entropy_sd": float(np.std(entropies)),
        "cluster_size": float(np.mean(sizes)),
        "cluster_size_sd": float(np.std(sizes)),
    }


def diversity_halo(keypoints: np.ndarray, clusters: int = CLUSTERS, seeds: int = 10) -> dict[str, float]:
    """`cluster_diversity` of canonical hands, (B, 21, 3) keypoints in metres: entropy in nats, cluster size
    in centimetres."""
    found = cluster_diversity(canonical_keypoints_cm(keypoints).reshape(len(keypoints), -1), clusters, seeds)
    return {
        "entropy_nats": found["entropy"],
        "entropy_nats_sd": found["entropy_sd"],
        "cluster_size_cm": found["cluster_size"],
        "cluster_size_cm_sd": found["cluster_size_sd"],
    }


def mean_pairwise_joint_distance_cm(keypoints: np.ndarray) -> float:
    """Mean distance between the same joint of two grasps of one object, over all pairs, in the object's
    frame, cm.

    Args:
        keypoints: (B, 21, 3), metres. One grasp alone gives 0.
    """
    points = np.asarray(keypoints, dtype=np.float64)
    if len(points) < 2:
        return 0.0
    first, second = np.triu_indices(len(points), k=1)
    return float(np.linalg.norm(points[first] - points[second], axis=-1).mean() * 100.0)
