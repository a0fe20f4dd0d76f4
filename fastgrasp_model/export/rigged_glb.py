"""Hands with skeleton, skin and animation as binary glTF 2.0, written by pygltflib.

Every hand stands in its grasp; its animation, of the same name, closes it from the flat hand in one second, with the
wrist in place. The node `frame` turns a z-up frame into glTF's y-up; skeletons and object hang below it. Skinned nodes
stand at the root of the scene: the specification (2.0, section 3.7.3.3) has their own place ignored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fastgrasp_model.commands.extras import require
from fastgrasp_model.export.exporter import OBJECT, SKIN, TO_Y_UP, Exporter, ExportScene, linear
from fastgrasp_model.export.rig import HandRig, hand_rig
from fastgrasp_model.files import write_bytes
from fastgrasp_model.hand.joint_angles import JOINT_NAMES

SECONDS = 1.0  # from the flat hand to the grasp
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class RiggedGlbExporter(Exporter):
    """Binary glTF of hands with 16 joints. `hand`: the file of their model, default the open hand."""

    endings = (".glb",)

    def __init__(self, hand: Path | None = None):
        self.hand = hand

    def write(self, path: Path, scene: ExportScene) -> None:
        require("pygltflib", "writing a hand with a skeleton", "export")
        import torch

        from fastgrasp_model.hand.mano_layer import ManoLayer

        layer = ManoLayer.from_file(self.hand, scene.grasps.side, torch.float64)
        file = _GltfFile(TO_Y_UP[scene.up])
        if scene.object is not None:
            faces = None if scene.object_is_cloud else scene.object.faces
            mesh = file.mesh("object", scene.object_points, faces, file.material("object", OBJECT))
            file.below_frame(file.node(name="object", mesh=mesh))
        skin = file.material("skin", SKIN)
        for row, name in enumerate(scene.names):
            _add_hand(file, name, hand_rig(scene.grasps, row, layer), scene.grasps.faces, skin, scene.facts(row))
        write_bytes(path, file.content())


def _add_hand(file: _GltfFile, name: str, rig: HandRig, faces: np.ndarray, material: int, facts: dict) -> None:
    from pygltflib import Animation, AnimationChannel, AnimationChannelTarget, AnimationSampler, Attributes, Skin

    joints = [
        file.node(name=f"{name}_{joint}", translation=offset.tolist(), rotation=turn.tolist())
        for joint, offset, turn in zip(JOINT_NAMES, rig.offsets, rig.rotations, strict=True)
    ]
    for joint, parent in enumerate(rig.parents):
        if parent >= 0:
            file.gltf.nodes[joints[parent]].children.append(joints[joint])
    file.below_frame(joints[0])

    mesh = file.mesh(name, rig.vertices, faces, material)
    primitive = file.gltf.meshes[mesh].primitives[0]
    primitive.attributes.JOINTS_0 = file.accessor(rig.influences.astype(np.uint8), vertices=True)
    primitive.attributes.WEIGHTS_0 = file.accessor(rig.weights, vertices=True)
    primitive.targets = [Attributes(POSITION=file.accessor(rig.corrective, vertices=True))]
    file.gltf.meshes[mesh].weights = [1.0]
    file.gltf.meshes[mesh].extras = {"targetNames": ["grasp"]}  # what Blender and three.js read

    unbound = np.tile(np.eye(4), (len(joints), 1, 1))
    unbound[:, :3, 3] = -rig.joints
    columns = unbound.transpose(0, 2, 1).reshape(-1, 16)
    inverse = file.accessor(columns)
    file.gltf.skins.append(Skin(inverseBindMatrices=inverse, joints=joints, skeleton=joints[0], name=name))
    node = file.node(name=name, mesh=mesh, skin=len(file.gltf.skins) - 1, extras=facts)
    file.gltf.scenes[0].nodes.append(node)

    animation = Animation(name=name)
    times = file.accessor(np.array([0.0, SECONDS])[:, None])

    def animate(target: int, path: str, values: np.ndarray) -> None:
        animation.samplers.append(AnimationSampler(input=times, interpolation="LINEAR", output=file.accessor(values)))
        goal = AnimationChannelTarget(node=target, path=path)
        animation.channels.append(AnimationChannel(sampler=len(animation.samplers) - 1, target=goal))

    for joint, turn in list(zip(joints, rig.rotations, strict=True))[1:]:
        animate(joint, "rotation", np.array([[0.0, 0, 0, 1], turn]))
    animate(node, "weights", np.array([[0.0], [1.0]]))
    file.gltf.animations.append(animation)


class _GltfFile:
    """A glTF document and its binary buffer, as they grow."""

    def __init__(self, frame: np.ndarray):
        from pygltflib import GLTF2, Asset, Node, Scene

        self.gltf = GLTF2(asset=Asset(version="2.0", generator="FastGrasp"), scene=0)
        matrix = None if np.array_equal(frame, np.eye(4)) else frame.T.ravel().tolist()
        self.gltf.nodes = [Node(name="frame", matrix=matrix, children=[])]
        self.gltf.scenes = [Scene(nodes=[0])]
        self._buffer = bytearray()

    def node(self, **fields: object) -> int:
        """Add a node and return its index."""
        from pygltflib import Node

        self.gltf.nodes.append(Node(**{"children": [], **fields}))
        return len(self.gltf.nodes) - 1

    def below_frame(self, node: int) -> None:
        """Hang a node below `frame`."""
        self.gltf.nodes[0].children.append(node)

    def material(self, name: str, colour: tuple[int, int, int]) -> int:
        """Add a matt material of an sRGB colour and return its index."""
        from pygltflib import Material, PbrMetallicRoughness

        surface = PbrMetallicRoughness(baseColorFactor=[*linear(colour), 1.0], metallicFactor=0.0, roughnessFactor=0.8)
        self.gltf.materials.append(Material(name=name, pbrMetallicRoughness=surface, alphaCutoff=None))
        return len(self.gltf.materials) - 1

    def mesh(self, name: str, vertices: np.ndarray, faces: np.ndarray | None, material: int) -> int:
        """Add a mesh with normals, or points where there are no faces, and return its index."""
        from pygltflib import POINTS, TRIANGLES, Attributes, Mesh, Primitive

        attributes = Attributes(POSITION=self.accessor(vertices, vertices=True))
        indices, mode = None, POINTS
        if faces is not None:
            attributes.NORMAL = self.accessor(_normals(vertices, faces), vertices=True)
            indices, mode = self.accessor(np.asarray(faces, np.uint32).reshape(-1, 1), indices=True), TRIANGLES
        primitive = Primitive(attributes=attributes, indices=indices, material=material, mode=mode)
        self.gltf.meshes.append(Mesh(name=name, primitives=[primitive]))
        return len(self.gltf.meshes) - 1

    def accessor(self, rows: np.ndarray, vertices: bool = False, indices: bool = False) -> int:
        """Add an array (N, D) with its least and largest values and return the accessor; floats become float32."""
        from pygltflib import (
            ARRAY_BUFFER,
            ELEMENT_ARRAY_BUFFER,
            FLOAT,
            UNSIGNED_BYTE,
            UNSIGNED_INT,
            Accessor,
            BufferView,
        )

        rows = np.asarray(rows)
        rows = rows.astype("<f4") if rows.dtype.kind == "f" else rows
        kind = {"f": FLOAT, "u": UNSIGNED_INT if rows.itemsize == 4 else UNSIGNED_BYTE}[rows.dtype.kind]
        target = ARRAY_BUFFER if vertices else ELEMENT_ARRAY_BUFFER if indices else None
        place = len(self._buffer)
        self._buffer += rows.tobytes() + b"\0" * (-rows.nbytes % 4)
        self.gltf.bufferViews.append(BufferView(buffer=0, byteOffset=place, byteLength=rows.nbytes, target=target))
        self.gltf.accessors.append(Accessor(
            bufferView=len(self.gltf.bufferViews) - 1, byteOffset=0, componentType=kind, count=len(rows),
            type=_TYPES[rows.shape[1]], min=rows.min(axis=0).tolist(), max=rows.max(axis=0).tolist(),
        ))  # fmt: skip
        return len(self.gltf.accessors) - 1

    def content(self) -> bytes:
        """Return the file."""
        from pygltflib import Buffer

        self.gltf.buffers = [Buffer(byteLength=len(self._buffer))]
        self.gltf.set_binary_blob(bytes(self._buffer))
        return b"".join(self.gltf.save_to_bytes())


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return unit normals (N, 3); of a vertex without faces the z axis."""
    import trimesh

    normals = np.array(trimesh.Trimesh(vertices, faces, process=False).vertex_normals)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(lengths > 0.5, normals / np.maximum(lengths, 1e-12), [0.0, 0, 1])
