"""Plain arrays: parameters in every convention, and meshes, read back as the hands they came from."""

import pickle

import numpy as np
import pytest

from fastgrasp_evaluation.formats import HandFileError, read_hands
from fastgrasp_model.grasps import Grasps
from fastgrasp_model.hand.mano_layer import ManoLayer


def saved(tmp_path, **arrays):
    path = tmp_path / "hands.npz"
    np.savez(path, **arrays)
    return path


def split(grasps: Grasps) -> dict[str, np.ndarray]:
    return {key: getattr(grasps, key) for key in ("betas", "global_orient", "hand_pose", "transl")}


def same_mesh(hands, grasps: Grasps, tolerance: float = 2e-6) -> None:
    assert hands.side == grasps.side and hands.problems == [None] * len(grasps)
    np.testing.assert_allclose(hands.vertices, grasps.vertices, atol=tolerance)
    np.testing.assert_array_equal(hands.faces[0], grasps.faces)
    np.testing.assert_allclose(hands.keypoints, grasps.keypoints, atol=max(tolerance, 1e-5))


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("key", ["parameters", "params", "hand_param"])
def test_sixty_one_parameters_give_the_mesh(tmp_path, grasps, side, key):
    wanted = grasps(side)
    (hands,) = read_hands(saved(tmp_path, **{key: wanted.parameters, "side": side, "object": "mug"}))
    assert hands.object_name == "mug"
    same_mesh(hands, wanted)
    np.testing.assert_allclose(hands.hand_pose, wanted.hand_pose, atol=1e-6)
    np.testing.assert_allclose(hands.betas, wanted.betas, atol=1e-6)


def test_the_side_may_come_from_the_caller(tmp_path, grasps):
    (hands,) = read_hands(saved(tmp_path, parameters=grasps("left").parameters), side="left")
    same_mesh(hands, grasps("left"))


def test_split_keys_in_their_other_spellings(tmp_path, grasps):
    wanted = grasps()
    from scipy.spatial.transform import Rotation

    same_mesh(read_hands(saved(tmp_path, **split(wanted)))[0], wanted)
    pose = np.concatenate([wanted.global_orient, wanted.hand_pose], 1)
    same_mesh(read_hands(saved(tmp_path, shape=wanted.betas, pose=pose, tsl=wanted.transl))[0], wanted)
    matrices = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(-1, 16, 3, 3)
    arrays = {"betas": wanted.betas, "trans": wanted.transl}
    arrays |= {"global_orient": matrices[:, :1], "hand_pose": matrices[:, 1:]}
    same_mesh(read_hands(saved(tmp_path, **arrays))[0], wanted, 1e-5)
    arrays |= {"global_orient": matrices[:, 0], "hand_pose": wanted.hand_pose.reshape(-1, 15, 3)}
    same_mesh(read_hands(saved(tmp_path, **arrays))[0], wanted, 1e-5)


def test_one_shape_for_all_hands(tmp_path, grasps):
    one = grasps()
    rows = one.parameters.copy()
    rows[:, :10] = rows[0, :10]
    (hands,) = read_hands(saved(tmp_path, **{**split(one), "betas": one.betas[0]}))
    (wanted,) = read_hands(saved(tmp_path, parameters=rows))
    np.testing.assert_array_equal(hands.vertices, wanted.vertices)


def test_a_hand_that_was_centred_first_is_put_where_it_was(tmp_path, grasps):
    wanted = grasps()
    for joint in (0, 9):
        centred = {**split(wanted), "transl": wanted.keypoints[:, joint], "center_idx": joint}
        same_mesh(read_hands(saved(tmp_path, **centred))[0], wanted)
    with pytest.raises(HandFileError, match="'center_idx' is .*21.*, expected a keypoint 0 to 20"):
        read_hands(saved(tmp_path, **{**split(wanted), "center_idx": 21}))


def test_millimetres_scale_the_translation_and_not_the_hand(tmp_path, grasps):
    wanted = grasps()
    (hands,) = read_hands(saved(tmp_path, **{**split(wanted), "transl": 1000 * wanted.transl}), unit="mm")
    same_mesh(hands, wanted)


def test_a_users_mano_file_makes_the_mesh(tmp_path, grasps, layer, mano_file):
    wanted = grasps(path=mano_file)
    path = saved(tmp_path, parameters=wanted.parameters)
    asked = []

    def layer_for(side: str) -> ManoLayer:
        asked.append(side)
        return layer(side, mano_file)

    same_mesh(read_hands(path, layer_for=layer_for)[0], wanted)
    np.savez(tmp_path / "more.npz", parameters=wanted.parameters)
    assert len(read_hands(tmp_path, layer_for=layer_for)) == 2
    assert asked == ["right", "right"]  # once for each call, however many files
    assert np.abs(read_hands(path)[0].vertices[0] - wanted.vertices[0]).max() > 0.01  # the open hand is another


