"""Convert MANO parameters between our convention and those of other projects (docs/mano_conventions.md).

Ours: 61 parameters [betas 10 | global_orient 3 | hand_pose 45 | transl 3]; axis-angle relative to the flat hand;
the global rotation turns about the resting wrist joint J0(betas), then `transl` is added. manopth, manotorch,
smplx and the data sets differ in three things only, which `Convention` names: PCA or axis-angle, relative to the
flat hand or to the mean pose, and the point that the translation places. All functions return new NumPy arrays
(float64), in metres and radians. `layer` is the ManoLayer of the parameters: of the same side, and of the same hand
file where PCA or a centre is involved.

Sources: the layers' published code (hassony2/manopth, lixiny/manotorch, vchoutas/smplx 0.1.28) and the data sets'
tool kits (oakink/OakInk, otaheri/GRAB, otaheri/GrabNet, shreyashampali/ho3d).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from fastgrasp_model.hand.keypoints import keypoints_from
from fastgrasp_model.hand.mano_layer import PARAMETER_COUNT, ManoLayer


@dataclass(frozen=True)
class Convention:
    """Representation of pose and translation in a library or data set.

    `use_pca`: coefficients of the first `components` PCA directions instead of 45 axis-angle numbers.
    `flat_hand_mean`: the zero pose is the flat hand; otherwise the mean pose of the hand file, with and without PCA.
    `center_idx`: None where the translation is ours; k where it is the position of keypoint k (of 21, MediaPipe's
    order). Raises ValueError.
    """

    use_pca: bool = False
    components: int = 45
    flat_hand_mean: bool = True
    center_idx: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.components <= 45:
            raise ValueError(f"components must be 1 to 45, got {self.components}")
        if self.center_idx is not None and not 0 <= self.center_idx <= 20:
            raise ValueError(f"center_idx must be None or 0 to 20 (MediaPipe's order), got {self.center_idx}")


# The defaults of each library, and what each data set stores.
CONVENTIONS = {
    "fastgrasp": Convention(),
    "smplx": Convention(use_pca=True, components=6, flat_hand_mean=False),
    "manopth": Convention(use_pca=True, components=6),
    "manotorch": Convention(),
    "GRAB": Convention(use_pca=True, components=24),
    "GrabNet": Convention(),
    "OakInk": Convention(center_idx=0),
    "OakInk tool kit": Convention(center_idx=9),
    "HO-3D": Convention(),
}


class ForeignHand(NamedTuple):
    """A hand in another convention: `pose` (B, 3 + n), global axis-angle first, `betas` (B, 10), `transl` (B, 3)."""

    pose: np.ndarray
    betas: np.ndarray
    transl: np.ndarray


def to_parameters(hand: ForeignHand, layer: ManoLayer, convention: Convention) -> np.ndarray:
    """Return our parameters (B, 61) for hands of another convention: the same mesh in the same place.

    `hand`: (pose (B, 3 + n), betas (B, 10), transl (B, 3)) with n = 45, or n PCA coefficients. Raises ValueError.
    """
    pose, betas, transl = (_rows(array, name) for array, name in zip(hand, ForeignHand._fields, strict=True))
    if convention.use_pca:
        hand_pose = from_pca(pose[:, 3:], layer, convention.flat_hand_mean)
    else:
        hand_pose = _of_size(pose[:, 3:], 45, "pose without its first three numbers")
        hand_pose = hand_pose if convention.flat_hand_mean else hand_pose + _array(layer.hands_mean)
    betas, transl = _of_size(betas, 10, "betas"), _of_size(transl, 3, "transl")
    parameters = np.concatenate([betas, pose[:, :3], hand_pose, transl], axis=1)
    return parameters if convention.center_idx is None else from_centred(parameters, layer, convention.center_idx)


def from_parameters(parameters: np.ndarray, layer: ManoLayer, convention: Convention) -> ForeignHand:
    """Return the hands of our parameters (B, 61) in another convention; the inverse of `to_parameters`.

    Fewer than 45 PCA components give the nearest pose, and the mesh differs.
    """
    parameters = _parameters(parameters)
    if convention.center_idx is not None:
        parameters = to_centred(parameters, layer, convention.center_idx)
    hand_pose = parameters[:, 13:58]
    if convention.use_pca:
        hand_pose = to_pca(hand_pose, layer, convention.flat_hand_mean, convention.components)
    elif not convention.flat_hand_mean:
        hand_pose = hand_pose - _array(layer.hands_mean)
    return ForeignHand(np.concatenate([parameters[:, 10:13], hand_pose], 1), parameters[:, :10], parameters[:, 58:])


def from_pca(coefficients: np.ndarray, layer: ManoLayer, flat_hand_mean: bool) -> np.ndarray:
    """Return the hand_pose (B, 45), axis-angle relative to the flat hand, of PCA coefficients (B, n), n = 1 to 45.

    `flat_hand_mean=False` (smplx's default) adds the mean pose of the hand file. Raises ValueError.
    """
    coefficients = _rows(coefficients, "coefficients")
    count = coefficients.shape[1]
    if not 1 <= count <= 45:
        raise ValueError(f"expected 1 to 45 PCA coefficients, got {count}")
    pose = coefficients @ _array(layer.hands_components)[:count]
    return pose if flat_hand_mean else pose + _array(layer.hands_mean)


def to_pca(hand_pose: np.ndarray, layer: ManoLayer, flat_hand_mean: bool, count: int = 45) -> np.ndarray:
    """Return the nearest PCA coefficients (B, count) of a hand_pose (B, 45) relative to the flat hand."""
    hand_pose = _of_size(hand_pose, 45, "hand_pose")
    offset = hand_pose if flat_hand_mean else hand_pose - _array(layer.hands_mean)
    return offset @ np.linalg.pinv(_array(layer.hands_components)[:count])


def from_centred(parameters: np.ndarray, layer: ManoLayer, center_idx: int = 0) -> np.ndarray:
    """Return our parameters (B, 61) of those whose translation is the position of keypoint `center_idx`."""
    parameters = _parameters(parameters)
    parameters[:, 58:] -= _keypoint_without_transl(parameters, layer, center_idx)
    return parameters


def to_centred(parameters: np.ndarray, layer: ManoLayer, center_idx: int = 0) -> np.ndarray:
    """Return our parameters (B, 61) with the position of keypoint `center_idx` as translation."""
    parameters = _parameters(parameters)
    parameters[:, 58:] += _keypoint_without_transl(parameters, layer, center_idx)
    return parameters


def rest_wrist(betas: np.ndarray, layer: ManoLayer) -> np.ndarray:
    """Return J0 (B, 3): the rest position of the wrist joint of shape `betas` (B, 10), in the layer's frame."""
    with torch.no_grad():
        return _array(layer.wrist_at_rest(_tensor(_of_size(betas, 10, "betas"), layer)))


def transformed(parameters: np.ndarray, rotation: np.ndarray, translation: np.ndarray, layer: ManoLayer) -> np.ndarray:
    """Return parameters (B, 61) after a rigid motion: a point p goes to rotation (3, 3) p + translation (3,).

    As the global rotation turns about J0, transl becomes R (J0 + transl) + t - J0. Raises ValueError for a reflection
    or a scale.
    """
    parameters = _parameters(parameters)
    rotation = np.asarray(rotation, dtype=np.float64)
    if rotation.shape != (3, 3) or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4):
        raise ValueError(f"expected a rotation matrix (3, 3), got {rotation.tolist()}")
    if np.linalg.det(rotation) < 0:
        raise ValueError("this matrix reflects; mirror with mirrored_parameters")
    wrist = rest_wrist(parameters[:, :10], layer)
    if len(parameters):
        turned = Rotation.from_matrix(rotation) * Rotation.from_rotvec(parameters[:, 10:13])
        parameters[:, 10:13] = turned.as_rotvec()
    parameters[:, 58:] = (parameters[:, 58:] + wrist) @ rotation.T + np.asarray(translation) - wrist
    return parameters


