"""The left hand is the right hand mirrored, whichever way through the library: layer, parameters, mesh, keypoints,
wrist frame, `Grasps`.
"""

import numpy as np
import pytest
import torch

from fastgrasp_model.grasps import Grasps
from fastgrasp_model.hand import ManoLayer, keypoints_from, wrist_frame
from fastgrasp_model.hand.conventions import mirrored_parameters
from fastgrasp_model.hand.mano_file import load_hand_file
from fastgrasp_model.hand.mano_layer import OPEN_HAND
from fastgrasp_model.hand.topology import mirrored_model, side_of

MIRROR = np.array([-1.0, 1, 1])


@pytest.fixture(scope="module")
def layers() -> dict[str, ManoLayer]:
    return {side: ManoLayer.from_file(OPEN_HAND, side=side, dtype=torch.float64) for side in ("right", "left")}


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Random hands (12, 61): any shape, anywhere, turned anyhow, fingers bent by up to some 60 degrees."""
    rng = np.random.default_rng(5)
    pose = 0.1 * rng.normal(size=(12, 15, 3))
    pose[:, :, 2] += rng.uniform(0, 1, size=(12, 15))
    return np.concatenate(
        [rng.normal(size=(12, 10)), 2 * rng.normal(size=(12, 3)), pose.reshape(12, 45), rng.normal(size=(12, 3))], 1
    )


def volumes(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Signed volumes (B,), positive where the faces look outwards; m^3."""
    a, b, c = np.moveaxis(vertices[:, faces], 2, 0)
    return (a * np.cross(b, c)).sum((1, 2)) / 6


def posed(layer: ManoLayer, rows: np.ndarray):
    return layer.from_parameters(torch.as_tensor(rows))


def test_a_model_mirrored_twice_is_itself_and_knows_its_side():
    model = load_hand_file(OPEN_HAND)
    left = mirrored_model(model)
    assert (side_of(model), side_of(left)) == ("right", "left")
    for key, array in mirrored_model(left).items():
        np.testing.assert_array_equal(array, model[key])


def test_a_file_of_the_left_hand_gives_both_sides(tmp_path, layers, rows):
    path = tmp_path / "left.npz"
    np.savez(path, **mirrored_model(load_hand_file(OPEN_HAND)))
    for side in ("right", "left"):
        layer = ManoLayer.from_file(path, side=side, dtype=torch.float64)
        assert torch.equal(layer.faces, layers[side].faces)
        np.testing.assert_array_equal(posed(layer, rows).vertices, posed(layers[side], rows).vertices)


def test_mesh_joints_and_keypoints_are_mirrored(layers, rows):
    right, left = posed(layers["right"], rows), posed(layers["left"], mirrored_parameters(rows))
    np.testing.assert_allclose(left.vertices, right.vertices * MIRROR, atol=1e-12)
    np.testing.assert_allclose(left.joints, right.joints * MIRROR, atol=1e-12)
    keypoints = [keypoints_from(*hand, layers["right"].tip_ids) for hand in (right, left)]
    np.testing.assert_allclose(keypoints[1], keypoints[0] * MIRROR, atol=1e-12)


def test_faces_look_outwards_on_both_sides(layers, rows):
    right, left = posed(layers["right"], rows), posed(layers["left"], mirrored_parameters(rows))
    found = [
        volumes(hand.vertices.numpy(), layers[side].closed_faces.numpy())
        for side, hand in (("right", right), ("left", left))
    ]
    assert (found[0] > 1e-4).all()
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)
    faces = layers["left"].closed_faces.numpy()
    vertices = posed(layers["left"], np.zeros((1, 61))).vertices[0].numpy()
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    back, palm = normals[:, 1] > 0.9, normals[:, 1] < -0.9  # up: the back of the hand
    assert corners[back].mean((0, 1))[1] > corners[palm].mean((0, 1))[1]


