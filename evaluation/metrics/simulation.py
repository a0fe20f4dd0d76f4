"""How far an object slips out of a still hand under gravity: pybullet, with the constants that papers copy from ObMan.

`GraspSimulator(mesh, "legacy")` is the published protocol bit by bit, as in hassony2/obman_train
(mano_train/simulation/simulate.py), GraspTTA (metric/simulate.py) and FastGrasp (evaluation/): a new world for each
run, the hand first, a static concave mesh read from a Wavefront file of six decimals and open at the wrist; then the
object, V-HACD's pieces of 1 kg about the mean of its vertices; friction 3 and 3 (Bullet multiplies them), restitution
0 and .5, 150 solver iterations, 35 steps of 1/240 s; nothing else is touched. The figure is chaotic: whether the hand
is read from a file or handed over in memory, or closed at the wrist, changes it by centimetres where contact is loose.
`"fast"` is the batched contact model of `metrics.slip`, which synthesis uses: far quicker, an estimate and not the
published figure. Everything is in metres and in the object's frame.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.metrics.decomposition import SimulationError, decomposition, obj_text, quiet
from fastgrasp_model.hand import VERTICES
from fastgrasp_model.physics import GRAVITY

TIME_STEP, STEPS, FRICTION = 1.0 / 240.0, 35, 3.0
DIRECTIONS = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=np.float64)
PRESETS = ("legacy", "fast")
SOLVER_ITERATIONS = 150
MANO_FACES, MANO_CLOSED_FACES = 1538, 1552


class GraspSimulator:
    """One object that hands are tried on. Runs share nothing: no result depends on which others came before.

    mesh: trimesh.Trimesh in metres; preset: "legacy" or "fast". `origin` (3,) is where the object's mass lies and its
    motion is measured: the mean of the vertices for "legacy" (as published), the centre of mass for "fast".
    Raises ValueError for an unknown preset, SimulationError if the mesh cannot be decomposed.
    """

    def __init__(self, mesh, preset: str = "legacy") -> None:
        if preset not in PRESETS:
            raise ValueError(f"preset {preset!r}: expected one of {', '.join(PRESETS)}")
        self.preset, self._slip = preset, None
        vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)
        if preset == "fast":
            self.origin = np.asarray(mesh.center_mass, dtype=np.float64)
            self._slip = _FastSlip(mesh, self.origin)
            return
        if not len(faces) or not np.isfinite(vertices).all():
            raise SimulationError(f"object of {len(vertices)} vertices and {len(faces)} faces: expected a finite mesh")
        self.origin = vertices.mean(axis=0)
        self._pieces = decomposition(vertices - self.origin, faces)

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

        hand_vertices (V,3) and hand_faces (F,3) in the object's frame; friction: of either body. limit: stop asking at
        the first direction that moves it farther, and leave the remaining ones at infinity. Raises SimulationError if
        the hand is no mesh or pybullet refuses it.
        """
        if self._slip is not None:
            return self._slip(hand_vertices, directions, steps, friction)
        vertices, faces = checked_hand(hand_vertices, hand_faces)
        if (len(vertices), len(faces)) == (VERTICES, MANO_CLOSED_FACES):
            faces = faces[:MANO_FACES]  # the fan over the wrist comes last
        moved = np.full(len(directions), np.inf)
        with tempfile.TemporaryDirectory(prefix="fastgrasp_") as folder:
            hand = Path(folder) / "hand.obj"
            hand.write_text(obj_text(vertices, faces))
            for row, direction in enumerate(np.asarray(directions, dtype=np.float64)):
                moved[row] = self._run(hand, GRAVITY * direction, steps, friction)
                if limit is not None and moved[row] > limit:
                    break
        return moved

    def _run(self, hand: Path, gravity: np.ndarray, steps: int, friction: float) -> float:
        with _world(gravity) as (p, world):
            flags = {"flags": p.GEOM_FORCE_CONCAVE_TRIMESH}
            _add_body(p, world, hand, 0.0, (0.0, 0.0, 0.0), friction, 0.0, flags)
            body = _add_body(p, world, self._pieces, 1.0, self.origin.tolist(), friction, 0.5, {})
            for _ in range(steps):
                p.stepSimulation(physicsClientId=world)
            place, _ = p.getBasePositionAndOrientation(body, physicsClientId=world)
        moved = float(np.linalg.norm(np.subtract(place, self.origin)))
        if not np.isfinite(moved):
            raise SimulationError("the simulation diverged: the object's place is not finite")
        return moved

    def close(self) -> None:
        """Nothing is held between runs; kept so that a simulator can be used like any other resource."""

    def __enter__(self) -> GraspSimulator:
        return self

    def __exit__(self, *_) -> None:
        self.close()


