"""`fastgrasp export`: every format read back, in one file and one for each grasp, with and without the object."""

import numpy as np
import pytest
import trimesh
from command_line import refused, run

from fastgrasp_model.grasps import Grasps


@pytest.mark.parametrize("ending", ["obj", "ply", "glb"])
def test_one_file_holds_all_hands_and_the_object(capsys, grasp_file, box_file, tmp_path, ending):
    out = tmp_path / f"new folder/hands.{ending}"
    code, text, err = run(capsys, "export", grasp_file, "--to", ending, "--object", box_file, "--out", out)
    assert code == 0 and text == f"wrote {out}: 3 hands\n", err
    grasps, box = Grasps.load(grasp_file), trimesh.load_mesh(box_file)
    whole = trimesh.load(out, force="mesh", process=False)
    corners = np.concatenate([box.vertices, *grasps.vertices])
    assert len(whole.faces) == len(box.faces) + 3 * len(grasps.faces)
    np.testing.assert_allclose(whole.bounds, [corners.min(0), corners.max(0)], atol=1e-5)


def test_glb_keeps_the_parts_apart(capsys, grasp_file, box_file, tmp_path):
    out = tmp_path / "hands.glb"
    assert run(capsys, "export", grasp_file, "--to", "glb", "--object", box_file, "--num", 2, "--out", out)[0] == 0
    parts = trimesh.load(out, process=False).geometry
    assert set(parts) == {"object", "grasp_000", "grasp_001"}
    np.testing.assert_allclose(parts["grasp_001"].vertices, Grasps.load(grasp_file).vertices[1], atol=1e-6)


@pytest.mark.parametrize("ending", ["obj", "ply", "glb"])
def test_split_writes_one_file_for_each_grasp(capsys, grasp_file, tmp_path, ending):
    assert run(capsys, "export", grasp_file, "--to", ending, "--split", "--out", tmp_path / "hands")[0] == 0
    grasps = Grasps.load(grasp_file)
    paths = sorted((tmp_path / "hands").iterdir())
    assert [path.name for path in paths] == [f"grasp_{number:03d}.{ending}" for number in range(3)]
    for path, vertices in zip(paths, grasps.vertices, strict=True):
        mesh = trimesh.load(path, force="mesh", process=False)
        np.testing.assert_allclose(mesh.vertices, vertices, atol=1e-5)
        np.testing.assert_array_equal(mesh.faces, grasps.faces)


def test_a_cloud_of_the_object_goes_into_glb_only(capsys, grasp_file, tmp_path):
    cloud = tmp_path / "cloud.npy"
    np.save(cloud, np.random.default_rng(0).normal(scale=0.03, size=(500, 3)))
    out = tmp_path / "hands.glb"
    assert run(capsys, "export", grasp_file, "--to", "glb", "--object", cloud, "--out", out)[0] == 0
    assert len(trimesh.load(out).geometry["object"].vertices) == 500
    words = ("export", grasp_file, "--to", "ply", "--object", cloud, "--out", tmp_path / "hands.ply")
    assert "--to glb" in refused(capsys, *words)


def test_wrong_requests_are_one_line(capsys, grasp_file, tmp_path):
    assert "missing: --to {obj,ply,glb}" in refused(capsys, "export", grasp_file)
    assert "invalid choice 'stl'" in refused(capsys, "export", grasp_file, "--to", "stl")
    assert "nowhere.npz" in refused(capsys, "export", tmp_path / "nowhere.npz", "--to", "ply")
    assert ".ply" in refused(capsys, "export", grasp_file, "--to", "ply", "--out", tmp_path / "a.obj")
