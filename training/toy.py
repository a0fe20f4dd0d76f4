"""A configuration made small, to see within minutes whether every stage runs: `fastgrasp train all --toy`."""

from __future__ import annotations

from dataclasses import replace

from fastgrasp_training.configuration import TrainingConfig

STEPS = {"autoencoder": 60, "diffusion": 60, "adaptation": 30, "refinement": 30, "completion": 30, "cvae": 60}
BATCH, OBJECTS, POINTS = 16, 6, 128


def toy(config: TrainingConfig) -> TrainingConfig:
    """Return the same model and losses on few objects, samples, steps and points.

    Self-training is left out: no hand of a toy is stable.
    """
    stages = {
        name: replace(stage, steps=min(stage.steps, steps), batch=min(stage.batch, BATCH))
        for name, steps in STEPS.items()
        if (stage := getattr(config, name)) is not None
    }
    model = replace(config.model, points=min(config.model.points, POINTS))
    monitor = replace(config.monitor, times=min(config.monitor.times, 2), objects=2, grasps=2, pictures=2)
    return replace(
        config, model=model, data=toy_data(config), monitor=monitor, self_training=None, iterated_self_training=None,
        **stages,
    )  # fmt: skip


def toy_data(config: TrainingConfig):
    """Return the data section of `toy`."""
    data = config.data
    most = {"views": 3, "repeats": 1, "cells": 32, "view_points": 1024, "range_views": 3, "range_objects": OBJECTS}
    small = {name: min(getattr(data, name), value) for name, value in most.items()}
    return replace(data, objects=min(data.objects or OBJECTS, OBJECTS), **small)
