"""The ablations: what each row trains, what rows share, the variants of the stages, the table, the command."""

import dataclasses
import json

import pytest
import torch

from fastgrasp_model.weights import build_model
from fastgrasp_model.yaml_file import ConfigurationError
from fastgrasp_training import ablation_measures, ablation_table, ablations
from fastgrasp_training.ablation_rows import BUDGETS, ROWS, Budget, budgeted, row_config, stages_of
from fastgrasp_training.ablations import stage_key
from fastgrasp_training.autoencoder import AutoencoderStage
from fastgrasp_training.configuration import HAND_LOSSES, StageConfig
from fastgrasp_training.cvae import CvaeStage
from fastgrasp_training.data import build_bank
from fastgrasp_training.diffusion import DiffusionStage
from fastgrasp_training.paper_stages import PaperAutoencoderStage
from fastgrasp_training.stage import RandomBatches


@pytest.fixture(params=["lean", "default", "paper"])
def configs(request):
    folder = request.config.rootpath / "config/training"
    return {
        row.name: row_config(folder / "ablations" / f"{row.name}.yaml", folder / f"{request.param}.yaml")
        for row in ROWS
    }


def _learn(stage, steps=25, batch=4, rate=1e-3):
    torch.manual_seed(0)
    optimiser, values = torch.optim.Adam(stage.trained(), lr=rate), []
    stage.on_train_epoch_start()
    for index in RandomBatches(len(stage.bank), batch, steps, seed=1):
        value = sum(stage.weight(name) * term for name, term in stage.loss_terms(index).items())
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        values.append(float(value.detach()))
    fifth = steps // 5
    return sum(values[:fifth]) / fifth, sum(values[-fifth:]) / fifth


def _varied(model, **changes):
    torch.manual_seed(0)
    return build_model(dataclasses.replace(model.config, **changes), model.hand)


def _autoencoder(model, data, bank, weights=None):
    kind = PaperAutoencoderStage if model.config.method == "paper" else AutoencoderStage
    return kind(model, StageConfig(weights=weights or {}), data, bank)


@pytest.mark.slow
def test_cvae_learns(model, data):
    cvae = _varied(model, variant="cvae", rounds=0)
    weights = {"parameters": 0.1, "mesh": 1.0, "divergence": 0.01, "grasp_point": 0.1}
    bank = build_bank(data, cvae, 1, seed=0)
    first, last = _learn(CvaeStage(cvae, StageConfig(weights=weights), data, bank))
    assert last < 0.9 * first


@pytest.mark.slow
def test_autoencoder_learns_from_hand_parameters(model, data, bank):
    parameters = _varied(model, variant="parameters")
    first, last = _learn(_autoencoder(parameters, data, bank, {"parameters": 0.1, "mesh": 1.0, "consistency": 1.0}))
    assert last < 0.9 * first


def test_physical_losses_inside_the_diffusion_reach_the_denoiser(model, data, bank):
    _autoencoder(model, data, bank)  # fits the hand representation
    weights = dict.fromkeys(("denoising", *HAND_LOSSES), 1.0)
    stage = DiffusionStage(model, StageConfig(weights=weights), data, bank)
    stage.on_train_epoch_start()
    torch.manual_seed(0)
    terms = stage.loss_terms(torch.arange(16))
    assert set(HAND_LOSSES) < set(terms)
    for name in HAND_LOSSES:
        bias = model.denoiser.output_projection[1].bias
        slope = torch.autograd.grad(terms[name], bias, retain_graph=True)[0]
        assert torch.isfinite(slope).all() and (slope.abs().sum() > 0 or float(terms[name].detach()) == 0), name
    plain = DiffusionStage(model, StageConfig(weights={"denoising": 1.0}), data, bank)
    assert not set(HAND_LOSSES) & set(plain.loss_terms(torch.arange(16)))


def test_losses_of_a_row_follow_the_method_of_its_base(configs):
    paper = configs["whole"].model.name == "paper"
    assert configs["cvae"].cvae.weights["divergence"] == (0.1 if paper else 0.005)
    assert set(configs["diffusion_physical"].diffusion.weights) == {"denoising", "grasp_point", *HAND_LOSSES}
    assert set(configs["autoencoder_plain"].autoencoder.weights) == {"parameters", "mesh"}


