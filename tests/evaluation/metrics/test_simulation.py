"""The pybullet protocol: equal to a plain script to the digit, free fall, independence of what ran before."""

import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import trimesh

pybullet = pytest.importorskip("pybullet")
from fastgrasp_evaluation.metrics.simulation import GraspSimulator, SimulationError
from fastgrasp_evaluation.physics import DIRECTIONS

FREE_FALL = 0.1068


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTGRASP_CACHE", str(tmp_path))


@pytest.fixture
def box():
    return trimesh.creation.box((0.04, 0.06, 0.08))


def _hand(gap: float):
    """Two thick plates with `gap` between them, as one mesh; x is the direction they press in."""
    plates = [
        trimesh.creation.box((0.02, 0.05, 0.05)).subdivide().apply_translation((side * (gap / 2 + 0.01), 0, 0))
        for side in (-1, 1)
    ]
    return trimesh.util.concatenate(plates)


def _plain_script(hand_vertices, hand_faces, vertices, faces, gravity) -> float:
    """The published protocol written down anew, from facts about it: metres the object moves."""

    def write(path, points, triangles):
        with open(path, "w") as stream:
            for x, y, z in points:
                stream.write(f"v {x:f} {y:f} {z:f}\n")
            for a, b, c in triangles:
                stream.write(f"f {a + 1} {b + 1} {c + 1}\n")

    centre = np.mean(vertices, axis=0)
    with tempfile.TemporaryDirectory() as folder:
        hand, whole, pieces = (os.path.join(folder, name) for name in ("hand.obj", "object.obj", "pieces.obj"))
        write(hand, hand_vertices, hand_faces)
        write(whole, vertices - centre, faces)
        pybullet.vhacd(
            whole, pieces, os.path.join(folder, "log"), resolution=1000, concavity=0.001, planeDownsampling=4,
            convexhullDownsampling=4, alpha=0.05, beta=0.0, pca=0, mode=0, maxNumVerticesPerCH=64,
            minVolumePerCH=0.0001,
        )  # fmt: skip
        world = pybullet.connect(pybullet.DIRECT)
        pybullet.resetSimulation(physicsClientId=world)
        pybullet.setPhysicsEngineParameter(
            enableFileCaching=0, numSolverIterations=150, fixedTimeStep=1 / 240, physicsClientId=world
        )
        pybullet.setGravity(*gravity, physicsClientId=world)
        shape = pybullet.createCollisionShape(
            pybullet.GEOM_MESH, fileName=hand, flags=pybullet.GEOM_FORCE_CONCAVE_TRIMESH, physicsClientId=world
        )
        static = pybullet.createMultiBody(0, shape, physicsClientId=world)
        pybullet.changeDynamics(static, -1, lateralFriction=3, restitution=0, physicsClientId=world)
        shape = pybullet.createCollisionShape(pybullet.GEOM_MESH, fileName=pieces, physicsClientId=world)
        body = pybullet.createMultiBody(1, shape, basePosition=list(centre), physicsClientId=world)
        pybullet.changeDynamics(body, -1, lateralFriction=3, restitution=0.5, physicsClientId=world)
        for _ in range(35):
            pybullet.stepSimulation(physicsClientId=world)
        end = pybullet.getBasePositionAndOrientation(body, physicsClientId=world)[0]
        pybullet.disconnect(physicsClientId=world)
    return float(np.linalg.norm(np.array(end) - centre))


@pytest.mark.parametrize("gap", [0.036, 0.0395, 0.042])
def test_it_equals_a_plain_script_to_the_digit(gap):
    mesh = trimesh.creation.icosphere(3, 0.022).apply_translation((0.011, -0.007, 0.02))
    mesh.vertices[:, 2] *= 1.4
    hand = _hand(gap).apply_translation((0.012, -0.005, 0.022))
    expected = _plain_script(hand.vertices, hand.faces, mesh.vertices, mesh.faces, (0, 9.8, 0))
    assert GraspSimulator(mesh).displacement(hand.vertices, hand.faces)[2] == expected


