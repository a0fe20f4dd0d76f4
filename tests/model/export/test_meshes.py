"""Meshes as .obj, .ply and .glb, read back by trimesh and by a glTF reader of our own."""

import json

import numpy as np
import pytest
import trimesh
from gltf_file import GltfFile

from fastgrasp_model.export import EXPORTERS, ExportError, ExportScene

TURNED = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # z-up to y-up


def is_outward(mesh: trimesh.Trimesh) -> bool:
    return mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0


def test_obj_has_named_parts_colours_and_scores(scene, tmp_path):
    EXPORTERS["obj"].write(tmp_path / "a.obj", scene)
    text = (tmp_path / "a.obj").read_text()
    named = [line[2:] for line in text.splitlines() if line.startswith("o ")]
    assert named == ["object", "grasp_0", "grasp_1", "grasp_5"]
    assert f"# grasp_5: {scene.grasps.side} hand, score 0.1000" in text
    read = trimesh.load(tmp_path / "a.obj", process=False, split_objects=True, group_material=False).geometry
    assert set(read) == {"object", *scene.names}
    for name, vertices in zip(scene.names, scene.grasps.vertices, strict=True):
        assert is_outward(read[name])
        np.testing.assert_allclose(read[name].bounds, [vertices.min(0), vertices.max(0)], atol=1e-6)


def test_ply_tells_the_parts_apart_by_a_face_attribute(scene, tmp_path):
    EXPORTERS["ply"].write(tmp_path / "a.ply", scene)
    read = trimesh.load(tmp_path / "a.ply", process=False)
    part = read.metadata["_ply_raw"]["face"]["data"]["part"].ravel()
    assert {number: int((part == number).sum()) for number in set(part.tolist())} == {
        -1: 12, 0: len(scene.grasps.faces), 1: len(scene.grasps.faces), 5: len(scene.grasps.faces)
    }  # fmt: skip
    for row, number in enumerate(scene.numbers):
        hand = read.submesh([np.flatnonzero(part == number)], append=True)
        assert is_outward(hand)
        np.testing.assert_allclose(hand.bounds[0], scene.grasps.vertices[row].min(0), atol=1e-6)
    assert tuple(read.visual.vertex_colors[-1][:3]) == (230, 158, 122)


@pytest.mark.parametrize("up", ["z", "y"])
def test_glb_is_y_up_in_metres_with_materials_and_facts(scene, tmp_path, up):
    scene = ExportScene(scene.grasps, scene.numbers, scene.object, up)
    EXPORTERS["glb"].write(tmp_path / "a.glb", scene)
    turn = TURNED if up == "z" else np.eye(3)
    file, read = GltfFile(tmp_path / "a.glb"), trimesh.load(tmp_path / "a.glb", process=False)
    assert set(read.geometry) == {"object", "grasp_0", "grasp_1", "grasp_5"}
    for row, name in enumerate(scene.names):
        wanted = scene.grasps.vertices[row] @ turn.T
        np.testing.assert_allclose(file.vertices(name), wanted, atol=1e-6)
        matrix, geometry = read.graph[name]
        hand = read.geometry[geometry].copy().apply_transform(matrix)
        np.testing.assert_allclose(hand.vertices, wanted, atol=1e-6)
        assert is_outward(hand)
        assert file.tree["nodes"][file.node(name)]["extras"] == pytest.approx(scene.facts(row))
    assert [material["name"] for material in file.tree["materials"]] == ["object", "skin"]
    factor = file.tree["materials"][1]["pbrMetallicRoughness"]["baseColorFactor"]
    np.testing.assert_allclose(factor, [0.791, 0.342, 0.195, 1], atol=0.004)  # linear
    for mesh in file.tree["meshes"]:
        attributes = mesh["primitives"][0]["attributes"]
        assert {"min", "max"} <= file.tree["accessors"][attributes["POSITION"]].keys()
        np.testing.assert_allclose(np.linalg.norm(file.array(attributes["NORMAL"]), axis=1), 1, atol=1e-5)


def test_a_cloud_goes_into_glb_but_not_into_obj_and_ply(clouded, tmp_path):
    EXPORTERS["glb"].write(tmp_path / "a.glb", clouded)
    points = GltfFile(tmp_path / "a.glb").vertices("object")
    np.testing.assert_allclose(points, clouded.object @ TURNED.T, atol=1e-6)
    for ending in ("obj", "ply"):
        with pytest.raises(ExportError, match="--to glb or --to usd"):
            EXPORTERS[ending].write(tmp_path / f"a.{ending}", clouded)
    assert [path.name for path in tmp_path.iterdir()] == ["a.glb"]


def test_points_of_a_cloud_that_are_not_finite_are_left_out(clouded, tmp_path):
    points = clouded.object.copy()
    points[::2] = np.nan
    scene = ExportScene(clouded.grasps, clouded.numbers, points)
    EXPORTERS["glb"].write(tmp_path / "a.glb", scene)
    assert len(GltfFile(tmp_path / "a.glb").vertices("object")) == 250
    with pytest.raises(ExportError, match="no finite point"):
        ExportScene(clouded.grasps, clouded.numbers, np.full((9, 3), np.nan))


def test_an_object_in_another_unit_is_refused_and_one_elsewhere_told(scene):
    box = scene.object.copy().apply_scale(1000)
    with pytest.raises(ExportError, match="100 m long, the hands 0.2 m; it looks like millimetres.*--unit mm"):
        ExportScene(scene.grasps, scene.numbers, box)
    with pytest.raises(ExportError, match="scaled twice"):
        ExportScene(scene.grasps, scene.numbers, scene.object.copy().apply_scale(0.001))
    with pytest.warns(UserWarning, match="from the nearest hand"):
        ExportScene(scene.grasps, scene.numbers, scene.object.copy().apply_translation([2, 0, 0]))
    with pytest.raises(ExportError, match="no grasps"):
        ExportScene(scene.grasps[[]], ())


def test_facts_are_plain_values(scene):
    facts = {"number": 5, "score": pytest.approx(0.1), "side": scene.grasps.side}
    assert json.loads(json.dumps(scene.facts(2))) == facts
