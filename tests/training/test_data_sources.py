"""`--data`: every kind of source, several at once, and what a wrong one says."""

import json

import numpy as np
import pytest
import trimesh

pytest.importorskip("manifold3d")
pytest.importorskip("igl")
import official_layouts as layouts

from fastgrasp_evaluation.benchmark.sources import Selection
from fastgrasp_evaluation.datasets import DatasetError, ObjectMesh
from fastgrasp_evaluation.formats.ours import save_collection
from fastgrasp_model.geometry.meshes import MeshError
from fastgrasp_model.grasps import Grasps
from fastgrasp_synthesis.grasp_set import GraspSetError, load_grasp_set
from fastgrasp_synthesis.object_specs import make_object
from fastgrasp_training.sources import (
    DataSourceError,
    MadeObject,
    MeshObject,
    Request,
    as_source,
    by_turns,
    resolve,
)
from fastgrasp_training.sources.measured import grasps as drawn_grasps
from fastgrasp_training.sources.measured import objects as measured_objects
from fastgrasp_training.sources.measured import read_measured


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """All three data sets, by their kind: (folder, truth)."""
    made = {}
    for kind, write in (
        ("grab", layouts.write_grabnet),
        ("oakink", layouts.write_oakink),
        ("ho3d", layouts.write_ho3d),
    ):
        folder = tmp_path_factory.mktemp(kind)
        made[kind] = folder, write(folder)
    return made


@pytest.fixture
def own(tmp_path, hand):
    """A collection of five grasps on two objects, with their meshes in meshes/."""
    grasps = Grasps.from_parameters(layouts.random_hands(5), hand)
    for number, name in enumerate(("cup", "pan")):
        layouts.write_mesh(tmp_path / "meshes" / f"{name}.ply", layouts.object_mesh(number))
    path = save_collection(tmp_path / "mine.npz", {"pan": grasps[:2], "cup": grasps[2:]})
    return path, grasps


def text(kind, written, more="") -> str:
    return f"{kind}:{written[kind][0]}{more}"


@pytest.mark.parametrize("kind, count, objects", [("grab", 3, 1), ("ho3d", 3, 1), ("oakink", 2, 2)])
def test_a_data_set_gives_its_grasps_and_objects(written, hand, kind, count, objects):
    found = resolve(text(kind, written, "?split=all" if kind == "oakink" else ""))
    assert found.parameters.shape == (count, 61) and found.parameters.dtype == np.float32
    assert len(found.objects) == objects and found.hand == hand.name
    assert found.parts[0].grasps == count and found.parts[0].objects == objects
    assert any("made with MANO" in note for note in found.notes)
    truth = [layouts.posed(found.parameters[i : i + 1])[0] for i in range(count)]
    known = list(written[kind][1].truth.values())
    assert all(min(np.abs(one - other).max() for other in known) < 1e-5 for one in truth)


def test_several_sources_become_one_and_keep_their_order(written, own, grasp_file):
    path, grasps = own
    items = [text("grab", written), str(grasp_file), f"own:{path}", text("ho3d", written), f"{grasp_file}?limit=7"]
    found = resolve(items)
    assert [part.text for part in found.parts] == items
    assert [part.grasps for part in found.parts] == [3, found.parts[1].grasps, 5, 3, 7]
    starts = np.cumsum([0, *(part.grasps for part in found.parts)])
    assert len(found) == len(found.object) == len(found.parameters) == starts[-1]
    names = [found.objects[i].name for i in found.object]
    assert names[:3] == ["grab_cubesmall"] * 3 and names[starts[3]] == "ho3d_003_cracker_box"
    assert names[starts[2] : starts[3]] == ["own_pan"] * 2 + ["own_cup"] * 3
    assert np.array_equal(found.parameters[starts[2] : starts[3]], grasps.parameters)
    # the grasp file twice: its objects are there once
    assert set(names[starts[4] :]) <= set(names[starts[1] : starts[2]])
    # the objects of the data sets are one file with three centrings, hence three objects, and pan another
    assert len(found.objects) == len({one.identity() for one in found.objects})
    assert all(isinstance(found.objects[i], MadeObject) for i in found.object[starts[1] : starts[2]])


