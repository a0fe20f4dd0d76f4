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
SATURATED = 25.45  # millimetres; a packed displacement above this may have been greater
_CHUNK = 500


def figures(grasps: GraspSet, path: Path | None = None, layer: ManoLayer | None = None, seed: int = 0) -> dict:
    """Return all figures of a set, as nested dictionaries of Python numbers (None where there is nothing to tell).

    path: the packed file, whose size is told; layer: the hand of the set, the open hand by default; seed: of the
    samples on which postures and diversity are measured. Raises GraspSetError for an empty set.
    """
    if not len(grasps):
        raise GraspSetError("the set holds no grasps, so there is nothing to tell of it")
    layer = layer or ManoLayer.from_file()
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(grasps), min(SAMPLE, len(grasps)), replace=False))
    parameters = grasps.parameters()[rows]
    points = _keypoints(parameters, layer)
    flat = np.where(np.arange(61) < 10, parameters, np.float32(0))
    length = np.diff(_keypoints(flat, layer)[:, [0, 12]], axis=1)[:, 0]  # from the wrist to the middle finger's tip
    counts = np.bincount(grasps.object, minlength=len(grasps.objects))
    held, worst = counts[counts > 0], 1000 * grasps.displacement.max(axis=1)
    return {"size": _size(grasps, path), **_splits_and_families(grasps.objects, counts),
            "grasps_per_object": {"min": int(held.min()), "median": float(np.median(held)), "max": int(held.max()),
                                  "without": int((counts == 0).sum()),
                                  "share_well_held": float((held >= WELL_HELD).mean()),
                                  "share_well_held_of_listed": float((counts >= WELL_HELD).mean())},
            "types": _types(grasps), "depth_mm": _spread(1000 * grasps.depth),
            "displacement_mm": {"mean_of_six": _spread(1000 * grasps.displacement.mean(axis=1)),
                                "worst_of_six": _spread(worst), "share_saturated": float((worst > SATURATED).mean())},
            "betas": {"sd": float(grasps.betas.std()), "greatest": float(np.abs(grasps.betas).max()),
                      "sd_by_shape": grasps.betas.std(axis=0).astype(float).tolist(),
                      "hand_length_mm": _spread(1000 * np.linalg.norm(length, axis=1))},
            "palm_faces": _palm_faces(grasps),
            "aperture_mm": _spread(1000 * np.linalg.norm(points[:, 4] - points[:, 8], axis=1)),
            "diversity": _diversity(grasps, counts, layer, rng)}


def _size(grasps: GraspSet, path: Path | None) -> dict:
    """How much there is, and the packed file it is in."""
    held = np.unique(grasps.object)
    found = {"grasps": len(grasps), "objects": len(held), "objects_listed": len(grasps.objects),
             "families": len({grasps.objects[number].split(":")[0] for number in held}),
             "grasp_types": len(np.unique(grasps.grasp_type)), "candidates": grasps.candidates, "hand": grasps.hand}
    if path is not None and path.is_file():
        data = path.read_bytes()
        found |= {"file_bytes": len(data), "bytes_per_grasp": len(data) / len(grasps)}
        found["sha256"] = hashlib.sha256(data).hexdigest()
    return found


def _splits_and_families(specs: list[str], counts: np.ndarray) -> dict[str, dict]:
    """By split, and by family in order of its name: grasps and objects that have any; families, or splits."""
    splits = {name: {"grasps": 0, "objects": 0, "families": set()} for name in ("train", "validation")}
    families: dict[str, dict] = {}
    for spec, count in sorted(zip(specs, counts.tolist(), strict=True)):
        if count:
            family, split = spec.split(":")[0], split_of(spec)
            line = families.setdefault(family, {"objects": 0, "grasps": 0, "splits": []})
            for part in (line, splits[split]):
                part["objects"] += 1
                part["grasps"] += count
            splits[split]["families"].add(family)
            if split not in line["splits"]:
                line["splits"].append(split)
    return {"splits": {name: part | {"families": len(part["families"])} for name, part in splits.items()},
            "families": families}


