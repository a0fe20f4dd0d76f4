"""Hand files: what is read, and every way in which a file can be wrong."""

import numpy as np
import pytest

from fastgrasp_model.hand.mano import OPEN_HAND, ManoLayer
from fastgrasp_model.hand.model_file import HandModelError, load_hand_file


@pytest.fixture
def content() -> dict[str, np.ndarray]:
    with np.load(OPEN_HAND) as archive:
        return {key: archive[key] for key in archive.files}


def test_open_hand_has_every_array_in_double_precision():
    model = load_hand_file(OPEN_HAND)
    assert model["v_template"].shape == (778, 3) and model["v_template"].dtype == np.float64
    assert model["f"].shape == (1538, 3) and model["f"].dtype == np.int64
    assert model["kintree_table"][0].tolist() == [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14]
    np.testing.assert_allclose(model["weights"].sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(model["J_regressor"].sum(1), 1, atol=1e-6)


def test_missing_file_names_path_and_remedy(tmp_path):
    with pytest.raises(HandModelError, match=r"No hand model at .*nowhere\.pkl.*mano\.is\.tue\.mpg\.de"):
        ManoLayer.from_file(tmp_path / "nowhere.pkl")


def test_other_endings_are_refused(tmp_path):
    path = tmp_path / "hand.txt"
    path.write_text("x")
    with pytest.raises(HandModelError, match=r"\.pkl or \.npz, got '\.txt'"):
        load_hand_file(path)


@pytest.mark.parametrize("keep", [0, 40, 20000])
def test_damaged_archives_are_refused(tmp_path, keep):
    path = tmp_path / "hand.npz"
    path.write_bytes(OPEN_HAND.read_bytes()[:keep])
    with pytest.raises(HandModelError, match="damaged"):
        load_hand_file(path)


def test_objects_in_archives_are_not_unpickled(tmp_path, content):
    path = tmp_path / "hand.npz"
    np.savez(path, **{**content, "weights": np.array([print], dtype=object)})
    with pytest.raises(HandModelError, match="damaged"):
        load_hand_file(path)


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("posedirs", None, "lacks posedirs"),
        ("shapedirs", lambda a: a[..., :5], r"'shapedirs' has shape \(778, 3, 5\), expected \(778, 3, 10\)"),
        ("weights", lambda a: a * np.nan, "NaN"),
        ("weights", lambda a: a.astype(str), "expected numbers"),
        ("f", lambda a: a + 700, "outside 0..777"),
        ("tip_ids", lambda a: a - 600, "outside 0..777"),
        ("kintree_table", lambda a: a[:, ::-1], "not a tree"),
        ("f", lambda a: np.concatenate([a[:-1], a[:1]]), "hand.npz.*surface with one hole"),
    ],
)
def test_wrong_arrays_are_named(tmp_path, content, key, change, message):
    array = content.pop(key)
    if change is not None:
        content[key] = change(array.astype(np.int64) if array.dtype.kind in "iu" else array)
    path = tmp_path / "hand.npz"
    np.savez(path, **content)
    with pytest.raises(HandModelError, match=message):
        ManoLayer.from_file(path)