def test_the_objects_mesh_is_in_the_frame_of_the_grasps(written):
    root, truth = written["grab"]
    found = resolve(f"grab:{root}")
    raw = trimesh.load(root / "obj_meshes" / "cubesmall.ply")
    mesh, notes = found.objects[0].load()
    assert np.abs(mesh.bounds - (raw.bounds - raw.vertices.mean(0))).max() < 1e-9 and notes == []
    assert np.abs(found.objects[0].mesh().bounds - mesh.bounds).max() < 1e-3


def test_an_object_is_known_by_its_content_not_by_its_place(tmp_path):
    mesh = layouts.object_mesh()
    for folder in ("a", "b"):
        layouts.write_mesh(tmp_path / folder / "cup.ply", mesh)
    first, second = (MeshObject("own", ObjectMesh("cup", tmp_path / folder / "cup.ply")) for folder in ("a", "b"))
    assert first.identity() == second.identity()
    centred = MeshObject("own", ObjectMesh("cup", tmp_path / "a" / "cup.ply", "vertex mean"))
    assert centred.identity() != first.identity()
    layouts.write_mesh(tmp_path / "b" / "cup.ply", layouts.object_mesh(1))
    assert first.identity() != MeshObject("own", ObjectMesh("cup", tmp_path / "b" / "cup.ply")).identity()
    with pytest.raises(MeshError, match="cannot be read"):
        MeshObject("own", ObjectMesh("cup", tmp_path / "none.ply")).identity()


def test_an_open_mesh_trains_as_it_is_and_is_refused_for_measuring(tmp_path):
    mesh = layouts.object_mesh()
    mesh.update_faces(np.arange(len(mesh.faces)) % 3 > 0)  # full of holes
    mesh.update_faces(mesh.triangles_center[:, 2] < mesh.vertices[:, 2].mean())
    layouts.write_mesh(tmp_path / "bowl.ply", mesh)
    bowl = MeshObject("own", ObjectMesh("bowl", tmp_path / "bowl.ply", "vertex mean"))
    made, raw = bowl.mesh(), trimesh.load(tmp_path / "bowl.ply")
    assert np.abs(made.bounds - (raw.bounds - raw.vertices.mean(0))).max() < 1e-9 and not made.is_watertight
    with pytest.raises(MeshError):
        bowl.load()
    mesh.vertices *= 1000
    layouts.write_mesh(tmp_path / "big.ply", mesh)
    with pytest.raises(MeshError, match="big.ply: .*millimetres"):
        MeshObject("own", ObjectMesh("big", tmp_path / "big.ply")).mesh()


def test_a_specification_is_an_object_under_its_own_name():
    made = as_source("mug:12")
    assert made.identity() == "mug:12" and made.name == "mug_12" and as_source(made) is made
    assert np.array_equal(made.mesh().vertices, make_object("mug:12").vertices)


def test_own_meshes_of_a_synthesized_set_are_found(tmp_path, grasp_file):
    layouts.write_mesh(tmp_path / "scans" / "cup.ply", layouts.object_mesh())
    grasps = load_grasp_set(grasp_file)
    grasps.objects[grasps.object[0]] = "file:cup.ply"
    folder = tmp_path / "set"
    grasps.save(folder / "shard_0000.npz")
    (folder / "objects.json").write_text(json.dumps({"root": str(tmp_path / "scans"), "objects": {}}))
    found = resolve(str(folder))
    cup = found.objects[found.object[0]]
    assert cup.identity().startswith("file:cup.ply ") and cup.mesh().is_watertight
    (folder / "objects.json").write_text("{}")
    with pytest.raises(GraspSetError, match="objects.json: not readable.*synthesize again"):
        resolve(str(folder))


def test_a_set_of_another_hand_is_refused(tmp_path, grasp_file):
    """Its numbers would pose other hands than those that were verified."""
    grasps = load_grasp_set(grasp_file)
    grasps.hand = "somebody.pkl"
    path = grasps.save(tmp_path / "set.npz")
    with pytest.raises(GraspSetError, match="of the hand 'somebody.pkl', the hand in use is 'open hand'"):
        resolve(f"set:{path}")


def test_limit_is_the_same_draw_every_time(grasp_file):
    first, second = (resolve(f"{grasp_file}?limit=9") for _ in range(2))
    assert len(first) == 9 and np.array_equal(first.parameters, second.parameters)
    assert any("9 of" in note for note in first.notes)


