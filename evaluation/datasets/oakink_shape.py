"""OakInk-Shape (Yang et al., CVPR 2022): grasps on 1,657 objects, in the objects' own frames.

    ROOT/shape/oakink_shape_v2/<category>/<object id>/<grasp id>/hand_param.pkl
    ROOT/shape/oakink_shape_v2/<category>/<object id>/<grasp id>/<virtual object id>/hand_param.pkl
    ROOT/shape/metaV2/{object_id.json, virtual_object_id.json}
    ROOT/shape/{OakInkObjectsV2,OakInkVirtualObjectsV2}/<name>/{align,align_ds}/*.{obj,ply}

Source: the tool kit (oakink/OakInk, oikit/oi_shape). `pose` is 48 axis-angle numbers (its documentation says 16
quaternions; both are read), `tsl` the position of keypoint 0 (the wrist). The frame of hand and records has the middle
of the mesh's bounding box at the origin. The tool kit returns another value as `hand_tsl`, the position of keypoint 9:
files that store it need centre=9.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.datasets.plain_files import read_pickled
from fastgrasp_evaluation.datasets.records import (
    DatasetError,
    GraspRecords,
    ObjectMesh,
    RecordHand,
    is_file_name,
    read_plain,
    require,
)
from fastgrasp_model.hand.conventions import CONVENTIONS, ForeignHand, pose_from_quaternions, to_parameters

SPLITS = ("train", "val", "test")
INTENTS = {"use": "0001", "hold": "0002", "liftup": "0003", "handover": "0004"}
WHERE = (
    "Get OakInk-Shape from https://oakink.net (accept its terms, non-commercial research; the zip files metaV2, "
    "OakInkObjectsV2, OakInkVirtualObjectsV2 and oakink_shape_v2) and unpack it as docs/datasets.md shows."
)
_META = {  # the tool kit's code and its documentation name the second list differently
    "OakInkObjectsV2": ("object_id.json",),
    "OakInkVirtualObjectsV2": ("virtual_object_id.json", "virtual_obj_id.json"),
}
_FOLDERS = ("align", "align_ds")


def read_oakink_shape(
    root: str | Path, split: str = "train", hand: str | Path | None = None, category: str | None = None,
    intent: str | None = None, centre: int = 0, progress=None,
) -> GraspRecords:
    """Read OakInk-Shape's grasps of one split, "train", "val", "test" or "all".

    root: the folder above shape/, or shape/ itself. hand: the hand file, as for `ManoLayer.from_file`. category: only
    this one, such as "mug". intent: one of `INTENTS`. centre: the keypoint whose position `tsl` is.
    progress(done, all) is called. Raises DatasetError naming what is missing, HandModelError.
    """
    if split not in (*SPLITS, "all"):
        raise DatasetError(f"OakInk-Shape has the splits {', '.join(SPLITS)} (or all), not {split!r}.")
    if intent is not None and intent not in INTENTS:
        raise DatasetError(f"OakInk-Shape has the intents {', '.join(INTENTS)}, not {intent!r}.")
    root = Path(root).expanduser()
    shape = root / "shape" if (root / "shape").is_dir() else root
    files = [
        (path, name)
        for path, name in _hand_files(shape, category)
        if split in ("all", split_of(name)) and (intent is None or _intent(path, shape) == intent)
    ]
    if not files:
        raise DatasetError(f"{shape / 'oakink_shape_v2'}: no grasps of split {split}, {category}, {intent}. {WHERE}")
    meshes = _meshes(shape, {name for _, name in files})
    with_hand = RecordHand.from_file(hand)
    foreign = _hands([path for path, _ in files], progress)
    convention = replace(CONVENTIONS["OakInk"], center_idx=centre)
    parameters = to_parameters(foreign, with_hand.layer, convention)
    return GraspRecords.of(
        parameters, [name for _, name in files], meshes, source="OakInk-Shape", split=split, hand=with_hand.name,
        frames=tuple(str(path.parent.relative_to(shape)) for path, _ in files), notes=with_hand.notes(),
    )  # fmt: skip


def split_of(object_id: str) -> str:
    """Return the split of an object: the last decimal digit of the MD5 of its id, below 8, 8, or 9."""
    digit = int(hashlib.md5(object_id.encode(), usedforsecurity=False).hexdigest(), 16) % 10
    return "train" if digit < 8 else "val" if digit == 8 else "test"


def _hand_files(shape: Path, category: str | None) -> list[tuple[Path, str]]:
    """List (hand_param.pkl, object id): the folder's name of a transferred grasp, else the one two above."""
    top = require(shape / "oakink_shape_v2", "the grasps of OakInk-Shape", WHERE)
    if category is not None:
        top = require(top / category, f"the grasps of OakInk-Shape's category {category}", WHERE)
    levels = 3 - (category is not None)
    real = [(path, path.parent.parent.name) for path in top.glob("*/" * levels + "hand_param.pkl")]
    virtual = [(path, path.parent.name) for path in top.glob("*/" * (levels + 1) + "hand_param.pkl")]
    return sorted(real + virtual)


