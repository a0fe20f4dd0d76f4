"""Two processes that share each batch train as one process would; only the first writes."""

import json
import os
import subprocess
import sys

import pytest
import torch
from small_runs import weights_of, write_config

from fastgrasp_training import devices
from fastgrasp_training.devices import Machine, MachineError
from fastgrasp_training.randomness import StepGenerator, step_seed
from fastgrasp_training.run import train
from fastgrasp_training.stage import RandomBatches

ALL = ("autoencoder", "diffusion", "adaptation")


def _losses(out):
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [(line["stage"], line["step"], line["losses"]["total"]) for line in lines if "losses" in line]


@pytest.mark.slow
def test_two_processes_train_as_one(tiny_run, tmp_path):
    config = write_config(tiny_run, tmp_path / "c.yaml")
    train(tiny_run, ALL, tmp_path / "one", "cpu", quiet=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "OMP_NUM_THREADS": "1"}
    words = ["all", "--config", str(config), "--out", str(tmp_path / "two"), "--device", "cpu", "--devices", "2"]
    command = [sys.executable, "-m", "fastgrasp_training.cli", *words]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("weights in ") == 1
    one, two = _losses(tmp_path / "one"), _losses(tmp_path / "two")
    assert [entry[:2] for entry in one] == [entry[:2] for entry in two] and len(two) == 3
    for (*_, expected), (*_, found) in zip(one, two, strict=True):
        assert found == pytest.approx(expected, rel=2e-3)
    for stage in ALL:  # not bit by bit: sums are taken in another order
        first, second = weights_of(tmp_path / "one", stage), weights_of(tmp_path / "two", stage)
        for name in first:
            assert (first[name].float() - second[name].float()).abs().max() < 2e-3, (stage, name)
        apart = sum((first[n].double() - second[n].double()).square().sum() for n in first) ** 0.5
        size = sum(first[n].double().square().sum() for n in first) ** 0.5
        assert apart < 1e-4 * size, stage
    assert json.loads((tmp_path / "two" / "run.json").read_text())["starts"][0]["processes"] == 2


def test_processes_share_the_numbers_of_one():
    whole = next(iter(RandomBatches(100, 6, 1, seed=3)))
    parts = [next(iter(RandomBatches(100, 6, 1, seed=3, part=(rank, 2)))) for rank in (0, 1)]
    assert torch.equal(torch.stack(parts, 1).flatten(), whole)
    drawn = StepGenerator(5).normal(6, 4), *(StepGenerator(5, rank, 2).normal(3, 4) for rank in (0, 1))
    assert torch.equal(torch.stack(drawn[1:], 1).flatten(0, 1), drawn[0])
    assert StepGenerator(5, 1, 3).integers(7, 2).tolist() == StepGenerator(5).integers(7, 6)[1::3].tolist()
    seeds = [step_seed(0, "a", 1), step_seed(0, "a", 2), step_seed(1, "a", 1), step_seed(0, "b", 1)]
    assert len(set(seeds)) == 4 and all(0 <= seed < 2**63 for seed in seeds)


def test_a_batch_that_cannot_be_shared_is_refused(tiny_run, tmp_path, data, hand):
    from fastgrasp_training.stage import TrainingStage, check_shares

    class Three:
        name, halves, config = "autoencoder", 2, tiny_run.autoencoder

    with pytest.raises(MachineError, match="a batch of 8 cannot be shared by 3 processes.*such as batch: 6"):
        check_shares(Three, Machine(world=3))
    check_shares(Three, Machine(world=4))
    assert TrainingStage.halves == 1


def test_machines_are_told_how_to_meet(monkeypatch):
    for name in ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MachineError, match="--nodes 2: set MASTER_ADDR, MASTER_PORT, NODE_RANK"):
        devices._meeting_point(2)
    for name, value in {"MASTER_ADDR": "first", "MASTER_PORT": "29500", "NODE_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    found = devices._meeting_point(2)
    assert found["rdzv_endpoint"] == "first:29500" and found["rdzv_configs"]["rank"] == 1
    for name, value in {"RANK": "6", "WORLD_SIZE": "8", "LOCAL_RANK": "2", "LOCAL_WORLD_SIZE": "4"}.items():
        monkeypatch.setenv(name, value)
    machine = Machine.chosen("cpu")
    assert (machine.rank, machine.world, machine.local_rank, machine.nodes, machine.first) == (6, 8, 2, 2, False)


def test_devices_that_are_not_there_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MachineError, match="torch sees no CUDA device"):
        Machine.chosen("gpu")
    assert Machine.chosen("auto") == Machine("cpu", "32")


def test_when_one_process_fails_the_others_end(tmp_path):
    """The launcher returns a code that is not 0, and no process is left."""
    (tmp_path / "failing.py").write_text(
        "import os, sys, time\nif os.environ['RANK'] == '1': sys.exit(3)\ntime.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)])}
    code = "import sys; from fastgrasp_training.devices import launch; sys.exit(launch([], 2, 1, 'failing'))"
    ended = subprocess.run([sys.executable, "-c", code], env=environment, timeout=50)
    assert ended.returncode == 3
