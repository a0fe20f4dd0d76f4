"""How far an object slips out of a still hand under gravity: pybullet, with the constants that papers copy from ObMan.

`GraspSimulator(mesh, "legacy")` is the published protocol bit by bit: the object a compound of V-HACD hulls of 1 kg,
the hand a static concave mesh, friction 3, 35 steps of 1/240 s. `"fast"` is the batched contact model of
`metrics.slip`, which synthesis uses: no decomposition and far quicker, an estimate and not the published figure.
Everything is in metres and in the object's frame. V-HACD's answer is kept by content under FASTGRASP_CACHE
(default ~/.cache/fastgrasp), since it takes longer than the simulation.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

GRAVITY, TIME_STEP, STEPS, FRICTION = 9.8, 1.0 / 240.0, 35, 3.0
DIRECTIONS = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=np.float64)


class SimulationError(RuntimeError):
    """The object or the hand could not be put into the simulator."""


PRESETS = ("legacy", "fast")
SOLVER_ITERATIONS = 150
VHACD = dict(
    resolution=1000,
    concavity=0.001,
    planeDownsampling=4,
    convexhullDownsampling=4,
    alpha=0.05,
    beta=0.0,
    maxNumVerticesPerCH=64,
    minVolumePerCH=0.0001,
    pca=0,
    mode=0,
)


def cache_folder() -> Path:
    """Where decompositions are kept: FASTGRASP_CACHE, else ~/.cache/fastgrasp."""
    return Path(os.environ.get("FASTGRASP_CACHE") or Path.home() / ".cache" / "fastgrasp")


class GraspSimulator:
    """One object and, for "legacy", its own pybullet world; hands come and go. Not to be shared between processes.

    mesh: trimesh.Trimesh in metres; preset: "legacy" or "fast"; centre (3,): where the object's mass lies and its
    motion is measured, by default the mean of the vertices for "legacy" (as published), the centre of mass for "fast".
    Use as a context manager, or call `close`. Raises ValueError for an unknown preset, SimulationError if the mesh
    cannot be decomposed.
    """

    def __init__(self, mesh, preset: str = "legacy", centre: np.ndarray | None = None) -> None:
        if preset not in PRESETS:
            raise ValueError(f"preset {preset!r}: expected one of {', '.join(PRESETS)}")
        self.preset, self._world, self._hand, self._slip = preset, None, None, None
        vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)
        if preset == "fast":
            self.origin = np.asarray(mesh.center_mass if centre is None else centre, dtype=np.float64)
            self._slip = _FastSlip(mesh, self.origin)
            return
        self.origin = vertices.mean(axis=0) if centre is None else np.asarray(centre, dtype=np.float64)
        hulls = decomposition(vertices - self.origin, faces, VHACD)
        with quiet():
            import pybullet

            self._bullet = pybullet
            self._world = pybullet.connect(pybullet.DIRECT)
            self._set_up(hulls)

    def _set_up(self, hulls: Path) -> None:
        p, world = self._bullet, self._world
        p.setPhysicsEngineParameter(enableFileCaching=0, numSolverIterations=SOLVER_ITERATIONS, physicsClientId=world)
        p.setTimeStep(TIME_STEP, physicsClientId=world)
        try:
            shape = p.createCollisionShape(p.GEOM_MESH, fileName=str(hulls), physicsClientId=world)
            self._object = p.createMultiBody(1.0, shape, basePosition=self.origin.tolist(), physicsClientId=world)
        except p.error as error:
            raise SimulationError(f"pybullet refused the object's hulls {hulls} ({error}); check the mesh") from error
        # without deactivation: an object that rests for a moment must still fall later
        p.changeDynamics(self._object, -1, activationState=p.ACTIVATION_STATE_DISABLE_SLEEPING, physicsClientId=world)

    def displacement(
        self,
        hand_vertices: np.ndarray,
        hand_faces: np.ndarray,
        directions: np.ndarray = DIRECTIONS,
        steps: int = STEPS,
        friction: float = FRICTION,
        limit: float | None = None,
    ) -> np.ndarray:
        """Metres (D,) that the object's origin moved with gravity along each of directions (D,3).

        hand_vertices (778,3) and hand_faces (F,3) in the object's frame. limit: stop asking at the first direction
        that moves it farther, and leave the remaining ones at infinity. Raises SimulationError if pybullet
        refuses the hand.
        """
        if self._slip is not None:
            return self._slip(hand_vertices, directions, steps, friction)
        self._place_hand(hand_vertices, hand_faces, friction)
        moved = np.full(len(directions), np.inf)
        for row, direction in enumerate(np.asarray(directions, dtype=np.float64)):
            moved[row] = self._run(GRAVITY * direction, steps)
            if limit is not None and moved[row] > limit:
                break
        return moved

    def _place_hand(self, vertices: np.ndarray, faces: np.ndarray, friction: float) -> None:
        p, world = self._bullet, self._world
        if self._hand is not None:
            p.removeBody(self._hand, physicsClientId=world)
        try:
            shape = p.createCollisionShape(
                p.GEOM_MESH,
                vertices=np.asarray(vertices, dtype=np.float64).tolist(),
                indices=np.asarray(faces).reshape(-1).tolist(),
                flags=p.GEOM_FORCE_CONCAVE_TRIMESH,
                physicsClientId=world,
            )
            self._hand = p.createMultiBody(0.0, shape, physicsClientId=world)
        except p.error as error:
            self._hand = None
            raise SimulationError(f"pybullet refused the hand ({error}); expected finite (V,3) and (F,3)") from error
        p.changeDynamics(self._hand, -1, lateralFriction=friction, restitution=0.0, physicsClientId=world)
        p.changeDynamics(self._object, -1, lateralFriction=friction, restitution=0.5, physicsClientId=world)

    def _run(self, gravity: np.ndarray, steps: int) -> float:
        p, world = self._bullet, self._world
        p.resetBasePositionAndOrientation(self._object, self.origin.tolist(), (0, 0, 0, 1), physicsClientId=world)
        p.resetBaseVelocity(self._object, (0, 0, 0), (0, 0, 0), physicsClientId=world)
        p.setGravity(*gravity.tolist(), physicsClientId=world)
        for _ in range(steps):
            p.stepSimulation(physicsClientId=world)
        place, _ = p.getBasePositionAndOrientation(self._object, physicsClientId=world)
        return float(np.linalg.norm(np.subtract(place, self.origin)))

    def close(self) -> None:
        """Give the world back."""
        if self._world is not None:
            self._bullet.disconnect(physicsClientId=self._world)
            self._world = None

    def __enter__(self) -> GraspSimulator:
        return self

    def __exit__(self, *_) -> None:
        self.close()


class _FastSlip:
    """The batched contact model for one hand at a time."""

    def __init__(self, mesh, centre: np.ndarray) -> None:
        from fastgrasp_model.geometry.signed_distance import SignedDistanceGrids
        from fastgrasp_model.metrics.slip import unit_inertia

        self._centre = centre
        self._grids = SignedDistanceGrids.from_meshes([(np.asarray(mesh.vertices) - centre, mesh.faces)], cells=96)
        self._inertia = unit_inertia(mesh)[None]

    def __call__(self, hand: np.ndarray, directions: np.ndarray, steps: int, friction: float) -> np.ndarray:
        import torch

        from fastgrasp_model.metrics.slip import SlipSettings, slip_distances

        vertices = torch.as_tensor(np.asarray(hand) - self._centre, dtype=torch.float32)[None]
        settings = SlipSettings(friction=friction, enough=np.inf)
        axes = torch.as_tensor(np.asarray(directions), dtype=torch.float32)
        row = torch.zeros(1, dtype=torch.long)
        return slip_distances(vertices, row, self._grids, self._inertia, settings, axes, steps)[0].double().numpy()


def decomposition(vertices: np.ndarray, faces: np.ndarray, arguments: dict) -> Path:
    """The .obj of V-HACD's convex pieces of a mesh, from the cache or made now. Raises SimulationError."""
    key = hashlib.sha256()
    for part in (np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(faces, np.int32)):
        key.update(part.tobytes())
    key.update(repr(sorted(arguments.items())).encode())
    target = cache_folder() / "vhacd" / f"{key.hexdigest()[:32]}.obj"
    if target.is_file() and target.stat().st_size:
        return target
    with quiet():
        import pybullet

    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "in.obj", Path(folder) / "out.obj"
        source.write_text(
            "".join(f"v {x:.8f} {y:.8f} {z:.8f}\n" for x, y, z in vertices)
            + "".join(f"f {a} {b} {c}\n" for a, b, c in np.asarray(faces) + 1)
        )
        with quiet():
            pybullet.vhacd(str(source), str(result), str(Path(folder) / "log.txt"), **arguments)
        if not result.is_file() or not result.stat().st_size:
            raise SimulationError(f"V-HACD found no convex pieces in a mesh of {len(vertices)} vertices; is it closed?")
        part = target.with_name(f".{target.name}.{os.getpid()}")
        part.write_bytes(result.read_bytes())
    os.replace(part, target)
    return target


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what C++ code prints on stdout and stderr to nowhere; Python's own output is flushed before."""
    import sys

    nowhere = os.open(os.devnull, os.O_WRONLY)
    saved = {}
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        stream.flush()
        saved[number] = os.dup(number)
        os.dup2(nowhere, number)
    try:
        yield
    finally:
        for number, copy in saved.items():
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)
