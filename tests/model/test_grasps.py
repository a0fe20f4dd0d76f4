"""`Grasps`: what it derives, how it moves and mirrors, and its file, whole or refused."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial.transform import Rotation

from fastgrasp_model.grasps import FORMAT_VERSION, GraspFileError, Grasps
from fastgrasp_model.hand.keypoints import wrist_frame
from fastgrasp_model.hand.mano_layer import OPEN_HAND, ManoLayer

LAYERS = {side: ManoLayer.from_file(OPEN_HAND, side=side) for side in ("right", "left")}
FLOATS = ("vertices", "keypoints", "wrist_position", "wrist_quaternion")


def make_grasps(side: str = "right", count: int = 4, seed: int = 0) -> Grasps:
    rng = np.random.default_rng(seed)
    return Grasps.from_parameters(0.5 * rng.standard_normal((count, 61)), LAYERS[side], score=rng.random(count))


def assert_same(first: Grasps, second: Grasps, atol: float = 0) -> None:
    for name in ("betas", "global_orient", "hand_pose", "transl", "score", *FLOATS):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), atol=atol, rtol=0, err_msg=name)
    np.testing.assert_array_equal(first.faces, second.faces)
    assert first.side == second.side


def test_from_parameters_holds_the_layers_answer_and_its_wrist():
    grasps = make_grasps()
    assert len(grasps) == 4 and grasps.vertices.shape == (4, 778, 3) and grasps.faces.shape == (1552, 3)
    assert all(getattr(grasps, name).dtype == np.float32 for name in ("betas", "transl", "score", *FLOATS))
    position, rotation = wrist_frame(grasps.keypoints, "right")
    np.testing.assert_array_equal(grasps.wrist_position, position)
    np.testing.assert_allclose(Rotation.from_quat(grasps.wrist_quaternion).as_matrix(), rotation, atol=1e-6)
    assert (grasps.wrist_quaternion[:, 3] >= 0).all()
    np.testing.assert_array_equal(Grasps.from_parameters(grasps.parameters, LAYERS["right"]).score, np.zeros(4))


@pytest.mark.parametrize("side", ["right", "left"])
def test_transform_moves_mesh_and_parameters_alike(side):
    grasps = make_grasps(side)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec([0.4, -1.2, 2.0]).as_matrix()
    matrix[:3, 3] = 0.5, -0.2, 0.9
    moved = grasps.transform(matrix)
    expected = grasps.vertices @ matrix[:3, :3].T + matrix[:3, 3]
    np.testing.assert_allclose(moved.vertices, expected, atol=1e-6)
    again = Grasps.from_parameters(moved.parameters, LAYERS[side], moved.score)
    assert_same(moved, again, atol=5e-6)
    back = moved.transform(np.linalg.inv(matrix))
    np.testing.assert_allclose(back.vertices, grasps.vertices, atol=2e-6)
    np.testing.assert_allclose(back.transl, grasps.transl, atol=2e-6)


def test_from_parameters_takes_tensors_of_an_optimiser():
    parameters = torch.zeros(2, 61, requires_grad=True)
    assert len(Grasps.from_parameters(parameters, LAYERS["right"])) == 2


def test_transform_turns_about_the_origin_and_not_about_the_wrist():
    grasps = make_grasps(count=1)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    x, y, z = grasps.wrist_position[0]
    np.testing.assert_allclose(grasps.transform(matrix).wrist_position[0], [-y, x, z], atol=1e-6)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(3), "4x4"),
        (np.diag([2.0, 2, 2, 1]), "scales"),
        (np.diag([-1.0, 1, 1, 1]), "mirrors"),
        (np.full((4, 4), np.nan), "4x4"),
        (np.array([[1, 0, 0, np.nan], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "not finite"),
    ],
)
def test_transform_refuses_what_is_not_rigid(matrix, message):
    with pytest.raises(ValueError, match=message):
        make_grasps().transform(matrix)


@pytest.mark.parametrize("side", ["right", "left"])
def test_mirrored_is_what_the_other_layer_gives(side):
    grasps = make_grasps(side)
    mirrored = grasps.mirrored()
    other = "left" if side == "right" else "right"
    assert mirrored.side == other
    np.testing.assert_allclose(mirrored.vertices, grasps.vertices * [-1, 1, 1])
    again = Grasps.from_parameters(mirrored.parameters, LAYERS[other], mirrored.score)
    for name in FLOATS:
        np.testing.assert_allclose(getattr(mirrored, name), getattr(again, name), atol=2e-6, err_msg=name)
    assert trimesh.Trimesh(mirrored.vertices[0], mirrored.faces, process=False).volume > 1e-4
    assert_same(mirrored.mirrored(), grasps, atol=1e-6)


def test_indexing_and_concatenation():
    grasps = make_grasps(count=5)
    assert len(grasps[1:3]) == 2 and len(grasps[[4, 0]]) == 2 and len(grasps[-1]) == 1 and len(grasps[[]]) == 0
    np.testing.assert_array_equal(grasps[[4, 0]].vertices, grasps.vertices[[4, 0]])
    np.testing.assert_array_equal(grasps[np.array([0, 1, 0, 0, 1], bool)].score, grasps.score[[1, 4]])
    np.testing.assert_array_equal(grasps[np.argsort(-grasps.score)].score, np.sort(grasps.score)[::-1])
    assert [len(one) for one in grasps] == [1] * 5
    assert_same(Grasps.concatenate([grasps[:2], grasps[2:]]), grasps)
    with pytest.raises(IndexError):
        grasps[5]
    with pytest.raises(ValueError, match="side"):
        Grasps.concatenate([grasps, grasps.mirrored()])
    with pytest.raises(ValueError, match="nothing"):
        Grasps.concatenate([])


def test_no_grasps_are_grasps_too(tmp_path):
    none = make_grasps()[:0]
    assert len(none.transform(np.eye(4))) == len(none.mirrored()) == 0
    assert len(Grasps.load(none.save(tmp_path / "none.npz"))) == 0


def test_file_round_trip(tmp_path):
    grasps = make_grasps("left")
    path = grasps.save(tmp_path / "new" / "grasps.npz")
    assert_same(Grasps.load(path), grasps)
    with np.load(path) as archive:
        assert archive["format_version"] == FORMAT_VERSION and str(archive["side"]) == "left"
    assert [entry.name for entry in path.parent.iterdir()] == ["grasps.npz"]


def test_a_failing_save_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = make_grasps().save(tmp_path / "grasps.npz")
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        make_grasps(seed=1).save(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["grasps.npz"]


def test_save_wants_npz(tmp_path):
    with pytest.raises(GraspFileError, match=r"\.npz"):
        make_grasps().save(tmp_path / "grasps.pkl")


def test_missing_and_damaged_files_are_refused(tmp_path):
    with pytest.raises(GraspFileError, match="No grasp file at"):
        Grasps.load(tmp_path / "none.npz")
    path = make_grasps().save(tmp_path / "grasps.npz")
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF  # the archive's checksums notice
    for damaged in (b"", whole[:100], whole[:-50], b"text", bytes(flipped)):
        path.write_bytes(damaged)
        with pytest.raises(GraspFileError, match="grasps.npz is damaged"):
            Grasps.load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": np.int64(2)}, "format 2.*reads 1"),
        ({"format_version": np.zeros(3)}, "format"),
        ({"betas": None}, "lacks betas"),
        ({"transl": np.zeros((4, 2), np.float32)}, r"transl: expected shape \(4, 3\), got \(4, 2\)"),
        ({"score": np.full(4, np.nan, np.float32)}, "'score' is not all finite"),
        ({"score": np.array(["a"] * 4)}, "'score' is not all finite"),
        ({"faces": np.zeros((4, 3))}, "expected integers"),
        ({"side": np.array("both")}, "'right' or 'left'"),
        ({"betas": np.array([print], dtype=object)}, "damaged"),
    ],
)
def test_wrong_content_is_named(tmp_path, changes, message):
    path = make_grasps().save(tmp_path / "grasps.npz")
    with np.load(path) as archive:
        content = {key: archive[key] for key in archive.files}
    content.update(changes)
    np.savez(path, **{key: value for key, value in content.items() if value is not None})
    with pytest.raises(GraspFileError, match=message):
        Grasps.load(path)


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".stl"])
def test_exported_meshes_read_back(tmp_path, suffix):
    grasps = make_grasps(count=2)
    paths = grasps.export_meshes(tmp_path / "hands", suffix)
    assert [path.name for path in paths] == [f"grasp_000{suffix}", f"grasp_001{suffix}"]
    mesh = trimesh.load(paths[1], force="mesh")
    assert mesh.is_watertight and mesh.volume > 1e-4
    np.testing.assert_allclose(mesh.bounds, [grasps.vertices[1].min(0), grasps.vertices[1].max(0)], atol=1e-6)


def test_reading_grasps_needs_no_torch(tmp_path):
    path = make_grasps().save(tmp_path / "grasps.npz")
    code = f"import sys; from fastgrasp_model.grasps import Grasps; g = Grasps.load({str(path)!r}).mirrored()\n"
    subprocess.run([sys.executable, "-c", code + "assert 'torch' not in sys.modules and len(g) == 4"], check=True)


def test_faces_of_vertices_that_are_not_there_are_refused(tmp_path):
    grasps = Grasps.from_parameters(np.zeros((1, 61), np.float32), ManoLayer.from_file())
    grasps.save(tmp_path / "g.npz")
    with np.load(tmp_path / "g.npz") as archive:
        arrays = dict(archive)
    for wrong in (-1, 778, 2**31 - 1):
        arrays["faces"][0, 0] = wrong
        np.savez(tmp_path / "g.npz", **arrays)
        with pytest.raises(GraspFileError, match="'faces' names vertices outside 0..777"):
            Grasps.load(tmp_path / "g.npz")
