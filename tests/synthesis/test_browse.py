"""Looking through a grasp set: what is chosen, made and told; and that `fastgrasp view` finds the reader."""

import configparser
import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("manifold3d", reason="the objects are made with manifold3d")

from fastgrasp_synthesis.browse import OpenSet
from fastgrasp_synthesis.grasp_arrays import ROWS, GraspSet, GraspSetError
from fastgrasp_synthesis.object_specs import make_object, split_of

ROOT = Path(__file__).parents[2]
OBJECTS = ["mug:1", "teapot:3", "mug:2"]


def small_set(objects=OBJECTS) -> GraspSet:
    """Six grasps, two on each object, of types tripod and (the last) ring."""
    rng = np.random.default_rng(0)
    rows = {name: rng.normal(scale=0.01, size=(6, *shape)).astype(np.float32) for name, (_, shape) in ROWS.items()}
    rows["object"] = np.repeat(np.arange(3), 2).astype(np.int32)
    rows["grasp_type"] = np.array([1, 1, 1, 1, 1, 2], dtype=np.int8)
    rows["depth"], rows["displacement"] = np.arange(6) / 1000, np.arange(36).reshape(6, 6) / 10000
    return GraspSet(**rows, objects=list(objects), grasp_types=["pinch", "tripod", "ring"], hand="open hand")


@pytest.fixture
def opened(tmp_path):
    return OpenSet(small_set().save(tmp_path / "small.npz"))


def test_rows_by_filter(opened):
    assert len(opened) == 6 and opened.name == "small.npz" and opened.hand == "open hand"
    assert opened.select().tolist() == [0, 1, 2, 3, 4, 5]
    assert opened.select(family="mug").tolist() == [0, 1, 4, 5]
    assert opened.select(family="mug", grasp_type="tripod").tolist() == [0, 1, 4]
    assert opened.select(spec="mug:2").tolist() == [4, 5]
    held_out = [i for i, spec in enumerate(OBJECTS) if split_of(spec) == "validation"]
    assert opened.select(split="validation").tolist() == [row for i in held_out for row in (2 * i, 2 * i + 1)]
    assert opened.select(family="teapot", grasp_type="ring").tolist() == []
    assert opened.select(grasp_type="pinch").tolist() == []


@pytest.mark.parametrize("wrong", [{"family": "mugs"}, {"grasp_type": "tri"}, {"split": "test"}, {"spec": "mug:9"}])
def test_a_wrong_name_is_told_with_those_near_it(opened, wrong):
    with pytest.raises(GraspSetError, match=f"no .* '{[*wrong.values()][0]}' in this set; there are .*such as "):
        opened.select(**wrong)


def test_meshes_are_made_when_asked_for_and_kept(opened):
    mesh = opened.mesh(2)
    assert np.array_equal(mesh.vertices, make_object("mug:2").vertices)
    assert opened.mesh(2) is mesh


def test_facts_and_grasps(opened):
    facts = json.loads(json.dumps(opened.facts(5)))
    assert (facts["row"], facts["object"], facts["object_number"], facts["family"]) == (5, "mug:2", 2, "mug")
    assert (facts["type"], facts["group"], facts["feix"]) == ("ring", "power", 31)
    assert facts["depth"] == pytest.approx(0.005, abs=1e-5)
    assert facts["displacement"] == pytest.approx(dict(zip(("+x", "-x", "+y", "-y", "+z", "-z"),
                                                           np.arange(30, 36) / 10000, strict=True)), abs=2e-5)
    posed = opened.grasps(np.array([0, 5]))
    assert posed.side == "right" and np.array_equal(posed.parameters[1], opened.grasps([5]).parameters[0])


def test_a_family_of_old_is_listed_and_only_its_mesh_fails(tmp_path):
    old = OpenSet(small_set(["gone:1", *OBJECTS[1:]]).save(tmp_path / "old.npz"))
    assert old.select(family="gone").tolist() == [0, 1] and old.facts(0)["object"] == "gone:1"
    with pytest.raises(ValueError, match="gone:1"):
        old.mesh(0)


def test_a_folder_of_shards_with_own_meshes(tmp_path):
    import trimesh

    (tmp_path / "meshes").mkdir()
    trimesh.creation.box((0.03, 0.04, 0.05)).export(tmp_path / "meshes" / "box.ply")
    small_set(["mug:1", "file:box.ply", "mug:2"]).save(tmp_path / "run" / "shard_00000.npz")
    (tmp_path / "run" / "objects.json").write_text(json.dumps({"root": str(tmp_path / "meshes")}))
    opened = OpenSet(tmp_path / "run")
    assert opened.families == ["mug", "file", "mug"] and opened.splits[1] == "train"
    assert opened.mesh(1).extents == pytest.approx([0.03, 0.04, 0.05], abs=1e-4)


def test_nothing_there(tmp_path):
    with pytest.raises(GraspSetError, match="no grasp set here; give"):
        OpenSet(tmp_path / "nowhere")
    (tmp_path / "objects.json").write_text("[]")
    small_set().save(tmp_path / "shard_00000.npz")
    with pytest.raises(ValueError, match="objects.json: not readable"):
        OpenSet(tmp_path)


def test_the_shipped_set_opens():
    shipped = OpenSet("open")
    assert len(shipped) > 10_000 and len(shipped.select(split="validation")) > 500


def test_the_reader_is_declared():
    declared = configparser.ConfigParser()
    declared.read(ROOT / "setup.cfg")
    name, place = declared["options.entry_points"]["fastgrasp.grasp_sets"].split("=")
    module, attribute = place.strip().split(":")
    assert getattr(import_module(module), attribute) is OpenSet
