"""The configurations of the two methods: wrong values are named, and those of earlier versions are read."""

import pytest

from fastgrasp_model.configuration import ModelConfig
from fastgrasp_model.paper.configuration import PaperConfig
from fastgrasp_model.weights import model_config

OLD_SWITCHES = {"frame": "anchor", "object_encoder": "basis", "vertex_encoder": "ordered", "layers": "residual",
                "generator": "diffusion", "prediction": "v", "schedule": "cosine", "sampler": "dpm"}  # fmt: skip
OLD_PAPER = {"frame": "object", "object_encoder": "pointnet", "object_width": 1024, "vertex_encoder": "pointnet",
             "layers": "plain", "generator": "diffusion", "prediction": "epsilon", "schedule": "linear",
             "sampler": "ddpm", "latent_noise": 0.0, "probes": 0, "rounds": 1, "latent": 96}  # fmt: skip


@pytest.mark.parametrize("config", [ModelConfig(latent=32), PaperConfig(latent=32, variant="cvae", rounds=0)])
def test_round_trip(config):
    assert model_config(config.to_dict()) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"latents": 3}, "model.latents: unknown key; did you mean latent"),
        ({"method": "peper"}, "model.method: expected default or paper, got 'peper'"),
        ({"variant": "gan"}, "model.variant: .*'cvae'.* got 'gan'"),
        ({"latent": "many"}, "model.latent: .*integer.* got 'many'"),
        ({"latent": -4}, "model.latent: .*greater than or equal to 1, got -4"),
        ({"latent": True}, "model.latent: "),
        ({"radius": "wide"}, "model.radius: .*number"),
        ({"sampling_steps": 2000}, "model: sampling_steps: expected at most diffusion_steps, 1000, got 2000"),
        ({"bone_frames": "perhaps"}, "model.bone_frames: .*boolean"),
        ({"variant": "cvae"}, "rounds: a CVAE has no latents to adapt; expected 0, got 3"),
        ({"method": "paper", "rounds": 2}, "rounds: the published adaptation has one round"),
        ({"method": "paper", "sampler": "euler"}, "model.sampler: .*'ddim' or 'ddpm'"),
        ({"method": "paper", "query_points": 4}, "model.query_points: unknown key"),
        ({"layers": "plain", "frame": "anchor"}, "model.frame: 'anchor' no longer goes with layers 'plain'"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        model_config(values)


def test_configurations_of_earlier_versions_are_read():
    old = {**OLD_SWITCHES, "latent": 32, "probes": 64, "spread": 1.2, "judge_width": 8, "back_view_width": 16}
    assert model_config(old) == ModelConfig(
        latent=32, query_points=64, noise_scale=1.2, evaluator_width=8, completion_width=16
    )
    assert model_config(OLD_PAPER) == PaperConfig(latent=96, sampler="ddpm", guidance=3.0)
    assert model_config({**OLD_PAPER, "generator": "cvae", "rounds": 0}).variant == "cvae"
    assert model_config({**OLD_SWITCHES, "vertex_encoder": "parameters"}).variant == "parameters"


def test_a_renamed_key_answers_with_the_new_one():
    with pytest.warns(UserWarning, match="model.probes is now called query_points"):
        model_config({"probes": 8}, quiet=False)
