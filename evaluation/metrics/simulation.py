"""Displacement of an object in a still hand under gravity: pybullet with the constants that papers copy from ObMan.

This is the published protocol to the digit, as in hassony2/obman_train (mano_train/simulation/simulate.py), GraspTTA
(metric/simulate.py) and FastGrasp (evaluation/). For each run a new world is made. First comes the hand, a static
concave mesh read from a Wavefront file of six decimals and open at the wrist; then the object, V-HACD's convex pieces
with a mass of 1 kg about the mean of its vertices. Friction is 3 and 3 (Bullet multiplies them), restitution 0 and .5;
150 solver iterations, 35 steps of 1/240 s. The result is chaotic: reading the hand from memory instead of a file, or
closing it at the wrist, changes it by centimetres where contact is loose. Metres, in the object's frame.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fastgrasp_evaluation.metrics.decomposition import (
    SimulationError,
    decomposition,
    import_pybullet,
    obj_text,
    silenced,
)
from fastgrasp_evaluation.physics import DIRECTIONS, GRAVITY, STEPS, TIME_STEP
from fastgrasp_model.hand import VERTICES

FRICTION, SOLVER_ITERATIONS = 3.0, 150
MANO_FACES, MANO_CLOSED_FACES = 1538, 1552


class GraspSimulator:
    """One object in which hands are tried: `mesh` is a trimesh.Trimesh in metres. Runs share no state.

    Raises SimulationError if the mesh is not finite or cannot be decomposed, MissingExtraError without pybullet.
    """

    def __init__(self, mesh) -> None:
        vertices, faces = np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64)
        if not len(faces) or not np.isfinite(vertices).all():
            raise SimulationError(f"object of {len(vertices)} vertices and {len(faces)} faces: expected a finite mesh")
        import_pybullet()  # a missing package is an error now, not a failure of every grasp
        self._origin = vertices.mean(axis=0)
        self._pieces = decomposition(vertices - self._origin, faces)

    def displacement(
        self, hand_vertices: np.ndarray, hand_faces: np.ndarray, directions: Sequence = DIRECTIONS
    ) -> np.ndarray:
        """Return how far the object's origin moves, metres (D,), with gravity along each of `directions` (D, 3).

        hand_vertices (V, 3) and hand_faces (F, 3) in the object's frame. Raises SimulationError for an invalid hand.
        """
        vertices, faces = checked_hand(hand_vertices, hand_faces)
        if (len(vertices), len(faces)) == (VERTICES, MANO_CLOSED_FACES):
            faces = faces[:MANO_FACES]  # the faces that close the wrist come last
        with tempfile.TemporaryDirectory(prefix="fastgrasp_") as folder:
            hand = Path(folder) / "hand.obj"
            hand.write_text(obj_text(vertices, faces))
            return np.array([self._run(hand, GRAVITY * axis) for axis in np.asarray(directions, dtype=np.float64)])

    def _run(self, hand: Path, gravity: np.ndarray) -> float:
        with _world(gravity) as (p, world):
            flags = {"flags": p.GEOM_FORCE_CONCAVE_TRIMESH}
            _add_body(p, world, hand, 0.0, (0.0, 0.0, 0.0), 0.0, flags)
            body = _add_body(p, world, self._pieces, 1.0, self._origin.tolist(), 0.5, {})
            for _ in range(STEPS):
                p.stepSimulation(physicsClientId=world)
            position, _ = p.getBasePositionAndOrientation(body, physicsClientId=world)
        moved = float(np.linalg.norm(np.subtract(position, self._origin)))
        if not np.isfinite(moved):
            raise SimulationError("the simulation diverged: the object's position is not finite")
        return moved


@contextlib.contextmanager
def _world(gravity: np.ndarray) -> Iterator[tuple]:
    """Open a new world; gives pybullet and the world's number."""
    p = import_pybullet()
    with silenced():
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


def _add_body(p, world: int, file: Path, mass: float, position, restitution: float, flags: dict) -> int:
    try:
        with silenced():
            shape = p.createCollisionShape(p.GEOM_MESH, fileName=str(file), physicsClientId=world, **flags)
            body = p.createMultiBody(mass, shape, basePosition=position, physicsClientId=world)
    except p.error as error:
        which = "object" if mass else "hand"
        raise SimulationError(f"pybullet refused the {which}: {error} Check its mesh.") from error
    p.changeDynamics(body, -1, lateralFriction=FRICTION, restitution=restitution, physicsClientId=world)
    return body


def checked_hand(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a hand as float64 vertices and int64 faces; pybullet crashes on faces with invalid vertex indices.

    Raises SimulationError for wrong shapes, values that are not finite, and invalid vertex indices.
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
