"""Training and measuring on data sets and own grasps, from the command line to the numbers."""

import dataclasses
import json

import numpy as np
import pytest
import torch

pytest.importorskip("manifold3d")
pytest.importorskip("igl")
import official_layouts as layouts

from fastgrasp_evaluation import benchmark
from fastgrasp_evaluation.formats.ours import save_collection
from fastgrasp_model import cli as commands
from fastgrasp_model.grasps import Grasps
from fastgrasp_training import cli
from fastgrasp_training.configuration import DataConfig, TrainingConfig
from fastgrasp_training.data import build_bank, load_training_data
from fastgrasp_training.object_views import TrainingObjects


@pytest.fixture(scope="module")
def sources(tmp_path_factory, hand, grasp_file) -> tuple[str, ...]:
    """GRAB, HO-3D, own grasps on a cup, and a small set of ours."""
    places = {name: tmp_path_factory.mktemp(name) for name in ("grab", "ho3d", "own")}
    layouts.write_grabnet(places["grab"])
    layouts.write_ho3d(places["ho3d"])
    layouts.write_mesh(places["own"] / "meshes" / "cup.ply", layouts.object_mesh(4))
    mine = Grasps.from_parameters(layouts.random_hands(4), hand)
    path = save_collection(places["own"] / "mine.npz", {"cup": mine})
    return f"grab:{places['grab']}", f"ho3d:{places['ho3d']}", str(path), f"set:{grasp_file}?limit=20"


@pytest.fixture(scope="module")
def mixed(sources, data_config, hand):
    return load_training_data(dataclasses.replace(data_config, sources=sources), hand)


def test_several_sources_are_one_training_set(mixed, sources, data_config):
    assert len(mixed) == 3 + 3 + 4 + 20 and mixed.object.max() + 1 == len(mixed.specs) == len(mixed.objects.grids)
    names = [mixed.specs[i].name for i in mixed.object]
    assert names[:3] == ["grab_cubesmall"] * 3 and names[6:10] == ["own_cup"] * 4
    assert any("made with MANO" in note for note in mixed.notes)
    again = TrainingObjects.prepare(mixed.specs, data_config.cache, data_config.views, data_config.cells, 1)
    assert torch.equal(again.points, mixed.objects.points)


def test_clouds_and_distances_are_in_the_frame_of_the_grasps(mixed):
    for row, source in enumerate(mixed.specs[:3]):
        mesh, _ = source.load()
        points, _ = mixed.objects.clouds(torch.tensor([row * mixed.objects.views]))
        low, high = points[0].amin(0).numpy(), points[0].amax(0).numpy()
        assert np.abs(np.stack([low, high]) - mesh.bounds).max() < 0.008
        vertices = torch.tensor(mesh.vertices, dtype=torch.float32)[None]
        assert mixed.objects.grids.query(vertices, torch.tensor([row])).abs().mean() < 0.002


def test_every_source_gives_samples(mixed, model):
    bank = build_bank(mixed, model, 1, seed=0)
    assert len(bank) == len(mixed) and torch.isfinite(bank.features.float()).all()


def test_one_flag_trains_on_a_data_set(sources, data_config, tiny_run, tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr("fastgrasp_training.run.train", lambda config, *_: seen.update(config=config))
    path = tmp_path / "c.yaml"
    path.write_text("data: {grasps: elsewhere, sources: [open]}")
    words = ["all", "--config", str(path)]
    assert cli.main(words) == 0 and seen["config"].data.sources == ("open",)
    assert cli.main([*words, "--data", sources[0], "--data", "open"]) == 0
    assert seen["config"].data.sources == (sources[0], "open")


def test_a_wrong_source_is_one_line(tmp_path, capsys):
    path = tmp_path / "c.yaml"
    path.write_text("{}")
    words = ["train", "all", "--config", str(path), "--out", str(tmp_path), "--quiet"]
    assert commands.main([*words, "--data", f"grab:{tmp_path / 'none'}"]) == 2
    assert commands.main([*words, "--data", "nothing"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 2 and "grab.is.tue.mpg.de" in lines[0] and "--data nothing" in lines[1]


def test_sources_in_a_configuration():
    assert DataConfig(sources="open").sources == ("open",)
    content = {"data": {"sources": ["grab:/x", "open"]}}
    assert TrainingConfig.from_dict(content).data.sources == ("grab:/x", "open")
    with pytest.raises(ValueError, match="data.sources.0: input should be a valid string, got 3"):
        TrainingConfig.from_dict({"data": {"sources": [3]}})


@pytest.mark.slow
def test_all_stages_train_on_several_sources(sources, tiny_run, tmp_path):
    from fastgrasp_training.run import train

    config = dataclasses.replace(tiny_run, data=dataclasses.replace(tiny_run.data, sources=sources))
    folder = train(config, ("autoencoder", "diffusion", "adaptation"), tmp_path, "cpu", quiet=True)
    assert json.loads((folder / "config.json").read_text())


def test_the_grasps_of_a_data_set_are_measured_alone(sources, tmp_path):
    words = ["open-set", "--data", sources[0], "--grasps", "2", "--no-simulation", "--quiet", "--workers", "1"]
    assert benchmark.main([*words, "--json", str(tmp_path / "c.json")]) == 0
    report = json.loads((tmp_path / "c.json").read_text())
    assert report["counts"]["measured"] == 2 and report["settings"]["label"] == f"grasps of {sources[0]}"
    assert [row["object"] for row in report["objects"]] == ["grab_mug"]  # the test split


def test_generated_grasps_beside_those_of_the_data_set(sources, weights_folder, tmp_path):
    words = ["objects", "--data", sources[0], "--samples", "1", "--ceiling", "2", "--weights", weights_folder]
    words += ["--no-simulation", "--quiet", "--workers", "1", "--json", tmp_path / "c.json"]
    assert benchmark.main([str(word) for word in words]) == 0
    report = json.loads((tmp_path / "c.json").read_text())
    assert [row["object"] for row in report["objects"]] == ["grab_mug"] and report["counts"]["grasps"] == 1
    assert report["beside"][0]["settings"]["label"] == f"grasps of {sources[0]}"
