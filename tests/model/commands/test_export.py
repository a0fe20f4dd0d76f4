"""`fastgrasp export`: every format read back, in one file and one for each grasp, with and without the object."""

import numpy as np
import pytest
import trimesh
from command_line import refused, run
from gltf_file import GltfFile

from fastgrasp_model.grasps import Grasps


@pytest.mark.parametrize("ending", ["obj", "ply", "glb"])
def test_one_file_holds_all_hands_and_the_object(capsys, grasp_file, box_file, tmp_path, ending):
    out = tmp_path / f"new folder/hands.{ending}"
    words = ("--to", ending, "--object", box_file, "--out", out, "--up", "y")
    code, text, err = run(capsys, "export", grasp_file, *words)
    assert code == 0 and text == f"wrote {out}: 3 hands\n", err
    grasps, box = Grasps.load(grasp_file), trimesh.load_mesh(box_file)
    whole = trimesh.load(out, force="mesh", process=False)
    corners = np.concatenate([box.vertices, *grasps.vertices])
    assert len(whole.faces) == len(box.faces) + 3 * len(grasps.faces)
    np.testing.assert_allclose(whole.bounds, [corners.min(0), corners.max(0)], atol=1e-5)


def test_glb_keeps_the_parts_apart(capsys, grasp_file, box_file, tmp_path):
    out = tmp_path / "hands.glb"
    words = ("--to", "glb", "--object", box_file, "--indices", "0,2", "--out", out)
    assert run(capsys, "export", grasp_file, *words)[0] == 0
    parts = trimesh.load(out, process=False).geometry
    assert set(parts) == {"object", "grasp_0", "grasp_2"}
    np.testing.assert_allclose(parts["grasp_2"].vertices, Grasps.load(grasp_file).vertices[2], atol=1e-6)


@pytest.mark.parametrize("ending", ["obj", "ply", "glb"])
def test_many_files_are_one_for_each_grasp(capsys, grasp_file, tmp_path, ending):
    words = ("--to", ending, "--many-files", "--out", tmp_path / "hands", "--up", "y")
    assert run(capsys, "export", grasp_file, *words)[0] == 0
    grasps = Grasps.load(grasp_file)
    paths = sorted((tmp_path / "hands").iterdir())
    assert [path.name for path in paths] == [f"grasp_{number}.{ending}" for number in range(3)]
    for path, vertices in zip(paths, grasps.vertices, strict=True):
        mesh = trimesh.load(path, force="mesh", process=False)
        np.testing.assert_allclose(mesh.vertices, vertices, atol=1e-5)
        np.testing.assert_array_equal(mesh.faces, grasps.faces)


def test_best_chooses_by_score_and_keeps_the_numbers(capsys, grasp_file, tmp_path):
    grasps = Grasps.load(grasp_file)
    grasps.score = np.array([0.2, 0.9, 0.5], np.float32)
    grasps.save(tmp_path / "g.npz")
    assert run(capsys, "export", tmp_path / "g.npz", "--to", "glb", "--best", 2)[0] == 0
    file = GltfFile(tmp_path / "g.glb")
    facts = [node["extras"] for node in file.tree["nodes"] if "mesh" in node]
    assert [(fact["number"], round(fact["score"], 3)) for fact in facts] == [(1, 0.9), (2, 0.5)]


def test_rigged_hands_end_in_the_grasp(capsys, grasp_file, box_file, tmp_path):
    pytest.importorskip("pygltflib", reason="the extra 'export' is not installed")
    words = ("--to", "glb", "--rigged", "--object", box_file, "--up", "y", "--out", tmp_path / "a.glb")
    assert run(capsys, "export", grasp_file, *words)[0] == 0
    file = GltfFile(tmp_path / "a.glb")
    for row, vertices in enumerate(Grasps.load(grasp_file).vertices):
        assert np.abs(file.vertices(f"grasp_{row}", f"grasp_{row}", 1.0) - vertices).max() < 1e-4