@contextlib.contextmanager
def _world(gravity: np.ndarray) -> Iterator[tuple]:
    """pybullet and a new world in it."""
    with quiet():
        import pybullet as p

        world = p.connect(p.DIRECT)
    if world < 0:
        raise SimulationError("pybullet opened no world (it allows about a thousand at once)")
    try:
        p.setPhysicsEngineParameter(enableFileCaching=0, physicsClientId=world)
        p.setPhysicsEngineParameter(numSolverIterations=SOLVER_ITERATIONS, physicsClientId=world)
        p.setPhysicsEngineParameter(fixedTimeStep=TIME_STEP, physicsClientId=world)
        p.setGravity(*gravity.tolist(), physicsClientId=world)
        yield p, world
    finally:
        p.disconnect(physicsClientId=world)


def _add_body(p, world: int, file: Path, mass: float, place, friction: float, restitution: float, flags: dict) -> int:
    try:
        with quiet():
            shape = p.createCollisionShape(p.GEOM_MESH, fileName=str(file), physicsClientId=world, **flags)
            body = p.createMultiBody(mass, shape, basePosition=place, physicsClientId=world)
    except p.error as error:
        which = "object" if mass else "hand"
        raise SimulationError(f"pybullet refused the {which}: {error} Check its mesh.") from error
    p.changeDynamics(body, -1, lateralFriction=friction, restitution=restitution, physicsClientId=world)
    return body


def checked_hand(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A hand as arrays an engine can take (pybullet crashes where faces name vertices that are not there).

    Raises SimulationError for wrong shapes, values that are not finite and faces of vertices that are not there.
    """
    vertices, faces = np.asarray(vertices, dtype=np.float64), np.asarray(faces, dtype=np.int64)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
        raise SimulationError(f"hand of shapes {vertices.shape} and {faces.shape}: expected (V,3) and (F,3)")
    if not np.isfinite(vertices).all():
        raise SimulationError("the hand has vertices that are not finite")
    if not len(faces):
        raise SimulationError("the hand has no faces")
    if not (0 <= faces.min() and faces.max() < len(vertices)):
        raise SimulationError(f"the hand's faces name vertex {faces.max()}, but it has {len(vertices)} vertices")
    return vertices, faces


class _FastSlip:
    """The batched contact model for one hand at a time."""

    def __init__(self, mesh, centre: np.ndarray) -> None:
        from fastgrasp_model.geometry.signed_distance import SignedDistanceGrids
        from fastgrasp_model.physics.slip import unit_inertia

        self._centre = centre
        self._grids = SignedDistanceGrids.from_meshes([(np.asarray(mesh.vertices) - centre, mesh.faces)], cells=96)
        self._inertia = unit_inertia(mesh)[None]

    def __call__(self, hand: np.ndarray, directions: np.ndarray, steps: int, friction: float) -> np.ndarray:
        import torch

        from fastgrasp_model.physics.slip import SlipSettings, slip_distances

        vertices = torch.as_tensor(np.asarray(hand) - self._centre, dtype=torch.float32)[None]
        settings = SlipSettings(friction=friction, enough=np.inf)
        axes = torch.as_tensor(np.asarray(directions), dtype=torch.float32)
        row = torch.zeros(1, dtype=torch.long)
        return slip_distances(vertices, row, self._grids, self._inertia, settings, axes, steps)[0].double().numpy()
