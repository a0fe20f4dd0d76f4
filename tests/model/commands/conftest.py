"""Shared by the tests of the commands: weights, an object and a grasp file."""

import pytest
import trimesh

from fastgrasp_model import cli


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Untrained weights of the default configuration: everything but good grasps."""
    import torch

    from fastgrasp_model.configuration import ModelConfig
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_model.weights import build_model, save_model

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    save_model(build_model(ModelConfig(sampling_steps=2), ManoLayer.from_file()), folder)
    return folder


@pytest.fixture(scope="session")
def box_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("object") / "box.ply"
    trimesh.creation.box((0.05, 0.06, 0.1)).export(path)
    return path


@pytest.fixture(scope="session")
def grasp_file(weights, box_file, tmp_path_factory):
    path = tmp_path_factory.mktemp("grasps") / "g.npz"
    words = ["generate", str(box_file), "--num", "3", "--weights", str(weights), "--out", str(path)]
    assert cli.main(words) == 0
    return path