def test_a_wrong_row_is_named_with_its_base(tmp_path):
    (tmp_path / "row.yaml").write_text("autoencoder: {without: [touch]}")
    (tmp_path / "base.yaml").write_text("autoencoder: {weights: {contact: 1.0}}")
    with pytest.raises(ConfigurationError, match="row.yaml on .*base.yaml: autoencoder: without: no loss touch"):
        row_config(tmp_path / "row.yaml", tmp_path / "base.yaml")


def test_rows_train_the_stages_that_they_are_about(configs):
    stages = {row.name: stages_of(row, configs[row.name]) for row in ROWS}
    assert stages["cvae"] == ("cvae",)
    assert stages["diffusion"] == stages["diffusion_physical"] == ("autoencoder", "diffusion")
    assert stages["whole"] == ("autoencoder", "diffusion", "adaptation")
    assert stages["autoencoder_plain"] == stages["autoencoder_parameters"] == ("autoencoder",)


def test_rows_share_what_they_have_in_common_and_nothing_else(configs):
    key = {name: {s: stage_key(config, s) for s in config.stages} for name, config in configs.items()}
    assert key["diffusion"].items() < key["whole"].items()
    assert key["whole"]["autoencoder"] == key["diffusion_physical"]["autoencoder"]
    assert key["whole"]["diffusion"] != key["diffusion_physical"]["diffusion"]
    assert len({key[n]["autoencoder"] for n in ("whole", "autoencoder_plain", "autoencoder_parameters")}) == 3
    other = dataclasses.replace(configs["whole"], seed=1)
    assert stage_key(other, "autoencoder") != key["whole"]["autoencoder"]


def test_a_budget_is_the_same_for_every_row(configs):
    for name in BUDGETS:
        totals = {
            row.name: sum(getattr(config, stage).steps for stage in config.stages)
            for row in ROWS
            for config in [budgeted(configs[row.name], BUDGETS[name])]
        }
        assert totals["cvae"] == totals["whole"] > totals["diffusion"] == totals["diffusion_physical"]
    toy = budgeted(configs["whole"], BUDGETS["toy"])
    assert toy.model.points == 64 and toy.autoencoder.batch == 8


@pytest.mark.slow
def test_the_command_trains_measures_and_goes_on(request, data_config, tmp_path, monkeypatch, tiny_run, capsys):
    """Two rows at toy size: stages shared, a table with published rows; the second call trains and measures nothing."""
    root = request.config.rootpath
    small = tmp_path / "small.yaml"
    model = {**tiny_run.model.to_dict(), "query_points": 8, "rounds": 1}
    small.write_text(json.dumps({
        "model": model, "data": dataclasses.asdict(data_config),
        "autoencoder": {"weights": dict.fromkeys(HAND_LOSSES, 1.0)},
    }))  # fmt: skip
    monkeypatch.setitem(BUDGETS, "toy", Budget((4, 4, 2), 4, 32, 3, 1, 32))
    arguments = [
        "--budget", "toy", "--base", str(small), "--configs", str(root / "config/training/ablations"),
        "--out", str(tmp_path / "out"), "--only", "diffusion", "whole", "--split", "train", "--held-out", "1",
        "--samples", "2", "--reconstructed", "4", "--no-simulation", "--quiet", "--device", "cpu",
    ]  # fmt: skip
    assert ablations.main(arguments) == 0
    stages = sorted(path.name.split("-")[0] for path in (tmp_path / "out" / "stages").iterdir())
    assert stages == ["adaptation", "autoencoder", "diffusion"]
    table = (tmp_path / "out" / "ablations.md").read_text()
    assert "autoencoder (that of: diffusion)" in table
    assert "*published*: GraspTTA (Table 2, HO-3D)" in table and "Table 4, OakInk" in table
    found = json.loads((tmp_path / "out" / "ablations.json").read_text())
    assert [row["steps"] for row in found["rows"]] == [8, 10]
    monkeypatch.setattr(ablations, "train", None)
    monkeypatch.setattr(ablation_measures, "benchmark", None)
    assert ablations.main(arguments) == 0
    assert (tmp_path / "out" / "ablations.md").read_text() == table


def test_a_cell_shows_units_and_spread():
    columns = {"share": {"unit": "%", "digits": 0}, "volume": {"unit": "cm3", "digits": 2}}
    cells = {"share": {"mean": 0.5, "sd": None}, "volume": {"mean": 1.234, "sd": 0.1}}
    report = {"columns": columns, "table": cells}
    shown = [ablation_table._cell(report, name) for name in ("share", "volume", "unknown")]
    assert shown == ["50", "1.23 ± 0.10", "–"]
