"""HO-3D, version 2 or 3 (Hampali et al., CVPR 2020): ten YCB objects in right hands, from camera recordings.

    ROOT/train/<sequence>/meta/<frame>.pkl
    YCB/models/<object>/textured_simple.obj          the YCB-Video 3D models

Source: the tool kit (shreyashampali/ho3d). Hand and object are posed in the same camera frame, OpenGL's (y up, z
backwards), which cancels out in the object's frame; for a projection into the image, diag(1, -1, -1) gives OpenCV's
frame. A frame whose `objRot` is None has no annotation. Frame of the records: that of the YCB-Video model's file. The
original YCB meshes have another frame and are refused by `objCorners3DRest`, the corners of the model's bounding box.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastgrasp_evaluation.datasets.plain_files import read_pickled
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

WHERE = (
    "Get HO-3D (version 2 or 3, for academic research) from https://www.tugraz.at/institute/icg/research/team-lepetit/"
    "research-projects/hand-object-3d-pose-annotation/ and unpack it as docs/datasets.md shows."
)
WHERE_MODELS = (
    "Download 'The YCB-Video 3D Models' from https://rse-lab.cs.washington.edu/projects/posecnn/ and name the folder "
    "above models/ (ho3d:/path?models=/path/YCB)."
)
SPLITS = ("train",)
OFF_BY = 0.008  # metres; the original YCB frame is 18 mm and more from that of YCB-Video
_SHAPES = {"handPose": (48,), "handBeta": (10,), "handTrans": (3,), "objRot": (3,), "objTrans": (3,)}


def read_ho3d(
    root: str | Path, split: str = "train", hand: str | Path | None = None, models: str | Path | None = None,
    every: int = 1, progress=None,
) -> GraspRecords:
    """Read HO-3D's annotated frames, every `every`th of each sequence.

    models: the folder above YCB-Video's models/; by default looked for in `root` and beside it. hand: the hand file,
    as for `ManoLayer.from_file`. progress(done, all) is called. Raises DatasetError naming what is missing, also for
    the split "evaluation", whose hand poses are withheld for the challenge.
    """
    root = Path(root).expanduser()
    if split == "evaluation":
        raise DatasetError("HO-3D's split evaluation has the wrist of each hand only; take split=train.")
    if split not in SPLITS:
        raise DatasetError(f"HO-3D's hands are published for the split train alone, not {split!r}.")
    folder = require(root / split, f"HO-3D's split {split}", WHERE)
    files = [path for one in sorted(folder.glob("*/meta")) for path in sorted(one.glob("*.pkl"))[::every]]
    if not files:
        raise DatasetError(f"{folder}/<sequence>/meta/<frame>.pkl is missing: the annotations of HO-3D. {WHERE}")
    rows, names, frames, corners = _annotations(files, progress)
    if not rows:
        raise DatasetError(f"{folder}: none of {len(files)} frames has an annotation (objRot is None). {WHERE}")
    meshes = {name: _mesh(name, root, models, corner) for name, corner in corners.items()}
    with_hand = RecordHand.from_file(hand)
    parameters = _in_object_frame(rows, with_hand)
    bare = len(files) - len(rows)
    notes = (f"{bare} of {len(files)} frames have no annotation and are left out",) if bare else ()
    return GraspRecords.of(
        parameters, names, meshes, source="HO-3D", split=split, hand=with_hand.name, frames=tuple(frames),
        notes=(*with_hand.notes(), *notes),
    )  # fmt: skip


def _annotations(files: list[Path], progress) -> tuple[list[dict], list[str], list[str], dict[str, np.ndarray | None]]:
    """Read the annotated frames: arrays, object names, frame names; and each object's corners at rest."""
    rows, names, frames, corners = [], [], [], {}
    for done, path in enumerate(files, start=1):
        row, name, corner = _annotation(path)
        if progress and not done % 200:
            progress(done, len(files))
        if row is not None:
            rows.append(row)
            names.append(name)
            frames.append(f"{path.parent.parent.name}/{path.stem}")
            corners.setdefault(name, corner)
    return rows, names, frames, corners


def _in_object_frame(rows: list[dict], hand: RecordHand) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    columns = {key: np.stack([row[key] for row in rows]) for key in _SHAPES}
    rotations = Rotation.from_rotvec(columns["objRot"]).as_matrix()
    parameters = np.concatenate([columns["handBeta"], columns["handPose"], columns["handTrans"]], axis=1)
    return into_object_frame(parameters, rotations, columns["objTrans"], hand.layer)


def _annotation(path: Path) -> tuple[dict | None, str, np.ndarray | None]:
    """Read one frame: arrays (None without annotation), the object's name, the corners of its box at rest."""
    content = read_plain(read_pickled, path, WHERE)
    if not isinstance(content, dict) or "objRot" not in content:
        raise DatasetError(f"{path}: is no annotation of HO-3D: it has no 'objRot'. {WHERE}")
    if content["objRot"] is None or content.get("handPose") is None:
        return None, "", None
    name = content.get("objName")
    if not is_file_name(name):
        raise DatasetError(f"{path}: 'objName' is {str(name)[:80]!r}, expected a YCB object's name. {WHERE}")
    corners = content.get("objCorners3DRest")
    if corners is not None:
        corners = checked(content, {"objCorners3DRest": (8, 3)}, path, WHERE)["objCorners3DRest"]
    return checked(content, _SHAPES, path, WHERE), name, corners


def _mesh(name: str, root: Path, models: str | Path | None, corners: np.ndarray | None) -> ObjectMesh:
    """Return the YCB-Video model of an object. Raises DatasetError: missing, or in another frame."""
    if models is not None:
        above = [Path(models).expanduser()]
    else:
        above = [place / inner for place in (root, root.parent) for inner in ("", "YCB", "YCB_Video_Models")]
    tries = [place / inner / name / "textured_simple.obj" for place in above for inner in ("models", "")]
    path = next((place for place in tries if place.is_file()), None)
    if path is None:
        raise DatasetError(f"{tries[0]} is missing: the model of {name} in YCB-Video's frame. {WHERE_MODELS}")
    mesh = ObjectMesh(name, path, "none")
    if corners is not None:
        bounds = mesh.load().bounds
        off = np.abs(bounds - np.stack([corners.min(0), corners.max(0)])).max()
        if off > OFF_BY:
            raise DatasetError(
                f"{path}: its bounding box is {1000 * off:.0f} mm off HO-3D's, so it is not in YCB-Video's frame (the "
                f"original YCB meshes are not). {WHERE_MODELS}"
            )
    return mesh