def _intent(path: Path, shape: Path) -> str | None:
    """Read the intent from source.txt: <pass>/<object>_<action>_<people>/<time>."""
    folder = path.parent
    while folder != shape and not (folder / "source.txt").is_file():
        folder = folder.parent
    source = require(folder / "source.txt" if folder != shape else path.parent / "source.txt", "its intent", WHERE)
    try:
        code = source.read_text().strip().split("/")[-2].split("_")[1]
    except (IndexError, UnicodeDecodeError) as error:
        raise DatasetError(f"{source}: expected <pass>/<object>_<action>_<people>/<time>. {WHERE}") from error
    return next((name for name, number in INTENTS.items() if number == code), None)


def _meshes(shape: Path, ids: set[str]) -> dict[str, ObjectMesh]:
    """Return the mesh of each object id. Raises DatasetError."""
    names = {folder: _names(shape / "metaV2", files) for folder, files in _META.items()}
    meshes = {}
    for one in sorted(ids):
        folder = next((folder for folder, known in names.items() if one in known), None)
        if folder is None:
            raise DatasetError(f"{shape / 'metaV2'}: no object is called {one} in its files. {WHERE}")
        meshes[one] = ObjectMesh(one, _mesh_file(shape / folder / names[folder][one]), "bounding box")
    return meshes


def _names(folder: Path, files: tuple[str, ...]) -> dict[str, str]:
    """Read {object id: name} of one of OakInk's lists."""
    path = next((folder / file for file in files if (folder / file).is_file()), folder / files[0])
    require(path, "the names of OakInk-Shape's objects", WHERE)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = {key: value["name"] for key, value in content.items()}
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: expected {{id: {{'name': ...}}}} ({error}). {WHERE}") from error
    strange = [name for name in names.values() if not is_file_name(name)]
    if strange:
        raise DatasetError(f"{path}: {str(strange[0])[:80]!r} is no name of a folder. {WHERE}")
    return names


def _mesh_file(folder: Path) -> Path:
    """Find the aligned mesh as the tool kit does: the only one, or the one with "align" in its name."""
    for place in (folder / name for name in _FOLDERS):
        found = sorted(path for path in place.glob("*") if path.suffix in (".obj", ".ply"))
        found = found if len(found) < 2 else [path for path in found if "align" in path.name]
        if len(found) == 1:
            return found[0]
        if found:
            raise DatasetError(f"{place}: {len(found)} meshes, expected one. {WHERE}")
    raise DatasetError(f"{folder / _FOLDERS[0]}/*.obj is missing: the mesh of an object that is grasped. {WHERE}")


def _hands(paths: list[Path], progress) -> ForeignHand:
    rows = []
    for done, path in enumerate(paths, start=1):
        rows.append(_hand(path))
        if progress and not done % 200:
            progress(done, len(paths))
    return ForeignHand(*(np.stack(column) for column in zip(*rows, strict=True)))


def _hand(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read pose (48,), shape (10,), tsl (3,) of one hand_param.pkl."""
    content = read_plain(read_pickled, path, WHERE)
    try:
        made = {key: np.asarray(content[key], dtype=np.float64).reshape(-1) for key in ("pose", "shape", "tsl")}
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DatasetError(f"{path}: expected a dictionary of pose, shape and tsl ({error}). {WHERE}") from error
    if made["pose"].size == 64:
        made["pose"] = pose_from_quaternions(made["pose"].reshape(1, 16, 4))[0]
    for key, size in (("pose", 48), ("shape", 10), ("tsl", 3)):
        if made[key].size != size:
            raise DatasetError(f"{path}: '{key}' has {made[key].size} numbers, expected {size}. {WHERE}")
    return made["pose"], made["shape"], made["tsl"]
