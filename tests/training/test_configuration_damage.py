"""Every key of the shipped configurations, damaged: a sentence that names it, before anything is trained."""

import copy
import math

import pytest

from fastgrasp_model.yaml_file import ConfigurationError
from fastgrasp_training.configuration import TrainingConfig, read_layers

from pathlib import Path  # isort: skip

FOLDER = Path(__file__).resolve().parents[2] / "config" / "training"
FILES = ("default", "lean", "paper", "paper_short")
NONSENSE = {"text": "seven", "nan": math.nan, "infinite": math.inf, "negative": -1, "list": [[]], "mapping": {"a": {}}}


def keys(content: dict, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all values and sections."""
    found = []
    for key, value in content.items():
        found.append((*above, key))
        if isinstance(value, dict):
            found += keys(value, (*above, key))
    return found


def changed(content: dict, path: tuple[str, ...], change) -> dict:
    content = copy.deepcopy(content)
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    change(inner, path[-1])
    return content


def cases() -> list:
    found = []
    for file in FILES:
        content = read_layers(FOLDER / f"{file}.yaml")
        for path in keys(content):
            found += [pytest.param(file, path, kind, id=f"{file} {'.'.join(path)} {kind}") for kind in NONSENSE]
    return found


TAKEN = {("data", "grasps"), ("data", "cache"), ("model", "name")}  # any text will do


@pytest.mark.parametrize(("file", "path", "kind"), cases())
def test_nonsense_names_its_key(file, path, kind):
    content = read_layers(FOLDER / f"{file}.yaml")
    if kind == "text" and path in TAKEN:
        return
    if path == ("model", "guidance") and kind == "negative":
        return  # a guidance below 1 is a choice
    with pytest.raises(ConfigurationError) as refused:
        TrainingConfig.from_dict(changed(content, path, lambda inner, key: inner.update({key: NONSENSE[kind]})))
    assert path[-1] in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("file", FILES)
def test_a_misspelt_key_is_named_with_the_nearest(file):
    content = read_layers(FOLDER / f"{file}.yaml")
    for path in keys(content):
        if path == ("model", "method"):
            continue  # without it the keys are another method's
        wrong = f"{path[-1]}x"
        misspelt = changed(content, path, lambda inner, key, wrong=wrong: inner.update({wrong: inner.pop(key)}))
        with pytest.raises(ConfigurationError, match=wrong):
            TrainingConfig.from_dict(misspelt)


def test_numbers_as_yaml_1_1_reads_them_are_numbers(tmp_path):
    (tmp_path / "a.yaml").write_text(f"base: {FOLDER}/default.yaml\nautoencoder: {{learning_rate: 5e-4}}\n")
    assert TrainingConfig.from_yaml(tmp_path / "a.yaml").autoencoder.learning_rate == 5e-4
    (tmp_path / "a.yaml").write_text(f"base: {FOLDER}/default.yaml\nautoencoder: {{learning_rate: 5e-x}}\n")
    with pytest.raises(ConfigurationError, match="autoencoder.learning_rate"):
        TrainingConfig.from_yaml(tmp_path / "a.yaml")


@pytest.mark.parametrize("network", ["evaluator", "implicit_shape"])
def test_a_loss_of_a_network_that_is_left_out_is_refused(network):
    loss, width = network, f"{network}_width"
    content = read_layers(FOLDER / "default.yaml")
    with pytest.raises(ConfigurationError, match=f"adaptation.weights.{loss}.*model.{width}"):
        TrainingConfig.from_dict({**content, "model": {**content["model"], width: 0}})
