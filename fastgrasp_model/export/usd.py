"""Posed hands and the object as Universal Scene Description, written by OpenUSD (the package usd-core).

Coordinates are as they are: the stage says which axis points up, and that its unit is the metre.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from fastgrasp_model.commands.extras import require
from fastgrasp_model.export.exporter import OBJECT, SKIN, Exporter, ExportScene, linear
from fastgrasp_model.files import write_bytes

POINT_WIDTH = 0.002  # metres


class UsdExporter(Exporter):
    """USD: a prim below /grasps for each part, two materials; number, score and side as customData."""

    endings = (".usd", ".usda", ".usdc")

    def write(self, path: Path, scene: ExportScene) -> None:
        require("pxr", "writing USD", "export")
        from pxr import Usd, UsdGeom

        stage = Usd.Stage.CreateInMemory()
        UsdGeom.SetStageUpAxis(stage, scene.up.upper())
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        root = UsdGeom.Xform.Define(stage, "/grasps")
        stage.SetDefaultPrim(root.GetPrim())
        if scene.object is not None:
            colour = linear(OBJECT)
            if scene.object_is_cloud:
                prim = _points(stage, "/grasps/object", scene.object_points)
            else:
                prim = _mesh(stage, "/grasps/object", scene.object.vertices, scene.object.faces)
            _paint(stage, prim, "object", colour)
        for row, name in enumerate(scene.names):
            prim = _mesh(stage, f"/grasps/{name}", scene.grasps.vertices[row], scene.grasps.faces)
            _paint(stage, prim, "skin", linear(SKIN))
            for key, value in scene.facts(row).items():
                prim.GetPrim().SetCustomDataByKey(key, value)
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / f"stage{path.suffix.lower()}"
            stage.GetRootLayer().Export(str(written))
            write_bytes(path, written.read_bytes())


def _mesh(stage, place: str, vertices: np.ndarray, faces: np.ndarray):
    from pxr import UsdGeom, Vt

    mesh = UsdGeom.Mesh.Define(stage, place)
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(faces), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(np.ascontiguousarray(faces, np.int32).ravel()))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateOrientationAttr(UsdGeom.Tokens.rightHanded)
    return _placed(mesh, vertices)


def _points(stage, place: str, points: np.ndarray):
    from pxr import UsdGeom, Vt

    cloud = UsdGeom.Points.Define(stage, place)
    cloud.CreateWidthsAttr(Vt.FloatArray.FromNumpy(np.full(len(points), POINT_WIDTH, np.float32)))
    return _placed(cloud, points)


def _placed(prim, points: np.ndarray):
    """Give a prim its points (N, 3) and their bounds."""
    from pxr import UsdGeom, Vt

    points = np.ascontiguousarray(points, np.float32)
    prim.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    prim.CreateExtentAttr(UsdGeom.PointBased.ComputeExtent(prim.GetPointsAttr().Get()))
    return prim


def _paint(stage, prim, name: str, colour: list[float]) -> None:
    """Bind a prim to the material of this name, made where it is not there yet."""
    from pxr import Gf, Sdf, UsdShade

    place = f"/grasps/materials/{name}"
    material = UsdShade.Material.Get(stage, place)
    if not material:
        material = UsdShade.Material.Define(stage, place)
        shader = UsdShade.Shader.Define(stage, f"{place}/surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*colour))
        shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(0.8)
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    prim.CreateDisplayColorAttr([Gf.Vec3f(*colour)])
    UsdShade.MaterialBindingAPI.Apply(prim.GetPrim()).Bind(material)
