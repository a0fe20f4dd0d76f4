"""Held-out objects for the monitor: some of families that are not trained on, with the set's own grasps on them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fastgrasp_evaluation.metrics.penetration import ObjectSolid
from fastgrasp_model.hand import ManoLayer
from fastgrasp_training.configuration import TrainingConfig
from fastgrasp_training.data import TrainingData, few_objects, on_objects, prepared
from fastgrasp_training.sources import DataSourceError, ObjectSource, Request, TrainingGrasps, resolve

EVALUATION_ONLY = ("ho3d",)  # its ten objects are for the benchmark


@dataclass
class HeldOut:
    """Grasps of held-out objects; each object as trimesh and as `metrics.penetration.ObjectSolid`."""

    data: TrainingData
    meshes: list
    solids: list


def held_out(
    config: TrainingConfig, hand: ManoLayer, trained: Sequence[ObjectSource], progress=None
) -> tuple[HeldOut | None, str]:
    """Return the held-out objects of the run's sources, or None and why there are none."""
    try:
        grasps = unseen(config, trained)
        if grasps is None:
            return None, "no validation figures: no source holds out objects that are not trained on"
        grasps = few_objects(grasps, config.monitor.objects)
        data = prepared(grasps, replace(config.data, objects=0), hand, progress)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            meshes = [source.load()[0] for source in data.specs]
        return HeldOut(data, meshes, [ObjectSolid(mesh) for mesh in meshes]), ""
    except ImportError as error:
        return None, f"no validation figures: {error}"


def unseen(config: TrainingConfig, trained: Sequence[ObjectSource]) -> TrainingGrasps | None:
    """Return the validation grasps on objects that are not among `trained`, of all sources that have some."""
    known = {source.identity() for source in trained}
    parts = []
    for text in config.data.wanted:
        if Request.parse(text).kind in EVALUATION_ONLY:
            continue
        try:
            grasps = resolve(text, "validation")
        except DataSourceError:
            continue  # it has no such split
        new = np.flatnonzero([source.identity() not in known for source in grasps.objects])
        if len(new):
            parts.append(on_objects(grasps, new))
    if not parts:
        return None
    shift = np.cumsum([0, *(len(part.objects) for part in parts)])
    return replace(
        parts[0], parameters=np.concatenate([part.parameters for part in parts]),
        object=np.concatenate([part.object + start for part, start in zip(parts, shift[:-1], strict=True)]),
        objects=[source for part in parts for source in part.objects],
    )  # fmt: skip
