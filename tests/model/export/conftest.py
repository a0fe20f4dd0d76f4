"""Shared by the tests of exports: bent hands of both sides around a box."""

import numpy as np
import pytest
import trimesh

from fastgrasp_model.export import ExportScene
from fastgrasp_model.grasps import Grasps
from fastgrasp_model.hand import ManoLayer


def bent_hands(side: str, count: int = 3) -> Grasps:
    """Hands of different shapes, wrists turned anyhow, fingers bent by up to 1.2 rad about each axis."""
    rng = np.random.default_rng(3)
    parameters = np.concatenate([
        rng.normal(size=(count, 10)), rng.uniform(-2, 2, (count, 3)), rng.uniform(-1.2, 1.2, (count, 45)),
        rng.uniform(-0.1, 0.1, (count, 3)),
    ], axis=1)  # fmt: skip
    score = np.linspace(0.9, 0.1, count)
    return Grasps.from_parameters(parameters.astype(np.float32), ManoLayer.from_file(side=side), score)


@pytest.fixture(scope="session", params=["right", "left"])
def scene(request) -> ExportScene:
    return ExportScene(bent_hands(request.param), (0, 1, 5), trimesh.creation.box((0.05, 0.06, 0.1)))


@pytest.fixture(scope="session")
def clouded(scene) -> ExportScene:
    """The same with a cloud as its object."""
    points = np.random.default_rng(0).normal(scale=0.03, size=(500, 3)).astype(np.float32)
    return ExportScene(scene.grasps, scene.numbers, points)
