"""Shared by all tests: weights to work with, and ROS domains of their own."""

import itertools
import os

import numpy as np
import pytest

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])  # of several processes (`make test`) each has one
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before PyTorch is imported
# 1 .. 101 are safe on Linux: four processes have 25 domains each.
_domains = itertools.cycle(1 + 25 * (_worker % 4) + (os.getpid() + step) % 25 for step in range(25))


@pytest.fixture(scope="module")
def domain_id() -> int:
    """A ROS domain that no other module of this run uses."""
    return next(_domains)


@pytest.fixture(scope="session")
def weights_folder(tmp_path_factory):
    """The shipped weights; untrained ones where the package has none (messages are the same)."""
    from fastgrasp_model.configuration import ModelConfig
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_model.weights import PRETRAINED, WEIGHTS_FILE, build_model, save_model

    if (PRETRAINED / WEIGHTS_FILE).is_file():
        return PRETRAINED
    folder = tmp_path_factory.mktemp("weights")
    save_model(build_model(ModelConfig(), ManoLayer.from_file()), folder)
    return folder


@pytest.fixture(scope="session")
def ball() -> np.ndarray:
    """2,000 points (N, 3) on a ball of 4 cm radius around (0.3, -0.2, 0.5), metres."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(2000, 3))
    points *= 0.04 / np.linalg.norm(points, axis=1, keepdims=True)
    return (points + [0.3, -0.2, 0.5]).astype(np.float32)
