"""`fastgrasp export-hand`: both formats are read by the simulators that they are for."""

import numpy as np
import pytest
from command_line import refused, run

from fastgrasp_model.grasps import Grasps


def test_mjcf_takes_the_shape_and_the_numbers_given(capsys, grasp_file, tmp_path):
    mujoco = pytest.importorskip("mujoco", reason="MuJoCo is not installed (extra: eval)")
    out = tmp_path / "new folder/hand.xml"
    words = ("--mass", 0.5, "--friction", 0.9, "--stiffness", 2, "--torque", 1, "--wrist", "joints", "--side", "left")
    code, text, err = run(capsys, "export-hand", "--format", "mjcf", "--out", out, "--grasp", grasp_file, *words)
    assert code == 0 and "left open hand, 16 links, 28 convex bodies" in text, err
    model = mujoco.MjModel.from_xml_path(str(out))
    assert model.body_mass.sum() == pytest.approx(0.5) and model.geom_friction[0, 0] == 0.9
    assert model.actuator_gainprm[-1, 0] == 2 and model.actuator_forcerange[-1].tolist() == [-1, 1]
    assert not (Grasps.load(grasp_file).betas[0] == 0).all()
    mean = tmp_path / "mean.xml"
    assert run(capsys, "export-hand", "--format", "mjcf", "--out", mean, "--side", "left")[0] == 0
    assert np.abs(mujoco.MjModel.from_xml_path(str(mean)).body_pos[3] - model.body_pos[3]).max() > 1e-5


def test_urdf_lies_beside_its_meshes(capsys, tmp_path):
    pybullet = pytest.importorskip("pybullet", reason="pybullet is not installed (extra: legacy)")
    out = tmp_path / "hand.urdf"
    assert run(capsys, "export-hand", "--format", "urdf", "--out", out)[0] == 0
    assert len(list((tmp_path / "meshes").glob("*.obj"))) == 28
    client = pybullet.connect(pybullet.DIRECT)
    try:
        body = pybullet.loadURDF(str(out), physicsClientId=client)
        shapes = sum(
            len(pybullet.getCollisionShapeData(body, link, client))
            for link in range(-1, pybullet.getNumJoints(body, client))
        )
        assert pybullet.getNumJoints(body, client) == 45 and shapes == 28
    finally:
        pybullet.disconnect(client)


def test_wrong_requests_are_one_line(capsys, tmp_path):
    out = tmp_path / "hand.xml"
    assert ".urdf" in refused(capsys, "export-hand", "--format", "urdf", "--out", out)
    assert "nowhere" in refused(capsys, "export-hand", "--format", "mjcf", "--out", out, "--mano", "nowhere.pkl")
    assert "--mass" in refused(capsys, "export-hand", "--format", "mjcf", "--out", out, "--mass", "nan")
    assert not out.exists()
