"""Hand files: what is read, and every way in which a file can be wrong."""

import pickle

import numpy as np
import pytest
from scipy import sparse

from fastgrasp_model.hand.mano_file import HandModelError, load_hand_file, save_hand_pickle
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer
from fastgrasp_model.hand.topology import mirrored_model


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


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_pickle_for_other_layers_holds_the_same_hand_in_manos_types(tmp_path, side):
    model = load_hand_file(OPEN_HAND)
    model = model if side == "right" else mirrored_model(model)
    path = save_hand_pickle(model, tmp_path / f"MANO_{side.upper()}.pkl")
    again = load_hand_file(path)
    for key in set(model) - {"tip_ids"}:
        np.testing.assert_array_equal(again[key], model[key], err_msg=key)
    with open(path, "rb") as file:
        plain = pickle.load(file, encoding="latin1")  # as the other layers read it
    assert sparse.isspmatrix_csc(plain["J_regressor"]) and plain["J"].shape == (16, 3)
    assert plain["f"].dtype == plain["kintree_table"].dtype == np.uint32
    assert plain["kintree_table"][0, 0] == 2**32 - 1 and plain["bs_style"] == "lbs"


@pytest.mark.parametrize("keep", [0, 40, 20000])
def test_damaged_archives_are_refused(tmp_path, keep):
    path = tmp_path / "hand.npz"
    path.write_bytes(OPEN_HAND.read_bytes()[:keep])
    with pytest.raises(HandModelError, match="damaged"):
        load_hand_file(path)


def test_archives_that_unpack_to_too_much_are_refused(tmp_path):
    path = tmp_path / "hand.npz"
    np.savez_compressed(path, v_template=np.zeros(9_000_000))  # 72 MB from some 70 kB
    with pytest.raises(HandModelError, match="hand.npz.*unfolds to"):
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
