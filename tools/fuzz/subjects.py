"""The formats that are read: for each a small sound sample, and the function that a user's file would meet.

A sample is a folder of files in memory; the inputs damage one of `targets`. Weights: how often a subject is drawn.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Subject:
    """A format. files: path -> content; targets: which of them are damaged; read: the folder -> what it holds."""

    name: str
    files: dict[str, bytes]
    targets: tuple[str, ...]
    read: Callable[[Path], object]
    weight: float = 1.0


def subjects() -> list[Subject]:
    """Return all formats; takes some seconds."""
    makers = (_clouds, _meshes, _grasps, _weights, _configurations, _foreign, _data_sets, _reports)
    return [subject for make in makers for subject in make()]


def _one(name: str, file: str, content: bytes, read: Callable[[Path], object], weight: float = 1.0) -> Subject:
    return Subject(name, {file: content}, (file,), lambda folder: read(folder / file), weight)


def _box():
    import trimesh

    return trimesh.creation.box((0.06, 0.05, 0.09)).subdivide().subdivide()


def _exported(mesh, kind: str, **options) -> bytes:
    content = mesh.export(file_type=kind, **options)
    return content.encode() if isinstance(content, str) else content


def _mesh_samples() -> Iterator[tuple[str, bytes]]:
    box = _box()
    yield "ascii.ply", _exported(box, "ply", encoding="ascii")
    yield "binary.ply", _exported(box, "ply")
    yield "box.obj", _exported(box, "obj")
    yield "ascii.stl", _exported(box, "stl_ascii")
    yield "binary.stl", _exported(box, "stl")
    yield "box.off", _exported(box, "off")
    yield "box.glb", _exported(box, "glb")


def _clouds() -> Iterator[Subject]:
    from fastgrasp_model.geometry.cloud_files import read_cloud
    from fastgrasp_model.geometry.clouds import validate_cloud

    def read(path: Path):
        return validate_cloud(read_cloud(path, samples=400))

    points = np.random.default_rng(0).normal(scale=0.03, size=(120, 3)).astype(np.float32)
    array, archive = io.BytesIO(), io.BytesIO()
    np.save(array, points)
    np.savez_compressed(archive, points=points)
    for kind in ("ascii", "binary", "binary_compressed"):
        yield _one(f"cloud {kind}.pcd", f"{kind}.pcd", _pcd(points, kind), read)
    yield _one("cloud .npy", "points.npy", array.getvalue(), read)
    yield _one("cloud .npz", "points.npz", archive.getvalue(), read)
    properties = "".join(f"property float {axis}\n" for axis in "xyz")
    rows = "".join(" ".join(f"{value:.5f}" for value in row) + "\n" for row in points)
    text = f"ply\nformat ascii 1.0\nelement vertex 120\n{properties}end_header\n{rows}"
    yield _one("cloud vertices.ply", "vertices.ply", text.encode(), read)
    for name, content in _mesh_samples():
        yield _one(f"cloud {name}", name, content, read, 0.5)


def _pcd(points: np.ndarray, kind: str) -> bytes:
    count = len(points)
    lines = ["# .PCD v0.7", "VERSION 0.7", "FIELDS x y z rgb", "SIZE 4 4 4 4", "TYPE F F F U", "COUNT 1 1 1 1"]
    lines += [f"WIDTH {count}", "HEIGHT 1", "VIEWPOINT 0 0 0 1 0 0 0", f"POINTS {count}", f"DATA {kind}", ""]
    header = "\n".join(lines).encode()
    if kind == "ascii":
        return header + b"".join(b"%.5f %.5f %.5f 77\n" % tuple(row) for row in points.tolist())
    columns = [points[:, axis].astype("<f4") for axis in range(3)] + [np.full(count, 77, "<u4")]
    if kind == "binary":
        return header + np.rec.fromarrays(columns).tobytes()
    raw = b"".join(column.tobytes() for column in columns)
    packed = b"".join(bytes([len(raw[i : i + 32]) - 1]) + raw[i : i + 32] for i in range(0, len(raw), 32))
    return header + struct.pack("<II", len(packed), len(raw)) + packed


def _meshes() -> Iterator[Subject]:
    from fastgrasp_model.geometry.meshes import load_mesh, sample_surface

    for name, content in _mesh_samples():
        yield _one(f"mesh {name}", name, content, lambda path: sample_surface(load_mesh(path), 100), 0.5)


def _grasps() -> Iterator[Subject]:
    from fastgrasp_model.grasps import Grasps
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_model.hand.mano_file import load_hand_file, save_hand_pickle
    from fastgrasp_model.hand.mano_layer import OPEN_HAND
    from fastgrasp_synthesis.grasp_arrays import GraspSet
    from fastgrasp_synthesis.grasp_set import load_grasp_set
    from fastgrasp_synthesis.packing import pack

    rng = np.random.default_rng(1)
    rows = np.concatenate([rng.normal(size=(2, 13)) * 0.3, rng.normal(0, 0.05, (2, 45)), rng.normal(0, 0.1, (2, 3))], 1)
    with tempfile.TemporaryDirectory() as folder:
        grasps = Grasps.from_parameters(rows.astype(np.float32), ManoLayer.from_file(), np.array([0.9, 0.4]))
        yield _one("grasp file", "g.npz", grasps.save(Path(folder) / "g.npz").read_bytes(), Grasps.load)
        model = load_hand_file(OPEN_HAND)
        yield _one("hand .npz", "hand.npz", OPEN_HAND.read_bytes(), load_hand_file, 0.2)
        small = save_hand_pickle(model, Path(folder) / "hand.pkl").read_bytes()
        yield _one("hand .pkl", "hand.pkl", small, load_hand_file, 0.2)
        tiny = np.zeros((2, 45), np.float32)
        grasp_set = GraspSet(
            rows[:, :10].astype(np.float32), rows[:, 10:13].astype(np.float32), tiny, rows[:, 58:].astype(np.float32),
            np.array([0, 1], np.int32), np.array([0, 1], np.int8), np.zeros(2, np.float32),
            np.zeros((2, 6), np.float32), ["box:1", "mug:2"], ["tripod", "palmar pinch"], "open hand", 5,
        )  # fmt: skip
        packed = pack(grasp_set, Path(folder) / "set.npz").read_bytes()
        yield _one("packed grasp set", "set.npz", packed, load_grasp_set, 0.4)


def _weights() -> Iterator[Subject]:
    from fastgrasp_model.configuration import ModelConfig
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_model.weights import CONFIG_FILE, WEIGHTS_FILE, build_model, load_model, save_model

    hand = ManoLayer.from_file()
    config = ModelConfig(
        points=16, object_width=8, hand_width=8, latent=4, denoiser_width=8, denoiser_depth=1, query_points=4, rounds=1,
        adaptation_width=8, adaptation_depth=1,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        save_model(build_model(config, hand), folder)
        files = {name: (Path(folder) / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
    yield Subject("weights", files, tuple(files), lambda folder: load_model(folder, hand), 0.6)


def _configurations() -> Iterator[Subject]:
    from fastgrasp_training.configuration import TrainingConfig

    places = sorted((ROOT / "config" / "training").glob("*.yaml"))
    files = {path.name: path.read_bytes() for path in places}
    for name in ("default.yaml", "paper.yaml"):
        read = partial(lambda name, folder: TrainingConfig.from_yaml(folder / name), name)
        yield Subject(f"training {name}", files, (name,), read, 0.15)


def _foreign() -> Iterator[Subject]:
    from fastgrasp_evaluation.formats.read import read_hands
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_model.hand.mano_file import load_hand_file
    from fastgrasp_model.hand.mano_layer import OPEN_HAND

    # Under another name: some formats refuse the open hand, whose principal components are not MANO's.
    layers = {side: ManoLayer(load_hand_file(OPEN_HAND), side, "a user's hand") for side in ("right", "left")}

    def read(place: Path):
        return read_hands(place, layer_for=layers.__getitem__, object_name="mug")

    rng = np.random.default_rng(2)
    rows = np.concatenate([rng.normal(size=(2, 13)) * 0.3, rng.normal(0, 0.05, (2, 45)), rng.normal(0, 0.1, (2, 3))], 1)
    columns = {"betas": slice(10), "global_orient": slice(10, 13), "hand_pose": slice(13, 58), "transl": slice(58, 61)}
    parts = {name: rows[:, place] for name, place in columns.items()}
    archive, array = io.BytesIO(), io.BytesIO()
    np.savez(archive, **parts, side="right", object=np.array(["mug", "mug"]))
    np.save(array, rows)
    yield _one("arrays .npz", "hands.npz", archive.getvalue(), read)
    yield _one("arrays .npy", "hands.npy", array.getvalue(), read)
    yield _one("arrays .pkl", "hands.pkl", pickle.dumps(parts, protocol=2), read)
    turns = np.concatenate([np.eye(3), np.zeros((3, 1))], axis=1)[None].repeat(2, 0)
    grasptta = {"recon_params": rows[:, None], "R_list": turns, "trans_list": turns[..., 3:], "r_list": turns[..., 3]}
    text = json.dumps({name: array.tolist() for name, array in grasptta.items()})
    yield _one("GraspTTA", "obj_id_25.json", text.encode(), read)
    hand = _exported(_box(), "obj")
    large = _exported(_box().apply_scale(100), "obj")  # HALO's hands are in centimetres
    yield Subject("HALO", {"mug_h000.obj": large, "mug_h001.obj": large}, ("mug_h000.obj",), read, 0.4)
    yield Subject("ContactGen", {"mug/grasp_0.obj": hand}, ("mug/grasp_0.obj",), read, 0.4)
    manifest = json.dumps({"grasps": [{"hand": "a.obj", "object": "mug", "side": "right"}]}).encode()
    yield Subject("manifest", {"manifest.json": manifest, "a.obj": hand}, ("manifest.json", "a.obj"), read, 0.6)


def _data_sets() -> Iterator[Subject]:
    sys.path.append(str(ROOT / "tests"))
    import official_layouts as layouts

    from fastgrasp_evaluation.datasets.grab import read_grab
    from fastgrasp_evaluation.datasets.ho3d import read_ho3d
    from fastgrasp_evaluation.datasets.oakink_shape import read_oakink_shape

    for name, write, read in (
        ("GRAB for GrabNet", layouts.write_grabnet, lambda folder: read_grab(folder, "all")),
        ("GRAB", layouts.write_raw_grab, lambda folder: read_grab(folder, "all")),
        ("OakInk-Shape", layouts.write_oakink, lambda folder: read_oakink_shape(folder, "all")),
        ("HO-3D", layouts.write_ho3d, read_ho3d),
    ):
        with tempfile.TemporaryDirectory() as root:
            write(Path(root))
            files = {str(p.relative_to(root)): p.read_bytes() for p in sorted(Path(root).rglob("*")) if p.is_file()}
        yield Subject(name, files, tuple(files), read, 0.1)


def _reports() -> Iterator[Subject]:
    from fastgrasp_evaluation.metrics.evaluate import evaluate_grasps
    from fastgrasp_evaluation.metrics.summary import read_report
    from fastgrasp_evaluation.study.answers import read_answers, read_key
    from fastgrasp_evaluation.study.page import ANSWERS_FORMAT, FORMAT_VERSION, KEY_FORMAT
    from fastgrasp_model.grasps import Grasps
    from fastgrasp_model.hand import ManoLayer

    candidates = {"c1": {"method": "a", "grasp": 0}, "c2": {"method": "b", "grasp": 1}}
    key = {"format": KEY_FORMAT, "format_version": FORMAT_VERSION, "study": "abc", "title": "t", "methods": ["a", "b"],
           "questions": [{"id": "q1", "object": "mug", "candidates": candidates}]}  # fmt: skip
    answer = {"question": "q1", "choice": "c1", "shown": ["c1", "c2"], "seconds": 3.0}
    answers = {"format": ANSWERS_FORMAT, "format_version": FORMAT_VERSION, "study": "abc", "participant": "p",
               "saved": "2026-01-01T00:00:00Z", "answers": [answer]}  # fmt: skip
    files = {"key.json": json.dumps(key).encode(), "answers.json": json.dumps(answers).encode()}
    yield Subject("study", files, tuple(files), lambda f: read_answers([f / "answers.json"], read_key(f / "key.json")))
    grasps = Grasps.from_parameters(np.zeros((2, 61), np.float32), ManoLayer.from_file())
    report = evaluate_grasps(grasps, _box(), simulate=False, protocols=("strict",))
    yield _one("report", "report.json", json.dumps(report).encode(), read_report, 0.5)
