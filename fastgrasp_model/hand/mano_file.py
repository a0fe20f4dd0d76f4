"""Read hand models, MANO's own .pkl and the open hand's .npz, without running code from them.

A hand file holds the arrays of MANO (Romero, Tzionas, Black, "Embodied Hands", 2017) under MANO's names; each is
checked when it is read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastgrasp_model.files import write_bytes
from fastgrasp_model.hand import VERTICES
from fastgrasp_model.numpy_files import NumpyFileError, read_npz

FACE_COUNT, JOINT_COUNT, SHAPE_COUNT = 1538, 16, 10
_REQUIRED_SHAPES = {
    "v_template": (VERTICES, 3),
    "shapedirs": (VERTICES, 3, SHAPE_COUNT),
    "posedirs": (VERTICES, 3, 9 * (JOINT_COUNT - 1)),
    "J_regressor": (JOINT_COUNT, VERTICES),
    "weights": (VERTICES, JOINT_COUNT),
    "kintree_table": (2, JOINT_COUNT),
    "f": (FACE_COUNT, 3),
    "hands_components": (45, 45),
    "hands_mean": (45,),
}
_OPTIONAL_SHAPES = {"tip_ids": (5,)}
_MOST_BYTES = 64 << 20
_INTEGER_KEYS = {"kintree_table", "f", "tip_ids"}
_REMEDY = (
    "Give MANO_RIGHT.pkl as downloaded from https://mano.is.tue.mpg.de, a .npz with the same keys, "
    "or no path at all to use the open hand that ships with FastGrasp."
)


class HandModelError(ValueError):
    """A hand file is missing, damaged, or no hand model; the message names the file and the remedy."""


def load_hand_file(path: str | Path) -> dict[str, np.ndarray]:
    """Read a hand model from .pkl (MANO's own) or .npz into plain arrays; no code from the file is run.

    Returns `v_template` (778, 3) metres, `shapedirs` (778, 3, 10), `posedirs` (778, 3, 135), `J_regressor` (16, 778)
    dense, `weights` (778, 16), `hands_components` (45, 45) and `hands_mean` (45,) as float64, and `kintree_table`
    (2, 16), `f` (1538, 3) and, where the file has it, `tip_ids` (5,) as int64. Raises HandModelError.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise HandModelError(f"No hand model at {path}. {_REMEDY}")
    readers = {".npz": _read_npz, ".pkl": _read_pickle}
    if path.suffix.lower() not in readers:
        raise HandModelError(f"{path}: a hand model ends in .pkl or .npz, got '{path.suffix}'. {_REMEDY}")
    return _checked(readers[path.suffix.lower()](path), path)


def save_hand_pickle(model: dict[str, np.ndarray], path: str | Path) -> Path:
    """Write a hand model (see `load_hand_file`) as a pickle that smplx, manopth and manotorch load without chumpy.

    Plain arrays under MANO's names, the regressor (16, 778) sparse, protocol 2. The layers look for MANO_RIGHT.pkl (a
    left model: MANO_LEFT.pkl) in a folder. Returns the path. Raises OSError where it cannot be written.
    """
    import pickle

    from scipy import sparse

    parents, children = model["kintree_table"]
    content = {
        **{key: model[key] for key in _REQUIRED_SHAPES},
        "f": model["f"].astype(np.uint32),
        "kintree_table": np.stack([parents % 2**32, children]).astype(np.uint32),  # the root's parent is 2^32 - 1
        "J_regressor": sparse.csc_matrix(model["J_regressor"]),
        "J": model["J_regressor"] @ model["v_template"],
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }
    return write_bytes(path, pickle.dumps(content, protocol=2))


def _read_npz(path: Path) -> dict[str, object]:
    wanted = {*_REQUIRED_SHAPES, *_OPTIONAL_SHAPES}
    try:
        return read_npz(path, wanted, _MOST_BYTES)
    except (NumpyFileError, OSError) as error:
        raise HandModelError(f"{path} is damaged or not a NumPy archive ({error}). {_REMEDY}") from error


def _read_pickle(path: Path) -> dict[str, object]:
    from fastgrasp_model.hand.restricted_pickle import PickleRefused, read_pickle

    try:
        return dict(read_pickle(path, [*_REQUIRED_SHAPES, *_OPTIONAL_SHAPES]))
    except PickleRefused as error:
        raise HandModelError(f"{path}: {error} {_REMEDY}") from error


def _checked(content: dict[str, object], path: Path) -> dict[str, np.ndarray]:
    """Return the arrays with checked shapes and finite numbers. Raises HandModelError, which names the array."""
    missing = [key for key in _REQUIRED_SHAPES if key not in content]
    if missing:
        raise HandModelError(f"{path} is no hand model: it lacks {', '.join(missing)}. {_REMEDY}")
    shapes = {**_REQUIRED_SHAPES, **{k: s for k, s in _OPTIONAL_SHAPES.items() if k in content}}
    arrays = {key: _checked_array(content[key], key, shape, path) for key, shape in shapes.items()}
    for key in ("f", "tip_ids"):
        if key in arrays and (arrays[key].min() < 0 or arrays[key].max() >= VERTICES):
            raise HandModelError(f"{path}: '{key}' names vertices outside 0..{VERTICES - 1}. {_REMEDY}")
    parents, children = arrays["kintree_table"]
    if not (np.array_equal(children, np.arange(JOINT_COUNT)) and (parents[1:] < children[1:]).all()):
        raise HandModelError(f"{path}: 'kintree_table' is not a tree with parents before children. {_REMEDY}")
    return arrays


def _checked_array(value: object, key: str, shape: tuple[int, ...], path: Path) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise HandModelError(f"{path}: '{key}' has dtype {array.dtype}, expected numbers. {_REMEDY}")
    if array.shape != shape:
        raise HandModelError(f"{path}: '{key}' has shape {array.shape}, expected {shape}. {_REMEDY}")
    if not np.isfinite(array).all():
        raise HandModelError(f"{path}: '{key}' holds NaN or infinite numbers. {_REMEDY}")
    if key in _INTEGER_KEYS:
        integers = array.astype(np.int64)
        if key == "kintree_table":
            integers[0, 0] = -1  # the root's parent is 2^32 - 1 in MANO's files
        return integers
    return array.astype(np.float64)
