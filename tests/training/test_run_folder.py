"""What a run leaves: run.json, metrics.jsonl."""

import json

import torch

from fastgrasp_training.devices import Machine
from fastgrasp_training.run_folder import Metrics, code_version, hand_digest, write_run


def test_run_json_tells_what_was_run(tiny_run, tmp_path, data, hand):
    for _ in range(2):
        path = write_run(tmp_path, tiny_run, ("autoencoder",), Machine(), data, hand)
    found = json.loads(path.read_text())
    assert found["configuration"]["autoencoder"]["steps"] == 8 and found["configuration"]["model"]["latent"] == 24
    assert found["data"]["sha256"] == data.digest and found["data"]["grasps"] == len(data)
    assert len(next(iter(found["data"]["files"].values()))) == 64
    assert found["hand"] == {"name": hand.name, "sha256": hand_digest(hand)}
    assert [start["stages"] for start in found["starts"]] == [["autoencoder"]] * 2
    assert found["starts"][0]["libraries"]["torch"] == torch.__version__


def test_another_hand_has_another_digest(hand):
    before = hand_digest(hand)
    kept = hand.v_template.clone()
    hand.v_template[0, 0] += 1e-4
    assert hand_digest(hand) != before
    hand.v_template.copy_(kept)
    assert hand_digest(hand) == before


def test_lines_after_the_last_checkpoint_are_taken_out(tmp_path):
    metrics = Metrics(tmp_path, "diffusion")
    for step in (20, 40, 60):
        metrics.add(step, {"losses": {"total": 1.0 / step}})
    metrics.close()
    with open(metrics.path, "a") as stream:
        stream.write('{"stage": "autoencoder", "step": 99}\n{"stage": "diffusion", "st')
    again = Metrics(tmp_path, "diffusion", start=40)
    again.add(60, {"losses": {"total": 0.5}})
    again.close()
    lines = [json.loads(line) for line in metrics.path.read_text().splitlines()]
    assert [(line["stage"], line["step"]) for line in lines] == [
        ("diffusion", 20), ("diffusion", 40), ("autoencoder", 99), ("diffusion", 60),
    ]  # fmt: skip
    assert list((tmp_path / "tensorboard" / "diffusion").glob("events*"))


def test_code_version_is_a_commit_or_nothing():
    version = code_version()
    assert version is None or len(version.removesuffix("+changes")) == 40
