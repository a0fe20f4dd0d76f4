"""A whole run: three stages, files, resuming, and requests that cannot be met."""

import dataclasses
import shutil

import pytest
import torch

from fastgrasp_model.cli import run as command
from fastgrasp_model.generator import GraspGenerator
from fastgrasp_model.weights import PRETRAINED, load_model
from fastgrasp_training import cli, run
from fastgrasp_training.autoencoder import AutoencoderStage
from fastgrasp_training.run import MissingStageError, train


@pytest.mark.slow
def test_all_stages_end_in_weights_that_generate(tiny_run, tmp_path, data):
    weights = train(tiny_run, ("autoencoder", "diffusion", "adaptation"), tmp_path, "cpu", quiet=True)
    assert weights == tmp_path / "weights"
    grasps = GraspGenerator.from_pretrained(weights).generate(data.objects.clouds(torch.tensor([0]))[0][0].numpy(), 3)
    assert len(grasps) == 3
    for stage in ("autoencoder", "diffusion", "adaptation"):
        assert (tmp_path / stage / "last.ckpt").exists()
        assert list((tmp_path / "tensorboard" / stage).glob("events*"))


def moved(before, after):
    """Which networks differ between two states."""
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.slow
def test_self_training_and_refinement_continue_from_trained_weights(tiny_run, tmp_path, data):
    """From those that ship: a network of a few steps makes no hand that holds."""
    shutil.copytree(PRETRAINED, tmp_path / "adaptation" / "weights")
    model = load_model().config
    stage = dataclasses.replace(tiny_run.adaptation, learning_rate=1e-4)
    light = dataclasses.replace(stage, top_fraction=0.5, rounds=2)
    model = dataclasses.replace(model, noise_scale=1.2)
    config = dataclasses.replace(
        tiny_run, model=model, self_training=stage, refinement=stage, iterated_self_training=light,
        completion=tiny_run.diffusion,
    )
    stages = config.stages[-4:]
    assert stages == ("self_training", "refinement", "iterated_self_training", "iterated_self_training_2")
    weights = train(config, stages, tmp_path, "cpu", quiet=True)
    folders = PRETRAINED, *(tmp_path / name / "weights" for name in stages)
    states = [load_model(folder).state_dict() for folder in folders]
    assert moved(*states[:2]) == moved(*states[2:4]) == moved(*states[3:]) == {"denoiser"}
    assert moved(*states[1:3]) == {"adaptation", "implicit_shape", "grasp_evaluator", "graspability"}
    assert load_model(weights).config.noise_scale == 1.0
    cloud = data.objects.clouds(torch.tensor([0]))[0][0].numpy()
    assert len(GraspGenerator.from_pretrained(weights).generate(cloud, 3)) == 3


@pytest.mark.slow
def test_what_was_done_before_an_interrupt_is_kept(tiny_run, tmp_path, monkeypatch):
    calls = []

    def interrupted(self, index):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return AutoencoderStage.loss_terms(self, index)

    class Interrupted(AutoencoderStage):
        loss_terms = interrupted

    monkeypatch.setattr(run, "AutoencoderStage", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_run, ("autoencoder",), tmp_path, "cpu", quiet=True)
    steps = torch.load(tmp_path / "autoencoder" / "last.ckpt", weights_only=True)["step"]
    assert steps == 4  # the last checkpoint, every second step
    assert not (tmp_path / "autoencoder" / "weights").exists()


def test_an_interrupt_is_said(tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "train", interrupted)
    config = tmp_path / "c.yaml"
    config.write_text("{}")
    assert cli.main(["all", "--config", str(config), "--out", str(tmp_path)]) == 130
    assert "the same command goes on from the last checkpoint" in capsys.readouterr().err


def test_a_stage_before_its_time_is_refused(tiny_run, tmp_path):
    with pytest.raises(MissingStageError, match="diffusion starts from the autoencoder: no weights at"):
        train(tiny_run, ("diffusion",), tmp_path, "cpu", quiet=True)


def test_command_line_errors_are_one_line(tmp_path, capsys):
    def errors_of(*words):
        assert command(cli.PROG, cli.main, [*words, "--out", str(tmp_path), "--quiet"]) == 2
        return capsys.readouterr().err

    config = tmp_path / "c.yaml"
    config.write_text(f"data: {{grasps: {tmp_path / 'empty'}}}")
    assert "no such file" in errors_of("all", "--config", str(tmp_path / "none.yaml"))
    assert "fastgrasp synthesize" in errors_of("all", "--config", str(config))
    assert "did you mean diffusion" in errors_of("difusion", "--config", str(config))
    told = errors_of("selection", "--config", str(config))
    assert "the stage selection is now called self_training" in told and "has no stage self_training" in told
    assert told.count("\n") == 2
