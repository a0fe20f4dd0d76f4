"""Packed sets: hands come back to a tenth of a millimetre, damage and foreign hands are named, thinning is fair."""

import time

import numpy as np
import pytest
import torch

from fastgrasp_model.geometry.rotations import matrix_to_axis_angle
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.hand.anatomy import joint_axes
from fastgrasp_model.hand.joint_angles import JOINT_LIMITS, angles_to_matrices, limit_violation
from fastgrasp_synthesis import fixed_point
from fastgrasp_synthesis.grasp_set import GraspSet, GraspSetError, load_grasp_set
from fastgrasp_synthesis.packing import pack, thin, unpack

LIMITS = JOINT_LIMITS.reshape(45, 2)


@pytest.fixture(scope="module")
def layer():
    return ManoLayer.from_file()


@pytest.fixture(scope="module")
def axes(layer):
    return joint_axes(layer)


def make_set(axes, count=400, objects=("mug:1", "urdf:017", "bar:9"), seed=0, kinds=3) -> GraspSet:
    """Random hands of the whole range; a third of the angles lies at a limit, as optimisers leave them."""
    rng = np.random.default_rng(seed)
    share = np.clip(rng.uniform(-0.25, 1.25, (count, 45)), 0, 1)
    angles = (LIMITS[:, 0] + share * (LIMITS[:, 1] - LIMITS[:, 0])).astype(np.float32)
    return GraspSet(betas=rng.normal(size=(count, 10)).clip(-2.5, 2.5).astype(np.float32),
                    global_orient=fixed_point.shortest(rng.normal(scale=2.0, size=(count, 3))).astype(np.float32),
                    hand_pose=fixed_point.to_hand_pose(angles, axes), transl=rng.normal(scale=0.08, size=(count, 3))
                    .astype(np.float32), object=rng.integers(0, len(objects), count).astype(np.int32),
                    grasp_type=rng.integers(0, kinds, count).astype(np.int8),
                    depth=rng.uniform(0, 0.004, count).astype(np.float32),
                    displacement=rng.exponential(0.002, (count, 6)).astype(np.float32), objects=list(objects),
                    grasp_types=[f"type {number}" for number in range(kinds)], hand="open hand", candidates=2 * count)


@pytest.fixture(scope="module")
def grasps(axes):
    return make_set(axes)


@pytest.fixture(scope="module")
def packed(grasps, tmp_path_factory):
    return pack(grasps, tmp_path_factory.mktemp("packed") / "set.npz")


@pytest.fixture(scope="module")
def ordered(grasps):
    return grasps[np.lexsort((grasps.grasp_type, grasps.object))]


def vertices(layer, grasps: GraspSet) -> torch.Tensor:
    with torch.no_grad():
        return layer.from_parameters(torch.from_numpy(grasps.parameters())).vertices


def rewritten(path, tmp_path, **changes):
    """A copy of a packed file with arrays changed; None leaves one out."""
    with np.load(path) as data:
        arrays = {name: data[name] for name in data.files} | changes
    copy = tmp_path / "changed.npz"
    np.savez_compressed(copy, **{name: array for name, array in arrays.items() if array is not None})
    return copy


def test_hands_come_back_within_a_tenth_of_a_millimetre(packed, ordered, layer):
    again = load_grasp_set(packed)
    error = (vertices(layer, again) - vertices(layer, ordered)).norm(dim=-1)
    assert error.max() <= 1e-4 and error.mean() <= 3e-5
    for name in ("object", "grasp_type"):
        assert np.array_equal(getattr(again, name), getattr(ordered, name))
    assert again.objects == ordered.objects and again.counts() == ordered.counts() and again.candidates == 800
    assert all(getattr(again, name).dtype == np.float32 for name in ("betas", "hand_pose", "transl", "depth"))


def test_angles_at_their_limits_stay_there(packed, axes):
    angles = torch.from_numpy(fixed_point.to_angles(unpack(packed).hand_pose, axes)).reshape(-1, 15, 3)
    assert limit_violation(angles).max() < 1e-5
    at_limit = (angles.numpy().reshape(-1, 45) - LIMITS[:, 1]).__abs__() < 1e-5
    assert 0.1 < at_limit.mean() < 0.25


def test_depth_and_displacement_keep_to_a_twentieth_of_a_millimetre_and_saturate(axes, tmp_path):
    grasps = make_set(axes, 50, seed=3)
    grasps.displacement[7, 2] = 0.031
    ordered = grasps[np.lexsort((grasps.grasp_type, grasps.object))]
    again = unpack(pack(grasps, tmp_path / "set.npz"))
    assert np.abs(again.depth - ordered.depth).max() < 5.1e-5
    small = ordered.displacement < 0.0255
    assert np.abs(again.displacement - ordered.displacement)[small].max() < 5.1e-5
    assert (~small).sum() >= 1 and np.allclose(again.displacement[~small], 0.0255)


def test_packing_what_was_unpacked_changes_nothing(packed, tmp_path):
    twice = pack(unpack(packed), tmp_path / "again.npz")
    with np.load(packed) as one, np.load(twice) as two:
        assert all(np.array_equal(one[name], two[name]) for name in one.files)


