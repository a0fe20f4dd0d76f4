"""FastGrasp's own grasp file, and the collection: the same file over several objects.

A collection is a grasp file (docs/grasp_file.md) with one more array, `object` (B,) strings: the object of each grasp.
Readers of grasp files read it too and ignore the objects.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.formats.errors import HandFileError
from fastgrasp_evaluation.formats.hands import Hand
from fastgrasp_evaluation.formats.request import ReadRequest
from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_model.grasps import FORMAT_VERSION, Grasps, write_grasp_arrays


def save_collection(path: str | Path, grasps: dict[str, Grasps]) -> Path:
    """Write the grasps of several objects (name -> `Grasps` in that object's frame) as one .npz and return its path.

    Objects without grasps are left out. Raises HandFileError for another suffix, no grasps at all, or batches that
    differ in side or faces; OSError.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise HandFileError(path, f"a collection ends in .npz, got '{path.suffix}'.")
    try:
        together = Grasps.concatenate(list(grasps.values()))
    except ValueError as error:
        raise HandFileError(path, f"{error}.") from error
    names = [name for name, batch in grasps.items() for _ in range(len(batch))]
    if not names:
        raise HandFileError(path, "there are no grasps to save.")
    write_grasp_arrays(path, together, object=np.array(names))
    return path


def is_ours(content: dict[str, np.ndarray]) -> bool:
    """Tell whether these arrays are a grasp file's."""
    return "format_version" in content and "wrist_quaternion" in content


def read(content: dict[str, np.ndarray], request: ReadRequest) -> list[Hand]:
    """Read the hands of a grasp file or a collection. Raises HandFileError."""
    grasps = _grasps(content, request)
    side = request.hand_side(grasps.side)
    names = object_names(content, len(grasps), request)
    if not len(grasps):
        return []
    try:
        whole = HandSet.from_grasps(grasps)
    except ValueError as error:  # faces that cannot be closed
        raise request.error(f"{error}") from error
    return [
        Hand(
            names[i], side, whole.vertices[i], whole.faces[i], grasps.keypoints[i], grasps.hand_pose[i],
            grasps.betas[i], whole.problems[i], whole=True,
        )
        for i in range(len(grasps))
    ]  # fmt: skip


def object_names(content: dict[str, np.ndarray], count: int, request: ReadRequest) -> list[str]:
    """Return the object of each hand: `object` as one string or (B,), else the file's stem."""
    return request.texts(content, "object", count) or [request.path.stem] * count


def _grasps(content: dict[str, np.ndarray], request: ReadRequest) -> Grasps:
    """Return the arrays as `Grasps`; unlike `Grasps.load`, accept values that are not finite, a problem of one hand."""
    version = content["format_version"]
    if version.shape != () or version != FORMAT_VERSION:
        raise request.error(
            f"grasp file of format {version}, this FastGrasp reads {FORMAT_VERSION}. Install its version."
        )
    names = [field.name for field in fields(Grasps)]
    missing = [name for name in names if name not in content]
    if missing:
        raise request.error(f"the grasp file lacks {', '.join(missing)}; see docs/grasp_file.md. Generate it again.")
    values = {name: content[name] for name in names if name != "side"}
    for name, array in values.items():
        if array.dtype.kind not in "fiu":
            raise request.error(f"'{name}' has type {array.dtype}, expected numbers. Generate the file again.")
    try:
        return Grasps(**values, side=str(content["side"]))
    except (ValueError, TypeError) as error:
        raise request.error(f"{error}. Generate the file again.") from error
