"""Views of training objects as range images: what a sensor sees, and where the rays leave the object.

Made from points sampled on the meshes, in worker processes. Sensor noise and how many points there are is left to the
training step (`completion.py`), so that one image serves many times.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fastgrasp_evaluation.simulated_views import random_camera, visible_points
from fastgrasp_model.files import write_atomically
from fastgrasp_model.geometry.range_image import PIXELS, STEP, RangeImage
from fastgrasp_synthesis.object_specs import training_list
from fastgrasp_training.object_views import make_missing
from fastgrasp_training.sources.object_source import MadeObject, ObjectSource

CACHE_VERSION = 1
SURFACE_POINTS = 24_000
FEWEST = 100  # seen points of a view
DISTANCES = (0.35, 0.9)  # metres from the camera to the middle of the object
FURTHER_SEED = 1  # of objects without grasps; the open set's have 0
LAYER = 1.5  # pixels; what lies so far behind the first point of a ray is still the same surface


@dataclass
class RangeViews:
    """K views. count, mean, deviation (K, P, P): of the seen points in each pixel, their number and ranges; front, back
    (K, P, P): where rays enter and leave the object; inside (K, P, P): which meet it; scale (K,) metres, as
    `RangeImage` has it. Half precision but for `scale`, whole numbers and truth values."""

    count: Tensor
    mean: Tensor
    deviation: Tensor
    front: Tensor
    back: Tensor
    inside: Tensor
    scale: Tensor

    def __len__(self) -> int:
        return len(self.scale)

    def __getitem__(self, index: Tensor) -> RangeViews:
        return RangeViews(*(getattr(self, field.name)[index] for field in fields(self)))

    def to(self, device: torch.device | str) -> RangeViews:
        """The same on another device."""
        return RangeViews(*(getattr(self, field.name).to(device) for field in fields(self)))


def prepared_views(
    sources: list[ObjectSource], cache: str | Path, views: int, workers: int = 2, progress=None
) -> RangeViews:
    """`views` views of each object from random sides, from the cache, making those that are missing.

    `progress(done, all)` is told. Raises MeshError.
    """
    cache = Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    jobs = [(source, cache / f"range_{_key(source, views)}.npz", views) for source in sources]
    make_missing(jobs, _make, workers, progress)
    names = [field.name for field in fields(RangeViews)]
    parts: dict[str, list] = {name: [] for name in names}
    for _, path, _ in jobs:
        with np.load(path, allow_pickle=False) as part:
            for name in names:
                parts[name].append(part[name])
    return RangeViews(**{name: torch.from_numpy(np.concatenate(column)) for name, column in parts.items()})


def further_objects(count: int) -> list[MadeObject]:
    """`count` objects beyond those of the open grasp set, of its training families; no grasp is known on them."""
    return [MadeObject(spec) for spec in training_list(count, FURTHER_SEED)]


def _key(source: ObjectSource, views: int) -> str:
    return hashlib.sha256(f"{CACHE_VERSION} {source.identity()} {views}".encode()).hexdigest()[:16]


def _make(job: tuple[ObjectSource, Path, int]) -> None:
    """Worker: one object -> one cache file, which appears whole or not at all."""
    source, path, views = job
    seed = int.from_bytes(hashlib.sha256(f"range {source.identity()}".encode()).digest()[:4], "little")
    columns = object_range_views(source.mesh(), views, np.random.default_rng(seed))
    write_atomically(path, lambda stream: np.savez_compressed(stream, **columns))


def object_range_views(mesh, views: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The columns of `RangeViews` for a mesh, metres, seen from `views` random sides."""
    from fastgrasp_model.geometry.meshes import sample_surface

    points, normals = sample_surface(mesh, SURFACE_POINTS, seed=int(rng.integers(2**31)))
    made = []
    while len(made) < views:
        eye = random_camera(rng, points.mean(0), rng.uniform(*DISTANCES))
        seen = points[visible_points(points, normals, eye)]
        if len(seen) >= FEWEST:
            made.append(range_view(points, seen, eye, rng))
    columns = zip(*made, strict=True)
    return {field.name: np.stack(column) for field, column in zip(fields(RangeViews), columns, strict=True)}


def range_view(points: np.ndarray, seen: np.ndarray, eye: np.ndarray, rng: np.random.Generator) -> tuple:
    """One row of `RangeViews`: of an object sampled all round (N, 3), of which `seen` (M, 3) are seen from `eye`."""
    few = seen[rng.permutation(len(seen))[: rng.integers(FEWEST, 3000)]]  # the window is that of a sensor's points
    image = RangeImage.around(few, eye, up=rng.normal(size=3))
    pixel, ranges = image.pixels(seen)
    pixel, ranges = pixel[pixel >= 0], ranges[pixel >= 0]
    count = np.bincount(pixel, minlength=PIXELS**2)
    mean = np.bincount(pixel, ranges, minlength=PIXELS**2) / np.maximum(count, 1)
    square = np.bincount(pixel, (ranges - mean[pixel]) ** 2, minlength=PIXELS**2) / np.maximum(count, 1)
    pixel, ranges = image.pixels(points)
    pixel, ranges = pixel[pixel >= 0], ranges[pixel >= 0]
    front, inside = _first_layer(pixel, ranges)
    back = -_first_layer(pixel, -ranges)[0]
    half = [np.reshape(values, (PIXELS, PIXELS)).astype(np.float16) for values in (mean, np.sqrt(square), front, back)]
    count, inside = (np.reshape(values, (PIXELS, PIXELS)) for values in (np.minimum(count, 255), inside))
    return count.astype(np.uint8), *half, inside, np.float32(image.scale)


def _first_layer(pixel: np.ndarray, ranges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean range of the nearest surface in each pixel, 0 where there is none, and whether there is one."""
    nearest = np.full(PIXELS**2, np.inf)
    np.minimum.at(nearest, pixel, ranges)
    near = ranges <= nearest[pixel] + LAYER * STEP
    count = np.bincount(pixel[near], minlength=PIXELS**2)
    return np.bincount(pixel[near], ranges[near], minlength=PIXELS**2) / np.maximum(count, 1), count > 0
