"""Files of GraspTTA: obj_id_<n>.json with MANO parameters on transformed objects.

github.com/hwjiang1510/GraspTTA, `gen_diverse_grasp_ho3d.py` (read by `vis_diverse_grasp.py`):
diverse_grasp/ho3d/obj_id_<n>.json, n the YCB number of an HO-3D object, with `recon_params` (N, 1, 61) = [betas 10 |
global_orient 3 | hand_pose 45 | transl 3] for a right MANO with all 45 PCA components and flat_hand_mean (package
`mano`, github.com/hwjiang1510/MANO), `R_list` (N, 3, 4) = [rotation | translation] of the object, `trans_list`
(N, 3, 1) and `r_list` (N, 3), which repeat it. The inverse takes the hand into the frame of the object's mesh.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from fastgrasp_evaluation.formats.fastgrasp_published import HO3D_OBJECTS
from fastgrasp_evaluation.formats.hands import Hand
from fastgrasp_evaluation.formats.parameters import Parameters, posed_hands
from fastgrasp_evaluation.formats.request import ReadRequest

PATTERN = "obj_id_*.json"


def is_grasptta(content: object) -> bool:
    """Tell whether this JSON is GraspTTA's."""
    return isinstance(content, dict) and "recon_params" in content


def read(content: dict, request: ReadRequest) -> list[Hand]:
    """Read the hands of one object. Raises HandFileError, also without a MANO file, which PCA poses need."""
    parameters = _array(content, "recon_params", (1, 61), request)[:, 0]
    poses = _array(content, "R_list", (3, 4), request)
    if len(poses) != len(parameters):
        found = f"'recon_params' has {len(parameters)} grasps but 'R_list' {len(poses)}"
        raise request.error(f"{found}. Generate it again.")
    side = request.hand_side("right", "GraspTTA's hand")
    layer = request.mano_layer(side, "GraspTTA's poses are coefficients of MANO's 45 principal components")
    parameters[:, 13:58] = parameters[:, 13:58] @ layer.hands_components.cpu().numpy()
    names = [_object_name(request)] * len(parameters)
    hands = posed_hands(Parameters(parameters, None), names, [side] * len(parameters), request)
    return [_inverse_transformed(hand, matrix) for hand, matrix in zip(hands, poses, strict=True)]


def _inverse_transformed(hand: Hand, matrix: np.ndarray) -> Hand:
    """Return a hand in the frame of its object's mesh, from that of the object with pose `matrix` (3, 4)."""
    rotation, offset = matrix[:, :3], matrix[:, 3]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or np.linalg.det(rotation) < 0:
        return replace(hand, problem="its R_list is no rotation")
    return replace(hand, vertices=(hand.vertices - offset) @ rotation, keypoints=(hand.keypoints - offset) @ rotation)


def _object_name(request: ReadRequest) -> str:
    """Return the YCB name of the file's number, else the file's stem."""
    number = re.match(r"obj_id_(\d+)$", request.path.stem)
    names = {int(name[:3]): name for name in HO3D_OBJECTS}
    return names.get(int(number[1]), request.path.stem) if number else request.path.stem


def _array(content: dict, key: str, shape: tuple[int, ...], request: ReadRequest) -> np.ndarray:
    if key not in content:
        raise request.error(f"it lacks '{key}', found {', '.join(content)}. Generate it again with GraspTTA.")
    expected = f"expected (N, {', '.join(map(str, shape))})"
    try:
        array = np.array(content[key], dtype=np.float64)
    except (TypeError, ValueError):
        raise request.error(f"'{key}' is no regular list of numbers, {expected}.") from None
    if array.ndim == 0 or (len(array) and array.shape[1:] != shape):
        raise request.error(f"'{key}' has shape {array.shape}, {expected}.")
    return array.reshape(-1, *shape)