def test_a_part_of_a_packed_set_packs_without_loss(packed, tmp_path):
    part = unpack(packed)[::3]
    again = unpack(pack(part, tmp_path / "part.npz"))
    assert np.abs(again.parameters() - part.parameters()).max() < 2e-6


def test_an_object_listed_twice_becomes_one(grasps, axes, tmp_path):
    again = load_grasp_set(pack(make_set(axes, 60, ("mug:1", "cup:2", "mug:1", "cup:5")), tmp_path / "set.npz"))
    assert again.objects == ["mug:1", "cup:2", "cup:5"] and np.bincount(again.object)[0] > 20


def test_large_codes_are_divided_and_united():
    codes = np.random.default_rng(0).integers(0, 65536, (3, 37))
    codes[1] %= 300
    codes[2] %= 200
    high, low, bits = fixed_point.divide(codes)
    assert bits.tolist() == [8, 1, 0] and low.shape == (9, 5)
    assert np.array_equal(fixed_point.unite(high, low, bits), codes)


def test_a_file_over_the_limit_is_refused_with_numbers_and_leaves_nothing(grasps, tmp_path):
    with pytest.raises(GraspSetError, match=r"400 grasps take \d+ bytes \([\d.]+ each\), the limit is 5000; `thin`"):
        pack(grasps, tmp_path / "set.npz", limit_bytes=5000)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "value", "message"), [
    ("betas", np.nan, "betas of 1 grasps is not finite"), ("displacement", np.inf, "displacement of 1 grasps"),
    ("transl", 3.0, "transl, column 0, goes from"), ("object", 9, "object goes from 0 to 9"),
    ("grasp_type", -1, "grasp_type goes from -1"), ("hand_pose", 2.0, "beyond its limits; worst row 5: .* of ")])
def test_what_is_no_grasp_is_not_packed(axes, tmp_path, name, value, message):
    grasps = make_set(axes, 30)
    array = getattr(grasps, name)
    array[(5, 0) if array.ndim == 2 else 5] = value
    with pytest.raises(GraspSetError, match=message):
        pack(grasps, tmp_path / "set.npz")
    assert not list(tmp_path.iterdir())


def test_an_empty_set_is_not_packed(grasps, tmp_path):
    with pytest.raises(GraspSetError, match="no grasps to pack"):
        pack(grasps[:0], tmp_path / "set.npz")


def test_a_joint_a_little_beyond_its_limit_is_stored_at_it(axes, tmp_path):
    angles = np.tile(LIMITS[:, 1] + 8e-4, (4, 1)).astype(np.float32)
    grasps = make_set(axes, 4)
    matrices = angles_to_matrices(torch.from_numpy(angles).reshape(-1, 15, 3), axes)
    grasps.hand_pose = matrix_to_axis_angle(matrices).flatten(1).numpy()
    again = unpack(pack(grasps, tmp_path / "set.npz"))
    assert np.abs(fixed_point.to_angles(again.hand_pose, axes) - LIMITS[:, 1]).max() < 1e-5


def test_another_or_a_missing_hand_is_an_error_with_the_remedy(packed, tmp_path, monkeypatch):
    with pytest.raises(GraspSetError, match=r"SHA-256 0{16}.*one version of FastGrasp"):
        load_grasp_set(rewritten(packed, tmp_path, hand_sha256=np.str_("0" * 64)))
    monkeypatch.delenv("FASTGRASP_HAND", raising=False)
    with pytest.raises(GraspSetError, match="'MANO_RIGHT.pkl'.*set FASTGRASP_HAND"):
        load_grasp_set(rewritten(packed, tmp_path, hand=np.str_("MANO_RIGHT.pkl")))
    monkeypatch.setenv("FASTGRASP_HAND", str(tmp_path / "MANO_RIGHT.pkl"))
    with pytest.raises(GraspSetError, match="cannot be read.*set FASTGRASP_HAND"):
        load_grasp_set(rewritten(packed, tmp_path, hand=np.str_("MANO_RIGHT.pkl")))


def test_a_users_hand_is_found_by_its_name(grasps, layer, tmp_path, monkeypatch):
    from fastgrasp_model.hand.mano_layer import OPEN_HAND

    mine = tmp_path / "mine.npz"
    mine.write_bytes(OPEN_HAND.read_bytes())
    monkeypatch.setenv("FASTGRASP_HAND", str(mine))
    own = grasps[:5]
    own.hand = "mine.npz"
    assert load_grasp_set(pack(own, tmp_path / "set.npz")).hand == "mine.npz"
    assert unpack(tmp_path / "set.npz", hand=mine).hand == "mine.npz"


