"""Figures of a set and its data card: counted right, and the committed card says what the committed set holds."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from fastgrasp_model.hand import ManoLayer
from fastgrasp_synthesis import card, describe, set_figures
from fastgrasp_synthesis.grasp_set import PACKED_GRASPS, GraspSet, GraspSetError
from fastgrasp_synthesis.pipeline import load_settings

ROOT = Path(__file__).parents[2]
CARD = ROOT / "docs" / "grasp_set_card.md"
NUMBER = re.compile(r"\d[\d,]*\.?\d*")


def make_set(counts=(60, 45, 12, 0), specs=("mug:1", "mug:2", "teapot:1", "urdf:017"), seed=0) -> GraspSet:
    rng, total = np.random.default_rng(seed), sum(counts)
    return GraspSet(betas=rng.normal(size=(total, 10)).astype(np.float32), global_orient=rng.normal(size=(total, 3))
                    .astype(np.float32), hand_pose=rng.normal(scale=0.2, size=(total, 45)).astype(np.float32),
                    transl=rng.normal(scale=0.05, size=(total, 3)).astype(np.float32),
                    object=np.repeat(np.arange(len(counts)), counts), grasp_type=(np.arange(total) % 4 == 0)
                    .astype(np.int8), depth=np.linspace(0, 0.003, total, dtype=np.float32), displacement=np.tile(
                        np.linspace(0.001, 0.006, 6, dtype=np.float32), (total, 1)), objects=list(specs),
                    grasp_types=["power_sphere", "tripod", "lateral"], hand="open hand", candidates=500)


@pytest.fixture(scope="module")
def layer():
    return ManoLayer.from_file()


@pytest.fixture(scope="module")
def found(layer):
    return set_figures.figures(make_set(), None, layer)


def audit_report() -> dict:
    part = {"grasps": 200, "share": 0.925, "low": 0.88, "high": 0.955}
    return {"sample": 201, "seed": 4, "held": part, "held_by_split": {"train": part}, "held_by_type": {"tripod": part},
            "figures": {"depth_mm": {"mean": 1.25, "p95": 2.5}, "slip_mean_cm": {"mean": None, "p95": None}}}


def log_lines() -> list[dict]:
    line = {"candidates": {"tripod": 100}, "kept": {"tripod": 30}, "rejected": {"slip": 60}, "seconds": {"slip": 30.0},
            "objects": 8, "core_seconds": 1800.0, "wall_seconds": 1800.0, "device": "cpu"}  # fmt: skip
    return [line | {"shard": 0}, {"shard": 1, "failed": "MemoryError"}, line | {"shard": 1}, line | {"shard": 0}]


def test_counts_are_right(found):
    assert found["size"] | {"grasps": 117, "objects": 3, "objects_listed": 4, "families": 2} == found["size"]
    assert found["splits"]["train"] == {"grasps": 105, "objects": 2, "families": 1}
    assert found["splits"]["validation"] == {"grasps": 12, "objects": 1, "families": 1}
    assert found["families"]["mug"] == {"objects": 2, "grasps": 105, "splits": ["train"]}
    each = found["grasps_per_object"]
    assert (each["min"], each["median"], each["max"], each["without"]) == (12, 45, 60, 1)
    assert each["share_well_held"] == pytest.approx(2 / 3) and each["share_well_held_of_listed"] == 0.5
    kinds = found["types"]
    assert kinds["tripod"]["grasps"] == 30 and kinds["power_sphere"]["share"] == pytest.approx(87 / 117)
    assert kinds["lateral"] | {"grasps": 0, "share_of_objects": 0.0, "moved_mm": None} == kinds["lateral"]


def test_depths_moves_and_shapes_are_in_millimetres(found):
    assert found["depth_mm"]["max"] == pytest.approx(3.0, abs=1e-3)
    assert found["displacement_mm"]["mean_of_six"]["median"] == pytest.approx(3.5, abs=1e-3)
    assert found["displacement_mm"]["worst_of_six"]["max"] == pytest.approx(6.0, abs=1e-3)
    assert found["displacement_mm"]["share_saturated"] == 0
    assert 150 < found["betas"]["hand_length_mm"]["median"] < 220 and 0.9 < found["betas"]["sd"] < 1.1


def test_palm_and_aperture_are_those_of_known_hands(layer):
    grasps = make_set((4,), ("mug:1",))
    grasps.hand_pose[:] = 0
    grasps.betas[:] = 0
    quarter = np.pi / 2  # the palm of the unturned hand faces -y; a quarter turn about +x brings it to -z
    grasps.global_orient[:] = [[0, 0, 0], [quarter, 0, 0], [0, 0, quarter], [2 * quarter, 0, 0]]
    found = set_figures.figures(grasps, None, layer)
    assert found["palm_faces"] == {"+x": 0.25, "-x": 0, "+y": 0.25, "-y": 0.25, "+z": 0, "-z": 0.25}
    tips = layer.v_template[layer.tip_ids].numpy()
    assert found["aperture_mm"]["max"] == pytest.approx(1000 * np.linalg.norm(tips[0] - tips[1]), rel=1e-4)


def test_equal_grasps_have_no_diversity_and_spread_ones_have(layer):
    grasps = make_set((100, 80, 80, 0))
    wide = set_figures.figures(grasps, None, layer)["diversity"]
    rows = np.repeat(np.searchsorted(grasps.object, np.arange(3)), (100, 80, 80))
    same = grasps[rows]
    same.object = grasps.object
    none = set_figures.figures(same, None, layer)["diversity"]
    assert none["joint_distance_cm"]["max"] < 1e-3 < 5 < wide["joint_distance_cm"]["mean"]
    assert none["entropy_nats"]["max"] < 1e-6 and none["pooled_entropy_nats"] < 1.2
    assert wide["entropy_nats"]["mean"] > 2.3 and wide["cluster_size_cm"]["mean"] > 2
    assert wide["grasps_each"] == 80 and wide["pooled_grasps"] == 60


def test_few_grasps_on_an_object_tell_no_clusters(layer):
    found = set_figures.figures(make_set((12, 10, 9, 8)), None, layer)
    assert found["diversity"]["entropy_nats"] is None and found["diversity"]["grasps_each"] == 9
    assert "entropy of an object" not in card.blocks(found, load_settings())["diversity"]


def test_an_empty_set_is_refused(layer):
    with pytest.raises(GraspSetError, match="no grasps"):
        set_figures.figures(make_set()[:0], None, layer)


def test_the_card_keeps_its_prose_and_gets_the_figures(found, tmp_path):
    mine = tmp_path / "card.md"
    shutil.copy(CARD, mine)
    made = card.blocks(found, load_settings(), audit_report(), describe.read_cost(_log(tmp_path)))
    card.write_card(mine, made)
    text = mine.read_text()
    for said in ("| verified grasps | 117 |", "**92.5 %** hold", "| tripod | 14 | precision | 30 | 25.6 % | 100 % |",
                 "| hours of a processor core | 1.50 |", "| turned away by slip | 120 |", "| seed | 7 |"):  # fmt: skip
        assert said in text, said
    assert _prose(text) == _prose(CARD.read_text()) and _blocks(mine) == made
    card.write_card(mine, {"size": "nothing"})
    assert _blocks(mine) == made | {"size": "nothing"}


def test_a_card_without_its_markers_is_named(found, tmp_path):
    mine = tmp_path / "card.md"
    mine.write_text("# My set\n")
    with pytest.raises(GraspSetError, match="figures: size"):
        card.write_card(mine, card.blocks(found, load_settings()))
    with pytest.raises(GraspSetError, match="copy docs/grasp_set_card.md"):
        card.write_card(tmp_path / "none.md", {})


def test_the_cost_counts_the_last_line_of_a_shard_and_the_cost_of_all(tmp_path):
    cost = describe.read_cost(_log(tmp_path))
    assert cost["core_hours"] == pytest.approx(1.5) and cost["grasps"] == 60 and cost["shards"] == 2
    summary = tmp_path / "summary.json"
    summary.write_text(json.dumps(cost))
    assert describe.read_cost(summary)["core_hours"] == cost["core_hours"]


def test_a_shard_that_failed_in_the_end_is_no_part_of_the_set_but_cost_what_it_did(tmp_path):
    path = _log(tmp_path)
    with open(path, "a") as stream:
        stream.write('{"shard": 1, "failed": "OSError"}\n')
    cost = describe.read_cost(path)
    assert cost["shards"] == 1 and cost["grasps"] == 30 and cost["core_hours"] == pytest.approx(1.5)


def test_missing_and_wrong_reports_are_named_with_their_command(tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"held": 1}')
    with pytest.raises(GraspSetError, match="lacks sample.*synthesis.audit"):
        describe.describe(PACKED_GRASPS, audit=wrong)
    with pytest.raises(GraspSetError, match="lacks core_hours.*fastgrasp synthesize --json"):
        describe.read_cost(wrong)
    with pytest.raises(GraspSetError, match="no such file"):
        describe.read_cost(tmp_path / "progress.jsonl")
    (tmp_path / "progress.jsonl").write_text('half a li\n["x"]\n')
    with pytest.raises(GraspSetError, match="no line of a shard"):
        describe.read_cost(tmp_path / "progress.jsonl")


def test_the_command_prints_figures_and_says_what_is_wrong(tmp_path, capsys):
    folder = tmp_path / "set"
    make_set().save(folder / "shard_00000.npz")
    assert describe.main([str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["size"]["grasps"] == 117
    assert describe.main([str(folder)]) == 0
    assert "117 grasps of 3 objects in 2 families" in capsys.readouterr().out
    assert describe.main([str(tmp_path / "none.npz")]) == 2 and "no such file" in capsys.readouterr().err
    assert describe.main([str(folder), "--card", str(tmp_path / "card.txt")]) == 2
    assert "ends in .md" in capsys.readouterr().err


def test_the_committed_card_says_what_the_committed_set_holds():
    """If not: `python -m fastgrasp_synthesis.describe --card docs/grasp_set_card.md`, with audit and cost."""
    there, made = _blocks(CARD), card.blocks(describe.describe()["figures"], load_settings())
    for name, block in made.items():
        assert NUMBER.sub("0", there[name].replace("`", "")) == NUMBER.sub("0", block.replace("`", "")), name
        written, counted = _numbers(there[name]), _numbers(block)
        tolerance = 0.02 if name in ("diversity", "hands") else 1e-9  # rounding of the processor
        assert written == pytest.approx(counted, rel=tolerance, abs=tolerance), name
    assert set(there) == {*made, "audit", "cost"}


def _numbers(block: str) -> list[float]:
    return [float(text.replace(",", "")) for text in NUMBER.findall(block)]


def _prose(text: str) -> list[str]:
    return re.sub(r"(<!-- figures: \w+ -->\n).*?(<!-- end of)", r"\1\2", text, flags=re.DOTALL).splitlines()


def _log(folder: Path) -> Path:
    path = folder / "progress.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in log_lines()))
    (folder / "set.json").write_text('{"seed": 7}')
    return path


def _blocks(path: Path) -> dict[str, str]:
    """The blocks of figures a card holds, by name."""
    return dict(re.findall(r"<!-- figures: (\w+) -->\n+(.*?)\n+<!-- end of \1 -->", path.read_text(), re.DOTALL))
