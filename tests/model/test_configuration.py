"""The model's configuration refuses what it cannot mean."""

import pytest

from fastgrasp_model.configuration import ModelConfig


def test_round_trip():
    config = ModelConfig(latent=32, frame="object")
    assert ModelConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"latents": 3}, "unknown keys \\['latents'\\]"),
        ({"frame": "world"}, "model.frame: expected one of"),
        ({"latent": "many"}, "model.latent: expected a whole number"),
        ({"latent": -4}, "model.latent: expected a whole number"),
        ({"radius": "wide"}, "model.radius: expected a number"),
        ({"sampling_steps": 0}, "model.sampling_steps: expected 1..1000, got 0"),
        ({"sampler": "euler"}, "model.sampler: expected one of"),
        ({"implicit_shape_width": 8, "query_points": 0}, "model.implicit_shape_width: the field is made of"),
        ({"implicit_shape_width": 8, "object_encoder": "pointnet"}, "expected object_encoder basis and query_points"),
        ({"bone_frames": True, "query_points": 0}, "model.bone_frames: they are those of query_points"),
        ({"bone_frames": "yes"}, "model.bone_frames: expected true or false, got 'yes'"),
        ({"evaluator_width": 8, "query_points": 0}, "model.evaluator_width: the judge reads what query_points feel"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig.from_dict(values)
