"""Raw GRAB (otaheri/GRAB): the frames, of sequences at 120 a second, in which the right hand touches the object.

    ROOT/grab/s1..s10/<object>_<action>_<n>.npz
    ROOT/tools/object_meshes/contact_meshes/<object>.ply, ROOT/tools/subject_meshes/<gender>/<person>_rhand.ply

Each key of a sequence is a dictionary in an object array. The tool kit takes a point v of the object to
v Rodrigues(global_orient) + transl, so the object's rotation is transposed; the hand's is not. `contact.object` (T, V)
is the body part that touches each vertex of the object: 22 the right hand, 41 to 55 its fingers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastgrasp_evaluation.datasets.grab_people import SPLIT_OBJECTS, WHERE, fitted, grab_records
from fastgrasp_evaluation.datasets.plain_files import read_npz
from fastgrasp_evaluation.datasets.records import (
    DatasetError,
    GraspRecords,
    ObjectMesh,
    RecordHand,
    checked,
    into_object_frame,
    is_file_name,
    read_plain,
    require,
)
from fastgrasp_evaluation.datasets.template import TemplateFit
from fastgrasp_model.geometry.mesh_files import MeshFileError, read_parts
from fastgrasp_model.hand.conventions import CONVENTIONS, ForeignHand, to_parameters

RIGHT_HAND = (22, *range(41, 56))
_POSE = {"global_orient": (-1, 3), "transl": (-1, 3)}


def read_sequences(sequences: Path, split: str, hand: RecordHand, every: int) -> GraspRecords:
    """Read all sequences of a split below `sequences` (ROOT/grab). Raises DatasetError."""
    root = sequences.parent if sequences.name == "grab" else sequences
    fits: dict[str, TemplateFit] = {}
    meshes: dict[str, ObjectMesh] = {}
    rows, names, frames = [], [], []
    for path in sorted(sequences.glob("s[0-9]*/*.npz")):
        name = path.name.split("_")[0]
        if split not in ("all", split_of(name)):
            continue
        part, touching, mesh, person = _sequence(path, root, hand, fits, every)
        meshes.setdefault(name, mesh)
        fits.setdefault(*person)
        rows.append(part)
        names += [name] * len(part)
        frames += [f"{path.parent.name}/{path.stem}/{frame}" for frame in touching]
    if not names:
        raise DatasetError(f"{sequences}: no sequence of the split {split} in which the right hand touches. {WHERE}")
    return grab_records(np.concatenate(rows), names, meshes, fits, hand, split, frames)


def split_of(name: str) -> str:
    """Return the split of an object as GRAB divides them."""
    return next((split for split, names in SPLIT_OBJECTS.items() if name in names), "train")


def _sequence(path: Path, root: Path, hand: RecordHand, fits: dict[str, TemplateFit], every: int):
    """Read parameters (n, 61) in the mesh file's frame, frame numbers, object, and (person's mesh, its fit)."""
    keys = ("rhand", "object", "contact")
    data = read_plain(read_npz, path, WHERE, keys)
    parts = {key: _entry(data, key, path) for key in keys}
    mesh = ObjectMesh(path.name.split("_")[0], _named(root, parts["object"].get("object_mesh"), path), "vertex mean")
    template = str(parts["rhand"].get("vtemp"))
    if template not in fits:
        fits = {template: _template(_named(root, template, path), hand)}
    fit = fits[template]
    contact = np.asarray(parts["contact"].get("object"))
    if contact.ndim != 2 or contact.dtype.kind not in "iuf":
        raise DatasetError(f"{path}: contact.object is {contact.shape}, expected (frames, vertices). {WHERE}")
    touching = np.flatnonzero(np.isin(contact, RIGHT_HAND).any(axis=1))[::every]
    pose = checked(parts["object"].get("params", {}), _POSE, path, WHERE)
    parameters = _hands(parts["rhand"].get("params", {}), fit, hand, path)
    if not len(parameters) == len(pose["transl"]) == len(pose["global_orient"]) == len(contact):
        raise DatasetError(f"{path}: hand, object and contact have different numbers of frames. {WHERE}")
    rotations = _rotations(-pose["global_orient"][touching])  # transposed
    parameters = into_object_frame(parameters[touching], rotations, pose["transl"][touching], hand.layer)
    return parameters, touching, mesh, (template, fit)


def _hands(params: dict, fit: TemplateFit, hand: RecordHand, path: Path) -> np.ndarray:
    """Return (T, 61) in the world, of `fullpose` (45) or else `hand_pose`, 24 coefficients of MANO's PCA."""
    placed = checked(params, _POSE, path, WHERE)
    key = "fullpose" if "fullpose" in params else "hand_pose"
    fingers = checked(params, {key: (len(placed["transl"]), -1)}, path, WHERE)[key]
    if fingers.shape[1] == 48:
        fingers = fingers[:, 3:]
    if fingers.shape[1] != 45 and hand.name == "open hand":
        raise DatasetError(
            f"{path}: the poses are {fingers.shape[1]} coefficients of MANO's PCA, which the open hand does not share. "
            "Name your MANO file: FASTGRASP_HAND=/path/MANO_RIGHT.pkl"
        )
    pose = np.concatenate([placed["global_orient"], fingers], axis=1)
    betas = np.repeat(fit.betas[None], len(pose), axis=0)
    transl = fit.transl(placed["transl"], _rotations(placed["global_orient"]), hand)
    foreign = ForeignHand(pose, betas, transl)
    return to_parameters(foreign, hand.layer, CONVENTIONS["GrabNet" if fingers.shape[1] == 45 else "GRAB"])


def _template(path: Path, hand: RecordHand) -> TemplateFit:
    try:
        meshes, points = read_parts(path)
    except (MeshFileError, OSError) as error:
        raise DatasetError(f"{path}: cannot be read as a mesh ({error}). {WHERE}") from error
    return fitted(np.concatenate([points, *(mesh.vertices for mesh in meshes)]), hand, str(path))


def _entry(data: dict, key: str, path: Path) -> dict:
    value = data.get(key)
    if not isinstance(value, dict):
        raise DatasetError(f"{path}: has no dictionary '{key}'; it is no sequence of GRAB. {WHERE}")
    return value


def _named(root: Path, name: object, path: Path) -> Path:
    """Return the path of a file that a sequence names, relative to `root` and below it."""
    parts = str(name).split("/")
    place = root.joinpath(*parts) if all(map(is_file_name, parts)) else root
    if root.resolve() not in place.resolve().parents:
        raise DatasetError(f"{path}: names the mesh {str(name)[:80]!r}, expected one below {root}/tools. {WHERE}")
    return require(place, f"the mesh that {path.name} names", WHERE)


def _rotations(axis_angles: np.ndarray) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(axis_angles).as_matrix() if len(axis_angles) else np.zeros((0, 3, 3))
