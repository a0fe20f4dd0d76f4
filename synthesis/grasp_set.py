"""The grasp set: loads a packed file, a shard, or a folder of shards, as docs/grasp_set.md describes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastgrasp_synthesis.grasp_arrays import (
    DIRECTIONS,
    FORMAT_VERSION,
    ROWS,
    GraspSet,
    GraspSetError,
    read_arrays,
    without_repeats,
)
from fastgrasp_synthesis.packing import PACKED_VERSION, unpack

PACKED_GRASPS = Path(__file__).parent / "data" / "open_grasps.npz"  # the open grasp set that ships
_AGAIN = "delete it and run synthesize again"

__all__ = ["DIRECTIONS", "PACKED_GRASPS", "GraspSet", "GraspSetError", "join", "load_grasp_set"]


def load_grasp_set(path: str | Path) -> GraspSet:
    """Read a folder of shards, one shard, or a packed file, as one set; an object stands in `objects` once.

    Raises GraspSetError, with the remedy, if there is no shard, or if a file is damaged or of another version.
    """
    path = Path(path)
    if not path.is_dir():
        return _load_file(path)
    paths = sorted(path.glob("shard_*.npz"))
    if not paths:
        raise GraspSetError(f"{path}: no shard_*.npz here; make some with `fastgrasp synthesize --out {path}`")
    return join([_load_shard(shard) for shard in paths])


def join(parts: list[GraspSet]) -> GraspSet:
    """One set of several; objects that several parts have become one, grasp types must agree."""
    types, hands = parts[0].grasp_types, {part.hand for part in parts}
    if any(part.grasp_types != types for part in parts) or len(hands) > 1:
        raise GraspSetError(f"shards of different kinds (hands {sorted(hands)}); keep each run in its own folder")
    objects: list[str] = []
    shifted = []
    for part in parts:
        shifted.append(part.object + len(objects))
        objects.extend(part.objects)
    rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ROWS}
    rows["object"] = np.concatenate(shifted)
    candidates = sum(part.candidates for part in parts)
    return without_repeats(GraspSet(**rows, objects=objects, grasp_types=types, hand=parts[0].hand,
                                    candidates=candidates))


def _load_file(path: Path) -> GraspSet:
    version = read_arrays(path, ("version",), _AGAIN)["version"]
    if version.shape == () and version == PACKED_VERSION:
        return unpack(path)
    return _load_shard(path)


def _load_shard(path: Path) -> GraspSet:
    arrays = read_arrays(path, (*ROWS, "objects", "grasp_types", "hand", "candidates", "version"), _AGAIN)
    if arrays["version"].shape != () or arrays["version"] != FORMAT_VERSION:
        raise GraspSetError(f"{path}: format {arrays['version']}, expected {FORMAT_VERSION}; make the set again")
    try:
        rows = {name: _as_stored(arrays[name], kind) for name, (kind, _) in ROWS.items()}
        grasps = GraspSet(**rows, objects=[str(s) for s in arrays["objects"]], grasp_types=[
            str(s) for s in arrays["grasp_types"]], hand=str(arrays["hand"]), candidates=int(arrays["candidates"]))
        grasps.check_rows()
    except (TypeError, ValueError) as error:
        raise GraspSetError(f"{path}: {error}; {_AGAIN}") from error
    return without_repeats(grasps)


def _as_stored(array: np.ndarray, kind: type) -> np.ndarray:
    """Floats as float32; integers as they are. Raises ValueError for numbers of another kind."""
    if array.dtype.kind != np.dtype(kind).kind:
        raise ValueError(f"an array of {array.dtype} where {np.dtype(kind)} is expected")
    return array.astype(np.float32) if array.dtype.kind == "f" else array