@pytest.mark.parametrize("side", ["right", "left"])
def test_wrist_frame_of_random_grasps(layers, rows, side):
    """x out of the palm, z to the fingers, y from pinky to thumb (right) or from thumb to pinky (left)."""
    parameters = rows if side == "right" else mirrored_parameters(rows)
    parameters = np.concatenate([parameters[:, :13], 0.2 * parameters[:, 13:58], parameters[:, 58:]], 1)
    layer = layers[side]
    hand = posed(layer, parameters)
    keypoints = keypoints_from(hand.vertices, hand.joints, layer.tip_ids).numpy()
    position, rotation = wrist_frame(keypoints, side)
    np.testing.assert_array_equal(position, keypoints[:, 0])
    np.testing.assert_allclose(rotation @ rotation.swapaxes(1, 2), np.broadcast_to(np.eye(3), (12, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotation), 1)
    x, y, z = np.moveaxis(rotation, 2, 0)
    # The palm looks where bending fingers go: from the knuckles' plane to the tips of a bent hand.
    bent = parameters.copy()
    bent[:, 13:58].reshape(12, 15, 3)[:, :12] += [0, 0, 0.6] if side == "right" else [0, 0, -0.6]
    curled = posed(layer, bent)
    tips = keypoints_from(curled.vertices, curled.joints, layer.tip_ids).numpy()[:, [8, 12, 16, 20]]
    towards_palm = (tips - keypoints[:, [8, 12, 16, 20]]).mean(1)
    assert ((towards_palm * x).sum(1) > 0.02).all()
    assert (((keypoints[:, 12] - keypoints[:, 0]) * z).sum(1) > 0.1).all()
    to_thumb = ((keypoints[:, 5] - keypoints[:, 17]) * y).sum(1)
    assert ((to_thumb if side == "right" else -to_thumb) > 0.03).all()


def test_wrist_frame_is_mirrored_with_the_hand(layers, rows):
    """A mirrored frame would be left-handed; x and z are mirrored, y is mirrored and turned round."""
    frames = []
    for side, parameters in (("right", rows), ("left", mirrored_parameters(rows))):
        hand = posed(layers[side], parameters)
        frames.append(wrist_frame(keypoints_from(hand.vertices, hand.joints, layers[side].tip_ids).numpy(), side))
    expected = MIRROR[:, None] * frames[0][1] * [1, -1, 1]
    np.testing.assert_allclose(frames[1][1], expected, atol=1e-12)
    np.testing.assert_allclose(frames[1][0], frames[0][0] * MIRROR, atol=1e-12)


def test_mirrored_grasps_are_those_of_the_left_layer(layers, rows):
    mirrored = Grasps.from_parameters(rows, layers["right"]).mirrored()
    expected = Grasps.from_parameters(mirrored_parameters(rows), layers["left"])
    assert mirrored.side == expected.side == "left"
    for name in ("betas", "global_orient", "hand_pose", "transl", "vertices", "keypoints", "wrist_position"):
        np.testing.assert_allclose(getattr(mirrored, name), getattr(expected, name), atol=2e-6, err_msg=name)
    same = np.abs((mirrored.wrist_quaternion * expected.wrist_quaternion).sum(1))
    np.testing.assert_allclose(same, 1, atol=1e-5)
    assert (volumes(mirrored.vertices.astype(np.float64), mirrored.faces) > 1e-4).all()
    edges = [{tuple(sorted(face)) for face in grasps.faces.tolist()} for grasps in (mirrored, expected)]
    assert edges[0] == edges[1]
    again = Grasps.from_parameters(mirrored.parameters, layers["left"])  # the parameters say the same mesh
    np.testing.assert_allclose(again.vertices, mirrored.vertices, atol=2e-6)


def test_pca_coefficients_mean_the_mirrored_pose(layers):
    """Components and mean of the left layer are mirrored, so the same coefficients curl both hands alike."""
    from fastgrasp_model.hand.conventions import from_pca

    coefficients = np.random.default_rng(2).normal(size=(3, 10))
    right = from_pca(coefficients, layers["right"], flat_hand_mean=False)
    left = from_pca(coefficients, layers["left"], flat_hand_mean=False)
    np.testing.assert_allclose(left, right * np.tile([1.0, -1, -1], 15), atol=1e-12)
