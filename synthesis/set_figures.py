"""The figures of a grasp set: what is in it, how the hands hold, how different the grasps are. Plain numbers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from fastgrasp_evaluation.metrics import diversity
from fastgrasp_model.geometry.rotations import axis_angle_to_matrix
from fastgrasp_model.hand.keypoints import keypoints_from
from fastgrasp_model.hand.mano_layer import ManoLayer
from fastgrasp_synthesis.grasp_set import DIRECTIONS, GraspSet, GraspSetError
from fastgrasp_synthesis.object_specs import split_of

WELL_HELD = 40  # grasps that make an object well held
SAMPLE = 3000  # grasps of which the posed hand is looked at
OBJECTS, PER_OBJECT = 40, 100  # objects, and grasps of each, of which the diversity is told
POOLED = 20  # grasps of each object in the pooled diversity, as HALO takes them
SATURATED = 0.02545  # metres; a packed displacement above this may have been greater
_CHUNK = 500


def figures(grasps: GraspSet, path: Path | None = None, layer: ManoLayer | None = None, seed: int = 0) -> dict:
    """All figures of a set, as nested dictionaries of Python numbers (None where there is nothing to tell).

    Args:
        path: the packed file, whose size is told.
        layer: the hand of the set, the open hand by default.
        seed: of the samples on which postures and diversity are measured.

    Raises:
        GraspSetError: the set is empty.
    """
    if not len(grasps):
        raise GraspSetError("the set holds no grasps, so there is nothing to tell of it")
    layer = layer or ManoLayer.from_file()
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(grasps), min(SAMPLE, len(grasps)), replace=False))
    points = keypoints(grasps[rows], layer)
    return {"size": size(grasps, path), "splits": splits(grasps), "families": families(grasps),
            "grasps_per_object": per_object(grasps), "types": types(grasps), "depth_mm": _spread(1000 * grasps.depth),
            "displacement_mm": displacement(grasps), "betas": shapes(grasps, rows, layer),
            "palm_faces": palm_directions(grasps), "aperture_mm": _spread(1000 * np.linalg.norm(
                points[:, 4] - points[:, 8], axis=1)), "diversity": diversity_of(grasps, layer, rng)}


def size(grasps: GraspSet, path: Path | None) -> dict:
    """How much there is, and the packed file it is in."""
    held = np.unique(grasps.object)
    found = {"grasps": len(grasps), "objects": len(held), "objects_listed": len(grasps.objects),
             "families": len({_family(grasps.objects[number]) for number in held}), "grasp_types": int(
                 (np.bincount(grasps.grasp_type) > 0).sum()), "candidates": grasps.candidates, "hand": grasps.hand}
    if path is not None and path.is_file():
        data = path.read_bytes()
        found |= {"file_bytes": len(data), "bytes_per_grasp": len(data) / len(grasps)}
        found["sha256"] = hashlib.sha256(data).hexdigest()
    return found


def splits(grasps: GraspSet) -> dict[str, dict[str, int]]:
    """By split: grasps, objects that have grasps, families."""
    counts = np.bincount(grasps.object, minlength=len(grasps.objects))
    found = {}
    for name in ("train", "validation"):
        mine = [(spec, n) for spec, n in zip(grasps.objects, counts, strict=True) if n and split_of(spec) == name]
        found[name] = {"grasps": int(sum(n for _, n in mine)), "objects": len(mine),
                       "families": len({_family(spec) for spec, _ in mine})}
    return found


def families(grasps: GraspSet) -> dict[str, dict]:
    """By family, in order of the name: objects that have grasps, grasps, and the split."""
    counts = np.bincount(grasps.object, minlength=len(grasps.objects))
    found: dict[str, dict] = {}
    for spec, count in sorted(zip(grasps.objects, counts.tolist(), strict=True)):
        if count:
            line = found.setdefault(_family(spec), {"objects": 0, "grasps": 0, "splits": []})
            line["objects"] += 1
            line["grasps"] += count
            if split_of(spec) not in line["splits"]:
                line["splits"].append(split_of(spec))
    return found


def per_object(grasps: GraspSet) -> dict:
    """Grasps on each object, of all objects that are listed and of those that have any."""
    counts = np.bincount(grasps.object, minlength=len(grasps.objects))
    held = counts[counts > 0]
    return {"min": int(held.min()), "median": float(np.median(held)), "max": int(held.max()),
            "without": int((counts == 0).sum()), "share_well_held": float((held >= WELL_HELD).mean()),
            "share_well_held_of_listed": float((counts >= WELL_HELD).mean())}


def types(grasps: GraspSet) -> dict[str, dict]:
    """By grasp type: count, share of the set, share of the held objects that have one, median of the worst move."""
    held, worst = len(np.unique(grasps.object)), grasps.displacement.max(axis=1)
    found = {}
    for number, name in enumerate(grasps.grasp_types):
        mine = grasps.grasp_type == number
        found[name] = {"grasps": int(mine.sum()), "share": float(mine.mean()), "objects": len(
            np.unique(grasps.object[mine])), "share_of_objects": len(np.unique(grasps.object[mine])) / held,
                       "moved_mm": float(1000 * np.median(worst[mine])) if mine.any() else None}
    return found


def displacement(grasps: GraspSet) -> dict:
    """Millimetres the object moved: mean of the six directions, the worst of them, and how many are saturated."""
    worst = grasps.displacement.max(axis=1)
    return {"mean_of_six": _spread(1000 * grasps.displacement.mean(axis=1)), "worst_of_six": _spread(1000 * worst),
            "share_saturated": float((worst > SATURATED).mean())}


def shapes(grasps: GraspSet, rows: np.ndarray, layer: ManoLayer) -> dict:
    """Spread of the shape numbers, and millimetres from the wrist to the tip of the middle finger of the flat hand."""
    length = []
    for first in range(0, len(rows), _CHUNK):
        flat = np.zeros((len(rows[first : first + _CHUNK]), 61), dtype=np.float32)
        flat[:, :10] = grasps.betas[rows[first : first + _CHUNK]]
        points = _keypoints(flat, layer)
        length.append(1000 * np.linalg.norm(points[:, 12] - points[:, 0], axis=1))
    return {"sd": float(grasps.betas.std()), "greatest": float(np.abs(grasps.betas).max()),
            "sd_by_shape": grasps.betas.std(axis=0).astype(float).tolist(),
            "hand_length_mm": _spread(np.concatenate(length))}


def palm_directions(grasps: GraspSet) -> dict[str, float]:
    """Share of the grasps whose palm faces nearest to each axis of the object's frame; even is a sixth each."""
    turns = axis_angle_to_matrix(torch.from_numpy(np.asarray(grasps.global_orient, dtype=np.float32)))
    faces = -turns[:, :, 1].numpy()  # the palm of the rest hand faces -y
    axis = np.abs(faces).argmax(axis=1)
    number = 2 * axis + (faces[np.arange(len(faces)), axis] < 0)
    shares = np.bincount(number, minlength=6) / len(faces)
    return {name: float(share) for name, share in zip(DIRECTIONS, shares, strict=True)}


