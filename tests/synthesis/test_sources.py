"""Objects for synthesis: numbers, specifications, lists, and meshes of the user's own."""

import numpy as np
import pytest

trimesh = pytest.importorskip("trimesh")
pytest.importorskip("manifold3d")
from fastgrasp_synthesis.object_specs import MAX_FACES, ObjectSpecError, make_object, object_list, split_of
from fastgrasp_synthesis.sources import SourceError, load_object, own_mesh, resolve


@pytest.fixture
def folder(tmp_path):
    """A folder with a box away from the origin, and a ball in a subfolder."""
    place = tmp_path / "meshes"
    (place / "round").mkdir(parents=True)
    box = trimesh.creation.box((0.06, 0.04, 0.10))
    box.apply_translation((0.3, -0.1, 0.05))
    box.export(place / "box.obj")
    trimesh.creation.icosphere(2, 0.03).export(place / "round" / "ball.ply")
    (place / "notes.txt").write_text("no mesh")
    return place


def test_a_number_is_the_list_of_that_many():
    assert resolve(12, seed=3).specs == resolve("12", seed=3).specs == resolve(["12"], seed=3).specs
    assert resolve(12, seed=3).specs == object_list(12, 3)


def test_a_longer_list_begins_with_the_shorter():
    assert object_list(300, 5)[:110] == object_list(110, 5)


def test_specifications_lists_and_meshes_in_one_call(folder, tmp_path):
    chosen = tmp_path / "chosen.txt"
    chosen.write_text("# two of them\nmug:12\n\nmeshes/box.obj\n")
    found = resolve([f"@{chosen}", "urdf:017, can:3"])
    assert found.specs == ["mug:12", "file:box.obj", "urdf:017", "can:3"]
    assert found.root == folder and list(found.own) == ["file:box.obj"]


def test_a_folder_gives_its_meshes_and_those_below(folder):
    found = resolve(str(folder))
    assert found.specs == ["file:box.obj", "file:round/ball.ply"] and found.root == folder
    assert split_of("file:round/ball.ply") == "train"


def test_an_own_mesh_is_centred_and_its_centre_told(folder):
    found = resolve([str(folder)])
    mesh = load_object("file:box.obj", found.root)
    centre = np.array(found.own["file:box.obj"]["centre_of_mass"])
    assert np.allclose(centre, (0.3, -0.1, 0.05))
    assert np.allclose(mesh.center_mass, 0, atol=1e-9)
    raw = trimesh.load(folder / "box.obj")
    assert np.allclose(mesh.bounds + centre, raw.bounds)


def test_meshes_of_many_faces_are_thinned_but_keep_their_shape(tmp_path):
    ball = trimesh.creation.icosphere(5, 0.03)  # 20,480 faces
    ball.export(tmp_path / "ball.ply")
    own = own_mesh(tmp_path / "ball.ply")
    assert len(own.mesh.faces) <= MAX_FACES and own.mesh.is_watertight
    assert own.mesh.volume == pytest.approx(ball.volume, rel=0.02)
    assert "20480 faces thinned" in own.notes[-1]


def test_small_gaps_are_mended_and_told(tmp_path):
    ball = trimesh.creation.icosphere(3, 0.03)
    trimesh.Trimesh(ball.vertices, ball.faces[1:], process=False).export(tmp_path / "gap.ply")
    own = own_mesh(tmp_path / "gap.ply")
    assert own.mesh.is_watertight and any("filled" in note for note in own.notes)


def test_all_that_cannot_be_used_is_named_at_once(folder):
    box = trimesh.creation.box((60.0, 40.0, 100.0))
    box.export(folder / "large.stl")
    box.apply_scale(1e-6)
    box.export(folder / "small.stl")
    ball = trimesh.creation.icosphere(3, 0.03)
    trimesh.Trimesh(ball.vertices, ball.faces[ball.triangles_center[:, 2] > 0]).export(folder / "open.obj")
    with pytest.raises(SourceError) as caught:
        resolve(str(folder))
    said = str(caught.value)
    assert "3 of 5 meshes" in said and "open.obj" in said and "hole" in said
    assert "large.stl: it is 100 m long" in said and "looks like millimetres" in said
    assert "small.stl: it is 0.1 mm long" in said


@pytest.mark.parametrize(("asked", "said"), [("0", "at least 1"), ("mugg:3", "mug"), (
    "nothing-here", "no file or folder"), ("urdf:99999", "urdf"), ("none.obj", "no such mesh file"), (
        "@none.txt", "one object a line"), ("mug:1,can:2,mug:1", "mug:1 more than once"), (",", "names no object")])
def test_mistakes_are_named(asked, said):
    with pytest.raises(SourceError, match=said):
        resolve(asked)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no mesh in this folder"):
        resolve(str(tmp_path))


def test_loading_keeps_to_the_folder(folder):
    assert load_object("can:3").vertices.tolist() == make_object("can:3").vertices.tolist()
    with pytest.raises(ObjectSpecError, match="give the folder"):
        load_object("file:box.obj")
    with pytest.raises(ObjectSpecError, match="out of the folder"):
        load_object("file:../box.obj", folder / "round")
    with pytest.raises(ObjectSpecError, match="No mesh"):
        load_object("file:gone.obj", folder)
