"""Meshes: read from files in one piece, and sampled evenly."""


import numpy as np
import pytest
import trimesh

from fastgrasp_model.geometry.meshes import MeshError, load_mesh, sample_surface


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".stl", ".off", ".glb"])
def test_every_format_gives_one_closed_mesh(tmp_path, suffix):
    path = tmp_path / f"box{suffix}"
    trimesh.creation.box((0.1, 0.2, 0.3)).export(path)
    mesh = load_mesh(path)
    assert mesh.is_watertight and mesh.volume == pytest.approx(0.006, rel=1e-5)


def test_a_vertex_that_is_not_finite_is_refused_and_not_cut_out(tmp_path):
    text = trimesh.creation.icosphere(radius=0.04).export(file_type="obj").splitlines()
    place = next(i for i, line in enumerate(text) if line.startswith("v "))
    text[place] = "v nan 0.01 0.02"
    (tmp_path / "mug.obj").write_text("\n".join(text))
    with pytest.raises(MeshError, match="not finite"):
        load_mesh(tmp_path / "mug.obj")


def test_bytes_that_are_no_text_are_called_so(tmp_path):
    (tmp_path / "mug.obj").write_bytes(bytes(range(256)) * 9)
    with pytest.raises(MeshError) as error:
        load_mesh(tmp_path / "mug.obj")
    assert "mug.obj" in str(error.value) and "module" not in str(error.value)


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


def test_a_unit_scales_to_metres_before_the_size_is_checked(tmp_path, recwarn):
    trimesh.creation.box((100, 100, 100)).export(tmp_path / "box.stl")
    assert load_mesh(tmp_path / "box.stl", unit="mm").extents == pytest.approx([0.1] * 3)
    assert load_mesh(tmp_path / "box.stl", unit="cm").extents == pytest.approx([1] * 3)
    assert not recwarn.list


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