def test_usd_with_an_object_in_millimetres(capsys, grasp_file, tmp_path):
    pxr = pytest.importorskip("pxr.Usd", reason="the extra 'export' is not installed")
    trimesh.creation.box((50, 60, 100)).export(tmp_path / "box.stl")
    words = ("--to", "usd", "--object", tmp_path / "box.stl", "--out", tmp_path / "a.usda")
    assert run(capsys, "export", grasp_file, *words, "--unit", "mm")[0] == 0
    stage = pxr.Stage.Open(str(tmp_path / "a.usda"))
    points = np.array(stage.GetPrimAtPath("/grasps/object").GetAttribute("points").Get())
    np.testing.assert_allclose(np.ptp(points, axis=0), [0.05, 0.06, 0.1], atol=1e-6)
    (tmp_path / "a.usda").unlink()
    assert "looks like millimetres" in refused(capsys, "export", grasp_file, *words)
    assert not (tmp_path / "a.usda").exists()


def test_a_cloud_of_the_object_goes_into_glb_only(capsys, grasp_file, tmp_path):
    cloud = tmp_path / "cloud.npy"
    np.save(cloud, np.random.default_rng(0).normal(scale=0.03, size=(500, 3)))
    out = tmp_path / "hands.glb"
    assert run(capsys, "export", grasp_file, "--to", "glb", "--object", cloud, "--out", out)[0] == 0
    assert len(trimesh.load(out).geometry["object"].vertices) == 500
    words = ("export", grasp_file, "--to", "ply", "--object", cloud, "--out", tmp_path / "hands.ply")
    assert "--to glb" in refused(capsys, *words)


def test_a_file_is_no_folder_and_a_folder_no_file(capsys, grasp_file, tmp_path):
    folder, file = tmp_path / "hands", tmp_path / "taken"
    folder.mkdir()
    file.write_text("kept")
    words = ("export", grasp_file, "--to", "glb", "--out")
    assert "it is a folder; give a name that ends in .glb, or add --many-files" in refused(capsys, *words, folder)
    for out in (file, tmp_path / "new.glb"):
        assert "--many-files writes a folder" in refused(capsys, *words, out, "--many-files")
    assert file.read_text() == "kept" and not list(folder.iterdir()) and len(list(tmp_path.iterdir())) == 2


def test_no_file_is_written_over_by_default_and_never_the_inputs(capsys, grasp_file, box_file, tmp_path):
    mesh, hands = tmp_path / "mug.obj", tmp_path / "mug.npz"
    trimesh.load_mesh(box_file).export(mesh)
    Grasps.load(grasp_file).save(hands)
    before = mesh.read_bytes()
    words = ("export", hands, "--to", "obj", "--object", mesh)
    assert run(capsys, *words)[1] == f"wrote {tmp_path / 'mug_2.obj'}: 3 hands\n"
    assert "--object itself" in refused(capsys, *words, "--out", tmp_path / "../" / tmp_path.name / "mug.obj")
    assert mesh.read_bytes() == before
    assert run(capsys, *words, "--out", tmp_path / "mug_2.obj")[1].startswith("replaced ")
    (tmp_path / "mug").write_text("kept")
    assert run(capsys, *words, "--many-files")[1] == f"wrote {tmp_path / 'mug_2'}: 3 files\n"
    assert "--object itself" in refused(capsys, "export", hands, "--to", "obj", "--many-files", "--out",
                                        tmp_path / "mug_2", "--object", tmp_path / "mug_2" / "grasp_1.obj")  # fmt: skip


def test_wrong_requests_are_one_line(capsys, grasp_file, tmp_path):
    assert "missing: --to {obj,ply,glb,usd}" in refused(capsys, "export", grasp_file)
    assert "invalid choice 'stl'" in refused(capsys, "export", grasp_file, "--to", "stl")
    assert "nowhere.npz" in refused(capsys, "export", tmp_path / "nowhere.npz", "--to", "ply")
    assert ".ply" in refused(capsys, "export", grasp_file, "--to", "ply", "--out", tmp_path / "a.obj")
    words = ("export", grasp_file, "--to", "obj", "--out", tmp_path / "a.obj")
    assert "--to glb" in refused(capsys, *words, "--rigged")
    assert "--mano is for --rigged" in refused(capsys, *words, "--mano", tmp_path / "MANO_RIGHT.pkl")
    assert "give one of them" in refused(capsys, *words, "--best", 2, "--indices", "0")
    assert "holds 0 to 2" in refused(capsys, *words, "--indices", "0,3")
    for text in ("", "0,,1", "1.5", "-1", "²", "x" * 5000):
        assert "counted from 0" in refused(capsys, *words, f"--indices={text}")
    assert "each grasp once" in refused(capsys, *words, "--indices", "1,1")
    assert not (tmp_path / "a.obj").exists()
