"""Meshes: read from files in one piece, closed, and sampled evenly."""

import numpy as np
import pytest
import trimesh

from fastgrasp_model.geometry.meshes import MeshError, load_mesh, make_watertight, sample_surface


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".stl", ".off", ".glb"])
def test_every_format_gives_one_closed_mesh(tmp_path, suffix):
    path = tmp_path / f"box{suffix}"
    trimesh.creation.box((0.1, 0.2, 0.3)).export(path)
    mesh = load_mesh(path)
    assert mesh.is_watertight and mesh.volume == pytest.approx(0.006, rel=1e-5)


def test_scenes_are_joined(tmp_path):
    first, second = trimesh.creation.box((0.1, 0.1, 0.1)), trimesh.creation.box((0.1, 0.1, 0.1))
    second.apply_translation([0.5, 0, 0])
    trimesh.Scene([first, second]).export(tmp_path / "two.glb")
    mesh = load_mesh(tmp_path / "two.glb")
    assert mesh.body_count == 2 and mesh.extents[0] == pytest.approx(0.6)


def test_millimetres_are_noticed(tmp_path):
    trimesh.creation.box((100, 100, 100)).export(tmp_path / "box.stl")
    with pytest.warns(UserWarning, match="millimetres"):
        load_mesh(tmp_path / "box.stl")


def test_wrong_files_are_refused(tmp_path):
    with pytest.raises(MeshError, match="No mesh at .*none.ply"):
        load_mesh(tmp_path / "none.ply")
    for name, content in (("a.ply", b"ply\nnonsense"), ("b.xyz3", b"1 2 3"), ("c.stl", b""), ("d.obj", b"v 0 0 0\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MeshError, match=name):
            load_mesh(tmp_path / name)
    trimesh.PointCloud(np.eye(3)).export(tmp_path / "cloud.ply")
    with pytest.raises(MeshError, match="no faces"):
        load_mesh(tmp_path / "cloud.ply")


def test_small_holes_are_closed_and_turned_faces_turned_back():
    box = trimesh.creation.box((0.1, 0.1, 0.1))
    faces = np.array(box.faces[1:])
    faces[3] = faces[3][::-1]
    closed = make_watertight(trimesh.Trimesh(box.vertices, faces))
    assert closed.is_watertight and closed.volume == pytest.approx(0.001)
    turned = trimesh.Trimesh(box.vertices, box.faces[:, ::-1])
    assert make_watertight(turned).volume > 0


def test_open_meshes_are_refused():
    tube = trimesh.creation.cylinder(radius=0.03, height=0.1, sections=24)
    side = tube.submesh([np.abs(tube.face_normals[:, 2]) < 0.5], append=True)
    with pytest.raises(MeshError, match="holes"):
        make_watertight(side)


def test_samples_lie_on_the_surface_evenly_with_its_normals():
    box = trimesh.creation.box((0.1, 0.2, 0.4))
    points, normals = sample_surface(box, 20000, seed=1)
    assert points.dtype == normals.dtype == np.float32 and points.shape == normals.shape == (20000, 3)
    half = np.array([0.05, 0.1, 0.2])
    np.testing.assert_allclose(np.abs(points / half).max(1), 1, atol=1e-5)
    np.testing.assert_allclose((np.abs(normals) * np.abs(points) / half).sum(1), 1, atol=1e-5)
    assert ((normals * points).sum(1) > 0).all()
    share = (np.abs(normals[:, 0]) > 0.5).mean()  # the two largest faces
    assert share == pytest.approx(0.08 / 0.14, abs=0.02)
    assert np.abs(points.mean(0)).max() < 0.005
    np.testing.assert_array_equal(points, sample_surface(box, 20000, seed=1)[0])
    with pytest.raises(MeshError, match="no area"):
        sample_surface(trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False), 5)
