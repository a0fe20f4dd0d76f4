"""Hand meshes in files: manifests, folders for one object, single files, of any topology."""

import json

import numpy as np
import pytest
import trimesh

from fastgrasp_evaluation.formats import HandFileError, read_hands
from fastgrasp_evaluation.formats.files import read_mesh
from fastgrasp_model.hand.mano_file import HandModelError
from fastgrasp_model.hand.mano_layer import ManoLayer


def write(path, vertices, faces) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    trimesh.Trimesh(vertices, faces, process=False).export(path)


def manifest(folder, grasps, **more) -> None:
    (folder / "manifest.json").write_text(json.dumps({"grasps": grasps, **more}))


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".off", ".stl"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_a_manifest_gives_meshes_with_keypoints(tmp_path, grasps, suffix, side):
    wanted = grasps(side)
    for i, vertices in enumerate(wanted.vertices):
        write(tmp_path / "meshes" / f"{i}{suffix}", vertices, wanted.faces)
    entries = [{"hand": f"meshes/{i}{suffix}", "object": name} for i, name in enumerate(["mug", "cup", "mug"])]
    manifest(tmp_path, entries, side=side)
    mug, cup = read_hands(tmp_path)
    assert (mug.object_name, cup.object_name) == ("mug", "cup") and mug.side == cup.side == side
    assert mug.problems == [None, None]
    for hands, rows in ((mug, [0, 2]), (cup, [1])):
        np.testing.assert_allclose(hands.vertices, wanted.vertices[rows], atol=1e-6)  # MANO's order, .stl too
        np.testing.assert_array_equal(hands.faces[0], wanted.faces)
        np.testing.assert_allclose(hands.keypoints, wanted.keypoints[rows], atol=6e-4)


def test_unit_side_and_keypoints_of_the_manifest(tmp_path, grasps):
    right, left = grasps(count=1), grasps("left", count=1)
    write(tmp_path / "r.ply", 1000 * right.vertices[0], right.faces)
    write(tmp_path / "l.ply", 1000 * left.vertices[0], left.faces)
    entries = [
        {"hand": "r.ply", "object": "mug", "keypoints": (1000 * right.keypoints[0]).tolist()},
        {"hand": "l.ply", "object": "mug", "side": "left"},
    ]
    manifest(tmp_path, entries, unit="mm", side="right")
    first, second = read_hands(tmp_path / "manifest.json", unit="m")  # the file itself knows its unit better
    assert (first.side, second.side) == ("right", "left")
    np.testing.assert_allclose(first.keypoints, right.keypoints, atol=1e-6)
    np.testing.assert_allclose(second.vertices, left.vertices, atol=1e-6)


def test_a_mesh_that_is_missing_or_broken_is_that_hands_problem(tmp_path, grasps):
    wanted = grasps(count=1)
    write(tmp_path / "a.ply", wanted.vertices[0], wanted.faces)
    (tmp_path / "b.ply").write_text("nothing")
    (tmp_path / "c.obj").write_text("v 0 0 0\nv 0 0 1\n")
    manifest(tmp_path, [{"hand": name, "object": "mug"} for name in ("a.ply", "b.ply", "c.obj", "d.ply")])
    (hands,) = read_hands(tmp_path)
    assert hands.problems[0] is None and hands.keypoints is not None
    for problem, message in zip(hands.problems[1:], ["cannot be read", "c.obj", "no mesh file d.ply"], strict=True):
        assert message in problem


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no readable JSON"),
        ("[1]", "list found, expected a manifest"),
        ('{"hands": []}', "keys hands found, expected a manifest"),
        ('{"grasps": [], "unit": "inch"}', "unit 'inch' is unknown"),
        ('{"grasps": [{"object": "mug"}]}', "entry 0 of 'grasps' is .*expected one with a 'hand'"),
        ('{"grasps": [{"hand": "a.ply"}]}', "entry 0 of 'grasps' names no 'object'"),
        ('{"grasps": [{"hand": "a.ply", "object": "x", "keypoints": [[1, 2]]}]}', "'keypoints' is not 21 x 3"),
        ('{"grasps": [{"hand": "a.ply", "object": "x", "keypoints": [[1], 2]}]}', "'keypoints' is not 21 x 3"),
        ('{"grasps": [{"hand": "a.ply", "object": "x", "side": "up"}]}', "entry 0 of 'grasps' gives side 'up'"),
    ],
)
def test_wrong_manifests_are_refused(tmp_path, content, message):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(HandFileError, match=rf"manifest\.json: .*{message}") as error:
        read_hands(tmp_path)
    assert "\n" not in str(error.value)


def test_an_empty_manifest_is_refused(tmp_path):
    manifest(tmp_path, [])
    with pytest.raises(HandFileError, match="it holds no grasps. Save at least one"):
        read_hands(tmp_path)


def test_a_folder_of_meshes_for_one_object(tmp_path, grasps):
    wanted = grasps()
    for name, vertices in zip(("hand2", "hand10", "hand1"), wanted.vertices, strict=True):
        write(tmp_path / f"{name}.ply", 100 * vertices, wanted.faces)
    (hands,) = read_hands(tmp_path, object_name="mug", unit="cm")
    assert hands.object_name == "mug"
    np.testing.assert_allclose(hands.vertices, wanted.vertices[[2, 0, 1]], atol=1e-6)  # sorted as people count
    with pytest.raises(HandFileError, match=r"a folder of 3 meshes without a manifest\.json.*--object"):
        read_hands(tmp_path)


