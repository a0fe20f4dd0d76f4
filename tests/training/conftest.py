"""A small training set: real grasps of the open set on three of its objects."""

import dataclasses

import numpy as np
import pytest
import torch

from fastgrasp_model.configuration import ModelConfig
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.paper.configuration import PaperConfig
from fastgrasp_model.weights import build_model
from fastgrasp_synthesis.grasp_set import PACKED_GRASPS, load_grasp_set
from fastgrasp_training.configuration import DataConfig, StageConfig, TrainingConfig
from fastgrasp_training.data import build_bank, load_training_data
from fastgrasp_training.run import choose_query_vertices

SMALL = ModelConfig(
    name="small", points=64, object_width=48, hand_width=64, latent=24, denoiser_width=48, denoiser_depth=1,
    sampling_steps=4, query_points=32, rounds=2, adaptation_width=48, adaptation_depth=1,
)  # fmt: skip
PAPER = PaperConfig(name="small paper", points=64, hand_width=64, latent=24, denoiser_width=48, denoiser_depth=1,
                    sampling_steps=4, guidance=2.0)  # fmt: skip
FULL = dataclasses.replace(SMALL, name="small full", implicit_shape_width=16, bone_frames=True, evaluator_width=24)
MODELS = {"default": SMALL, "paper": PAPER, "full": FULL}


@pytest.fixture(scope="session")
def grasp_file(tmp_path_factory):
    """A packed file with at most 120 grasps on three training objects."""
    everything = load_grasp_set(PACKED_GRASPS).split("train")
    counts = np.bincount(everything.object, minlength=len(everything.objects))
    chosen = np.argsort(-counts, kind="stable")[:3]
    few = everything[np.isin(everything.object, chosen)][:120]
    return few.save(tmp_path_factory.mktemp("grasps") / "few.npz")


@pytest.fixture(scope="session")
def data_config(grasp_file, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return DataConfig(grasps=str(grasp_file), cache=str(cache), views=3, repeats=2, cells=32, workers=1)


@pytest.fixture(scope="session")
def hand():
    return ManoLayer.from_file()


@pytest.fixture(scope="session")
def data(data_config, hand):
    return load_training_data(data_config, hand)


@pytest.fixture(params=list(MODELS))
def model(request, hand):
    torch.manual_seed(0)
    made = build_model(MODELS[request.param], hand)
    if request.param != "paper":
        made.query_ids.copy_(choose_query_vertices(hand, made.config.query_points))
    return made


@pytest.fixture
def bank(data, model):
    return build_bank(data, model, 2, seed=0)


@pytest.fixture
def tiny_run(data_config):
    """A whole configuration of a few seconds."""
    stage = StageConfig(steps=8, batch=8, learning_rate=1e-3)
    return TrainingConfig(SMALL, data_config, stage, stage, dataclasses.replace(stage, augmented=0.5))
