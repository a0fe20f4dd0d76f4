"""The profile of a stage, and the toy configuration."""

import dataclasses
import json

import pytest
from small_runs import write_config

from fastgrasp_training import profile
from fastgrasp_training.configuration import TrainingConfig, section_of
from fastgrasp_training.self_training import SELF_TRAINING
from fastgrasp_training.toy import BATCH, OBJECTS, STEPS, toy

FULL = {"implicit_shape_width": 16, "bone_frames": True, "evaluator_width": 24}


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "more"), [("autoencoder", {}), ("adaptation", {}), ("adaptation", FULL)])
def test_figures_of_a_stage(stage, more, tiny_run, tmp_path, capsys):
    config = dataclasses.replace(tiny_run, model=dataclasses.replace(tiny_run.model, **more))
    config = write_config(config, tmp_path / "c.yaml")
    words = [stage, "--config", str(config), "--steps", "2", "--device", "cpu"]
    assert profile.main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    shares = sum(found[f"{part}_share"] for part in ("data", "forward", "backward", "optimiser"))
    assert shares == pytest.approx(1) and found["data_share"] < 0.2
    assert found["steps_per_second"] > 0 and found["flop_per_step"] > 1e6
    assert 0 < found["share_of_peak"] < 1
    assert profile.main(words) == 0 and "steps a second" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["default", "paper"])
def test_a_toy_is_the_same_method_made_small(name, request):
    config = TrainingConfig.from_yaml(request.config.rootpath / f"config/training/{name}.yaml")
    small = toy(config)
    assert small.stages == tuple(stage for stage in config.stages if section_of(stage) not in SELF_TRAINING)
    assert small.data.objects == OBJECTS and small.data.range_objects <= OBJECTS
    for stage in small.stages:
        one, whole = getattr(small, stage), getattr(config, stage)
        assert (one.weights, one.decay) == (whole.weights, whole.decay)
        assert one.steps == STEPS[stage] and one.batch == BATCH
    assert small.model.latent == config.model.latent and small.model.points < config.model.points
