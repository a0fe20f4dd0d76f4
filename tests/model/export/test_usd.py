"""USD, written by OpenUSD and read by tinyusdz, which shares no code with it."""

import numpy as np
import pytest
import trimesh

from fastgrasp_model.export import EXPORTERS, ExportScene

pytest.importorskip("pxr", reason="the extra 'export' is not installed")


@pytest.mark.parametrize("ending", ["usd", "usda", "usdc"])
def test_another_reader_finds_the_meshes_and_the_frame(scene, tmp_path, ending):
    tinyusdz = pytest.importorskip("tinyusdz", reason="no wheel for this Python")
    EXPORTERS["usd"].write(tmp_path / f"a.{ending}", scene)
    stage = tinyusdz.load(str(tmp_path / f"a.{ending}"))
    assert stage.get_metadata("upAxis") == "Z" and stage.get_metadata("metersPerUnit") == 1
    rendered = tinyusdz.tydra.convert_to_render_scene(stage)
    meshes = {mesh.name: mesh for mesh in rendered.meshes()}
    assert set(meshes) == {"object", *scene.names}
    for name, vertices in zip(scene.names, scene.grasps.vertices, strict=True):
        mesh = meshes[name]
        np.testing.assert_array_equal(np.asarray(mesh.points), vertices)
        np.testing.assert_array_equal(np.asarray(mesh.face_vertex_indices).reshape(-1, 3), scene.grasps.faces)
        assert mesh.is_right_handed and set(np.asarray(mesh.face_vertex_counts).tolist()) == {3}
        assert rendered.materials()[mesh.material_id].name == "skin"
    np.testing.assert_allclose(np.asarray(meshes["object"].points), scene.object.vertices, atol=1e-7)


@pytest.mark.parametrize("up", ["z", "y"])
def test_openusd_finds_facts_bounds_and_materials(scene, tmp_path, up):
    from pxr import Usd, UsdGeom, UsdShade

    EXPORTERS["usd"].write(tmp_path / "a.usd", ExportScene(scene.grasps, scene.numbers, scene.object, up))
    stage = Usd.Stage.Open(str(tmp_path / "a.usd"))
    assert UsdGeom.GetStageUpAxis(stage) == up.upper() and UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert stage.GetDefaultPrim().GetName() == "grasps"
    for row, name in enumerate(scene.names):
        prim = stage.GetPrimAtPath(f"/grasps/{name}")
        mesh, vertices = UsdGeom.Mesh(prim), scene.grasps.vertices[row]
        assert {key: prim.GetCustomDataByKey(key) for key in scene.facts(row)} == pytest.approx(scene.facts(row))
        np.testing.assert_array_equal(np.array(mesh.GetPointsAttr().Get()), vertices)
        np.testing.assert_allclose(mesh.GetExtentAttr().Get(), [vertices.min(0), vertices.max(0)], atol=1e-7)
        faces = np.array(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
        assert mesh.GetOrientationAttr().Get() == "rightHanded" and mesh.GetSubdivisionSchemeAttr().Get() == "none"
        assert trimesh.Trimesh(vertices, faces, process=False).volume > 0
        assert UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0].GetPath() == "/grasps/materials/skin"


def test_a_cloud_is_points(clouded, tmp_path):
    from pxr import Usd, UsdGeom

    EXPORTERS["usd"].write(tmp_path / "a.usda", clouded)
    stage = Usd.Stage.Open(str(tmp_path / "a.usda"))
    prim = stage.GetPrimAtPath("/grasps/object")
    np.testing.assert_array_equal(np.array(UsdGeom.Points(prim).GetPointsAttr().Get()), clouded.object)
