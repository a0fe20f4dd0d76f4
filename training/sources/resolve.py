"""Read the sources of `--data` as one training set of grasps and their objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.datasets import GraspRecords, read_grab, read_ho3d, read_oakink_shape
from fastgrasp_synthesis.grasp_set import PACKED_GRASPS
from fastgrasp_synthesis.open_set import set_objects
from fastgrasp_training.sources.object_source import MeshObject, ObjectSource
from fastgrasp_training.sources.own import read_own
from fastgrasp_training.sources.request import DataSourceError, Request

READERS = {"grab": read_grab, "oakink": read_oakink_shape, "ho3d": read_ho3d}
_WORDS = {"validation": "val"}  # its name in other data sets


@dataclass(frozen=True)
class Part:
    """Summary of one `--data`: its text, the numbers of grasps and objects."""

    text: str
    grasps: int
    objects: int


@dataclass
class TrainingGrasps:
    """N right-hand grasps in their objects' frames: `parameters` (N, 61) float32, `object` (N,) int64 into `objects`.

    `hand`: the hand file of the parameters. `notes`: decisions of the readers. `parts`: one for each source; the grasps
    are in the order of the sources.
    """

    parameters: np.ndarray
    object: np.ndarray
    objects: list[ObjectSource]
    hand: str
    notes: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.object)


def resolve(
    items: str | Sequence[str], split: str = "train", hand: str | Path | None = None, progress=None
) -> TrainingGrasps:
    """Read the grasps of one or several `--data` (see `request`) as one set.

    split: "train", "validation", "test" or "all", for sources that have such a split and name none. hand: the hand
    file, as for `ManoLayer.from_file`. progress(done, all) is called by slow readers. An object of several sources is
    one object. Raises DataSourceError, DatasetError, GraspSetError, HandModelError.
    """
    from fastgrasp_model.hand import ManoLayer

    requests = [Request.parse(item) for item in ([items] if isinstance(items, str) else items)]
    if not requests:
        raise DataSourceError("--data names nothing; leave it out for the open grasp set")
    layer = ManoLayer.from_file(hand)
    read = [_limited(read_one(request, split, hand, layer, progress), request) for request in requests]
    return _joined(requests, read, layer.name)


def _joined(requests: list[Request], read: list[TrainingGrasps], hand: str) -> TrainingGrasps:
    """Join sources; leave out objects without a grasp, merge equal ones."""
    known: dict[str, int] = {}
    objects: list[ObjectSource] = []
    rows, parts = [], []
    for request, one in zip(requests, read, strict=True):
        used, inverse = np.unique(one.object, return_inverse=True)
        places = []
        for source in (one.objects[row] for row in used):
            place = known.setdefault(source.identity(), len(objects))
            if place == len(objects):
                objects.append(source)
            places.append(place)
        rows.append(np.array(places, dtype=np.int64)[inverse])
        parts.append(Part(request.text, len(one), len(used)))
    notes = [f"{request.text}: {note}" for request, one in zip(requests, read, strict=True) for note in one.notes]
    parameters = np.concatenate([one.parameters for one in read])
    return TrainingGrasps(parameters, np.concatenate(rows), objects, hand, notes, parts)


def read_one(request: Request, split: str, hand, layer, progress=None) -> TrainingGrasps:
    """Read one source. Raises as `resolve`."""
    options = {key: value for key, value in request.options.items() if key != "limit"}
    if request.kind in ("open", "set"):
        return _grasp_set(request, str(options.get("split", split)), layer.name)
    if request.kind == "own":
        return _of_records(read_own(request.path, options.get("objects"), layer), "own")
    if request.kind == "ho3d":
        options.setdefault("split", "train")  # the only one with hands
    wanted = str(options.pop("split", split))
    if request.kind != "grab":
        options["progress"] = progress
    records = READERS[request.kind](request.path, split=_WORDS.get(wanted, wanted), hand=hand, **options)
    return _of_records(records, request.kind)


def _of_records(records: GraspRecords, kind: str) -> TrainingGrasps:
    objects: list[ObjectSource] = [MeshObject(kind, mesh) for mesh in records.objects]
    return TrainingGrasps(records.parameters(), records.object, objects, records.hand, list(records.notes))


def _grasp_set(request: Request, split: str, hand: str) -> TrainingGrasps:
    from fastgrasp_synthesis.grasp_set import GraspSetError, load_grasp_set

    path = Path(request.path or PACKED_GRASPS)
    grasps = load_grasp_set(path)
    if grasps.hand != hand:
        raise GraspSetError(
            f"--data {request.text}: the grasps are of the hand '{grasps.hand}', the hand in use is '{hand}'; set "
            "FASTGRASP_HAND to the file of the set's hand (unset it for the open hand), or make a set with this hand"
        )
    if split in ("val", "test"):
        split = "validation"
    if split not in ("train", "validation", "all"):
        raise DataSourceError(f"--data {request.text}: a grasp set has the splits train and validation, not {split!r}")
    grasps = grasps if split == "all" else grasps.split(split)
    if not len(grasps):
        raise DataSourceError(f"--data {request.text}: no grasps in the split {split}")
    return TrainingGrasps(grasps.parameters(), grasps.object.astype(np.int64), set_objects(grasps.objects, path), hand)


def _limited(grasps: TrainingGrasps, request: Request) -> TrainingGrasps:
    """Return at most `limit` grasps, drawn at random, always the same ones."""
    limit = request.options.get("limit")
    if limit is None or len(grasps) <= int(limit):
        return grasps
    rows = np.sort(np.random.default_rng(0).choice(len(grasps), int(limit), replace=False))
    note = f"{limit} of {len(grasps)} grasps, drawn at random"
    return TrainingGrasps(
        grasps.parameters[rows], grasps.object[rows], grasps.objects, grasps.hand, [*grasps.notes, note]
    )
