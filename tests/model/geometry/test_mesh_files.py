"""Parts of mesh files: whole ones are read, those cut short or pointing nowhere are refused, and nothing is printed."""

import contextlib

import numpy as np
import pytest
import trimesh

from fastgrasp_model.geometry.mesh_files import MeshFileError, read_parts
from fastgrasp_model.geometry.meshes import MeshError, load_mesh

KINDS = {
    "ascii.ply": {"file_type": "ply", "encoding": "ascii"}, "binary.ply": {"file_type": "ply"},
    "box.obj": {"file_type": "obj"}, "ascii.stl": {"file_type": "stl_ascii"}, "binary.stl": {"file_type": "stl"},
    "box.off": {"file_type": "off"}, "box.glb": {"file_type": "glb"},
}  # fmt: skip


def written(name: str) -> bytes:
    content = trimesh.creation.box((0.1, 0.2, 0.3)).export(**KINDS[name])
    return content.encode() if isinstance(content, str) else content


@pytest.mark.parametrize("name", KINDS)
def test_every_format_gives_the_whole_box(tmp_path, name):
    (tmp_path / name).write_bytes(written(name))
    meshes, points = read_parts(tmp_path / name)
    assert len(meshes) == 1 and len(meshes[0].faces) == 12 and not len(points)
    mesh = load_mesh(tmp_path / name)
    assert len(mesh.vertices) == 8 and mesh.is_watertight and mesh.volume == pytest.approx(0.006, rel=1e-5)


@pytest.mark.parametrize("name", sorted(KINDS.keys() - {"box.obj"}))  # an .obj does not say how long it is
@pytest.mark.parametrize("share", [0.5, 0.7, 0.9, 0.97])
def test_a_file_cut_short_is_refused(tmp_path, capfd, name, share):
    content = written(name)
    (tmp_path / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(MeshError, match=name) as refused:
        load_mesh(tmp_path / name)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


def test_points_cut_short_are_refused(tmp_path):
    cloud = trimesh.PointCloud(np.random.default_rng(0).random((50, 3)))
    content = cloud.export(file_type="ply", encoding="ascii")
    path = tmp_path / "cloud.ply"
    path.write_bytes(content)
    assert read_parts(path)[1].shape == (50, 3)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(MeshFileError):
        read_parts(path)


@pytest.mark.parametrize("face", ["3 0 1 99", "3 0 1 -1", "3 0 1 4294967295"])
def test_faces_of_vertices_that_are_not_there_are_refused(tmp_path, face):
    (tmp_path / "a.off").write_text(f"OFF\n4 1 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n{face}\n")
    with pytest.raises(MeshError, match="a.off"):
        load_mesh(tmp_path / "a.off")


def test_a_garbled_ascii_stl_prints_nothing(tmp_path, caplog):
    content = written("ascii.stl")
    for old, new in ((b"facet normal -1", b"facet normal x"), (b"vertex", b"vrtx"), (b"solid", b"so\xfflid")):
        (tmp_path / "a.stl").write_bytes(content.replace(old, new, 3))
        with contextlib.suppress(MeshError):
            load_mesh(tmp_path / "a.stl")
    assert not caplog.records  # without a handler Python prints what libraries log
