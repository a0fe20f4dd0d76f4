"""GRAB in both layouts: hands come back in the object's frame where the tool kit would pose them."""

import shutil

import numpy as np
import official_layouts as layouts
import pytest
import trimesh

from fastgrasp_evaluation.datasets import DatasetError, read_grab
from fastgrasp_evaluation.datasets.grab_raw import split_of
from fastgrasp_evaluation.datasets.records import RecordHand
from fastgrasp_evaluation.datasets.template import fit_template


def from_truth(records, written) -> np.ndarray:
    """Distance (N, 778) between the vertices that were written and those of the records, metres."""
    made = layouts.posed(records.parameters())
    return np.linalg.norm(made - np.stack([written.truth[frame] for frame in records.frames]), axis=2)


@pytest.fixture
def grabnet(tmp_path):
    return tmp_path, layouts.write_grabnet(tmp_path)


@pytest.mark.parametrize("split, name", [("test", "mug"), ("train", "cubesmall"), ("val", "apple")])
def test_frames_for_grabnet_come_back_in_the_objects_frame(grabnet, split, name):
    root, written = grabnet
    records = read_grab(root, split)
    assert len(records) == 3 and records.split == split and [mesh.name for mesh in records.objects] == [name]
    assert from_truth(records, written).max() < 1e-5
    # the mesh is in the same frame: its vertices' mean is the origin
    assert np.abs(records.objects[0].load().vertices.mean(0)).max() < 1e-9


def test_all_splits_together(grabnet):
    root, written = grabnet
    records = read_grab(root, "all")
    assert len(records) == 9 and len(records.objects) == 3
    assert from_truth(records, written).max() < 1e-5
    assert [records.objects[i].name for i in records.object[::3]] == ["cubesmall", "apple", "mug"]
    assert read_grab(root, "all", every=3).frames == records.frames[::3]


def test_folder_above_data_and_meshes_of_the_tool_kit(grabnet, tmp_path):
    root, written = grabnet
    upper = tmp_path / "upper"
    upper.mkdir()
    for entry in ("sbj_info.npy", "train"):
        (upper / "data").mkdir(exist_ok=True)
        shutil.move(root / entry, upper / "data" / entry)
    shutil.move(root / "obj_meshes", upper / "tools" / "object_meshes" / "contact_meshes")
    for place in (upper, upper / "data"):
        assert from_truth(read_grab(place), written).max() < 1e-5


def test_a_rest_mesh_that_no_betas_make_costs_what_the_notes_say(tmp_path):
    written = layouts.write_grabnet(tmp_path, bump=0.001)
    records = read_grab(tmp_path)
    distance = from_truth(records, written)
    whom = [1000 * np.sqrt((row**2).mean()) for row in distance]
    note = next(note for note in records.notes if "fitted" in note)
    said = float(note.split(": ")[-1].split(" mm rms")[0])
    assert 1.0 < said < 2.0  # 1 mm along each axis
    assert max(whom) == pytest.approx(said, rel=0.03)
    assert "millimetres; for the data set's own meshes" in records.notes[0]


def test_a_rest_mesh_beyond_all_hands_gives_a_hand_all_the_same():
    hand = RecordHand.from_file()
    far, near = np.zeros((2, 1, 61))
    far[0, 1], near[0, 1] = 9.0, 4.0
    fit = fit_template(layouts.posed(near)[0], hand)
    assert np.allclose(fit.betas, near[0, :10], atol=1e-6) and fit.rms < 1e-7
    fit = fit_template(layouts.posed(far)[0], hand)
    assert np.abs(fit.betas).max() <= 5.0 and fit.rms > 1e-4
    with pytest.raises(ValueError, match="expected a rest mesh"):
        fit_template(np.zeros((700, 3)), hand)


def test_raw_sequences_keep_frames_the_right_hand_touches(tmp_path):
    written = layouts.write_raw_grab(tmp_path)
    records = read_grab(tmp_path, "test")
    assert records.frames == ("s1/mug_drink_1/1", "s1/mug_drink_1/3")  # 2: the left hand's
    assert from_truth(records, written).max() < 1e-5
    assert len(read_grab(tmp_path, "all", every=2)) == 1
    with pytest.raises(DatasetError, match="no sequence of the split train"):
        read_grab(tmp_path, "train")


def test_raw_sequences_in_pca_need_manos_file(tmp_path):
    layouts.write_raw_grab(tmp_path, fingers="pca")
    with pytest.raises(DatasetError, match="24 coefficients of MANO's PCA.*FASTGRASP_HAND"):
        read_grab(tmp_path, "test")


def test_split_of_objects_is_grabs():
    assert [split_of(name) for name in ("wineglass", "hand", "banana")] == ["test", "val", "train"]