def test_a_closed_hand_is_opened_at_the_wrist_as_published(box):
    from fastgrasp_model.hand import ManoLayer

    layer = ManoLayer.from_file()
    hand = layer.v_template.numpy() + np.array([0.0, 0.045, 0.0])  # the box lies in the palm
    expected = _plain_script(hand, layer.faces.numpy(), box.vertices, box.faces, (0, 9.8, 0))
    assert GraspSimulator(box).displacement(hand, layer.closed_faces.numpy())[2] == expected


def test_free_fall_is_the_cap_of_the_protocol(box):
    far = _hand(0.04).apply_translation((1.0, 0, 0))
    moved = GraspSimulator(box).displacement(far.vertices, far.faces)
    speed = place = 0.0
    for _ in range(35):  # Bullet's Euler step, with the air drag that its bodies have unless told otherwise
        speed += (9.8 - 0.04 * (1 + speed) * speed) / 240
        place += speed / 240
    assert np.allclose(moved, place, rtol=0, atol=1e-6) and place == pytest.approx(FREE_FALL, abs=5e-5)


def test_no_run_depends_on_another(box):
    tight, loose = _hand(0.036), _hand(0.0399)
    simulator = GraspSimulator(box)
    alone = [simulator.displacement(hand.vertices, hand.faces) for hand in (tight, loose)]
    assert alone[0].max() < 0.02
    again = [simulator.displacement(hand.vertices, hand.faces, DIRECTIONS[::-1])[::-1] for hand in (loose, tight)]
    assert (alone[0] == again[1]).all() and (alone[1] == again[0]).all()


def test_another_process_finds_the_same(box):
    hand = _hand(0.0399)
    here = GraspSimulator(box).displacement(hand.vertices, hand.faces, DIRECTIONS[:3])
    script = (
        "import sys, numpy as np, trimesh\n"
        "from fastgrasp_evaluation.metrics.simulation import GraspSimulator, DIRECTIONS\n"
        "data = np.load(sys.argv[1])\n"
        "box = trimesh.creation.box((0.04, 0.06, 0.08))\n"
        "moved = GraspSimulator(box).displacement(data['v'], data['f'], DIRECTIONS[:3])\n"
        "print(' '.join(float(x).hex() for x in moved))"
    )
    with tempfile.TemporaryDirectory() as folder:
        np.savez(os.path.join(folder, "hand.npz"), v=hand.vertices, f=hand.faces)
        answer = subprocess.run(
            [sys.executable, "-c", script, os.path.join(folder, "hand.npz")], capture_output=True, text=True, check=True
        )
    assert [float.fromhex(x) for x in answer.stdout.splitlines()[-1].split()] == here.tolist()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v, f: (v, f + 5), "name vertex"),
        (lambda v, f: (v, f[:0]), "no faces"),
        (lambda v, f: (v * np.nan, f), "not finite"),
        (lambda v, f: (v[:, :2], f), "expected"),
    ],
)
def test_a_hand_that_is_no_mesh_is_refused(box, change, words):
    hand = _hand(0.04)
    vertices, faces = change(np.array(hand.vertices), np.array(hand.faces))
    with pytest.raises(SimulationError, match=words):
        GraspSimulator(box).displacement(vertices, faces)


def test_an_object_without_volume_is_refused():
    flat = trimesh.Trimesh([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0]], [[0, 1, 2]], process=False)
    flat.vertices[:] = np.nan
    with pytest.raises(SimulationError, match="finite"):
        GraspSimulator(flat)


def test_nothing_is_printed(box, capfd):
    hand = _hand(0.036)
    GraspSimulator(box).displacement(hand.vertices, hand.faces, DIRECTIONS[:1])
    assert capfd.readouterr() == ("", "")