@pytest.mark.parametrize("side", ["right", "left"])
def test_mean_pose_and_components_are_those_of_the_mano_file(tmp_path, grasps, layer, mano_file, side):
    wanted = grasps(side, path=mano_file)
    hand = layer(side, mano_file)
    mean, components = hand.hands_mean.numpy(), hand.hands_components.numpy()
    for pose, flags in [
        (wanted.hand_pose - mean, {"flat_hand_mean": False}),
        (wanted.hand_pose @ components.T, {"flat_hand_mean": True, "use_pca": True}),
        ((wanted.hand_pose - mean) @ components.T, {"flat_hand_mean": np.array([False]), "use_pca": 1}),
        (wanted.hand_pose, {"flat_hand_mean": True}),
    ]:
        path = saved(tmp_path, **{**split(wanted), "hand_pose": pose, "side": side, **flags})
        (hands,) = read_hands(path, layer_for=lambda side: layer(side, mano_file))
        same_mesh(hands, wanted, 1e-5)
        np.testing.assert_allclose(hands.hand_pose, wanted.hand_pose, atol=1e-5)


def test_a_few_components_are_the_first_ones(tmp_path, grasps, layer, mano_file):
    wanted = grasps()
    few = np.random.default_rng(0).normal(size=(3, 6))
    path = saved(tmp_path, **{**split(wanted), "hand_pose": few, "flat_hand_mean": True})
    (hands,) = read_hands(path, layer_for=lambda side: layer(side, mano_file))
    np.testing.assert_allclose(hands.hand_pose, few @ layer("right", mano_file).hands_components.numpy()[:6], atol=1e-5)


def test_conventions_that_need_mano_are_refused_on_the_open_hand(tmp_path, grasps):
    arrays = {**split(grasps()), "flat_hand_mean": False}
    with pytest.raises(
        HandFileError, match=r"relative to MANO's mean pose, which the open hand.*--mano MANO_RIGHT\.pkl"
    ):
        read_hands(saved(tmp_path, **arrays))
    arrays["hand_pose"] = arrays["hand_pose"][:, :24]
    with pytest.raises(HandFileError, match="hand_pose is 24 PCA coefficients, which the open hand"):
        read_hands(saved(tmp_path, **arrays))
    del arrays["flat_hand_mean"]
    with pytest.raises(HandFileError, match=r"\(B, 24\) is PCA coefficients; add 'flat_hand_mean'"):
        read_hands(saved(tmp_path, **arrays))


def test_several_objects_and_both_sides_in_one_file(tmp_path, grasps):
    right, left = grasps(count=2), grasps("left", count=2)
    rows = np.concatenate([right.parameters, left.parameters])[[0, 2, 1, 3]]
    names = np.array(["mug", "mug", "cup", "mug"])
    found = read_hands(saved(tmp_path, parameters=rows, side=np.array(["right", "left"] * 2), object=names))
    assert [(hands.object_name, hands.side, len(hands)) for hands in found] == [
        ("mug", "right", 1), ("mug", "left", 2), ("cup", "right", 1),
    ]  # fmt: skip
    np.testing.assert_allclose(found[1].vertices, left.vertices, atol=2e-6)
    np.testing.assert_allclose(found[2].vertices[0], right.vertices[1], atol=2e-6)


@pytest.mark.parametrize("side", ["right", "left"])
def test_vertices_alone_get_faces_and_keypoints(tmp_path, grasps, side):
    wanted = grasps(side)
    (hands,) = read_hands(saved(tmp_path, vertices=wanted.vertices, side=side))
    np.testing.assert_array_equal(hands.vertices, wanted.vertices)
    np.testing.assert_array_equal(hands.faces[2], wanted.faces)
    np.testing.assert_allclose(hands.keypoints, wanted.keypoints, atol=6e-4)
    assert hands.hand_pose is None and hands.betas is None
    np.save(tmp_path / "mug.npy", 100 * wanted.vertices)
    (again,) = read_hands(tmp_path / "mug.npy", unit="cm", side=side)
    np.testing.assert_allclose(again.vertices, wanted.vertices, atol=1e-6)
    assert again.object_name == "mug"