def diversity_of(grasps: GraspSet, layer: ManoLayer, rng: np.random.Generator) -> dict:
    """How different the grasps of an object are (mean over objects), and HALO's figures over all of them together.

    `OBJECTS` random objects with `PER_OBJECT` random grasps each, or with as many as half of the objects have; where
    these are fewer than two for a cluster, an object's own clusters say nothing and are None.
    """
    counts = np.bincount(grasps.object, minlength=len(grasps.objects))
    each = int(min(PER_OBJECT, np.median(counts[counts > 0])))
    fit = np.flatnonzero(counts >= max(each, 2))
    if not len(fit):
        return {"objects": 0, "grasps_each": each}
    chosen = np.sort(rng.choice(fit, min(OBJECTS, len(fit)), replace=False))
    rows = [rng.choice(np.flatnonzero(grasps.object == number), each, replace=False) for number in chosen]
    hands = [keypoints(grasps[part], layer) for part in rows]
    apart = np.array([diversity.mean_pairwise_joint_distance_cm(points) for points in hands])
    alone = [_clusters(points, 3) for points in hands] if each >= 2 * diversity.CLUSTERS else []
    pooled = _clusters(np.concatenate([points[:POOLED] for points in hands]), diversity.SEEDS)
    return {"objects": len(chosen), "grasps_each": each, "joint_distance_cm": _spread(apart),
            "entropy_nats": _spread(np.array([found["entropy"] for found in alone])) if alone else None,
            "cluster_size_cm": _spread(np.array([found["cluster_size"] for found in alone])) if alone else None,
            "pooled_grasps": sum(len(points[:POOLED]) for points in hands), "pooled_entropy_nats": pooled["entropy"],
            "pooled_entropy_sd": pooled["entropy_sd"], "pooled_cluster_size_cm": pooled["cluster_size"],
            "pooled_cluster_size_sd": pooled["cluster_size_sd"]}


def keypoints(grasps: GraspSet, layer: ManoLayer) -> np.ndarray:
    """The 21 keypoints (N,21,3) of each grasp in the object's frame, metres."""
    parameters = grasps.parameters()
    return np.concatenate([_keypoints(parameters[i : i + _CHUNK], layer) for i in range(0, len(parameters), _CHUNK)])


def _keypoints(parameters: np.ndarray, layer: ManoLayer) -> np.ndarray:
    with torch.no_grad():
        hand = layer.from_parameters(torch.from_numpy(parameters))
        return keypoints_from(hand.vertices, hand.joints, layer.tip_ids).numpy()


def _clusters(points: np.ndarray, seeds: int) -> dict[str, float]:
    canonical = diversity.canonical_keypoints_cm(points).reshape(len(points), -1)
    return diversity.cluster_diversity(canonical, seeds=seeds)


def _spread(values: np.ndarray) -> dict[str, float]:
    low, middle, high = np.percentile(values, [5, 50, 95])
    return {"mean": float(values.mean()), "p5": float(low), "median": float(middle), "p95": float(high),
            "max": float(values.max())}  # fmt: skip


def _family(spec: str) -> str:
    return spec.split(":")[0]
