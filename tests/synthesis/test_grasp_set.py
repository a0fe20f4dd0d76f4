"""Grasp sets: what is written comes back, shards join, damage is named."""

from dataclasses import replace

import numpy as np
import pytest

from fastgrasp_synthesis.grasp_set import GraspSet, GraspSetError, load_grasp_set


def _grasps(count: int, objects: list[str], seed: int = 0) -> GraspSet:
    rng = np.random.default_rng(seed)
    return GraspSet(betas=rng.normal(size=(count, 10)).astype(np.float32), global_orient=rng.normal(size=(count, 3))
                    .astype(np.float32), hand_pose=rng.normal(size=(count, 45)).astype(np.float32),
                    transl=rng.normal(size=(count, 3)).astype(np.float32), object=rng.integers(0, len(objects), count),
                    grasp_type=rng.integers(0, 2, count).astype(np.int8), depth=rng.random(count).astype(np.float32),
                    displacement=rng.random((count, 6)).astype(np.float32), objects=objects,
                    grasp_types=["power", "pinch"], hand="test hand", candidates=2 * count)


def test_a_shard_comes_back_exactly(tmp_path):
    grasps = _grasps(7, ["mug:1", "urdf:017"])
    again = load_grasp_set(grasps.save(tmp_path / "set.npz"))
    assert again.objects == grasps.objects and again.hand == "test hand" and again.candidates == 14
    assert np.array_equal(again.parameters(), grasps.parameters()) and again.betas.dtype == np.float32
    assert again.counts() == grasps.counts()


def test_shards_join_with_their_objects_shifted(tmp_path):
    one, two = _grasps(5, ["mug:1", "cup:1"]), _grasps(4, ["bar:9"], seed=1)
    one.save(tmp_path / "shard_00000.npz")
    two.save(tmp_path / "shard_00001.npz")
    both = load_grasp_set(tmp_path)
    assert len(both) == 9 and both.objects == ["mug:1", "cup:1", "bar:9"]
    assert (both.object[5:] == 2).all() and np.array_equal(both.object[:5], one.object)


def test_an_object_of_two_shards_becomes_one(tmp_path):
    one, two = _grasps(5, ["mug:1", "cup:1"]), _grasps(4, ["bar:9", "cup:1"], seed=1)
    one.save(tmp_path / "shard_00000.npz")
    two.save(tmp_path / "shard_00001.npz")
    both = load_grasp_set(tmp_path)
    assert both.objects == ["mug:1", "cup:1", "bar:9"]
    named = [both.objects[row] for row in both.object]
    assert named == [one.objects[row] for row in one.object] + [two.objects[row] for row in two.object]


def test_shards_of_half_floats_still_load(tmp_path):
    """As they were written before hand_pose and betas became float32."""
    grasps = _grasps(6, ["mug:1"])
    path = grasps.save(tmp_path / "shard_00000.npz")
    with np.load(path) as data:
        arrays = {name: data[name] for name in data.files}
    for name in ("betas", "hand_pose", "depth", "displacement"):
        arrays[name] = arrays[name].astype(np.float16)
    np.savez_compressed(path, **arrays)
    again = load_grasp_set(tmp_path)
    assert again.hand_pose.dtype == np.float32 and np.allclose(again.parameters(), grasps.parameters(), atol=2e-3)


def test_splits_part_the_set(tmp_path):
    grasps = _grasps(40, ["mug:1", "teapot:1", "urdf:017"])
    train, validation = grasps.split("train"), grasps.split("validation")
    assert len(train) + len(validation) == 40 and (train.object == 0).all() and (validation.object > 0).all()


def test_missing_damaged_and_mixed_sets_are_named(tmp_path):
    with pytest.raises(GraspSetError, match="fastgrasp synthesize"):
        load_grasp_set(tmp_path)
    (tmp_path / "shard_00000.npz").write_bytes(b"PK nothing")
    with pytest.raises(GraspSetError, match="delete it"):
        load_grasp_set(tmp_path)
    grasps = _grasps(3, ["mug:1"])
    grasps.save(tmp_path / "shard_00000.npz")
    grasps.hand = "other"
    grasps.save(tmp_path / "shard_00001.npz")
    with pytest.raises(GraspSetError, match="different kinds"):
        load_grasp_set(tmp_path)


def test_a_wrong_shape_is_refused(tmp_path):
    grasps = _grasps(3, ["mug:1"])
    grasps.transl = grasps.transl[:2]
    with pytest.raises(GraspSetError, match="transl has shape"):
        load_grasp_set(grasps.save(tmp_path / "set.npz"))


@pytest.mark.parametrize(("change", "message"), [
    (dict(object=np.array([0, 1, 2])), "object goes from 0 to 2, but there are 2"),
    (dict(object=np.array([0, -1, 1])), "object goes from -1"),
    (dict(grasp_type=np.array([0, 2, 1], dtype=np.int8)), "grasp_type goes from 0 to 2"), (dict(hand_pose=np.array(
        [["a"] * 45] * 3)), "expected"), (dict(objects=np.array(["mug:1", "cup"])), "'cup' is no object"),
    (dict(version=np.int64(7)), "format 7, expected 1"), (dict(version=np.array([1, 2])), "format"),
    (dict(candidates=np.array([1, 2])), "delete it"), (dict(objects=np.array(
        [None, {}], dtype=object)), "not a readable grasp set"), (dict(depth=None), "not a readable grasp set")])
def test_a_hostile_shard_is_refused_with_the_remedy(tmp_path, change, message):
    path = _grasps(3, ["mug:1", "cup:1"]).save(tmp_path / "shard_00000.npz")
    with np.load(path) as data:
        arrays = {name: data[name] for name in data.files} | change
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    for place in (path, tmp_path):
        with pytest.raises(GraspSetError, match=message) as error:
            load_grasp_set(place)
        assert "again" in str(error.value) and "shard_00000.npz" in str(error.value)


def test_no_damaged_shard_gets_past_as_another_error(tmp_path):
    path, rng, refused = tmp_path / "shard_00000.npz", np.random.default_rng(0), 0
    whole = _grasps(20, ["mug:1", "cup:1"]).save(path).read_bytes()
    for trial in range(120):
        data = bytearray(whole if trial % 2 else whole[: rng.integers(0, len(whole))])
        for place in rng.integers(0, max(len(data), 1), 3):
            data[place : place + 1] = rng.bytes(1)
        path.write_bytes(bytes(data))
        try:
            assert len(load_grasp_set(tmp_path)) == 20
        except GraspSetError:
            refused += 1
    assert refused > 100


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(GraspSetError, match="none.npz: no such file"):
        load_grasp_set(tmp_path / "none.npz")


def test_rows_are_checked_before_they_are_packed():
    grasps = _grasps(3, ["mug:1"])
    with pytest.raises(GraspSetError, match=r"depth has shape \(2,\), expected \(3,\)"):
        replace(grasps, depth=grasps.depth[:2]).check_rows()
