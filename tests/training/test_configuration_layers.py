"""Training configurations: files laid over one another, what is refused, and the keys of earlier versions."""

import pytest
import yaml

from fastgrasp_model.yaml_file import ConfigurationError
from fastgrasp_training.configuration import StageConfig, TrainingConfig


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
    )
    config = TrainingConfig.from_yaml(tmp_path / "top.yaml")
    assert (config.model.name, config.model.latent, config.seed) == ("low", 48, 3)
    assert (config.autoencoder.steps, config.autoencoder.batch) == (7, 9)
    assert config.autoencoder.weights == {"mesh": 5.0}  # weights replace, and do not merge


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: nowhere.yaml", "nowhere.yaml: no such file"),
        ("base: c.yaml", "does a base name itself"),
        ("base: [1]", "base: expected the path"),
        ("- 1", "expected a mapping"),
        ("model: {latent: [}", "cannot be read as YAML"),
        ("modell: {}", "modell: unknown key; did you mean model"),
        ("data: {views: 3, colour: red}", "data.colour: unknown key"),
        ("data: {range_object: 3}", "data.range_object: unknown key; did you mean range_objects"),
        ("data: {range_objects: -1}", "data.range_objects: .*greater than or equal to 0, got -1"),
        ("diffusion: {batch: 1}", "diffusion.batch: .*greater than or equal to 2, got 1"),
        ("diffusion: {learning_rate: .nan}", "diffusion.learning_rate: .*finite"),
        ("model: {method: paper}\nadaptation: {augmented: 0.5}", "adaptation.augmented: the paper's losses compare"),
        ("model: {method: paper}\nadaptation: {weights: {wrench: 1.0}}", "adaptation.weights: no loss wrench"),
        ("model: {method: paper}\nself_training: {steps: 9}", "self_training: it follows the default method's"),
        ("adaptation: {decay: steps}", "adaptation.decay: .*'cosine' or 'constant', got 'steps'"),
        ("adaptation: {weights: {contct: 1.0}}", "adaptation.weights: no loss contct; did you mean contact"),
        ("adaptation: {weights: {mesh: 1.0}, without: [meh]}", "without: no loss meh in weights; did you mean mesh"),
        ("self_training: {top_fraction: 0.0}", "self_training.top_fraction: .*greater than 0, got 0.0"),
        ("iterated_self_training: {rounds: 0}", "iterated_self_training.rounds: .*greater than 0, got 0"),
        ("diffusion: {rounds: 2}", "diffusion.rounds: only an iterated self-training has several; expected 1"),
        ("model: {rounds: 0}\nself_training: {steps: 9}", "self_training: it follows the default method's adaptation"),
        ("completion: {steps: 9}", "completion: it trains the network of model.completion_width"),
        ("autoencoder: 3", "autoencoder: .*got 3"),
    ],
)
def test_wrong_configurations_are_named(text, message, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        TrainingConfig.from_yaml(path)


def test_numbers_written_as_text_are_numbers():
    assert TrainingConfig.from_dict({"diffusion": {"learning_rate": "5e-4"}}).diffusion.learning_rate == 5e-4


def test_losses_are_left_out_by_name():
    assert StageConfig(weights={"mesh": 1.0, "contact": 2.0}, without=["contact"]).weights == {"mesh": 1.0}


def test_keys_of_earlier_versions_are_read_with_a_warning(tmp_path):
    (tmp_path / "old.yaml").write_text(
        "model: {spread: 1.2, probes: 32}\nreselection: {turns: 2}\n"
        "adaptation: {explored: 0.5, form: grid, weights: {hold: 0.8}}"
    )
    with pytest.warns(UserWarning) as told:
        config = TrainingConfig.from_yaml(tmp_path / "old.yaml")
    assert (config.model.noise_scale, config.model.query_points) == (1.2, 32)
    assert (config.adaptation.augmented, config.adaptation.weights) == (0.5, {"wrench": 0.8})
    assert config.iterated_self_training.rounds == 2
    messages = [str(one.message) for one in told]
    assert any("old.yaml: reselection is now called iterated_self_training" in message for message in messages)
    assert any("old.yaml: adaptation.form is ignored" in message for message in messages)
    assert any("old.yaml: adaptation.weights.hold is now called wrench" in message for message in messages)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("autoencoder", "diffusion", "adaptation")),
        ("model: {rounds: 0}", ("autoencoder", "diffusion")),
        ("self_training: {steps: 9}\nrefinement: {steps: 9}",
         ("autoencoder", "diffusion", "adaptation", "self_training", "refinement")),
        ("iterated_self_training: {rounds: 2}",
         ("autoencoder", "diffusion", "adaptation", "iterated_self_training", "iterated_self_training_2")),
        ("model: {completion_width: 8}\ncompletion: {steps: 9}",
         ("completion", "autoencoder", "diffusion", "adaptation")),
        ("model: {variant: cvae, rounds: 0}", ("cvae",)),
    ],
)  # fmt: skip
def test_which_stages_a_model_has(text, expected):
    assert TrainingConfig.from_dict(yaml.safe_load(text) or {}).stages == expected


@pytest.mark.parametrize("name", ["default", "lean", "paper", "paper_short"])
def test_shipped_configurations_are_valid(name, request):
    config = TrainingConfig.from_yaml(request.config.rootpath / f"config/training/{name}.yaml")
    assert config.model.name == name.removesuffix("_short")


def test_paper_is_what_the_paper_states(request):
    config = TrainingConfig.from_yaml(request.config.rootpath / "config/training/paper.yaml")
    model = config.model
    assert (model.latent, model.points, model.diffusion_steps, model.sampling_steps) == (768, 3000, 1000, 20)
    assert (model.method, model.sampler, model.guidance) == ("paper", "ddim", 1 + 2.0)
    assert config.data.view_points == 3000
    for stage in (config.autoencoder, config.diffusion, config.adaptation):
        assert (stage.batch, stage.learning_rate, stage.decay) == (256, 1e-4, "constant")
    order = ("parameters", "mesh", "contact", "penetration", "consistency")
    assert [config.autoencoder.weights[name] for name in order] == [0.1, 1, 1000, 10, 10]
    assert [config.adaptation.weights[name] for name in order] == [100, 0.1, 1000, 20, 0.1]