@pytest.mark.parametrize("gone", ["sbj_info.npy", "train/grabnet_train.npz", "train/frame_names.npz",
                                  "obj_meshes/cubesmall.ply"])  # fmt: skip
def test_a_missing_file_is_named_with_where_to_get_it(grabnet, gone):
    root, _ = grabnet
    (root / gone).unlink()
    with pytest.raises(DatasetError) as caught:
        read_grab(root)
    message = str(caught.value)
    assert str(root / gone) in message and "is missing" in message
    assert "https://grab.is.tue.mpg.de" in message and "licence" in message


def test_missing_folder_missing_mesh_and_missing_rest_hand(tmp_path):
    with pytest.raises(DatasetError, match="nowhere is missing.*grab.is.tue.mpg.de"):
        read_grab(tmp_path / "nowhere")
    layouts.write_raw_grab(tmp_path)
    (tmp_path / "tools/subject_meshes/female/s1_rhand.ply").unlink()
    with pytest.raises(DatasetError, match="s1_rhand.ply is missing.*grab.is.tue.mpg.de"):
        read_grab(tmp_path, "test")


def test_a_raw_sequence_that_names_a_file_elsewhere_is_refused(tmp_path):
    layouts.write_raw_grab(tmp_path)
    path = tmp_path / "grab/s1/mug_drink_1.npz"
    with np.load(path, allow_pickle=True) as archive:  # our own file
        content = {key: archive[key] for key in archive.files}
    content["object"].item()["object_mesh"] = "../../elsewhere.ply"
    np.savez(path, **content)
    with pytest.raises(DatasetError, match="names the mesh '../../elsewhere.ply', expected one below"):
        read_grab(tmp_path, "test")


@pytest.mark.parametrize("key, value, said", [
    ("trans_rhand", np.zeros((2, 3)), "expected as many rows"),
    ("trans_rhand", np.zeros((3, 4)), r"'trans_rhand' is \(3, 4\), expected numbers \(-1, 3\)"),
    ("trans_rhand", np.full((3, 3), np.nan), "'trans_rhand' is not finite, first in row"),
    ("fpose_rhand_rotmat", np.zeros((3, 15, 3, 3)), "is no rotation in row 0"),
    ("fpose_rhand_rotmat", None, "has no 'fpose_rhand_rotmat'"),
])  # fmt: skip
def test_damaged_rows_are_told(grabnet, key, value, said):
    root, _ = grabnet
    path = root / "train/grabnet_train.npz"
    with np.load(path) as archive:
        content = {name: archive[name] for name in archive.files}
    content.pop(key) if value is None else content.update({key: value})
    np.savez(path, **content)
    with pytest.raises(DatasetError, match=said):
        read_grab(root)


def test_a_frame_name_without_person_and_a_person_without_hand(grabnet):
    root, _ = grabnet
    np.savez(root / "train/frame_names.npz", frame_names=["a/b"] * 3)
    with pytest.raises(DatasetError, match="'a/b' is no frame name, expected .../s1/mug_drink_1/12.npz"):
        read_grab(root)
    np.savez(root / "train/frame_names.npz", frame_names=["s77/cubesmall_lift/0.npz"] * 3)
    with pytest.raises(DatasetError, match="sbj_info.npy: has no rest hand 'rh_vtemp' of s77"):
        read_grab(root)


def test_an_unreadable_object_is_told(grabnet):
    root, _ = grabnet
    (root / "obj_meshes/cubesmall.ply").write_text("no mesh")
    with pytest.raises(DatasetError, match="cubesmall.*cannot be read as a mesh"):
        read_grab(root)


def test_object_pose_is_not_the_transposed_one(grabnet):
    """The writer itself: had it the rotation the other way round, the test above would prove nothing."""
    root, written = grabnet
    with np.load(root / "train/grabnet_train.npz") as rows:
        matrix, place = rows["root_orient_obj_rotmat"][0].reshape(3, 3), rows["trans_obj"][0]
    mesh = trimesh.load(root / "obj_meshes/cubesmall.ply")
    hand = written.truth["train/data/s1/cubesmall_drink_1/0.npz"]
    world = (hand + mesh.vertices.mean(0)) @ matrix + place
    between = np.linalg.norm(world[:, None] - (mesh.vertices @ matrix + place)[None], axis=2)
    wrong = np.linalg.norm(world[:, None] - (mesh.vertices @ matrix.T + place)[None], axis=2)
    own = np.linalg.norm(hand[:, None] - (mesh.vertices - mesh.vertices.mean(0))[None], axis=2)
    assert np.abs(between - own).max() < 1e-9 < 1e-3 < np.abs(wrong - own).max()
