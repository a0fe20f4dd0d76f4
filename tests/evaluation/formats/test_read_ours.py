"""FastGrasp's own files, collections over several objects, and folders of files."""

import numpy as np
import pytest

from fastgrasp_evaluation.formats import HandFileError, read_hands, save_collection
from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_model.grasps import Grasps


def same(hands: HandSet, grasps: Grasps) -> None:
    """The set holds these grasps, numbers and all."""
    assert hands.side == grasps.side and hands.problems == [None] * len(grasps)
    np.testing.assert_array_equal(hands.vertices, grasps.vertices)
    np.testing.assert_array_equal(hands.faces[0], grasps.faces)
    np.testing.assert_array_equal(hands.keypoints, grasps.keypoints)
    np.testing.assert_array_equal(hands.hand_pose, grasps.hand_pose)
    np.testing.assert_array_equal(hands.betas, grasps.betas)


def rewritten(path, **changes):
    """The file with these arrays; None leaves an array out."""
    with np.load(path) as archive:
        content = {key: archive[key] for key in archive.files}
    content.update(changes)
    np.savez(path, **{key: value for key, value in content.items() if value is not None})
    return path


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_grasp_file_is_read_back_whole(tmp_path, grasps, side):
    wanted = grasps(side)
    (hands,) = read_hands(wanted.save(tmp_path / "mug.npz"))
    assert hands.object_name == "mug"
    same(hands, wanted)


def test_the_caller_may_call_the_one_object_otherwise(tmp_path, grasps):
    (hands,) = read_hands(grasps().save(tmp_path / "grasps.npz"), object_name="025_mug")
    assert hands.object_name == "025_mug"


def test_a_collection_comes_back_object_by_object(tmp_path, grasps):
    batches = {"mug": grasps(seed=1), "banana": grasps(count=2, seed=2)}
    path = save_collection(tmp_path / "all.npz", batches)
    for hands, (name, batch) in zip(read_hands(path), batches.items(), strict=True):
        assert hands.object_name == name
        same(hands, batch)
    assert len(Grasps.load(path)) == 5  # and it is still a grasp file
    (banana,) = read_hands(path, object_name="banana")
    same(banana, batches["banana"])


def test_a_collection_names_its_objects_when_asked_for_another(tmp_path, grasps):
    path = save_collection(tmp_path / "all.npz", {"mug": grasps(), "banana": grasps()})
    with pytest.raises(HandFileError, match=r"all\.npz: it has no grasps of 'drill', only of mug, banana"):
        read_hands(path, object_name="drill")


def test_what_no_collection_can_hold_is_refused(tmp_path, grasps):
    with pytest.raises(HandFileError, match=r"ends in \.npz, got '\.json'"):
        save_collection(tmp_path / "all.json", {"mug": grasps()})
    with pytest.raises(HandFileError, match="differ in side"):
        save_collection(tmp_path / "all.npz", {"mug": grasps(), "cup": grasps("left")})
    with pytest.raises(HandFileError, match="no grasps to save"):
        save_collection(tmp_path / "all.npz", {"mug": grasps()[:0]})
    with pytest.raises(HandFileError, match="nothing to concatenate"):
        save_collection(tmp_path / "all.npz", {})
    assert not list(tmp_path.iterdir())


def test_a_folder_of_files_gives_a_set_for_each(tmp_path, grasps):
    batches = {"banana": grasps(seed=1), "mug": grasps("left", seed=2), "obj_2": grasps(seed=3), "obj_10": grasps()}
    for name, batch in batches.items():
        batch.save(tmp_path / f"{name}.npz")
    (tmp_path / "report.json").write_text("{}")
    found = read_hands(tmp_path)
    assert [hands.object_name for hands in found] == list(batches)
    for hands in found:
        same(hands, batches[hands.object_name])
    (mug,) = read_hands(tmp_path, object_name="mug")
    same(mug, batches["mug"])


def test_a_grasp_that_is_not_finite_is_that_grasps_problem(tmp_path, grasps):
    batch = grasps()
    path = batch.save(tmp_path / "mug.npz")
    batch.vertices[1, 5, 2] = np.nan
    (hands,) = read_hands(rewritten(path, vertices=batch.vertices))
    assert [problem is None for problem in hands.problems] == [True, False, True]
    assert "not finite (NaN)" in hands.problems[1]
    np.testing.assert_array_equal(hands.vertices[2], batch.vertices[2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": np.int64(9)}, r"format 9, this FastGrasp reads 1\. Install its version"),
        ({"keypoints": None, "betas": None}, "lacks betas, keypoints; see docs/grasp_file.md"),
        ({"vertices": np.zeros((3, 777, 3))}, r"vertices: expected shape \(3, 778, 3\), got \(3, 777, 3\)"),
        ({"score": np.array(["a", "b", "c"])}, "'score' has type <U1, expected numbers"),
        ({"side": "both"}, "side: expected 'right' or 'left'"),
        ({"object": np.array(["mug", "cup"])}, r"'object' has shape \(2,\).*expected one string, or one for each"),
        ({"faces": np.array([[0, 1, 2], [0, 1, 3], [0, 1, 4]])}, "surface with one hole at the wrist"),
    ],
)
def test_wrong_grasp_files_are_refused_with_the_reason(tmp_path, grasps, changes, message):
    path = rewritten(grasps().save(tmp_path / "mug.npz"), **changes)
    with pytest.raises(HandFileError, match=rf"mug\.npz: .*{message}") as error:
        read_hands(path)
    assert "\n" not in str(error.value)


def test_no_grasps_and_contradicting_sides_are_refused(tmp_path, grasps):
    with pytest.raises(HandFileError, match="it holds no grasps"):
        read_hands(grasps()[:0].save(tmp_path / "none.npz"))
    path = grasps("left").save(tmp_path / "mug.npz")
    with pytest.raises(HandFileError, match="says side 'left', the caller says 'right'"):
        read_hands(path, side="right")
    assert read_hands(path, side="left")[0].side == "left"


def test_nothing_there_and_unknown_words_are_refused(tmp_path):
    with pytest.raises(HandFileError, match="no such file or folder. Expected a grasp file"):
        read_hands(tmp_path / "nowhere.npz")
    with pytest.raises(HandFileError, match="holds nothing; expected"):
        read_hands(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(HandFileError, match=r"ending in '\.txt' was found"):
        read_hands(tmp_path / "notes.txt")
    with pytest.raises(HandFileError, match="unit 'inch' is unknown, expected one of m, cm, mm"):
        read_hands(tmp_path, unit="inch")
    with pytest.raises(HandFileError, match="side 'both' is unknown"):
        read_hands(tmp_path, side="both")