def test_keypoints_and_parameters_beside_vertices_are_kept(tmp_path, grasps):
    wanted = grasps()
    arrays = {"verts": 1000 * wanted.vertices, "keypoints": 1000 * wanted.keypoints, "params": wanted.parameters}
    (hands,) = read_hands(saved(tmp_path, **arrays), unit="mm")
    np.testing.assert_allclose(hands.vertices, wanted.vertices, atol=1e-6)
    np.testing.assert_allclose(hands.keypoints, wanted.keypoints, atol=1e-6)
    np.testing.assert_allclose(hands.hand_pose, wanted.hand_pose, atol=1e-6)


def test_keypoints_of_another_frame_are_a_problem(tmp_path, grasps):
    wanted = grasps()
    keypoints = wanted.keypoints.copy()
    keypoints[1] += 0.2
    (hands,) = read_hands(saved(tmp_path, parameters=wanted.parameters, keypoints=keypoints))
    assert hands.problems[0] is None and "a keypoint lies" in hands.problems[1] and hands.problems[2] is None


def test_vertices_of_a_left_hand_are_not_taken_for_right(tmp_path, grasps):
    (hands,) = read_hands(saved(tmp_path, vertices=grasps("left").vertices))
    assert all("that of a left hand, but its side is 'right'" in problem for problem in hands.problems)


def test_vertices_with_other_numbers_are_not_given_wrong_faces(tmp_path, grasps, layer, mano_file):
    wanted = grasps(path=mano_file)
    path = saved(tmp_path, vertices=wanted.vertices)
    with pytest.raises(HandFileError, match=r"778 vertices are not numbered as those of the open hand.*Add 'faces'"):
        read_hands(path)
    same_mesh_but_joints = read_hands(path, layer_for=lambda side: layer(side, mano_file))[0]
    np.testing.assert_array_equal(same_mesh_but_joints.faces[0], wanted.faces)
    np.testing.assert_allclose(same_mesh_but_joints.keypoints, wanted.keypoints, atol=6e-4)


def test_vertices_of_odd_hands_are_not_refused(tmp_path, layer):
    rng = np.random.default_rng(5)
    rows = np.concatenate([2 * rng.normal(size=(8, 10)), 0.6 * rng.normal(size=(8, 51))], axis=1)
    wild = Grasps.from_parameters(rows, layer("right"))
    for one in wild.vertices:
        (hands,) = read_hands(saved(tmp_path, vertices=one))
        assert hands.problems == [None]
        np.testing.assert_array_equal(hands.vertices[0], one)


def test_other_meshes_need_their_faces_and_have_no_keypoints(tmp_path, grasps):
    import trimesh

    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.08)
    vertices = np.stack([ball.vertices, ball.vertices + 0.01])
    inwards = ball.faces[:, ::-1]
    (hands,) = read_hands(saved(tmp_path, vertices=vertices, faces=inwards))
    np.testing.assert_allclose(hands.vertices, vertices, atol=1e-7)
    np.testing.assert_array_equal(hands.faces[1], ball.faces)
    assert hands.keypoints is None and len(hands.vertices[0]) != 778
    per_hand = np.stack([inwards, ball.faces])
    (hands,) = read_hands(saved(tmp_path, vertices=vertices, faces=per_hand))
    np.testing.assert_array_equal(hands.faces[0], hands.faces[1])


def test_bad_rows_are_problems_of_their_hands(tmp_path, grasps):
    wanted = grasps(count=5)
    rows = wanted.parameters.astype(np.float64)
    rows[1, 20], rows[3, 58] = np.nan, np.inf
    (hands,) = read_hands(saved(tmp_path, parameters=rows))
    assert ["NaN" in (problem or "") for problem in hands.problems] == [False, True, False, True, False]
    np.testing.assert_allclose(hands.vertices[4], wanted.vertices[4], atol=2e-6)
    vertices = wanted.vertices.copy()
    vertices[0, 3] = np.nan
    vertices[2] *= 1000
    (hands,) = read_hands(saved(tmp_path, vertices=vertices))
    assert "NaN" in hands.problems[0] and "m across, expected 0.04 to 0.5 m" in hands.problems[2]
    assert hands.problems[1] is hands.problems[3] is None
    np.testing.assert_allclose(hands.keypoints[3], wanted.keypoints[3], atol=6e-4)


