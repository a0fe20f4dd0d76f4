"""OakInk-Shape: real and transferred grasps, both ways to write a pose, both meanings of the translation."""

import json
import pickle

import numpy as np
import official_layouts as layouts
import pytest

from fastgrasp_evaluation.datasets import DatasetError, read_oakink_shape
from fastgrasp_evaluation.datasets.oakink_shape import split_of


def farthest(records, written) -> float:
    made = layouts.posed(records.parameters())
    return np.linalg.norm(made - np.stack([written.truth[frame] for frame in records.frames]), axis=2).max()


@pytest.mark.parametrize("quaternions", [False, True], ids=["48 axis-angle", "16 quaternions"])
def test_grasps_come_back_in_the_frame_of_the_bounding_box(tmp_path, quaternions):
    written = layouts.write_oakink(tmp_path, quaternions=quaternions)
    for root in (tmp_path, tmp_path / "shape"):
        records = read_oakink_shape(root, "all")
        assert [records.objects[i].name for i in records.object] == ["A01001", "s16101"]
        assert farthest(records, written) < 1e-5
    for mesh in records.objects:
        assert np.abs(mesh.load().bounds.mean(0)).max() < 1e-9 < np.abs(mesh.load().vertices.mean(0)).max()


def test_translation_saved_by_the_tool_kit_is_another_joint(tmp_path):
    written = layouts.write_oakink(tmp_path, centre=9)
    assert farthest(read_oakink_shape(tmp_path, "all", centre=9), written) < 1e-5
    assert farthest(read_oakink_shape(tmp_path, "all"), written) > 0.05


def test_split_of_an_object_is_the_remainder_of_its_hash():
    ids = [f"s{number:05d}" for number in range(2000)]
    shares = [sum(split_of(one) == split for one in ids) / len(ids) for split in ("train", "val", "test")]
    assert np.allclose(shares, [0.8, 0.1, 0.1], atol=0.03)
    assert [split_of(one) for one in ("a", "s16101", "A01020", "A01001")] == ["train", "train", "val", "test"]


def test_splits_share_the_grasps_without_overlap(tmp_path):
    layouts.write_oakink(tmp_path)
    for split in ("train", "val", "test"):
        mine = [name for name in layouts.OAKINK_IDS if split_of(name) == split]
        if mine:
            assert [mesh.name for mesh in read_oakink_shape(tmp_path, split).objects] == mine
        else:
            with pytest.raises(DatasetError, match=f"no grasps of split {split}"):
                read_oakink_shape(tmp_path, split)


def test_category_and_intent_choose(tmp_path):
    layouts.write_oakink(tmp_path)
    assert len(read_oakink_shape(tmp_path, "all", category="mug", intent="use")) == 2
    with pytest.raises(DatasetError, match="no grasps of split all, None, hold"):
        read_oakink_shape(tmp_path, "all", intent="hold")
    with pytest.raises(DatasetError, match="intents use, hold, liftup, handover, not 'throw'"):
        read_oakink_shape(tmp_path, "all", intent="throw")
    with pytest.raises(DatasetError, match="pen is missing: the grasps of OakInk-Shape's category pen"):
        read_oakink_shape(tmp_path, "all", category="pen")


def test_the_list_of_virtual_objects_under_its_documented_name(tmp_path):
    layouts.write_oakink(tmp_path)
    meta = tmp_path / "shape/metaV2"
    (meta / "virtual_object_id.json").rename(meta / "virtual_obj_id.json")
    assert len(read_oakink_shape(tmp_path, "all")) == 2


def test_of_several_meshes_the_aligned_one(tmp_path):
    written = layouts.write_oakink(tmp_path)
    folder = tmp_path / "shape/OakInkObjectsV2/mug_real"
    layouts.write_mesh(folder / "align/scan_raw.obj", layouts.object_mesh(9))
    records = read_oakink_shape(tmp_path, "all")
    assert records.objects[0].path.name == "scan_align.obj" and farthest(records, written) < 1e-5
    layouts.write_mesh(folder / "align/other_align.ply", layouts.object_mesh(9))
    with pytest.raises(DatasetError, match="2 meshes, expected one"):
        read_oakink_shape(tmp_path, "all")


@pytest.mark.parametrize("gone", ["oakink_shape_v2", "metaV2/object_id.json", "metaV2/virtual_object_id.json",
                                  "OakInkObjectsV2/mug_real/align"])  # fmt: skip
def test_a_missing_file_is_named_with_where_to_get_it(tmp_path, gone):
    layouts.write_oakink(tmp_path)
    (tmp_path / "shape" / gone).rename(tmp_path / "gone")
    with pytest.raises(DatasetError) as caught:
        read_oakink_shape(tmp_path, "all")
    message = str(caught.value)
    assert str(tmp_path / "shape" / gone) in message and "is missing" in message
    assert "https://oakink.net" in message and "terms" in message


@pytest.mark.parametrize("content, said", [
    ({"shape": np.zeros(10), "tsl": np.zeros(3)}, "expected a dictionary of pose, shape and tsl"),
    ({"pose": np.zeros(51), "shape": np.zeros(10), "tsl": np.zeros(3)}, "'pose' has 51 numbers, expected 48"),
    ({"pose": np.zeros(48), "shape": np.zeros(10), "tsl": np.full(3, np.inf)}, "transl of .*0cc013118e is not finite"),
    ([1, 2], "expected a dictionary"),
])  # fmt: skip
def test_damaged_parameters_are_told(tmp_path, content, said):
    layouts.write_oakink(tmp_path)
    path = tmp_path / "shape/oakink_shape_v2/mug/A01001/0cc013118e/hand_param.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DatasetError, match=said):
        read_oakink_shape(tmp_path, "all")


@pytest.mark.parametrize("name", ["../../elsewhere", ".", 7])
def test_a_list_that_names_a_folder_elsewhere_is_refused(tmp_path, name):
    layouts.write_oakink(tmp_path)
    (tmp_path / "shape/metaV2/object_id.json").write_text(json.dumps({"A01001": {"name": name}}))
    with pytest.raises(DatasetError, match="is no name of a folder"):
        read_oakink_shape(tmp_path, "all")
