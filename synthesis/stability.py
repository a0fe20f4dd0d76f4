"""The stability of grasps of a finished set, by friction cones against gravity.

Shards keep every grasp below the limit that they were made with (`verify.gravity`). A stricter limit is chosen when a
set is packed (`fastgrasp synthesize --pack FILE --pack-gap NEWTONS`) and needs no new synthesis. No simulation is
involved. """

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastgrasp_synthesis.grasp_set import GraspSet, GraspSetError
from fastgrasp_synthesis.packing import hand_layer, place_in_group

KEPT = 40  # grasps that an object keeps in any case: the most stable ones


def stable(grasps: GraspSet, limit: float, workers: int = 1, meshes: Path | None = None,
           quiet: bool = True) -> GraspSet:
    """Return the grasps with a wrench residual of at most `limit` newtons of 9.8, and of each object at least `KEPT`.

    meshes: folder of the own meshes that `file:` specifications belong to. Raises GraspSetError for a limit that is
    not positive, and what making an object again raises (ObjectSpecError, MeshError).
    """
    if not limit > 0:
        raise GraspSetError(f"a limit of {limit:g} N keeps no grasp; give more than 0, such as 2.5")
    return grasps[stable_rows(gravity_residuals(grasps, workers, meshes, quiet), grasps.object, limit, KEPT)]


def stable_rows(residual: np.ndarray, objects: np.ndarray, limit: float, kept: int) -> np.ndarray:
    """Return (N,) bool: residual (N,) of at most `limit`, or among the `kept` least of its object (N,)."""
    return (residual <= limit) | (place_in_group(np.lexsort((residual, objects)), objects) < kept)


def gravity_residuals(grasps: GraspSet, workers: int = 1, meshes: Path | None = None, quiet: bool = True) -> np.ndarray:
    """Return the wrench residual (N,) of each grasp of a set, newtons (`wrench.worst_wrench_residual`)."""
    from fastgrasp_evaluation.metrics.parallel import run_jobs

    rows = [np.flatnonzero(grasps.object == number) for number in range(len(grasps.objects))]
    held = [number for number, mine in enumerate(rows) if len(mine)]
    parameters = grasps.parameters()
    jobs = [(grasps.objects[number], parameters[rows[number]], grasps.hand, meshes) for number in held]
    residuals = np.full(len(grasps), np.inf)
    for number, found in zip(held, run_jobs(_of_object, jobs, workers, "Measuring stability", quiet), strict=True):
        residuals[rows[number]] = found
    return residuals


def _of_object(job: tuple) -> list[float]:
    import torch

    from fastgrasp_model.grasps import Grasps
    from fastgrasp_synthesis.sources import load_object

    spec, parameters, hand, meshes = job
    torch.set_num_threads(1)
    layer = hand_layer(hand)
    return residuals_on(Grasps.from_parameters(parameters, layer).vertices, layer, load_object(spec, meshes))


def residuals_on(vertices: np.ndarray, layer, mesh) -> list[float]:
    """Return `worst_wrench_residual` of hands (N,778,3), metres, in the frame of one object, a closed
    trimesh.Trimesh."""
    import torch

    from fastgrasp_evaluation.physics.signed_distance import SignedDistanceGrids
    from fastgrasp_evaluation.physics.wrench import worst_wrench_residual

    grids = SignedDistanceGrids.from_meshes([(mesh.vertices, mesh.faces)], cells=80, dtype=torch.float32)
    skins, index = torch.as_tensor(vertices, dtype=torch.float32), torch.zeros(len(vertices), dtype=torch.long)
    return worst_wrench_residual(skins, layer.closed_faces, grids.query(skins, index), grids, index).tolist()
