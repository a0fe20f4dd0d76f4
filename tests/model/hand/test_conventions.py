"""Other layers' and data sets' conventions: the same meshes, there and back."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from fastgrasp_model.hand.conventions import (
    CONVENTIONS,
    Convention,
    ForeignHand,
    from_centred,
    from_parameters,
    from_pca,
    mirrored_parameters,
    pose_from_matrices,
    pose_from_quaternions,
    to_centred,
    to_parameters,
    to_pca,
    transformed,
)
from fastgrasp_model.hand.keypoints import keypoints_from
from fastgrasp_model.hand.mano_file import load_hand_file, save_hand_pickle
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer
from fastgrasp_model.hand.topology import mirrored_model

DOCUMENT = Path(__file__).parents[3] / "docs" / "mano_conventions.md"
# Metres. The file's single-precision weights sum to 1 within 1e-7, so a metre of translation moves that much.
NEAR = 5e-7
EVERY_KIND = [
    *CONVENTIONS.values(),
    Convention(flat_hand_mean=False),
    Convention(use_pca=True, components=45, flat_hand_mean=False, center_idx=4),
    Convention(use_pca=True, components=24, center_idx=20),
    Convention(flat_hand_mean=False, center_idx=9),
]


@pytest.fixture(scope="module", params=["right", "left"])
def layer(request) -> ManoLayer:
    return ManoLayer.from_file(OPEN_HAND, side=request.param, dtype=torch.float64)


def hand_mesh(layer: ManoLayer, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (B, 778, 3) and keypoints (B, 21, 3) of our parameters."""
    output = layer.from_parameters(torch.as_tensor(rows))
    return output.vertices.numpy(), keypoints_from(output.vertices, output.joints, layer.tip_ids).numpy()


def their_mesh(layer: ManoLayer, hand: ForeignHand, convention: Convention) -> tuple[np.ndarray, np.ndarray]:
    """What a layer of that convention makes of a hand: PCA, mean, mesh, centre, translation, in their order."""
    pose, mean = hand.pose[:, 3:], layer.hands_mean.numpy()
    if convention.use_pca:
        pose = np.einsum("bi,ij->bj", pose, layer.hands_components.numpy()[: pose.shape[1]])
    if not convention.flat_hand_mean:
        pose = mean + pose
    rows = np.concatenate([hand.betas, hand.pose[:, :3], pose, np.zeros_like(hand.transl)], 1)
    vertices, keypoints = hand_mesh(layer, rows)
    if convention.center_idx is not None:
        centre = keypoints[:, convention.center_idx][:, None]
        vertices, keypoints = vertices - centre, keypoints - centre
    return vertices + hand.transl[:, None], keypoints + hand.transl[:, None]


def random_hand(count: int, numbers: int, seed: int = 0) -> ForeignHand:
    rng = np.random.default_rng(seed)
    pose = np.concatenate([rng.normal(size=(count, 3)), 0.4 * rng.normal(size=(count, numbers))], 1)
    return ForeignHand(pose, rng.normal(size=(count, 10)), rng.normal(size=(count, 3)))


def random_parameters(count: int = 5) -> np.ndarray:
    hand = random_hand(count, 45, seed=1)
    return np.concatenate([hand.betas, hand.pose, hand.transl], 1)


@pytest.mark.parametrize("convention", EVERY_KIND, ids=str)
def test_their_numbers_give_the_same_mesh_in_our_layer_and_come_back(layer, convention):
    hand = random_hand(4, convention.components if convention.use_pca else 45)
    ours = to_parameters(hand, layer, convention)
    for expected, found in zip(their_mesh(layer, hand, convention), hand_mesh(layer, ours), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=NEAR)
    for expected, found in zip(hand, from_parameters(ours, layer, convention), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)  # float32 components are not quite orthogonal


@pytest.mark.parametrize("convention", [c for c in EVERY_KIND if not c.use_pca or c.components == 45], ids=str)
def test_our_numbers_give_the_same_mesh_in_their_layer(layer, convention):
    rows = random_parameters()
    expected = hand_mesh(layer, rows)[0]
    hand = from_parameters(rows, layer, convention)
    np.testing.assert_allclose(their_mesh(layer, hand, convention)[0], expected, rtol=0, atol=NEAR)


