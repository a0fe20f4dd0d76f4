"""A configuration made small, to see in a minute whether a stage runs at all: `fastgrasp train all --toy`."""

from __future__ import annotations

from dataclasses import replace

from fastgrasp_training.configuration import TrainingConfig

STEPS = {"autoencoder": 60, "diffusion": 60, "adaptation": 30, "refinement": 30, "completion": 30, "cvae": 60}
BATCH, OBJECTS, POINTS = 16, 6, 128


def toy(config: TrainingConfig) -> TrainingConfig:
    """The same model and losses; few objects, samples, steps and points. No selection: a toy's hands hold nothing."""
    stages = {
        name: replace(stage, steps=min(stage.steps, STEPS[name]), batch=min(stage.batch, BATCH))
        for name in STEPS
        for stage in [getattr(config, name)]
        if stage is not None
    }
    model = replace(config.model, points=min(config.model.points, POINTS))
    data = config.data
    data = replace(
        data, objects=min(data.objects or OBJECTS, OBJECTS), views=min(data.views, 3), repeats=1,
        cells=min(data.cells, 32), view_points=min(data.view_points, 1024), range_views=min(data.range_views, 3),
        range_objects=min(data.range_objects, OBJECTS),
    )  # fmt: skip
    monitor = replace(config.monitor, times=min(config.monitor.times, 2), objects=2, grasps=2, pictures=2)
    return replace(config, model=model, data=data, monitor=monitor, self_training=None, iterated_self_training=None, **stages)
