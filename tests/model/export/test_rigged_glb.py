"""Hands with a skeleton: the skin evaluated by a glTF reader of our own, to the grasp's vertices."""

import numpy as np
import pytest
import trimesh
from gltf_file import GltfFile

from fastgrasp_model.export import EXPORTERS, ExportError, ExportScene
from fastgrasp_model.export.rig import hand_rig, strongest
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.hand.joint_angles import JOINT_NAMES

pytest.importorskip("pygltflib", reason="the extra 'export' is not installed")
TURNED = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # z-up to y-up


@pytest.fixture
def file(scene, tmp_path) -> GltfFile:
    EXPORTERS["glb"].rigged(None).write(tmp_path / "a.glb", scene)
    return GltfFile(tmp_path / "a.glb")


def test_the_skin_ends_in_the_grasp(scene, file):
    """Still, and at the end of the animation, within a tenth of a millimetre; measured: a ten-thousandth."""
    for row, name in enumerate(scene.names):
        wanted = scene.grasps.vertices[row] @ TURNED.T
        for found in (file.vertices(name), file.vertices(name, name, 1.0)):
            assert np.abs(found - wanted).max() < 1e-6
    assert np.abs(file.vertices("object") - scene.object.vertices @ TURNED.T).max() < 1e-6


def test_the_animation_begins_with_the_flat_hand_at_the_wrist_of_the_grasp(scene, file):
    from dataclasses import replace

    layer, grasps = ManoLayer.from_file(side=scene.grasps.side), scene.grasps
    flat = replace(grasps, hand_pose=np.zeros_like(grasps.hand_pose)).parameters
    wanted = type(grasps).from_parameters(flat, layer).vertices @ TURNED.T
    for row, name in enumerate(scene.names):
        assert np.abs(file.vertices(name, name, 0.0) - wanted[row]).max() < 1e-6
        between = file.vertices(name, name, 0.5)
        assert 0.003 < np.abs(between - wanted[row]).max() and np.isfinite(between).all()
        assert np.abs(file.vertices(name, scene.names[row - 1], 0.0) - file.vertices(name)).max() == 0


def test_a_skin_alone_would_not_end_in_the_grasp(scene, file):
    """Without the morph target the vertices are millimetres off, so the target is needed and used."""
    file.tree["meshes"][-1]["weights"] = [0.0]
    off = np.abs(file.vertices(scene.names[-1]) - scene.grasps.vertices[-1] @ TURNED.T).max()
    assert off > 0.001


def test_sixteen_joints_are_named_and_hang_as_in_mano(scene, file):
    tree = file.tree
    for skin, name in zip(tree["skins"], scene.names, strict=True):
        named = [tree["nodes"][joint]["name"] for joint in skin["joints"]]
        assert named == [f"{name}_{joint}" for joint in JOINT_NAMES]
        assert skin["skeleton"] == skin["joints"][0]
        assert skin["joints"][0] in tree["nodes"][file.node("frame")]["children"]
    assert [animation["name"] for animation in tree["animations"]] == scene.names
    assert tree["nodes"][file.node("grasp_5")]["extras"] == pytest.approx(scene.facts(2))


def test_the_file_is_sound_gltf(scene, file):
    for number in range(len(file.tree["accessors"])):
        file.array(number)
    for view in file.tree["bufferViews"]:
        assert view["byteOffset"] % 4 == 0 and view["byteOffset"] + view["byteLength"] <= len(file.buffer)
    for node in file.tree["nodes"]:
        assert node.get("children", [0]) and ("matrix" not in node or "rotation" not in node)
    for name in scene.names:
        mesh = trimesh.Trimesh(file.vertices(name), file.faces(name), process=False)
        assert mesh.is_watertight and mesh.volume > 0
        primitive = file.tree["meshes"][file.tree["nodes"][file.node(name)]["mesh"]]["primitives"][0]
        normals = file.array(primitive["attributes"]["NORMAL"])
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    targets = {view.get("target") for view in file.tree["bufferViews"]}
    assert targets == {None, 34962, 34963}


def test_trimesh_opens_it(scene, tmp_path):
    EXPORTERS["glb"].rigged(None).write(tmp_path / "a.glb", scene)
    read = trimesh.load(tmp_path / "a.glb", process=False)
    assert set(read.geometry) == {"object", *scene.names}  # in the flat pose: trimesh evaluates no skins
    assert all(part.is_watertight for part in read.geometry.values())


def test_a_cloud_and_a_y_up_frame(clouded, tmp_path):
    upright = ExportScene(clouded.grasps, clouded.numbers, clouded.object, "y")
    EXPORTERS["glb"].rigged(None).write(tmp_path / "a.glb", upright)
    file = GltfFile(tmp_path / "a.glb")
    np.testing.assert_allclose(file.vertices("object"), clouded.object, atol=1e-6)
    assert np.abs(file.vertices("grasp_0") - clouded.grasps.vertices[0]).max() < 1e-6


def test_hands_of_another_model_are_refused(scene, tmp_path):
    other = scene.grasps[[0]]
    other.vertices = other.vertices * 1.05
    with pytest.raises(ExportError, match="vertices differ by .* mm.*--mano"):
        EXPORTERS["glb"].rigged(None).write(tmp_path / "a.glb", ExportScene(other, (0,)))
    assert not list(tmp_path.iterdir())
    with pytest.raises(ExportError, match="--to glb"):
        EXPORTERS["obj"].rigged(None)


def test_more_than_four_joints_of_a_vertex_end_in_the_grasp_too(scene):
    import torch

    layer = ManoLayer.from_file(side=scene.grasps.side, dtype=torch.float64)
    crowd = torch.full_like(layer.weights, 0.002)
    layer.weights = (layer.weights + crowd) / (1 + 16 * 0.002)
    layer._weights_t = layer.weights.T.contiguous()
    hands = type(scene.grasps).from_parameters(scene.grasps.parameters, layer)
    rig = hand_rig(hands, 0, layer)
    assert rig.influences.shape == (778, 4) and np.isfinite(rig.corrective).all()
    np.testing.assert_allclose(rig.weights.sum(1), 1, atol=1e-6)


def test_the_strongest_weights_sum_to_one():
    joints, weights = strongest(np.array([[0.4, 0.3, 0.1, 0.1, 0.1], [1.0, 0, 0, 0, 0]]))
    assert joints[0].tolist() == [0, 1, 2, 3] and joints[1].tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(weights, [[4 / 9, 3 / 9, 1 / 9, 1 / 9], [1, 0, 0, 0]], atol=1e-6)
