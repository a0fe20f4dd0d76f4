"""A reader of binary glTF 2.0 for tests, written from the specification alone: skins, morph targets, animations."""

import json
import struct

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

COMPONENTS = {5121: "<u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
SIZES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class GltfFile:
    """A .glb file: `tree` is its JSON."""

    def __init__(self, path):
        content = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", content)
        assert magic == b"glTF" and version == 2 and length == len(content)
        size, kind = struct.unpack_from("<I4s", content, 12)
        assert kind == b"JSON" and size % 4 == 0
        self.tree = json.loads(content[20 : 20 + size], parse_constant=lambda word: no_number(word))
        size_of_buffer, kind = struct.unpack_from("<I4s", content, 20 + size)
        assert kind == b"BIN\0" and 28 + size + size_of_buffer == length
        self.buffer = content[28 + size :]
        assert self.tree["asset"]["version"] == "2.0"

    def array(self, accessor: int) -> np.ndarray:
        """An accessor's rows, after its own claims are checked."""
        told = self.tree["accessors"][accessor]
        view = self.tree["bufferViews"][told["bufferView"]]
        kind, size = np.dtype(COMPONENTS[told["componentType"]]), SIZES[told["type"]]
        assert "byteStride" not in view and told.get("byteOffset", 0) == 0
        place = view.get("byteOffset", 0)
        assert place % kind.itemsize == 0 and told["count"] * size * kind.itemsize <= view["byteLength"]
        rows = np.frombuffer(self.buffer, kind, told["count"] * size, place).reshape(-1, size)
        assert np.isfinite(rows).all()
        if "min" in told:
            np.testing.assert_allclose(rows.min(0), told["min"], rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(rows.max(0), told["max"], rtol=1e-6, atol=1e-9)
        return rows

    def node(self, name: str) -> int:
        found = [i for i, node in enumerate(self.tree["nodes"]) if node.get("name") == name]
        assert len(found) == 1, (name, found)
        return found[0]

    def vertices(self, name: str, animation: str | None = None, time: float = 0.0) -> np.ndarray:
        """World vertices (V, 3) of a node, still or at a time of an animation."""
        nodes = [dict(node) for node in self.tree["nodes"]]
        if animation is not None:
            self._animate(nodes, animation, time)
        places = self._places(nodes)
        node = nodes[self.node(name)]
        mesh = self.tree["meshes"][node["mesh"]]
        (primitive,) = mesh["primitives"]
        attributes = primitive["attributes"]
        points = self.array(attributes["POSITION"]).astype(np.float64)
        weights = node.get("weights", mesh.get("weights", []))
        for weight, target in zip(weights, primitive.get("targets", []), strict=True):
            points = points + weight * self.array(target["POSITION"])
        ones = np.concatenate([points, np.ones((len(points), 1))], axis=1)
        if "skin" not in node:
            return (ones @ places[self.node(name)].T)[:, :3]
        skin = self.tree["skins"][node["skin"]]
        unbound = self.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        moves = np.array([places[joint] for joint in skin["joints"]]) @ unbound
        shares = self.array(attributes["WEIGHTS_0"]).astype(np.float64)
        np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)
        blended = np.einsum("vk,vkab->vab", shares, moves[self.array(attributes["JOINTS_0"])])
        return np.einsum("vab,vb->va", blended, ones)[:, :3]

    def faces(self, name: str) -> np.ndarray:
        (primitive,) = self.tree["meshes"][self.tree["nodes"][self.node(name)]["mesh"]]["primitives"]
        return self.array(primitive["indices"]).reshape(-1, 3)

    def _animate(self, nodes: list[dict], name: str, time: float) -> None:
        (animation,) = [each for each in self.tree["animations"] if each["name"] == name]
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            times, values = self.array(sampler["input"])[:, 0], self.array(sampler["output"])
            values = values.reshape(len(times), -1)
            assert sampler["interpolation"] == "LINEAR"
            assert {"min", "max"} <= self.tree["accessors"][sampler["input"]].keys()
            goal = channel["target"]
            if goal["path"] == "rotation":
                value = Slerp(times, Rotation.from_quat(values))(time).as_quat()
            else:
                value = np.array([np.interp(time, times, column) for column in values.T])
            nodes[goal["node"]][goal["path"]] = value

    def _places(self, nodes: list[dict]) -> dict[int, np.ndarray]:
        """World matrices of all nodes that the scene holds; each has one parent."""
        places: dict[int, np.ndarray] = {}
        todo = [(index, np.eye(4)) for index in self.tree["scenes"][self.tree["scene"]]["nodes"]]
        while todo:
            index, above = todo.pop()
            assert index not in places
            places[index] = above @ _matrix(nodes[index])
            todo += [(child, places[index]) for child in nodes[index].get("children", [])]
        assert len(places) == len(nodes)
        return places


def _matrix(node: dict) -> np.ndarray:
    if "matrix" in node:
        return np.reshape(node["matrix"], (4, 4)).T
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_quat(node.get("rotation", [0, 0, 0, 1])).as_matrix() * node.get("scale", [1, 1, 1])
    matrix[:3, 3] = node.get("translation", [0, 0, 0])
    return matrix


def no_number(word: str):
    raise AssertionError(f"{word} is no JSON")
