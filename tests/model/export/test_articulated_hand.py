"""The articulated hand: its bodies lie on the skin, and both written forms move as the MANO layer does."""

import igl
import numpy as np
import pytest
import torch
import trimesh

from fastgrasp_model.export.articulated_hand import HandArticulator
from fastgrasp_model.export.mjcf import HandDynamics, mjcf
from fastgrasp_model.export.urdf import urdf
from fastgrasp_model.geometry.rotations import axis_angle_to_matrix
from fastgrasp_model.hand.anatomy import joint_axes
from fastgrasp_model.hand.joint_angles import JOINT_LIMITS, JOINT_NAMES, angles_to_matrices
from fastgrasp_model.hand.mano_layer import ManoLayer


class Posed:
    """A random shape in a random pose within the limits: the hand's links and where the MANO layer puts its joints."""

    def __init__(self, side: str) -> None:
        rng = np.random.default_rng(7)
        layer = ManoLayer.from_file(side=side)
        betas = rng.normal(size=10)
        self.angles = rng.uniform(JOINT_LIMITS[..., 0], JOINT_LIMITS[..., 1])
        self.rotation = axis_angle_to_matrix(torch.tensor([[0.3, -0.5, 1.0]]))
        local = angles_to_matrices(torch.tensor(self.angles)[None].float(), joint_axes(layer))
        self.transl = np.array([0.1, 0.2, 0.3])
        self.hand = HandArticulator(layer)(betas)
        rotations = torch.cat([self.rotation[:, None], local], dim=1)
        shape, transl = (torch.tensor(values)[None].float() for values in (betas, self.transl))
        posed = layer.from_matrices(shape, rotations, transl)
        self.joints = posed.joints[0].double().numpy()


@pytest.fixture(scope="module", params=["right", "left"])
def posed(request):
    return Posed(request.param)


def test_bodies_lie_on_the_skin():
    layer = ManoLayer.from_file()
    hand = HandArticulator(layer)()
    rest = layer(torch.zeros(1, 10), torch.zeros(1, 3), torch.zeros(1, 45), torch.zeros(1, 3))
    skin = trimesh.Trimesh(rest.vertices[0].numpy(), layer.closed_faces.numpy(), process=False)
    points = np.asarray(trimesh.sample.sample_surface(skin, 3000, seed=0)[0])
    depth = np.full(len(points), -np.inf)  # below the surface of the bodies together, metres
    for joint, link in zip(rest.joints[0].double().numpy(), hand.links, strict=True):
        for piece in link.pieces:
            body = trimesh.convex.convex_hull(piece + joint)
            found = igl.signed_distance(points, np.asarray(body.vertices, dtype=float), np.asarray(body.faces))[0]
            depth = np.maximum(depth, -found)
    assert (np.abs(depth) < 0.002).mean() > 0.97


def test_angles_of_a_pose_are_those_of_the_hinges(posed):
    layer = ManoLayer.from_file(side=posed.hand.side)
    pose = np.random.default_rng(1).normal(scale=0.2, size=(3, 45))
    angles = HandArticulator(layer).angles(pose)
    matrices = angles_to_matrices(torch.tensor(angles).float().view(3, 15, 3), joint_axes(layer))
    expected = axis_angle_to_matrix(torch.tensor(pose).float().view(3, 15, 3))
    torch.testing.assert_close(matrices, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("wrist", ["mocap", "joints"])
def test_mujoco_moves_it_as_the_layer(posed, wrist):
    mujoco = pytest.importorskip("mujoco", reason="MuJoCo is not installed (extra: eval)")
    model = mujoco.MjModel.from_xml_string(mjcf(posed.hand, wrist=wrist))
    data = mujoco.MjData(model)
    rotation = posed.rotation[0].double().numpy()
    if wrist == "mocap":
        data.qpos[:3] = posed.hand.wrist + posed.transl
        mujoco.mju_mat2Quat(data.qpos[3:7], rotation.reshape(-1))
    else:
        from scipy.spatial.transform import Rotation

        angles = Rotation.from_matrix(rotation).as_euler("XYZ")
        for axis, value in zip(("x", "y", "z", "roll", "pitch", "yaw"), [*posed.transl, *angles], strict=True):
            data.joint(f"wrist_{axis}").qpos = value
    for name, angle in zip(posed.hand.hinge_names(), posed.angles.reshape(-1), strict=True):
        data.joint(name).qpos = angle
    mujoco.mj_forward(model, data)
    found = np.array([data.body(name).xpos for name in JOINT_NAMES])
    np.testing.assert_allclose(found, posed.joints, atol=1e-6)
    assert model.nu == 45 + 6 * (wrist == "joints") and model.body_mass.sum() == pytest.approx(0.4)


def test_a_closed_fist_keeps_its_limits_and_comes_to_rest():
    mujoco = pytest.importorskip("mujoco", reason="MuJoCo is not installed (extra: eval)")
    hand = HandArticulator(ManoLayer.from_file())()
    model = mujoco.MjModel.from_xml_string(mjcf(hand))
    model.opt.gravity[:] = 0
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    data.ctrl[:] = 10.0  # beyond every limit
    for _ in range(500):
        mujoco.mj_step(model, data)
    low, high = model.jnt_range[1:].T
    angles = data.qpos[7:]
    assert np.isfinite(data.qpos).all() and np.abs(data.qvel).max() < 0.05
    assert (angles > low - 0.02).all() and (angles < high + 0.02).all() and angles.max() > 1.5


def test_pybullet_moves_the_urdf_as_the_layer(posed, tmp_path):
    pybullet = pytest.importorskip("pybullet", reason="pybullet is not installed (extra: legacy)")
    text, meshes = urdf(posed.hand)
    (tmp_path / "meshes").mkdir()
    for name, content in {"hand.urdf": text, **meshes}.items():
        (tmp_path / name).write_text(content)
    client = pybullet.connect(pybullet.DIRECT)
    try:
        body = pybullet.loadURDF(str(tmp_path / "hand.urdf"), useFixedBase=True, physicsClientId=client)
        infos = [pybullet.getJointInfo(body, i, client) for i in range(pybullet.getNumJoints(body, client))]
        turned = posed.rotation[0].double().numpy()
        for name, angle in zip(posed.hand.hinge_names(), posed.angles.reshape(-1), strict=True):
            index = next(info[0] for info in infos if info[1].decode() == name)
            pybullet.resetJointState(body, index, angle, physicsClientId=client)
        places = {info[12].decode(): info[0] for info in infos}
        states = [pybullet.getLinkState(body, places[n], 0, 1, physicsClientId=client) for n in JOINT_NAMES[1:]]
    finally:
        pybullet.disconnect(client)
    found = np.array([state[4] for state in states]) @ turned.T + posed.joints[0]
    np.testing.assert_allclose(found, posed.joints[1:], atol=1e-5)


def test_a_wrist_that_is_not_known_is_refused():
    hand = HandArticulator(ManoLayer.from_file())()
    with pytest.raises(ValueError, match="mocap or joints"):
        mjcf(hand, HandDynamics(), wrist="glue")
