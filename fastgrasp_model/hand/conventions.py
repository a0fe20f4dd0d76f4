"""Other ways to write a MANO hand down, and the way from each to ours and back (docs/mano_conventions.md).

Ours: 61 parameters [betas 10 | global_orient 3 | hand_pose 45 | transl 3]; axis-angle relative to the flat hand;
the global rotation turns about the resting wrist joint J0(betas), then `transl` is added. manopth, manotorch,
smplx and the data sets differ in three things only, which `Convention` names: PCA or axis-angle, relative to the
flat hand or to the mean pose, and what the translation places. All functions take and give NumPy arrays (float64
out), metres and radians, any frame unless they say so, and change nothing in place. `layer` is the ManoLayer that
the numbers belong to: of the same side, and of the same hand file where PCA or a centre is involved.

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
    """How a library or data set writes the pose and the place of a hand.

    `use_pca`: pose coefficients of the first `components` PCA directions instead of 45 axis-angle numbers.
    `flat_hand_mean`: zero pose is the flat hand; else the mean pose of the hand file, in both cases of `use_pca`.
    `center_idx`: None where the translation is ours; k where the hand is first moved so that keypoint k (of 21,
    MediaPipe's order) is at the origin, so that the translation is the place of keypoint k. Raises ValueError.
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
    """A hand of another convention -> our parameters (B, 61), which give the same mesh in the same place.

    `hand`: any (pose (B, 3 + n), betas (B, 10), transl (B, 3)), n = 45, or PCA coefficients. Raises ValueError.
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
    """Our parameters (B, 61) -> the same hands in another convention; the inverse of `to_parameters`.

    With fewer than 45 PCA components the pose is the nearest one that they can say, and the mesh differs.
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
    """PCA coefficients (B, n), n = 1..45, -> hand_pose (B, 45), axis-angle relative to the flat hand.

    `flat_hand_mean=False` (smplx's default) adds the mean pose of the hand file. Raises ValueError.
    """
    coefficients = _rows(coefficients, "coefficients")
    count = coefficients.shape[1]
    if not 1 <= count <= 45:
        raise ValueError(f"expected 1 to 45 PCA coefficients, got {count}")
    pose = coefficients @ _array(layer.hands_components)[:count]
    return pose if flat_hand_mean else pose + _array(layer.hands_mean)


def to_pca(hand_pose: np.ndarray, layer: ManoLayer, flat_hand_mean: bool, count: int = 45) -> np.ndarray:
    """hand_pose (B, 45) relative to the flat hand -> the nearest `count` PCA coefficients (B, count)."""
    hand_pose = _of_size(hand_pose, 45, "hand_pose")
    offset = hand_pose if flat_hand_mean else hand_pose - _array(layer.hands_mean)
    return offset @ np.linalg.pinv(_array(layer.hands_components)[:count])


def from_centred(parameters: np.ndarray, layer: ManoLayer, center_idx: int = 0) -> np.ndarray:
    """Parameters (B, 61) whose translation is the place of keypoint `center_idx` -> ours (B, 61)."""
    parameters = _parameters(parameters)
    parameters[:, 58:] -= _keypoint_without_transl(parameters, layer, center_idx)
    return parameters


def to_centred(parameters: np.ndarray, layer: ManoLayer, center_idx: int = 0) -> np.ndarray:
    """Our parameters (B, 61) -> the same with the place of keypoint `center_idx` for a translation."""
    parameters = _parameters(parameters)
    parameters[:, 58:] += _keypoint_without_transl(parameters, layer, center_idx)
    return parameters


def rest_wrist(betas: np.ndarray, layer: ManoLayer) -> np.ndarray:
    """J0 (B, 3): where the wrist joint of shape `betas` (B, 10) rests, in the layer's own frame."""
    with torch.no_grad():
        return _array(layer.wrist_at_rest(_tensor(_of_size(betas, 10, "betas"), layer)))


def moved(parameters: np.ndarray, rotation: np.ndarray, translation: np.ndarray, layer: ManoLayer) -> np.ndarray:
    """Parameters (B, 61) of the hands moved rigidly: each point p goes to rotation (3, 3) p + translation (3,).

    Since the global rotation turns about J0, transl becomes R (J0 + transl) + t - J0. Raises ValueError where the
    rotation is none (a reflection or a scale).
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
    """Parameters (B, 61) of the other side's hand, mirrored in x, for the layer of the other side.

    With M = diag(-1, 1, 1) a rotation R becomes M R M, so each axis-angle (x, y, z) becomes (x, -y, -z); transl
    (x, y, z) becomes (-x, y, z); betas stay. Twice is nothing.
    """
    parameters = _parameters(parameters)
    parameters[:, 10:58] *= np.tile([1.0, -1.0, -1.0], 16)
    parameters[:, 58] *= -1
    return parameters


def pose_from_matrices(rotations: np.ndarray) -> np.ndarray:
    """Local rotations (B, 16, 3, 3), the global one first (GrabNet, smplx.MANOLayer) -> pose (B, 48), axis-angle."""
    rotations = np.asarray(rotations, dtype=np.float64)
    if rotations.ndim != 4 or rotations.shape[1:] != (16, 3, 3):
        raise ValueError(f"expected rotations of shape (B, 16, 3, 3), got {rotations.shape}")
    return _rotvecs(Rotation.from_matrix, rotations.reshape(-1, 3, 3))


def pose_from_quaternions(quaternions: np.ndarray) -> np.ndarray:
    """Quaternions (B, 16, 4) as w, x, y, z (manotorch's "quat", OakInk) -> pose (B, 48), axis-angle."""
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
    """(16 B, ...) -> (B, 48); SciPy takes no empty lists of rotations."""
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