def test_one_mesh_file(tmp_path, grasps):
    wanted = grasps(count=1)
    write(tmp_path / "hand.obj", wanted.vertices[0], wanted.faces)
    (hands,) = read_hands(tmp_path / "hand.obj", object_name="mug")
    assert hands.object_name == "mug"
    np.testing.assert_allclose(hands.vertices, wanted.vertices, atol=1e-6)
    (tmp_path / "hand.obj").write_text("")
    with pytest.raises(HandFileError, match=r"hand\.obj.*Export the hands"):
        read_hands(tmp_path / "hand.obj")


def test_an_obj_with_textures_is_put_together_again(tmp_path, grasps):
    wanted = grasps(count=1)
    lines = [f"v {x:.9f} {y:.9f} {z:.9f}" for x, y, z in wanted.vertices[0]]
    lines += [f"vt 0.1 0.{i}" for i in range(30)] + ["vn 0 0 1"] * 20
    for i, face in enumerate(wanted.faces + 1):
        lines.append("f " + " ".join(f"{v}/{(i + k) % 30 + 1}/{k + 1}" for k, v in enumerate(face)))
    (tmp_path / "hand.obj").write_text("\n".join(lines))
    (hands,) = read_hands(tmp_path / "hand.obj")
    np.testing.assert_allclose(hands.vertices, wanted.vertices, atol=1e-7)


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".off"])
def test_vertices_are_neither_merged_nor_sorted(tmp_path, suffix):
    vertices = np.random.default_rng(0).uniform(size=(39, 3)).round(3)
    vertices[[7, 21, 30]] = vertices[3]
    faces = np.random.default_rng(1).permutation(39).reshape(-1, 3)
    write(tmp_path / f"a{suffix}", vertices, faces)
    found, triangles = read_mesh(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(found, vertices, atol=1e-6)
    np.testing.assert_array_equal(triangles, faces)


def test_an_open_wrist_is_closed_and_faces_turned_outwards(tmp_path, grasps, layer):
    wanted = grasps(count=1)
    write(tmp_path / "hand.ply", wanted.vertices[0], layer("right").faces.numpy()[:, ::-1])
    (hands,) = read_hands(tmp_path / "hand.ply")
    assert hands.problems == [None]
    np.testing.assert_array_equal(hands.faces[0], wanted.faces)
    np.testing.assert_allclose(hands.vertices, wanted.vertices, atol=1e-6)


def test_other_topologies_are_closed_or_say_why_not(tmp_path):
    arm = trimesh.creation.cylinder(radius=0.03, height=0.15, sections=24)
    side = arm.faces[np.abs(arm.face_normals[:, 2]) < 0.5]  # open at both ends
    bottom = arm.faces[arm.face_normals[:, 2] < 0.5]  # open at one end
    twisted = arm.faces.copy()
    twisted[3] = twisted[3, ::-1]
    for name, faces in (("a", arm.faces), ("b", bottom), ("c", side), ("d", twisted)):
        write(tmp_path / f"{name}.ply", arm.vertices, faces)
    (hands,) = read_hands(tmp_path, object_name="mug")
    assert hands.problems[:2] == [None, None] and hands.keypoints is None
    closed = trimesh.Trimesh(hands.vertices[1], hands.faces[1], process=False)
    assert closed.is_watertight and closed.volume == pytest.approx(arm.volume, rel=1e-5)
    assert "neither closed nor open at the wrist alone" in hands.problems[2]
    assert hands.problems[3] is not None


def test_the_wrong_side_of_a_mesh_is_noticed(tmp_path, grasps):
    wanted = grasps("left", count=1)
    write(tmp_path / "hand.ply", wanted.vertices[0], wanted.faces)
    (hands,) = read_hands(tmp_path / "hand.ply")
    assert "its mesh is that of a left hand, but its side is 'right': give side 'left'" in hands.problems[0]
    (hands,) = read_hands(tmp_path / "hand.ply", side="left")
    assert hands.problems == [None]


def test_a_mesh_of_another_model_has_no_keypoints_without_its_file(tmp_path, grasps, layer, mano_file):
    wanted = grasps(path=mano_file)
    for i, vertices in enumerate(wanted.vertices):
        write(tmp_path / f"{i}.ply", vertices, wanted.faces)
    (hands,) = read_hands(tmp_path, object_name="mug", layer_for=lambda side: layer(side, mano_file))
    np.testing.assert_allclose(hands.keypoints, wanted.keypoints, atol=6e-4)


def test_a_wrong_hand_file_is_an_error_and_no_problem_of_the_hands(tmp_path, grasps):
    wanted = grasps(count=1)
    write(tmp_path / "hand.ply", wanted.vertices[0], wanted.faces)
    with pytest.raises(HandModelError, match=r"No hand model at .*mano\.pkl"):
        read_hands(tmp_path / "hand.ply", layer_for=lambda side: ManoLayer.from_file(tmp_path / "mano.pkl", side=side))


def test_no_layer_is_loaded_for_other_meshes(tmp_path):
    def layer_for(side):
        raise AssertionError("not needed")

    write(tmp_path / "hand.ply", *(lambda ball: (ball.vertices, ball.faces))(trimesh.creation.icosphere(radius=0.08)))
    assert read_hands(tmp_path / "hand.ply", layer_for=layer_for)[0].problems == [None]


def test_json_nested_too_deep_is_refused(tmp_path):
    path = tmp_path / "obj_id_25.json"
    path.write_text("[" * 100_000)
    with pytest.raises(HandFileError, match="no readable JSON"):
        read_hands(path)