CHANGES = {"version 3": dict(version=np.int64(3)), "version of text": dict(version=np.str_("two")), "no counts": dict(
    counts=None), "counts too small": dict(counts=np.array([1, 2, 3], dtype=np.uint32)), "counts that wrap": dict(
        counts=np.array([2**32 - 1, 401, 0], dtype=np.uint32)), "counts negative": dict(counts=np.array([-1, 401, 0])),
           "object over": dict(counts=np.array([100, 100, 100, 100], dtype=np.uint32)),
           "object twice": dict(objects=np.array(["mug:1", "mug:1", "bar:9"])),
           "object without a family": dict(objects=np.array(["mug:1", "urdf:x", "bar:9"])),
           "type over": dict(grasp_type=np.full(400, 3, dtype=np.uint8)), "floats for codes": dict(betas_high=np.zeros(
               (10, 400), dtype=np.float32)), "columns too few": dict(angles_high=np.zeros((44, 400), dtype=np.uint8)),
           "bits without planes": dict(angles_bits=np.full(45, 8, dtype=np.uint8)), "bits over eight": dict(
               angles_bits=np.full(45, 9, dtype=np.uint8), angles_low=np.zeros((405, 50), dtype=np.uint8)),
           "bits of another type": dict(angles_bits=np.zeros(45)), "step of NaN": dict(transl_step=np.full(3, np.nan)),
           "step of zero": dict(betas_step=np.zeros(10)), "start far away": dict(global_orient_start=np.full(3, 1e9)),
           "angles beyond a turn": dict(angles_start=np.full(45, 3.5)), "candidates negative": dict(
               candidates=np.int64(-4)), "objects pickled": dict(objects=np.array(["mug:1", {}, None], dtype=object)),
           "hand of numbers": dict(hand=np.float64(4))}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_hostile_values_are_refused_with_the_remedy(packed, tmp_path, change):
    with pytest.raises(GraspSetError, match=r"changed\.npz.*(again|pack)"):
        load_grasp_set(rewritten(packed, tmp_path, **change))


def test_counts_are_added_up_before_they_are_used(packed, tmp_path):
    """Else four thousand million rows would be made first."""
    with pytest.raises(GraspSetError, match="add up to 4294967696, not 400"):
        load_grasp_set(rewritten(packed, tmp_path, **CHANGES["counts that wrap"]))


def test_no_damage_gets_past_as_another_error(packed, tmp_path):
    """Truncated, with flipped bytes, or noise: a GraspSetError, or (a bit of a code) a set of the same size."""
    whole, rng, copy = packed.read_bytes(), np.random.default_rng(0), tmp_path / "set.npz"
    refused = 0
    for trial in range(150):
        data = bytearray(whole)
        if trial % 3 == 0:
            data = data[: rng.integers(0, len(data))]
        for place in rng.integers(0, max(len(data), 1), 1 + trial % 4):
            if len(data):
                data[place] = rng.integers(0, 256)
        copy.write_bytes(bytes(data))
        try:
            assert len(load_grasp_set(copy)) == 400
        except GraspSetError as error:
            refused += "set.npz" in str(error)
    assert refused > 120


def test_a_file_that_unfolds_to_gigabytes_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("fastgrasp_synthesis.grasp_arrays.MOST_BYTES", 1 << 20)
    np.savez_compressed(tmp_path / "set.npz", version=np.int64(2), betas_high=np.zeros(1 << 21, dtype=np.uint8))
    with pytest.raises(GraspSetError, match="unfolds to"):
        load_grasp_set(tmp_path / "set.npz")


def test_thinning_keeps_objects_and_types_balanced(axes):
    grasps = make_set(axes, 300, tuple(f"mug:{n}" for n in range(5)))
    grasps.object = np.repeat([0, 1, 2, 3], [200, 60, 30, 10]).astype(np.int32)
    grasps.grasp_type = np.where(np.arange(300) % 10 == 0, 1, 0).astype(np.int8)
    few = thin(grasps, 100, seed=1)
    assert np.bincount(few.object, minlength=5).tolist() == [30, 30, 30, 10, 0]
    assert few.counts()["type 1"] == 1 + 3 + 6 + 15  # all of three objects, and half of the 30 that object 0 keeps
    assert thin(grasps, 4).counts()["type 1"] == 4  # the rarest type first
    assert np.array_equal(thin(grasps, 100, seed=1).transl, few.transl)
    assert not np.array_equal(thin(grasps, 100, seed=2).transl, few.transl)
    assert len(thin(grasps, 300)) == 300 and len(thin(grasps, 0)) == 0 and len(thin(grasps, 91)) == 91


def test_thinning_refuses_a_negative_count(grasps):
    with pytest.raises(GraspSetError, match="-1"):
        thin(grasps, -1)


def test_two_hundred_thousand_grasps_load_in_seconds(packed, tmp_path):
    with np.load(packed) as data:
        arrays = {name: data[name] for name in data.files}
    for name in arrays:
        if name.endswith(("_high", "_low")) or name in ("depth", "displacement", "grasp_type"):
            arrays[name] = np.tile(arrays[name], 500)
    arrays["counts"] = arrays["counts"] * np.uint32(500)
    np.savez(tmp_path / "set.npz", **arrays)
    start = time.process_time()
    assert len(load_grasp_set(tmp_path / "set.npz")) == 200_000
    assert time.process_time() - start < 4  # seconds of a core that may be shared; 1.3 when it is not