@pytest.mark.parametrize("item, said", [
    ("grabb:/x", "no such file or folder, expected open, grab:/path"),
    ("grab:", "expected open, grab:/path"),
    ("open:/x", "expected open, grab:/path"),
    ("ho3d:/x?splt=train", "ho3d has no option 'splt'; it takes split, models, every, limit"),
    ("grab:/x?every=0", "every is '0', expected a number above 0"),
    ("grab:/x?every=", "grab has no value for every"),
    ("oakink:/x?centre=21", "centre is '21', expected a keypoint, 0 to 20"),
    ("open?split=some", "has the splits train and validation, not 'some'"),
])  # fmt: skip
def test_a_wrong_text_is_told(item, said):
    with pytest.raises(DataSourceError, match=f"--data {item.split('?')[0]}.*{said}"):
        resolve(item)


def test_wrong_places_are_told(tmp_path):
    with pytest.raises(DataSourceError, match="a folder without shard_.*a data set needs its kind: open, grab:/path"):
        resolve(str(tmp_path))
    (tmp_path / "a.npz").write_text("no")
    with pytest.raises(DataSourceError, match="no .npz"):
        resolve(str(tmp_path / "a.npz"))
    with pytest.raises(DatasetError, match="is missing.*grab.is.tue.mpg.de"):
        resolve(f"grab:{tmp_path / 'none'}")
    with pytest.raises(DataSourceError, match="names nothing"):
        resolve([])


def test_own_grasps_without_a_mesh_or_of_left_hands_are_told(own, tmp_path, hand):
    path, grasps = own
    (tmp_path / "meshes" / "pan.ply").unlink()
    with pytest.raises(DataSourceError, match=r"no mesh called pan .*own:.*\?objects=/path/meshes"):
        resolve(str(path))
    with pytest.raises(DataSourceError, match="elsewhere is missing: the meshes of mine.npz"):
        resolve(f"{path}?objects={tmp_path / 'elsewhere'}")
    grasps.mirrored().save(tmp_path / "left.npz")
    with pytest.raises(DataSourceError, match="left.npz: left hands"):
        resolve(str(tmp_path / "left.npz"))
    (tmp_path / "cut.npz").write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DataSourceError, match="cut.npz"):
        resolve(f"own:{tmp_path / 'cut.npz'}")


def test_a_file_of_one_object_takes_the_mesh_it_is_given(own, tmp_path):
    _, grasps = own
    grasps.save(tmp_path / "single.npz")
    found = resolve(f"own:{tmp_path / 'single.npz'}?objects={tmp_path / 'meshes' / 'cup.ply'}")
    assert [one.name for one in found.objects] == ["own_cup"] and len(found) == 5 and found.notes == []
    layouts.write_mesh(tmp_path / "single.ply", layouts.object_mesh())
    assert [one.name for one in resolve(str(tmp_path / "single.npz")).objects] == ["own_single"]


def test_grasps_of_another_hand_are_told(own, tmp_path):
    _, grasps = own
    grasps.vertices += 0.01
    grasps.save(tmp_path / "pan.npz")
    note = resolve(f"{tmp_path / 'pan.npz'}?objects={tmp_path / 'meshes'}").notes[0]
    assert "17.3 mm from what the hand in use (open hand) makes" in note and "FASTGRASP_HAND" in note


def test_texts_of_sources():
    assert Request.parse("ho3d:/x?every=10&models=/y").options == {"every": 10, "models": "/y"}


def test_measuring_takes_the_test_split_and_the_same_grasps(written):
    selection = Selection((text("grab", written),))
    assert [target.name for target in measured_objects(selection)] == ["grab_mug"]
    (target, drawn), *rest = drawn_grasps(selection, 2, 0)
    assert not rest and len(drawn) == 2 and target.load()[0].is_watertight
    truth = [one for frame, one in written["grab"][1].truth.items() if frame.startswith("test")]
    for vertices in drawn.vertices:
        assert min(np.abs(vertices - one).max() for one in truth) < 1e-5
    assert len(read_measured((text("ho3d", written),))) == 3  # has one split only
    both = Selection((text("oakink", written, "?split=all"), text("grab", written)))
    names = [target.name for target, _ in drawn_grasps(both, 99, 1)]
    assert names == ["grab_mug", "oakink_A01001", "oakink_s16101"]


def test_by_turns_takes_many_families_first():
    objects = [MadeObject(spec) for spec in ("mug:1", "mug:2", "mug:3", "cup:1", "urdf:001", "cup:2")]
    assert by_turns(objects) == [0, 3, 4, 1, 5, 2] and by_turns([]) == []