def test_inputs_are_left_as_they_were(layer):
    rows = random_parameters()
    kept = rows.copy()
    for convention in EVERY_KIND:
        from_parameters(rows, layer, convention)
    transformed(rows, np.eye(3), np.ones(3), layer), mirrored_parameters(rows), from_centred(rows, layer, 3)
    np.testing.assert_array_equal(rows, kept)


def test_fewer_components_give_the_nearest_pose(layer):
    pose = 0.4 * np.random.default_rng(3).normal(size=(3, 45))
    errors = []
    for count in (1, 6, 24, 44, 45):
        again = from_pca(to_pca(pose, layer, False, count), layer, False)
        errors.append(np.linalg.norm(again - pose))
    assert errors == sorted(errors, reverse=True) and errors[0] > 0.5 and errors[-1] < 1e-9


def test_zero_coefficients_are_the_flat_hand_or_the_mean(layer):
    zero = np.zeros((1, 6))
    np.testing.assert_array_equal(from_pca(zero, layer, True), np.zeros((1, 45)))
    np.testing.assert_array_equal(from_pca(zero, layer, False)[0], layer.hands_mean.numpy())
    assert np.abs(layer.hands_mean.numpy()).max() > 0.1


@pytest.mark.parametrize("center_idx", [0, 4, 9, 17])
def test_a_centred_translation_is_where_that_keypoint_is(layer, center_idx):
    rows = random_parameters()
    centred = to_centred(rows, layer, center_idx)
    np.testing.assert_allclose(centred[:, 58:], hand_mesh(layer, rows)[1][:, center_idx], atol=1e-12)
    np.testing.assert_allclose(from_centred(centred, layer, center_idx), rows, atol=1e-12)


def test_moved_parameters_give_the_moved_mesh(layer):
    rows = random_parameters()
    rotation, offset = Rotation.from_rotvec([0.4, -2.0, 1.1]).as_matrix(), np.array([0.3, -0.1, 0.7])
    expected = hand_mesh(layer, rows)[0] @ rotation.T + offset
    np.testing.assert_allclose(hand_mesh(layer, transformed(rows, rotation, offset, layer))[0], expected, atol=NEAR)
    opencv = hand_mesh(layer, transformed(rows, np.diag([1.0, -1, -1]), np.zeros(3), layer))[0]
    np.testing.assert_allclose(opencv, hand_mesh(layer, rows)[0] * [1, -1, -1], atol=NEAR)
    with pytest.raises(ValueError, match="reflects"):
        transformed(rows, np.diag([-1.0, 1, 1]), offset, layer)
    with pytest.raises(ValueError, match=r"rotation matrix \(3, 3\)"):
        transformed(rows, 2 * np.eye(3), offset, layer)


def test_mirrored_parameters_give_the_mirrored_mesh_on_the_other_side(layer):
    other = ManoLayer.from_file(OPEN_HAND, side="left" if layer.side == "right" else "right", dtype=torch.float64)
    rows = random_parameters()
    there = hand_mesh(other, mirrored_parameters(rows))
    for expected, found in zip(hand_mesh(layer, rows), there, strict=True):
        np.testing.assert_allclose(found, expected * [-1, 1, 1], atol=1e-12)
    np.testing.assert_array_equal(mirrored_parameters(mirrored_parameters(rows)), rows)


def test_matrices_and_quaternions_become_axis_angles(layer):
    rows = random_parameters()
    turns = Rotation.from_rotvec(rows[:, 10:58].reshape(-1, 3))
    by_matrix = pose_from_matrices(turns.as_matrix().reshape(-1, 16, 3, 3))
    xyzw = turns.as_quat().reshape(-1, 16, 4)
    by_quaternion = pose_from_quaternions(xyzw[..., [3, 0, 1, 2]])
    for pose in (by_matrix, by_quaternion):
        again = np.concatenate([rows[:, :10], pose, rows[:, 58:]], 1)
        np.testing.assert_allclose(hand_mesh(layer, again)[0], hand_mesh(layer, rows)[0], atol=1e-12)


