"""A run that is killed at any moment and started again ends in the weights of one that was not, bit by bit."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_runs import assert_same_weights, write_config

from fastgrasp_model.weights import load_model
from fastgrasp_training import checkpoints
from fastgrasp_training.checkpoints import CheckpointError, identity, read_checkpoint, refuse_other, write_checkpoint
from fastgrasp_training.configuration import StageConfig
from fastgrasp_training.run import MissingStageError, train
from fastgrasp_training.stage import RandomBatches

ALL = ("autoencoder", "diffusion", "adaptation")
# A process that kills itself: in a step, while it writes its n-th checkpoint, or between two stages.
KILLED = """
import io, os, signal, sys
import torch
from fastgrasp_training import checkpoints, cli
from fastgrasp_training.stage import TrainingStage

moment, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
end = lambda: os.kill(os.getpid(), signal.SIGKILL)
if moment == "step":
    step = TrainingStage.training_step
    def training_step(self, *words):
        if self.name == name and self.step == number:
            end()
        return step(self, *words)
    TrainingStage.training_step = training_step
if moment == "write":
    save, calls = torch.save, []
    def half(content, stream):
        if content["stage"] == name:
            calls.append(1)
        if len(calls) < number:
            return save(content, stream)
        whole = io.BytesIO()
        save(content, whole)
        stream.write(whole.getvalue()[: whole.tell() // 2])
        stream.flush()
        end()
    torch.save = half
if moment == "between":
    from fastgrasp_training import run
    kept = run.save_model
    def save_model(model, folder, *words, **more):
        if folder.parent.name == name and not number:
            end()
        kept(model, folder, *words, **more)
        if folder.parent.name == name:
            end()
    run.save_model = save_model
sys.exit(cli.main(sys.argv[4:]))
"""


@pytest.fixture(scope="module")
def environment():
    paths = [path for path in sys.path if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_a_killed_run_ends_in_the_same_weights(tiny_run, tmp_path, environment):
    config = write_config(tiny_run, tmp_path / "c.yaml")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    train(tiny_run, ALL, tmp_path / "whole", "cpu", quiet=True)
    torch.set_num_threads(threads)
    words = ["all", "--config", str(config), "--out", str(tmp_path / "killed"), "--device", "cpu"]
    moments = [
        ("step", "autoencoder", 3), ("between", "autoencoder", 0), ("write", "diffusion", 2), ("step", "adaptation", 5),
    ]  # fmt: skip
    for moment in moments:
        command = [sys.executable, "-c", KILLED, *map(str, moment), *words]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
    ended = subprocess.run([sys.executable, "-c", KILLED, "not", "", "0", *words], env=environment,
                           capture_output=True, text=True)  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "autoencoder: done" in ended.stderr and "on from step 4" in ended.stderr
    for stage in ALL:
        assert_same_weights(tmp_path / "whole", tmp_path / "killed", stage)
        assert not list((tmp_path / "killed" / stage).glob(".*"))
    lines = (tmp_path / "killed" / "metrics.jsonl").read_text().splitlines()
    assert lines == sorted(set(lines), key=lines.index) and len(lines) == 3


def test_half_written_and_damaged_checkpoints_are_passed_over(tmp_path):
    known, told = {"seed": 0}, []
    assert read_checkpoint(tmp_path, known, told.append) is None
    for step in (1, 2):
        write_checkpoint(tmp_path, {"identity": known, "step": step})
    assert read_checkpoint(tmp_path, known, told.append)["step"] == 2 and not told
    whole = (tmp_path / "last.ckpt").read_bytes()
    (tmp_path / ".last.17.part").write_bytes(whole[:100])
    assert read_checkpoint(tmp_path, known, told.append)["step"] == 2
    assert "incomplete" in told[0]
    (tmp_path / "last.ckpt").write_bytes(whole[: len(whole) // 2])
    assert read_checkpoint(tmp_path, known, told.append)["step"] == 1
    assert "damaged" in told[-1]


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    write_checkpoint(tmp_path, {"identity": {"seed": 0, "autoencoder.batch": 8}, "step": 1})
    with pytest.raises(CheckpointError, match="autoencoder.batch 8 there, 16 here.*Give another --out, or remove"):
        read_checkpoint(tmp_path, {"seed": 0, "autoencoder.batch": 16})


def test_what_weights_depend_on(tiny_run):
    def of(config, stage="autoencoder", data="d", hand="h"):
        return checkpoints.identity(config, stage, data, hand)

    other = dataclasses.replace
    assert of(tiny_run) == of(other(tiny_run, data=other(tiny_run.data, cache="elsewhere", grasps="there", workers=9)))
    assert of(tiny_run) == of(other(tiny_run, diffusion=other(tiny_run.diffusion, batch=16)))
    changed = [
        other(tiny_run, seed=1), other(tiny_run, data=other(tiny_run.data, repeats=3)),
        other(tiny_run, model=other(tiny_run.model, latent=12)),
        other(tiny_run, autoencoder=other(tiny_run.autoencoder, steps=9)),
    ]  # fmt: skip
    assert all(of(config) != of(tiny_run) for config in changed)
    assert of(tiny_run, data="e") != of(tiny_run) != of(tiny_run, hand="i")
    assert of(changed[3], "diffusion") != of(tiny_run, "diffusion")


@pytest.mark.slow
def test_finished_stages_are_kept_and_others_refused(tiny_run, tmp_path):
    train(tiny_run, ("autoencoder",), tmp_path, "cpu", quiet=True)
    file = tmp_path / "autoencoder" / "weights" / "model.safetensors"
    written = file.stat().st_mtime_ns
    assert train(tiny_run, ("autoencoder",), tmp_path, "cpu", quiet=True) == file.parent
    assert file.stat().st_mtime_ns == written
    other = dataclasses.replace(tiny_run, seed=5)
    with pytest.raises(CheckpointError, match="seed 0 there, 5 here"):
        train(other, ("autoencoder",), tmp_path, "cpu", quiet=True)


@pytest.mark.slow
def test_the_model_of_the_file_is_trained_or_refused(tiny_run, tmp_path):
    """Edited sizes were ignored where weights of an earlier stage lay in the folder, while run.json told of them."""
    train(tiny_run, ("autoencoder",), tmp_path, "cpu", quiet=True)
    wider = dataclasses.replace(tiny_run, model=dataclasses.replace(tiny_run.model, denoiser_width=64))
    with pytest.raises(MissingStageError, match=r"model.denoiser_width 48 there, 64 here.*--out"):
        train(wider, ("diffusion",), tmp_path, "cpu", quiet=True)
    assert json.loads((tmp_path / "run.json").read_text())["configuration"]["model"]["denoiser_width"] == 48
    quicker = dataclasses.replace(tiny_run, model=dataclasses.replace(tiny_run.model, sampling_steps=3))
    weights = train(quicker, ("diffusion",), tmp_path, "cpu", quiet=True)
    assert load_model(weights).config.sampling_steps == 3  # no weight depends on it: the file has the say


def test_finished_rounds_can_be_extended(tiny_run):
    few, more = (
        dataclasses.replace(tiny_run, iterated_self_training=StageConfig(weights={"denoising": 1.0}, rounds=rounds))
        for rounds in (2, 4)
    )
    assert more.stages[: len(few.stages)] == few.stages and len(more.stages) == len(few.stages) + 2
    for stage in few.stages:
        assert identity(few, stage, "d", "h") == identity(more, stage, "d", "h")
    before = identity(few, few.stages[-1], "d", "h") | {"iterated_self_training.rounds": 2}  # as earlier versions wrote
    refuse_other(before, identity(more, few.stages[-1], "d", "h"), Path("weights"))


def test_a_checkpoint_is_written_every_minute(tmp_path, monkeypatch):
    class Trainer:
        is_global_zero, lr_scheduler_configs, optimizers = True, [], [torch.optim.SGD([torch.zeros(1)], 0.1)]

    class Stage:
        name, step, model = "autoencoder", 1, torch.nn.Linear(1, 1)

    made = checkpoints.Checkpoints(tmp_path, {}, steps=1000)
    made.on_train_batch_end(Trainer, Stage)
    assert not (tmp_path / "last.ckpt").exists()
    made.written -= checkpoints.SECONDS + 1
    made.on_train_batch_end(Trainer, Stage)
    assert read_checkpoint(tmp_path, {})["step"] == 1


def test_batches_of_a_resumed_run_are_those_it_would_have_seen():
    whole = list(RandomBatches(100, 4, 6, seed=1))
    rest = list(RandomBatches(100, 4, 6, seed=1, start=4))
    assert len(rest) == 2 and all(torch.equal(a, b) for a, b in zip(whole[4:], rest, strict=True))
