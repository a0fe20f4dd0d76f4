"""Training objects as tensors: clouds as a sensor would see them, and signed distance grids.

Made once per object, in worker processes, and kept in a cache folder by specification and settings; a run that was
interrupted goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids, mesh_distance_grid
from fastgrasp_evaluation.simulated_views import depth_noise, random_camera, visible_points
from fastgrasp_model.completion import completed_cloud, predicted_surface
from fastgrasp_model.files import write_atomically
from fastgrasp_model.geometry.normals import CLOUD_POINTS, prepare_cloud
from fastgrasp_model.networks.shape_completion import ShapeCompletion
from fastgrasp_training.sources.object_source import ObjectSource, as_source

CACHE_VERSION = 3  # 2: the families of shapes made anew; 3: where the sensors stood
SURFACE_POINTS = 12_000
SPARSE_SHARE = 0.2  # of the views are thinned to a few hundred points
SENSOR_NOISE = 0.002  # metres, the largest standard deviation of the depth error


class TrainingObjects:
    """M objects with V views each. points, normals (M * V, N, 3) half precision; grids of the M objects.

    sensors (M * V, 3): where the sensor of each view stood, metres; NaN for an object seen from all sides.
    """

    def __init__(self, points: Tensor, normals: Tensor, sensors: Tensor, grids: SignedDistanceGrids, views: int):
        self.points, self.normals, self.sensors, self.grids, self.views = points, normals, sensors, grids, views

    @classmethod
    def prepare(
        cls, specs: list[str | ObjectSource], cache: str | Path, views: int = 6, cells: int = 64, workers: int = 2,
        progress=None, points: int = CLOUD_POINTS,
    ) -> TrainingObjects:  # fmt: skip
        """Load objects from the cache, making those that are missing. `progress(done, all)` is told.

        specs: specifications such as mug:12, or `ObjectSource`s. A view holds `points` points. Raises ObjectSpecError
        or MeshError.
        """
        cache = Path(cache)
        cache.mkdir(parents=True, exist_ok=True)
        sources = [as_source(spec) for spec in specs]
        names = [_cache_file(cache, source.identity(), views, cells, points) for source in sources]
        jobs = [(source, path, views, cells, points) for source, path in zip(sources, names, strict=True)]
        make_missing(jobs, _make, workers, progress)
        parts = [np.load(path, allow_pickle=False) for _, path, *_ in jobs]
        fields = [part["field"] for part in parts]
        grids = SignedDistanceGrids(
            torch.cat([torch.from_numpy(f.reshape(-1)) for f in fields]),
            torch.tensor(np.cumsum([0, *(f.size for f in fields[:-1])])),
            torch.tensor([f.shape for f in fields]),
            torch.tensor(np.stack([part["origin"] for part in parts])),
            torch.tensor(np.array([float(part["spacing"]) for part in parts])),
        )
        points = torch.from_numpy(np.concatenate([part["points"] for part in parts]))
        normals = torch.from_numpy(np.concatenate([part["normals"] for part in parts]))
        sensors = torch.from_numpy(np.concatenate([part["sensors"] for part in parts]))
        return cls(points, normals, sensors, grids, views)

    def to(self, device: torch.device | str) -> TrainingObjects:
        """The same on another device."""
        if self.points.device == torch.device(device):
            return self
        grids = self.grids.to(device)
        moved = (values.to(device) for values in (self.points, self.normals, self.sensors))
        return TrainingObjects(*moved, grids, self.views)

    def whole(self, view: Tensor) -> Tensor:
        """Which of views (B,) see their object from all sides."""
        return view % self.views == 0

    def completed(self, network: ShapeCompletion, progress=None) -> TrainingObjects:
        """Return the objects with single views completed by `network`, as the generator does it."""
        points, normals = self.points.clone(), self.normals.clone()
        partial = torch.isfinite(self.sensors).all(1).nonzero().squeeze(1).tolist()
        for done, view in enumerate(partial, start=1):
            cloud, outward = (values[view].float().cpu().numpy() for values in (self.points, self.normals))
            sensor, rng = self.sensors[view].cpu().numpy(), np.random.default_rng(view)
            predicted = predicted_surface(network, cloud, sensor)
            completed = completed_cloud(cloud, outward, *predicted, rng)
            points[view], normals[view] = (torch.from_numpy(values).to(points) for values in completed[:2])
            if progress:
                progress(done, len(partial))
        return TrainingObjects(points, normals, self.sensors, self.grids, self.views)

    def clouds(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """Points and normals (B, N, 3), float32, of views (B,)."""
        return self.points[view].float(), self.normals[view].float()


def make_missing(jobs: list[tuple], make: Callable[[tuple], None], workers: int, progress=None) -> None:
    """Run `make` in worker processes for the jobs (source, path, ...) whose file is not there yet."""
    missing = [job for job in jobs if not job[1].exists()]
    if missing:
        with ProcessPoolExecutor(max_workers=max(workers, 1)) as pool:
            for done, _ in enumerate(pool.map(make, missing, chunksize=4), start=1):
                if progress:
                    progress(done, len(missing))


def _cache_file(cache: Path, identity: str, views: int, cells: int, points: int) -> Path:
    size = "" if points == CLOUD_POINTS else f" {points}"  # caches of the usual size keep their names
    key = hashlib.sha256(f"{CACHE_VERSION} {identity} {views} {cells}{size}".encode()).hexdigest()[:16]
    return cache / f"object_{key}.npz"


def _make(job: tuple[ObjectSource, Path, int, int, int]) -> None:
    """Worker: one object -> one cache file, which appears whole or not at all."""
    source, path, views, cells, count = job
    torch.set_num_threads(1)
    mesh = source.mesh()
    seed = int.from_bytes(hashlib.sha256(source.identity().encode()).digest()[:4], "little")
    points, normals, sensors = object_views(mesh, views, np.random.default_rng(seed), count)
    field, origin, spacing = mesh_distance_grid(mesh.vertices, mesh.faces, cells)
    columns = dict(
        points=points.astype(np.float16), normals=normals.astype(np.float16),
        sensors=sensors.astype(np.float32), field=field.astype(np.float16), origin=origin,
        spacing=np.float32(spacing),
    )  # fmt: skip
    write_atomically(path, lambda stream: np.savez(stream, **columns))


def object_views(
    mesh, views: int, rng: np.random.Generator, count: int = CLOUD_POINTS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Views of a mesh, the first from all sides: points and estimated normals (views, count, 3), metres, and the
    sensors (views, 3), NaN for the first."""
    from fastgrasp_model.geometry.meshes import sample_surface

    surface, true_normals = sample_surface(mesh, SURFACE_POINTS, seed=int(rng.integers(2**31)))
    made, sensors = [prepare_cloud(_thinned(surface, rng), rng, count=count)], [np.full(3, np.nan)]
    while len(made) < views:
        camera = random_camera(rng, surface.mean(0), rng.uniform(0.35, 0.9))
        seen = surface[visible_points(surface, true_normals, camera)]
        if len(seen) < 100:
            continue
        noisy = depth_noise(seen, camera, rng.uniform(0.0, SENSOR_NOISE), rng)
        made.append(prepare_cloud(_thinned(noisy, rng), rng, viewpoint=camera, count=count))
        sensors.append(camera)
    points, normals = zip(*made, strict=True)
    return np.stack(points), np.stack(normals), np.stack(sensors)


def _thinned(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() > SPARSE_SHARE:
        return points
    return points[rng.permutation(len(points))[: rng.integers(200, 1000)]]
