"""The grasp set: verified grasps in the objects' frames, as docs/grasp_set.md describes them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FORMAT_VERSION = 1
ROWS = {  # per-grasp arrays: stored type and the shape behind N
    "betas": (np.float16, (10,)),
    "global_orient": (np.float32, (3,)),
    "hand_pose": (np.float16, (45,)),
    "transl": (np.float32, (3,)),
    "object": (np.int32, ()),
    "grasp_type": (np.int8, ()),
    "depth": (np.float16, ()),
    "displacement": (np.float16, (6,)),
}


class GraspSetError(ValueError):
    """A folder or file that holds no readable grasp set."""


@dataclass
class GraspSet:
    """N verified right-hand grasps on M objects; arrays as in docs/grasp_set.md, floats as float32 once loaded.

    Lengths in metres, angles in radians, hands in the frame of their object (origin at the centre of mass).
    """

    betas: np.ndarray
    global_orient: np.ndarray
    hand_pose: np.ndarray
    transl: np.ndarray
    object: np.ndarray
    grasp_type: np.ndarray
    depth: np.ndarray
    displacement: np.ndarray
    objects: list[str]
    grasp_types: list[str]
    hand: str = ""
    candidates: int = 0

    def __len__(self) -> int:
        return len(self.betas)

    def __getitem__(self, rows) -> GraspSet:
        """The chosen rows (slice, mask or indices); the list of objects stays whole."""
        picked = {name: getattr(self, name)[rows] for name in ROWS}
        return GraspSet(
            **picked, objects=self.objects, grasp_types=self.grasp_types, hand=self.hand, candidates=self.candidates
        )

    def parameters(self) -> np.ndarray:
        """(N,61) float32: betas, global_orient, hand_pose, transl."""
        return np.concatenate([self.betas, self.global_orient, self.hand_pose, self.transl], axis=1).astype(np.float32)

    def split(self, name: str) -> GraspSet:
        """The grasps on the objects of one split, "train" or "validation"."""
        from fastgrasp_training.synthesis.objects import split_of

        belongs = np.array([split_of(spec) == name for spec in self.objects], dtype=bool)
        return self[belongs[self.object]] if len(self) else self

    def counts(self) -> dict[str, int]:
        """How many grasps of each type."""
        numbers = np.bincount(self.grasp_type, minlength=len(self.grasp_types))
        return {name: int(n) for name, n in zip(self.grasp_types, numbers, strict=True)}

    def save(self, path: str | Path) -> Path:
        """Write one packed .npz, atomically: an interrupted write leaves no half file."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        arrays = {name: np.asarray(getattr(self, name)).astype(kind) for name, (kind, _) in ROWS.items()}
        with open(part, "wb") as stream:
            np.savez_compressed(
                stream,
                **arrays,
                objects=np.array(self.objects, dtype=np.str_),
                hand=np.str_(self.hand),
                grasp_types=np.array(self.grasp_types, dtype=np.str_),
                candidates=np.int64(self.candidates),
                version=np.int64(FORMAT_VERSION),
            )
        os.replace(part, path)
        return path


def load_grasp_set(folder: str | Path) -> GraspSet:
    """Read a folder of shards, or one packed .npz, as one set.

    Raises GraspSetError, with the remedy, if there is no shard, or if one is damaged or of another version.
    """
    folder = Path(folder)
    paths = [folder] if folder.is_file() else sorted(folder.glob("shard_*.npz"))
    if not paths:
        raise GraspSetError(f"{folder}: no shard_*.npz here; make some with `fastgrasp synthesize --out {folder}`")
    return join([_load_shard(path) for path in paths])


def join(parts: list[GraspSet]) -> GraspSet:
    """One set of several; the objects of each part are appended, grasp types must agree."""
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
    return GraspSet(
        **rows,
        objects=objects,
        grasp_types=types,
        hand=parts[0].hand,
        candidates=sum(part.candidates for part in parts),
    )


def _load_shard(path: Path) -> GraspSet:
    try:
        with np.load(path, allow_pickle=False) as data:
            version = int(data["version"])
            rows = {name: data[name] for name in ROWS}
            rest = dict(
                objects=[str(s) for s in data["objects"]],
                grasp_types=[str(s) for s in data["grasp_types"]],
                hand=str(data["hand"]),
                candidates=int(data["candidates"]),
            )
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise GraspSetError(f"{path}: not a readable shard ({error}); delete it and run synthesize again") from error
    if version != FORMAT_VERSION:
        raise GraspSetError(f"{path}: format {version}, expected {FORMAT_VERSION}; make the set again")
    count = len(rows["betas"])
    for name, (_, shape) in ROWS.items():
        if rows[name].shape != (count, *shape):
            raise GraspSetError(f"{path}: {name} has shape {rows[name].shape}, expected {(count, *shape)}")
        if rows[name].dtype == np.float16:
            rows[name] = rows[name].astype(np.float32)
    return GraspSet(**rows, **rest)
