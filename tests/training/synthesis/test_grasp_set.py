"""Grasp sets: what is written comes back, shards join, damage is named."""

import numpy as np
import pytest

from fastgrasp_training.synthesis.grasp_set import GraspSet, GraspSetError, load_grasp_set


def _grasps(count: int, objects: list[str], seed: int = 0) -> GraspSet:
    rng = np.random.default_rng(seed)
    return GraspSet(
        betas=rng.normal(size=(count, 10)).astype(np.float32),
        global_orient=rng.normal(size=(count, 3)).astype(np.float32),
        hand_pose=rng.normal(size=(count, 45)).astype(np.float32),
        transl=rng.normal(size=(count, 3)).astype(np.float32),
        object=rng.integers(0, len(objects), count),
        grasp_type=rng.integers(0, 2, count).astype(np.int8),
        depth=rng.random(count).astype(np.float32),
        displacement=rng.random((count, 6)).astype(np.float32),
        objects=objects,
        grasp_types=["power", "pinch"],
        hand="test hand",
        candidates=2 * count,
    )


def test_a_packed_set_comes_back(tmp_path):
    grasps = _grasps(7, ["mug:1", "urdf:017"])
    again = load_grasp_set(grasps.save(tmp_path / "set.npz"))
    assert again.objects == grasps.objects and again.hand == "test hand" and again.candidates == 14
    assert np.array_equal(again.transl, grasps.transl) and again.betas.dtype == np.float32
    assert np.allclose(again.parameters(), grasps.parameters(), atol=2e-3)
    assert again.counts() == grasps.counts()


def test_shards_join_with_their_objects_shifted(tmp_path):
    one, two = _grasps(5, ["mug:1", "cup:1"]), _grasps(4, ["bar:9"], seed=1)
    one.save(tmp_path / "shard_00000.npz")
    two.save(tmp_path / "shard_00001.npz")
    both = load_grasp_set(tmp_path)
    assert len(both) == 9 and both.objects == ["mug:1", "cup:1", "bar:9"]
    assert (both.object[5:] == 2).all() and np.array_equal(both.object[:5], one.object)


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