def test_keypoints_have_the_order_of_manopth(layer):
    output = layer.from_parameters(torch.as_tensor(random_parameters(2)))
    with_tips = np.concatenate([output.joints, output.vertices[:, [745, 317, 444, 556, 673]]], 1)
    # As written in HO-3D's and manopth's code.
    manopth = [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
    keypoints = keypoints_from(output.vertices, output.joints, layer.tip_ids).numpy()
    np.testing.assert_array_equal(keypoints, with_tips[:, manopth])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda layer: Convention(components=46), "1 to 45, got 46"),
        (lambda layer: Convention(center_idx=21), "0 to 20"),
        (lambda layer: from_pca(np.zeros((2, 46)), layer, True), "got 46"),
        (lambda layer: from_pca(np.zeros(6), layer, True), r"\(B, n\), got \(6,\)"),
        (lambda layer: to_parameters(random_hand(2, 44), layer, Convention()), r"expected shape \(B, 45\)"),
        (lambda layer: from_parameters(np.zeros((2, 51)), layer, Convention()), r"\(B, 61\), got \(2, 51\)"),
        (lambda layer: pose_from_matrices(np.zeros((2, 15, 3, 3))), r"got \(2, 15, 3, 3\)"),
        (lambda layer: pose_from_quaternions(np.zeros((2, 64))), r"got \(2, 64\)"),
    ],
)
def test_wrong_arguments_are_named(layer, call, message):
    with pytest.raises(ValueError, match=message):
        call(layer)


def test_empty_batches_pass(layer):
    empty = np.zeros((0, 61))
    for convention in EVERY_KIND:
        assert to_parameters(from_parameters(empty, layer, convention), layer, convention).shape == (0, 61)
    assert transformed(empty, np.eye(3), np.zeros(3), layer).shape == mirrored_parameters(empty).shape == (0, 61)
    assert pose_from_matrices(np.zeros((0, 16, 3, 3))).shape == (0, 48)


def test_the_document_names_every_convention():
    text = DOCUMENT.read_text()
    for name, convention in CONVENTIONS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"| {convention.components if convention.use_pca else 'axis-angle'} |" in row
        assert f"| {'flat' if convention.flat_hand_mean else 'mean'} |" in row
        centre = "ours" if convention.center_idx is None else f"keypoint {convention.center_idx}"
        assert f"| {centre} |" in row


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(("use_pca", "count", "flat"), [(True, 6, False), (True, 24, True), (False, 45, False)])
def test_smplx_itself_makes_the_same_mesh(tmp_path, side, use_pca, count, flat):
    """Where smplx happens to be installed (its licence forbids depending on it), on the open hand in a .pkl."""
    smplx = pytest.importorskip("smplx", reason="smplx is not a dependency")
    model = load_hand_file(OPEN_HAND)
    model = model if side == "right" else mirrored_model(model)
    save_hand_pickle(model, tmp_path / f"MANO_{side.upper()}.pkl")
    theirs = smplx.MANO(
        str(tmp_path), is_rhand=side == "right", use_pca=use_pca, num_pca_comps=count, flat_hand_mean=flat, batch_size=3
    )
    hand = random_hand(3, count)
    pose, betas, transl = (torch.as_tensor(array, dtype=torch.float32) for array in hand)
    output = theirs(betas=betas, global_orient=pose[:, :3], hand_pose=pose[:, 3:], transl=transl)
    layer = ManoLayer.from_file(OPEN_HAND, side=side)
    rows = to_parameters(hand, layer, Convention(use_pca, count, flat))
    expected = layer.from_parameters(torch.as_tensor(rows, dtype=torch.float32))
    np.testing.assert_allclose(output.vertices.detach(), expected.vertices, rtol=0, atol=2e-6)
    np.testing.assert_allclose(output.joints.detach(), expected.joints, rtol=0, atol=2e-6)
