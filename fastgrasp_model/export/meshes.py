"""Posed hands and the object as .obj, .ply and .glb, written by trimesh.

.obj and .ply hold coordinates as they are. glTF is y-up and in metres by its specification (2.0, section 3.4): a node
`frame` turns a z-up frame, and all else hangs below it with coordinates as they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastgrasp_model.export.exporter import OBJECT, SKIN, TO_Y_UP, Exporter, ExportError, ExportScene, linear
from fastgrasp_model.files import write_bytes, write_text


class ObjExporter(Exporter):
    """Wavefront .obj: an `o` for each part, colours on the vertices, scores in comments."""

    endings = (".obj",)

    def write(self, path: Path, scene: ExportScene) -> None:
        from trimesh.exchange.obj import export_obj

        parts = _coloured(scene)
        for name, part in parts.items():
            part.metadata["name"] = name
        told = [f"{name}: {_words(scene.facts(row))}" for row, name in enumerate(scene.names)]
        header = "\n# ".join(["FastGrasp; metres", *told])
        whole = _scene(parts)
        write_text(path, export_obj(whole, include_normals=False, header=header))


class PlyExporter(Exporter):
    """Binary .ply: one mesh, colours on the vertices, and the face attribute `part` (a grasp's number, object -1)."""

    endings = (".ply",)

    def write(self, path: Path, scene: ExportScene) -> None:
        import trimesh
        from trimesh.exchange.ply import export_ply

        parts = _coloured(scene)
        numbers = ([] if scene.object is None else [-1]) + list(scene.numbers)
        whole = trimesh.util.concatenate(list(parts.values()))
        whole.face_attributes = {
            "part": np.repeat(np.array(numbers, dtype=np.int32), [len(part.faces) for part in parts.values()])
        }
        write_bytes(path, export_ply(whole))


class GlbExporter(Exporter):
    """Binary glTF: a node and a mesh for each part, two materials, number, score and side as extras."""

    endings = (".glb",)

    def write(self, path: Path, scene: ExportScene) -> None:
        import trimesh
        from trimesh.visual.material import PBRMaterial
        from trimesh.visual.texture import TextureVisuals

        def part(vertices, faces, colour, name):
            factor = [round(255 * share) for share in linear(colour)] + [255]
            material = PBRMaterial(name=name, baseColorFactor=factor, metallicFactor=0.0, roughnessFactor=0.8)
            return trimesh.Trimesh(vertices, faces, process=False, visual=TextureVisuals(material=material))

        whole = trimesh.Scene()
        whole.graph.update(frame_to="frame", frame_from=whole.graph.base_frame, matrix=TO_Y_UP[scene.up])

        def add(name, found, facts):
            found.metadata = facts
            whole.add_geometry(found, name, name, parent_node_name="frame", metadata=facts)

        if scene.object_is_cloud:
            add("object", trimesh.PointCloud(scene.object_points, colors=(*OBJECT, 255)), {})
        elif scene.object is not None:
            add("object", part(scene.object.vertices, scene.object.faces, OBJECT, "object"), {})
        for row, name in enumerate(scene.names):
            add(name, part(scene.grasps.vertices[row], scene.grasps.faces, SKIN, "skin"), scene.facts(row))
        write_bytes(path, trimesh.exchange.gltf.export_glb(whole, include_normals=True, unitize_normals=True))

    def rigged(self, hand: Path | None) -> Exporter:
        from fastgrasp_model.export.rigged_glb import RiggedGlbExporter

        return RiggedGlbExporter(hand)


def _coloured(scene: ExportScene) -> dict:
    """Return the parts as meshes with colours on their vertices, the object first."""
    import trimesh

    if scene.object_is_cloud:
        raise ExportError("an object without faces, a cloud, can only be exported with --to glb or --to usd")

    def part(vertices, faces, colour):
        return trimesh.Trimesh(vertices, faces, process=False, vertex_colors=(*colour, 255))

    hands = zip(scene.names, scene.grasps.vertices, strict=True)
    parts = {} if scene.object is None else {"object": part(scene.object.vertices, scene.object.faces, OBJECT)}
    return parts | {name: part(vertices, scene.grasps.faces, SKIN) for name, vertices in hands}


def _scene(parts: dict):
    import trimesh

    whole = trimesh.Scene()
    for name, found in parts.items():
        whole.add_geometry(found, name, name)
    return whole


def _words(facts: dict[str, object]) -> str:
    return f"{facts['side']} hand, score {facts['score']:.4f}"
