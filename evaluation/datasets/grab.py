"""GRAB (Taheri et al., ECCV 2020): the frames that GrabNet was trained on, or the raw sequences (`grab_raw`).

    ROOT/sbj_info.npy                       (also ROOT/data/..., as the zip files unpack)
    ROOT/{train,val,test}/{frame_names.npz, grabnet_<split>.npz}
    ROOT/obj_meshes/<object>.ply            or tools/object_meshes/contact_meshes/, beside or above

Sources: the tool kits (otaheri/GrabNet, otaheri/GRAB) and their users (stevenlsw/contactgen, wuxiaofei01/FastGrasp). A
stored object matrix M takes a point v to v M + t, so the rotation is M transposed; the hand's matrices are not
transposed. The hand is posed from the person's own rest mesh. Frame of the records: the object's own, with the mean of
its mesh file's vertices at the origin, as in contactgen and FastGrasp.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastgrasp_evaluation.datasets.grab_people import WHERE, fitted, grab_records
from fastgrasp_evaluation.datasets.grab_raw import read_sequences
from fastgrasp_evaluation.datasets.plain_files import read_npy, read_npz
from fastgrasp_evaluation.datasets.records import (
    DatasetError,
    GraspRecords,
    ObjectMesh,
    RecordHand,
    check_rotations,
    checked,
    into_object_frame,
    is_file_name,
    read_plain,
    require,
)
from fastgrasp_evaluation.datasets.template import TemplateFit
from fastgrasp_model.hand.conventions import pose_from_matrices

SPLITS = ("train", "val", "test")
MESH_FOLDERS = (
    "obj_meshes", "tools/object_meshes/contact_meshes", "tools/object_meshes", "../tools/object_meshes/contact_meshes",
    "../tools/object_meshes",
)
_ROWS = {
    "root_orient_obj_rotmat": (-1, 3, 3),
    "trans_obj": (-1, 3),
    "global_orient_rhand_rotmat": (-1, 1, 3, 3),
    "fpose_rhand_rotmat": (-1, 15, 3, 3),
    "trans_rhand": (-1, 3),
}


def read_grab(root: str | Path, split: str = "train", hand: str | Path | None = None, every: int = 1) -> GraspRecords:
    """Read GRAB's grasps of one split, "train", "val", "test" or "all", every `every`th frame.

    hand: the hand file, as for `ManoLayer.from_file`. Betas are fitted to each person's rest mesh; `notes` gives the
    error of the fit. Raises DatasetError naming what is missing, HandModelError.
    """
    root = Path(root).expanduser()
    if split not in (*SPLITS, "all"):
        raise DatasetError(f"GRAB has the splits {', '.join(SPLITS)} (or all), not {split!r}.")
    folder = next((place for place in (root, root / "data") if (place / "sbj_info.npy").is_file()), None)
    sequences = next((place for place in (root / "grab", root) if any(place.glob("s[0-9]*/*.npz"))), None)
    with_hand = RecordHand.from_file(hand)
    if folder is None and sequences is not None:
        return read_sequences(sequences, split, with_hand, every)
    if folder is None:
        require(root, "GRAB's folder", WHERE)
        raise DatasetError(
            f"{root / 'sbj_info.npy'} is missing: GRAB as processed for GrabNet has it beside train/, val/ and test/ "
            f"(raw GRAB would have {root / 'grab'}/s1/*.npz). {WHERE}"
        )
    parts = [_read_split(folder, one, with_hand, every) for one in (SPLITS if split == "all" else (split,))]
    return parts[0] if len(parts) == 1 else GraspRecords.concatenate(parts, "all")


def _read_split(root: Path, split: str, hand: RecordHand, every: int) -> GraspRecords:
    rows, frames = _rows(root, split)
    rows, frames = {key: array[::every] for key, array in rows.items()}, frames[::every]
    people, objects = _people_and_objects(frames, root / split / "frame_names.npz")
    fits = _fits(root, sorted(set(people)), hand)
    meshes = {name: ObjectMesh(name, find_mesh(root, name), "vertex mean") for name in set(objects)}
    turns = np.concatenate([rows["global_orient_rhand_rotmat"], rows["fpose_rhand_rotmat"]], axis=1)
    betas, transl = np.zeros((len(people), 10)), rows["trans_rhand"].copy()
    for person, fit in fits.items():
        mine = np.array(people) == person
        betas[mine] = fit.betas
        transl[mine] = fit.transl(transl[mine], turns[mine, 0], hand)
    parameters = np.concatenate([betas, pose_from_matrices(turns), transl], axis=1)
    rotations = rows["root_orient_obj_rotmat"].transpose(0, 2, 1)
    parameters = into_object_frame(parameters, rotations, rows["trans_obj"], hand.layer)
    return grab_records(parameters, objects, meshes, fits, hand, split, frames)


def _rows(root: Path, split: str) -> tuple[dict[str, np.ndarray], list[str]]:
    file = require(root / split / f"grabnet_{split}.npz", f"the frames of GRAB's split {split}", WHERE)
    names = require(root / split / "frame_names.npz", "which person and object each frame shows", WHERE)
    rows = checked(read_plain(read_npz, file, WHERE, _ROWS), _ROWS, file, WHERE)
    for key in rows:
        if key.endswith("rotmat"):
            check_rotations(rows[key], key, file, WHERE)
    found = read_plain(read_npz, names, WHERE, ("frame_names",)).get("frame_names")
    frames = [str(name) for name in np.asarray(found).reshape(-1)] if found is not None else []
    lengths = {key: len(array) for key, array in rows.items()} | {"frame_names": len(frames)}
    if len(set(lengths.values())) > 1 or not frames:
        said = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise DatasetError(f"{file}: expected as many rows as frame_names.npz has names, found {said}. {WHERE}")
    return rows, frames


def _people_and_objects(frames: list[str], path: Path) -> tuple[list[str], list[str]]:
    """Return person and object of each .../<person>/<object>_<action>_<n>/<frame>.npz."""
    parts = [frame.replace("\\", "/").split("/") for frame in frames]
    short = next((frame for frame, part in zip(frames, parts, strict=True) if len(part) < 3), None)
    if short is not None:
        raise DatasetError(f"{path}: {short!r} is no frame name, expected .../s1/mug_drink_1/12.npz. {WHERE}")
    return [part[-3] for part in parts], [part[-2].split("_")[0] for part in parts]


def _fits(root: Path, people: list[str], hand: RecordHand) -> dict[str, TemplateFit]:
    path = require(root / "sbj_info.npy", "the rest hands of GRAB's people", WHERE)
    known = read_plain(read_npy, path, WHERE)
    fits = {}
    for person in people:
        one = known.get(person) if isinstance(known, dict) else None
        if not isinstance(one, dict) or "rh_vtemp" not in one:
            raise DatasetError(f"{path}: has no rest hand 'rh_vtemp' of {person}. {WHERE}")
        fits[person] = fitted(one["rh_vtemp"], hand, f"{path}: 'rh_vtemp' of {person}")
    return fits


def find_mesh(root: Path, name: str) -> Path:
    """Return the mesh file of an object. Raises DatasetError."""
    if not is_file_name(name):
        raise DatasetError(f"{root}: {name[:80]!r} is no object of GRAB.")
    places = [root / folder / f"{name}.ply" for folder in MESH_FOLDERS]
    for place in places:
        if place.is_file():
            return place
    others = ", ".join(MESH_FOLDERS[1:])
    raise DatasetError(f"{places[0]} is missing: the mesh of {name} (also looked for in {others}). {WHERE}")
