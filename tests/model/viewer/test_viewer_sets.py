"""How the viewer finds what reads grasp sets."""

import numpy as np
import pytest
import trimesh

from fastgrasp_model.grasps import Grasps
from fastgrasp_model.viewer import sets
from fastgrasp_model.viewer.sets import GraspFile, ViewError, is_set, open_set


class Point:
    """An entry point."""

    def __init__(self, thing):
        self.thing = thing

    def load(self):
        if isinstance(self.thing, Exception):
            raise self.thing
        return self.thing


def test_the_registered_reader_opens(monkeypatch):
    asked = []
    monkeypatch.setattr(
        sets, "entry_points", lambda group: asked.append(group) or [Point(lambda place: ["opened", place])]
    )
    assert open_set("open") == ["opened", "open"]
    assert asked == ["fastgrasp.grasp_sets"]


@pytest.mark.parametrize("points", [[], [Point(ImportError("No module named 'fastgrasp_training'"))]])
def test_no_reader_is_said_with_the_remedy(monkeypatch, points):
    monkeypatch.setattr(sets, "entry_points", lambda group: points)
    with pytest.raises(ViewError, match="make env.*fastgrasp-ros2\\[training\\]"):
        open_set("open")


def test_sets_and_files_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "file.npz", vertices=np.zeros(3), betas=np.zeros(3))
    np.savez(tmp_path / "set.npz", objects=np.array(["mug:1"]), betas=np.zeros(3))
    np.savez(tmp_path / "many.npz", objects=np.array(["mug"]), mug_vertices=np.zeros(3))
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    trimesh.creation.box().export(tmp_path / "box.ply")
    found = {name: is_set(tmp_path / name) for name in ("file.npz", "many.npz", "set.npz", "broken.npz", "no.npz")}
    assert found == {"file.npz": False, "many.npz": False, "set.npz": True, "broken.npz": False, "no.npz": False}
    assert is_set("open") and is_set(tmp_path)
    (tmp_path / "open").write_bytes(b"a file of that name")
    assert is_set("open") is True  # no .npz: the reader says what is wrong with it


def test_a_grasp_file_is_a_set_of_one_object(grasp_file):
    opened = GraspFile(Grasps.load(grasp_file), np.zeros((5, 3)), "g", "mug.npy")
    assert len(opened) == 3 and opened.select().tolist() == [0, 1, 2] and opened.mesh(0).shape == (5, 3)
    assert opened.facts(1)["score"] == pytest.approx(0.5) and opened.facts(1)["object"] == "mug.npy"
    assert np.array_equal(opened.grasps(np.array([2])).vertices[0], Grasps.load(grasp_file).vertices[2])
    with pytest.raises(ViewError, match="g holds no grasps"):
        GraspFile(Grasps.load(grasp_file)[:0], None, "g")
