"""Configurations laid over one another, and the keys of the ablations."""

import pytest

from fastgrasp_training.configuration import DataConfig, StageConfig, TrainingConfig, TrainingConfigError


def _write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_a_file_changes_its_base(tmp_path):
    _write(
        tmp_path,
        low="model: {name: low, latent: 32}\nautoencoder: {steps: 7, weights: {mesh: 1.0, contact: 2.0}}\nseed: 3",
        high="base: low.yaml\nmodel: {latent: 48}\nautoencoder: {weights: {mesh: 5.0}}",
        top="base: high.yaml\nautoencoder: {batch: 9}",
        other="model: {name: other}\nautoencoder: {steps: 11}",
    )
    config = TrainingConfig.from_yaml(tmp_path / "top.yaml")
    assert (config.model.name, config.model.latent, config.seed) == ("low", 48, 3)
    assert (config.autoencoder.steps, config.autoencoder.batch) == (7, 9)
    assert config.autoencoder.weights == {"mesh": 5.0}  # weights replace, and do not merge
    other = TrainingConfig.from_yaml(tmp_path / "high.yaml", tmp_path / "other.yaml")
    assert (other.model.name, other.model.latent, other.autoencoder.steps) == ("other", 48, 11)


def test_a_base_that_cannot_be_read_is_named(tmp_path):
    _write(tmp_path, a="base: nowhere.yaml", b="base: b.yaml", c="base: [1]")
    for name, message in (
        ("a", "nowhere.yaml: cannot be read"),
        ("b", "does a base name itself"),
        ("c", "base: expec"),
    ):
        with pytest.raises(TrainingConfigError, match=message):
            TrainingConfig.from_yaml(tmp_path / f"{name}.yaml")


def test_losses_are_left_out_by_name():
    assert StageConfig(weights={"mesh": 1.0, "contact": 2.0}, without=["contact"]).weights == {"mesh": 1.0}
    with pytest.raises(ValueError, match="without: \\['contact'\\] have no weight to lose"):
        StageConfig(weights={"mesh": 1.0}, without=["contact"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"form": "mesh"}, "form: expected 'grid' or 'points'"),
        ({"decay": "steps"}, "decay: expected 'cosine' or 'constant'"),
        ({"top_fraction": 0.0}, "top_fraction: expected a share above 0"),
        ({"rounds": 0}, "rounds: expected 1 or more, got 0"),
        ({"form": "points", "augmented": 0.5}, "augmented: the losses of form 'points' compare with true hands"),
    ],
)
def test_wrong_stages_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        StageConfig(**values)


def test_a_negative_number_of_objects_is_refused():
    with pytest.raises(ValueError, match="range_objects >= 0, got 12 and -1"):
        DataConfig(range_objects=-1)


def test_which_stages_a_model_has():
    stages = {
        "{}": ("autoencoder", "diffusion", "adaptation"), "{rounds: 0}": ("autoencoder", "diffusion"),
        "{rounds: 2}, refinement: {steps: 9}, self_training: {steps: 9}": (
            "autoencoder", "diffusion", "adaptation", "self_training", "refinement",
        ),
        "{rounds: 2}, iterated_self_training: {steps: 9, rounds: 2}": (
            "autoencoder", "diffusion", "adaptation", "iterated_self_training", "iterated_self_training_2",
        ),
        "{generator: cvae, rounds: 0, query_points: 0}": ("cvae",),
    }  # fmt: skip
    import yaml

    for text, expected in stages.items():
        assert TrainingConfig.from_dict(yaml.safe_load(f"{{model: {text}}}")).stages == expected
    with pytest.raises(ValueError, match="self_training: it follows an adaptation"):
        TrainingConfig.from_dict({"model": {"rounds": 0}, "self_training": {"steps": 9}})
    with pytest.raises(ValueError, match="diffusion.rounds: only a reselection is done over; expected 1"):
        TrainingConfig.from_dict({"diffusion": {"rounds": 2}})


def test_paper_is_what_the_paper_states(request):
    config = TrainingConfig.from_yaml(request.config.rootpath / "config/training/paper.yaml")
    model = config.model
    assert (model.latent, model.points, model.diffusion_steps, model.sampling_steps) == (768, 3000, 1000, 20)
    assert (model.schedule, model.prediction, model.sampler, model.guidance) == ("linear", "epsilon", "ddim", 1 + 2.0)
    assert config.data.view_points == 3000
    for stage in (config.autoencoder, config.diffusion, config.adaptation):
        assert (stage.batch, stage.learning_rate, stage.decay) == (256, 1e-4, "constant")
    order = ("parameters", "mesh", "contact", "penetration", "consistency")
    assert [config.autoencoder.weights[name] for name in order] == [0.1, 1, 1000, 10, 10]
    assert [config.adaptation.weights[name] for name in order] == [100, 0.1, 1000, 20, 0.1]
    assert config.autoencoder.form == config.adaptation.form == "points"