def _types(grasps: GraspSet) -> dict[str, dict]:
    """By grasp type: count, share of the set, share of the held objects that have one, median of the worst move."""
    held, worst = len(np.unique(grasps.object)), grasps.displacement.max(axis=1)
    found = {}
    for number, name in enumerate(grasps.grasp_types):
        mine = grasps.grasp_type == number
        objects = len(np.unique(grasps.object[mine]))
        found[name] = {"grasps": int(mine.sum()), "share": float(mine.mean()), "objects": objects,
                       "share_of_objects": objects / held,
                       "moved_mm": float(1000 * np.median(worst[mine])) if mine.any() else None}
    return found


def _palm_faces(grasps: GraspSet) -> dict[str, float]:
    """Share of the grasps whose palm faces nearest to each axis of the object's frame; even is a sixth each."""
    turns = axis_angle_to_matrix(torch.from_numpy(np.asarray(grasps.global_orient, dtype=np.float32)))
    faces = -turns[:, :, 1].numpy()  # the palm of the rest hand faces -y
    axis = np.abs(faces).argmax(axis=1)
    number = 2 * axis + (faces[np.arange(len(faces)), axis] < 0)
    return dict(zip(DIRECTIONS, (np.bincount(number, minlength=6) / len(faces)).tolist(), strict=True))


def _diversity(grasps: GraspSet, counts: np.ndarray, layer: ManoLayer, rng: np.random.Generator) -> dict:
    """How different the grasps of an object are (mean over objects), and HALO's figures over all of them together.

    `OBJECTS` random objects with `PER_OBJECT` random grasps each, or with as many as half of the objects have; where
    these are fewer than two for a cluster, an object's own clusters say nothing and are None.
    """
    each = int(min(PER_OBJECT, np.median(counts[counts > 0])))
    fit = np.flatnonzero(counts >= max(each, 2))
    if not len(fit):
        return {"objects": 0, "grasps_each": each}
    chosen = np.sort(rng.choice(fit, min(OBJECTS, len(fit)), replace=False))
    rows = [rng.choice(np.flatnonzero(grasps.object == number), each, replace=False) for number in chosen]
    hands = [_keypoints(grasps[part].parameters(), layer) for part in rows]
    apart = np.array([diversity.mean_pairwise_joint_distance_cm(points) for points in hands])
    alone = [_clusters(points, 3) for points in hands] if each >= 2 * diversity.CLUSTERS else []
    entropy, size = (_spread(np.array([found[name] for found in alone])) if alone else None
                     for name in ("entropy", "cluster_size"))
    heads = np.concatenate([points[:POOLED] for points in hands])
    pooled = _clusters(heads, diversity.SEEDS)
    return {"objects": len(chosen), "grasps_each": each, "joint_distance_cm": _spread(apart), "entropy_nats": entropy,
            "cluster_size_cm": size, "pooled_grasps": len(heads), "pooled_entropy_nats": pooled["entropy"],
            "pooled_entropy_sd": pooled["entropy_sd"], "pooled_cluster_size_cm": pooled["cluster_size"],
            "pooled_cluster_size_sd": pooled["cluster_size_sd"]}


def _keypoints(parameters: np.ndarray, layer: ManoLayer) -> np.ndarray:
    """The 21 keypoints (N,21,3) of hands (N,61) in the object's frame, metres."""
    parts = []
    with torch.no_grad():
        for part in torch.from_numpy(parameters).split(_CHUNK):
            hand = layer.from_parameters(part)
            parts.append(keypoints_from(hand.vertices, hand.joints, layer.tip_ids).numpy())
    return np.concatenate(parts)


def _clusters(points: np.ndarray, seeds: int) -> dict[str, float]:
    canonical = diversity.canonical_keypoints_cm(points).reshape(len(points), -1)
    return diversity.cluster_diversity(canonical, seeds=seeds)


def _spread(values: np.ndarray) -> dict[str, float]:
    low, middle, high = np.percentile(values, [5, 50, 95]).tolist()
    return {"mean": float(values.mean()), "p5": low, "median": middle, "p95": high, "max": float(values.max())}