@pytest.mark.parametrize(
    ("factor", "unit", "message"),
    [
        (1000, "m", r"m across, expected 0\.04 to 0\.5 m, in all 3 hands.*they look like millimetres: give --unit mm"),
        (1, "mm", r"Read as millimetres; they look like metres: give --unit m \(unit='m'\)"),
        (100, "m", "they look like centimetres"),
        (1e-4, "m", r"give the right --unit \(m, cm, mm\), or scale the hands"),
    ],
)  # fmt: skip
def test_hands_of_impossible_size_are_refused(tmp_path, grasps, factor, unit, message):
    with pytest.raises(HandFileError, match=message):
        read_hands(saved(tmp_path, vertices=factor * grasps().vertices), unit=unit)


def test_translations_in_millimetres_are_noticed(tmp_path, grasps):
    wanted = grasps()
    with pytest.raises(HandFileError, match="m from the object's origin, expected below 10 m, in all 3"):
        read_hands(saved(tmp_path, **{**split(wanted), "transl": 1000 * wanted.transl + 300}))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"grasp": np.zeros((2, 61))}, r"found grasp; expected vertices \(B, 778, 3\).*parameters, params, hand_param"),
        ({"parameters": np.zeros((2, 58))}, r"'parameters' has shape \(2, 58\), expected \(B, 61\)"),
        ({"parameters": np.array(["a"])}, "'parameters' has type <U1, expected numbers"),
        ({"hand_pose": np.zeros((2, 45))}, "it lacks betas, global_orient, transl; found hand_pose, expected one of"),
        ({"pose": np.zeros((2, 45)), "shape": np.zeros((2, 10))}, r"'pose' has shape \(2, 45\).*axis-angles \(B, 48\)"),
        ({"vertices": np.zeros((2, 500, 3))}, r"vertices \(B, 500, 3\) without faces"),
        ({"vertices": np.zeros((2, 778))}, r"'vertices' has shape \(2, 778\), expected"),
        ({"vertices": np.ones((1, 9, 3)), "faces": np.array([[1, 2, 9]])}, "name vertices 1 to 9, expected 0 to 8"),
        ({"vertices": np.ones((1, 9, 3)), "faces": np.ones((3, 4), int)}, r"'faces' has shape \(3, 4\)"),
        ({"vertices": np.ones((2, 9, 3)), "faces": np.ones((3, 4, 3), int)}, "'faces' has 3 rows for 2 hands"),
        ({"parameters": np.zeros((2, 61)), "side": np.array(["right"] * 3)}, r"'side' has shape \(3,\)"),
        ({"parameters": np.zeros((2, 61)), "side": "both"}, "gives side 'both', expected 'right' or 'left'"),
        ({"parameters": np.zeros((2, 61)), "keypoints": np.zeros((2, 16, 3))}, r"'keypoints' has shape \(2, 16, 3\)"),
        ({"parameters": np.zeros((2, 61)), "flat_hand_mean": "no"}, "'flat_hand_mean' is .*expected true or false"),
        ({"parameters": np.zeros((2, 61)), "vertices": np.zeros((3, 778, 3))}, "3 hands in the vertices but 2"),
        ({"parameters": np.zeros((0, 61))}, "holds no grasps"),
    ],
)
def test_wrong_arrays_are_refused_with_what_was_found(tmp_path, arrays, message):
    with pytest.raises(HandFileError, match=rf"hands\.npz: .*{message}") as error:
        read_hands(saved(tmp_path, **arrays))
    assert "\n" not in str(error.value)


def test_rows_must_agree(tmp_path, grasps):
    with pytest.raises(HandFileError, match="numbers of rows differ: .*'transl': 2"):
        read_hands(saved(tmp_path, **{**split(grasps()), "transl": np.zeros((2, 3))}))


def test_damaged_files_and_objects_are_refused_unread(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(HandFileError, match=r"a\.npz: no arrays of plain numbers"):
        read_hands(tmp_path / "a.npz")
    np.save(tmp_path / "b.npy", np.array([{"parameters": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(HandFileError, match=r"b\.npy: .*Save them with np\.savez"):
        read_hands(tmp_path / "b.npy")


def test_a_pickled_dict_of_arrays_is_read_but_no_code(tmp_path, grasps):
    wanted = grasps()
    path = tmp_path / "mug.pkl"
    path.write_bytes(pickle.dumps({"params": wanted.parameters, "side": "right"}))
    same_mesh(read_hands(path)[0], wanted)
    path.write_bytes(pickle.dumps({"params": print}))
    with pytest.raises(HandFileError, match=r"names 'builtins\.print'.*Save them with np\.savez"):
        read_hands(path)
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(HandFileError, match="no dict of arrays"):
        read_hands(path)
