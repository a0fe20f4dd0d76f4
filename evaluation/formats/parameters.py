"""MANO parameters in the conventions of other projects, converted to ours and to meshes.

Keys of the file give its convention: the pose may be relative to the mean pose (`flat_hand_mean`) or in principal
components (`use_pca`), and the hand may be centred at one of its keypoints before the translation is added
(`center_idx`, of manopth and manotorch). Our convention: docs/grasp_file.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastgrasp_evaluation.formats.hands import Hand
from fastgrasp_evaluation.formats.request import ReadRequest
from fastgrasp_model.hand.keypoints import keypoints_from

WHOLE_KEYS = ("parameters", "params", "hand_param")
SPLIT_KEYS = {
    "betas": ("betas", "shape"),
    "global_orient": ("global_orient", "rot"),
    "hand_pose": ("hand_pose",),
    "transl": ("transl", "trans", "tsl"),
}
EXPECTED = (
    f"one of {', '.join(WHOLE_KEYS)} (B, 61) = [betas 10 | global_orient 3 | hand_pose 45 | transl 3]; "
    "or betas (B, 10), global_orient (B, 3), hand_pose (B, 45) (or pose (B, 48) for both) and transl (B, 3)"
)


@dataclass(frozen=True)
class Parameters:
    """Rows (B, 61) float64 in our order, the pose relative to the flat hand; center: the keypoint (MediaPipe's number)
    at which the hand is centred before transl is added, or None as in smplx."""

    rows: np.ndarray
    center: int | None


def find(content: dict[str, np.ndarray], sides_of, request: ReadRequest) -> Parameters | None:
    """Return the parameters in these arrays, None without any of their keys.

    sides_of(B): the sides of B hands, a list. Raises HandFileError for missing or wrong-shaped arrays.
    """
    columns = _columns(content, request)
    if columns is None:
        return None
    betas, orient, pose, transl = columns
    pose = _flat_pose(pose, content, sides_of(len(pose)), request)
    if len(betas) == 1 and len(pose) > 1:
        betas = np.repeat(betas, len(pose), axis=0)  # one person, many grasps
    lengths = {"betas": len(betas), "global_orient": len(orient), "hand_pose": len(pose), "transl": len(transl)}
    if len(set(lengths.values())) != 1:
        raise request.error(f"numbers of rows differ: {lengths}. Give each hand a row in each array.")
    center = _scalar(content, "center_idx", 20, request)
    return Parameters(np.concatenate([betas, orient, pose, transl * request.scale], axis=1), center)


def posed_hands(parameters: Parameters, names: list[str], sides: list[str], request: ReadRequest) -> list[Hand]:
    """Pose a whole `Hand` for each row, of the object and side in `names` and `sides` (B,)."""
    hands: dict[int, Hand] = {}
    for side in dict.fromkeys(sides):
        chosen = [i for i, one in enumerate(sides) if one == side]
        posed = _posed(parameters, chosen, [names[i] for i in chosen], side, request)
        hands.update(zip(chosen, posed, strict=True))
    return [hands[i] for i in range(len(sides))]


def _posed(parameters: Parameters, chosen: list[int], names: list[str], side: str, request: ReadRequest) -> list[Hand]:
    import torch

    layer = request.layer(side)
    rows = parameters.rows[chosen]
    with torch.no_grad():
        output = layer.from_parameters(torch.as_tensor(rows).to(layer.v_template))
        keypoints = keypoints_from(output.vertices, output.joints, layer.tip_ids)
    vertices, keypoints = (tensor.double().cpu().numpy() for tensor in (output.vertices, keypoints))
    if parameters.center is not None:
        shift = rows[:, None, 58:] - keypoints[:, parameters.center, None]
        vertices, keypoints = vertices + shift, keypoints + shift
    faces = layer.closed_faces.cpu().numpy()
    return [
        Hand(name, side, vertices[i], faces, keypoints[i], rows[i, 13:58], rows[i, :10], whole=True)
        for i, name in enumerate(names)
    ]


def _columns(content: dict[str, np.ndarray], request: ReadRequest) -> tuple[np.ndarray, ...] | None:
    """Return betas, global_orient, hand_pose (or its coefficients), transl, each (B, n)."""
    for key in WHOLE_KEYS:
        if key in content:
            rows = _rows(content, key, 61, request)
            return rows[:, :10], rows[:, 10:13], rows[:, 13:58], rows[:, 58:]
    places = {name: next((key for key in keys if key in content), None) for name, keys in SPLIT_KEYS.items()}
    if "pose" not in content and places["global_orient"] is None and places["hand_pose"] is None:
        return None
    if "pose" in content:
        pose = _rotations(content, "pose", 16, request)
        parts = {"global_orient": pose[:, :3], "hand_pose": pose[:, 3:]}
    else:
        parts = {}
        for name, joints in (("global_orient", 1), ("hand_pose", 15)):
            if places[name] is not None:
                parts[name] = _rotations(content, places[name], joints, request, pca=name == "hand_pose")
    for name, width in (("betas", 10), ("transl", 3)):
        if places[name] is not None:
            parts[name] = _rows(content, places[name], width, request)
    missing = [name for name in SPLIT_KEYS if name not in parts]
    if missing:
        raise request.error(f"it lacks {', '.join(missing)}; found {', '.join(sorted(content))}, expected {EXPECTED}.")
    return tuple(parts[name] for name in SPLIT_KEYS)


def _rows(content: dict[str, np.ndarray], key: str, width: int, request: ReadRequest) -> np.ndarray:
    array = request.numbers(content, key)
    array = array[None] if array.ndim == 1 else array
    if array.ndim != 2 or array.shape[1] != width:
        raise request.error(f"'{key}' has shape {array.shape}, expected (B, {width}). The whole form: {EXPECTED}.")
    return array


def _rotations(
    content: dict[str, np.ndarray], key: str, joints: int, request: ReadRequest, pca: bool = False
) -> np.ndarray:
    """Return axis-angles (B, 3 joints) of axis-angles in any grouping or of matrices, or PCA coefficients (B, n)."""
    array = request.numbers(content, key)
    count = len(array) if array.ndim else 0
    if array.shape[-2:] == (3, 3) and array.size == count * joints * 9:
        import torch

        from fastgrasp_model.geometry.rotations import matrix_to_axis_angle

        return matrix_to_axis_angle(torch.as_tensor(array)).numpy().reshape(count, joints * 3)
    if array.size == count * joints * 3 and array.ndim >= 2 and array.shape[-1] in (3, joints * 3):
        return array.reshape(count, joints * 3)
    if pca and array.ndim == 2 and 1 <= array.shape[1] < 45:
        return array
    raise request.error(
        f"'{key}' has shape {array.shape}, expected axis-angles (B, {3 * joints}) or matrices (B, {joints}, 3, 3)."
    )


def _flat_pose(pose: np.ndarray, content: dict[str, np.ndarray], sides: list[str], request: ReadRequest) -> np.ndarray:
    """Return the pose (B, 45) relative to the flat hand, of PCA coefficients or a pose relative to the mean."""
    pca = pose.shape[1] < 45 or bool(_scalar(content, "use_pca", 1, request))
    flat = _scalar(content, "flat_hand_mean", 1, request)
    if pca and flat is None:
        raise request.error(
            f"hand_pose (B, {pose.shape[1]}) is PCA coefficients; add 'flat_hand_mean' (true or false), as the layer "
            "had it."
        )
    if not pca and flat != 0:
        return pose
    if len(sides) != len(pose):
        raise request.error(f"it has {len(pose)} hands but {len(sides)} sides. Give one side, or one for each hand.")
    what = "its hand_pose is " + (f"{pose.shape[1]} PCA coefficients" if pca else "relative to MANO's mean pose")
    result = np.zeros((len(pose), 45))
    for i, side in enumerate(sides):
        layer = request.mano_layer(side, what)
        components = layer.hands_components.double().cpu().numpy()[: pose.shape[1]]
        result[i] = pose[i] @ components if pca else pose[i]
        if flat == 0:
            result[i] += layer.hands_mean.double().cpu().numpy()
    return result


def _scalar(content: dict[str, np.ndarray], key: str, largest: int, request: ReadRequest) -> int | None:
    """Return an integer 0 to `largest` of the file (1: true or false), None without it. Raises HandFileError."""
    if key not in content:
        return None
    value = np.asarray(content[key])
    kinds, expected = ("biu", "true or false") if largest == 1 else ("iu", "a keypoint 0 to 20 (0: the wrist)")
    if value.size != 1 or value.dtype.kind not in kinds or not 0 <= value.reshape(-1)[0] <= largest:
        raise request.error(f"'{key}' is {value!r:.40}, expected {expected}.")
    return int(value.reshape(-1)[0])
