"""The ten objects of HO-3D among YCB meshes, and the clouds of benchmark objects."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.formats.fastgrasp_published import HO3D_OBJECTS
from fastgrasp_evaluation.metrics.parallel import MeshFile
from fastgrasp_evaluation.metrics.summary import BenchmarkError

# Where YCB's own downloads, YCB-Video (as HO-3D uses it) and a plain folder keep the mesh NAME.
YCB_LAYOUTS = (
    "{name}.obj", "{name}.ply", "{name}.stl", "models/{name}/textured_simple.obj", "{name}/textured_simple.obj",
    "{name}/google_16k/nontextured.ply", "{name}/google_16k/textured.obj", "{name}/tsdf/nontextured.ply",
)  # fmt: skip
OBJECT_CLOUD_POINTS = 3000
CAMERA_DISTANCE = 0.6  # metres
DEPTH_NOISE = 0.0015  # metres, standard deviation


def find_ho3d_meshes(places: list[Path]) -> list[MeshFile]:
    """Find the ten objects of HO-3D, sorted by name, in folders of YCB meshes in the layouts of `YCB_LAYOUTS`.

    Raises BenchmarkError with the missing ones and the paths that were tried.
    """
    found, missing = [], []
    for name in sorted(HO3D_OBJECTS):
        tries = [place / layout.format(name=name) for place in places for layout in YCB_LAYOUTS]
        path = next((path for path in tries if path.is_file()), None)
        if path is None:
            missing.append(name)
        else:
            found.append(MeshFile(name, path))
    if missing:
        raise BenchmarkError(
            f"{', '.join(missing)} not found in {', '.join(map(str, places))}; looked for "
            f"{', '.join(layout.format(name='NAME') for layout in YCB_LAYOUTS)}. The meshes: ycbbenchmarks.com, or "
            "the YCB-Video models that HO-3D names."
        )
    return found


def object_cloud(mesh, kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """Sample the cloud of a mesh: (N, 3) float32, metres, and the camera's position, None for a full cloud.

    kind: "full" (3,000 points of the surface) or "partial" (one view from 0.6 m in a random direction, with depth
    noise of 1.5 mm).
    """
    from fastgrasp_evaluation.simulated_views import random_camera, single_view
    from fastgrasp_model.geometry.meshes import sample_surface

    if kind == "full":
        return sample_surface(mesh, OBJECT_CLOUD_POINTS, seed=int(rng.integers(2**31)))[0], None
    camera = random_camera(rng, mesh.bounds.mean(axis=0), CAMERA_DISTANCE)
    return single_view(mesh, camera, OBJECT_CLOUD_POINTS, DEPTH_NOISE, rng), camera


def told_viewpoint(kind: str, camera: np.ndarray | None, centre: np.ndarray) -> np.ndarray | None:
    """Return what the generator is told of the camera's position (3,), None for nothing.

    kind: "known" (the truth), "unknown" or "wrong" (the position mirrored at the object's centre).
    """
    if camera is None or kind == "unknown":
        return None
    return camera if kind == "known" else 2 * centre - camera


def cloud_generator(name: str, seed: int) -> np.random.Generator:
    """Return the generator of one object's cloud, which depends on its name and the seed only."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