def mirrored_parameters(parameters: np.ndarray) -> np.ndarray:
    """Return the parameters (B, 61) of the hand mirrored in x, for the layer of the other side.

    With M = diag(-1, 1, 1) a rotation R becomes M R M, so each axis-angle (x, y, z) becomes (x, -y, -z); transl
    (x, y, z) becomes (-x, y, z); betas stay.
    """
    parameters = _parameters(parameters)
    parameters[:, 10:58] *= np.tile([1.0, -1.0, -1.0], 16)
    parameters[:, 58] *= -1
    return parameters


def pose_from_matrices(rotations: np.ndarray) -> np.ndarray:
    """Return axis-angles (B, 48) of local rotations (B, 16, 3, 3), the global one first (GrabNet, smplx.MANOLayer)."""
    rotations = np.asarray(rotations, dtype=np.float64)
    if rotations.ndim != 4 or rotations.shape[1:] != (16, 3, 3):
        raise ValueError(f"expected rotations of shape (B, 16, 3, 3), got {rotations.shape}")
    return _rotvecs(Rotation.from_matrix, rotations.reshape(-1, 3, 3))


def pose_from_quaternions(quaternions: np.ndarray) -> np.ndarray:
    """Return axis-angles (B, 48) of quaternions (B, 16, 4) in the order w, x, y, z (manotorch's "quat", OakInk)."""
    quaternions = np.asarray(quaternions, dtype=np.float64)
    if quaternions.ndim != 3 or quaternions.shape[1:] != (16, 4):
        raise ValueError(f"expected quaternions of shape (B, 16, 4), got {quaternions.shape}")
    return _rotvecs(Rotation.from_quat, quaternions.reshape(-1, 4)[:, [1, 2, 3, 0]])


def _keypoint_without_transl(parameters: np.ndarray, layer: ManoLayer, center_idx: int) -> np.ndarray:
    if center_idx == 0:
        return rest_wrist(parameters[:, :10], layer)
    with torch.no_grad():
        at_origin = np.concatenate([parameters[:, :58], np.zeros((len(parameters), 3))], axis=1)
        output = layer.from_parameters(_tensor(at_origin, layer))
        return _array(keypoints_from(output.vertices, output.joints, layer.tip_ids)[:, center_idx])


def _rotvecs(make: Callable[[np.ndarray], Rotation], rows: np.ndarray) -> np.ndarray:
    """Return (B, 48) of rotations (16 B, ...); SciPy takes no empty lists."""
    return make(rows).as_rotvec().reshape(-1, 48) if len(rows) else np.zeros((0, 48))


def _tensor(array: np.ndarray, layer: ManoLayer) -> torch.Tensor:
    return torch.as_tensor(array).to(layer.v_template)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(np.float64)


def _rows(array: np.ndarray, name: str) -> np.ndarray:
    array = np.array(array, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"{name}: expected shape (B, n), got {array.shape}")
    return array


def _of_size(array: np.ndarray, size: int, name: str) -> np.ndarray:
    array = _rows(array, name)
    if array.shape[1] != size:
        raise ValueError(f"{name}: expected shape (B, {size}), got {array.shape}")
    return array


def _parameters(parameters: np.ndarray) -> np.ndarray:
    return _of_size(parameters, PARAMETER_COUNT, "parameters")
