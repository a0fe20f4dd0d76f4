"""Small folders in exactly the layouts that published code writes."""

import json

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from fastgrasp_evaluation.formats import HandFileError, read_hands


def obj(path, vertices, faces) -> None:
    """A mesh as trimesh writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    trimesh.Trimesh(vertices, faces, process=False).export(path)


def renumbered(vertices, faces, seed):
    """The same mesh as trimesh 3.9.8 leaves it: vertices in another order, faces in theirs."""
    order = np.random.default_rng(seed).permutation(len(vertices))
    return vertices[order], np.argsort(order)[faces]


def open3d_ply(path, vertices, faces) -> None:
    """A mesh as Open3D's write_triangle_mesh writes it: binary, double vertices, unsigned indices."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = (
        "ply\nformat binary_little_endian 1.0\ncomment Created by Open3D\n"
        f"element vertex {len(vertices)}\nproperty double x\nproperty double y\nproperty double z\n"
        f"element face {len(faces)}\nproperty list uchar uint vertex_indices\nend_header\n"
    )
    rows = np.zeros(len(faces), dtype=[("count", "u1"), ("ids", "<u4", 3)])
    rows["count"], rows["ids"] = 3, faces
    path.write_bytes(header.encode() + np.asarray(vertices, "<f8").tobytes() + rows.tobytes())


def test_contactgen_eval_a_folder_for_each_object(tmp_path, grasps):
    wanted = grasps(count=12)
    for name in ("mug", "camera"):
        for i, vertices in enumerate(wanted.vertices):
            obj(tmp_path / name / f"grasp_{i}.obj", *renumbered(vertices, wanted.faces, i))
    camera, mug = read_hands(tmp_path)
    assert (camera.object_name, mug.object_name) == ("camera", "mug")
    assert mug.problems == [None] * 12
    np.testing.assert_allclose(mug.vertices, wanted.vertices, atol=1e-6)  # renumbered back, 10 after 9
    np.testing.assert_array_equal(mug.faces[5], wanted.faces)
    np.testing.assert_allclose(mug.keypoints, wanted.keypoints, atol=6e-4)
    assert [one.object_name for one in read_hands(tmp_path, object_name="mug")] == ["mug"]


def test_contactgen_demo_beside_its_object(tmp_path, grasps):
    wanted = grasps(count=2)
    ball = trimesh.creation.icosphere(radius=0.05)
    obj(tmp_path / "toothpaste.ply", ball.vertices, ball.faces)
    for i, vertices in enumerate(wanted.vertices):
        obj(tmp_path / f"grasp_{i}.obj", vertices, wanted.faces)
    (hands,) = read_hands(tmp_path)
    assert hands.object_name == "toothpaste" and len(hands) == 2
    (hands,) = read_hands(tmp_path, object_name="paste")
    assert hands.object_name == "paste"


def test_our_own_exported_meshes(tmp_path, grasps):
    wanted = grasps()
    wanted.export_meshes(tmp_path / "mug")
    for path in (tmp_path, tmp_path / "mug"):
        (hands,) = read_hands(path)
        assert hands.object_name == "mug"
        np.testing.assert_allclose(hands.vertices, wanted.vertices, atol=1e-6)


def test_halo_meshes_in_centimetres(tmp_path):
    ball = trimesh.creation.icosphere(radius=8.0)
    for name, count in (("mug", 2), ("003_h_box", 1)):
        obj(tmp_path / "meshes" / f"{name}_gt_obj_mesh.obj", ball.vertices, ball.faces)
        for i in range(count):
            obj(tmp_path / "meshes" / f"{name}_h{i:03d}.obj", ball.vertices + i, ball.faces)
            obj(tmp_path / "meshes" / f"{name}_h{i:03d}_refine.obj", ball.vertices, ball.faces)
    (tmp_path / "kps").mkdir()
    np.save(tmp_path / "kps" / "mug_000.npy", np.zeros((21, 3)))
    for path in (tmp_path, tmp_path / "meshes"):
        box, mug = read_hands(path)
        assert (box.object_name, len(box), mug.object_name, len(mug)) == ("003_h_box", 1, "mug", 2)
        np.testing.assert_allclose(mug.vertices[1], (ball.vertices + 1) / 100, atol=1e-7)
        assert mug.keypoints is None and mug.problems == [None, None]


def test_fastgrasp_hands_are_cut_off_from_their_objects(tmp_path, grasps, layer):
    wanted = grasps(count=2)
    hand_faces = layer("right").faces.numpy()
    box = trimesh.creation.box((0.1, 0.1, 0.1))
    for number in (0, 4):
        for i, vertices in enumerate(wanted.vertices):
            merged = np.concatenate([vertices, box.vertices]), np.concatenate([hand_faces, box.faces + 778])
            open3d_ply(tmp_path / f"{number}_{i}.ply", *merged)
    banana, mug = read_hands(tmp_path)
    assert (banana.object_name, mug.object_name) == ("011_banana", "025_mug")
    np.testing.assert_allclose(mug.vertices, wanted.vertices, atol=1e-7)
    np.testing.assert_array_equal(mug.faces[1], wanted.faces)
    np.testing.assert_allclose(mug.keypoints, wanted.keypoints, atol=6e-4)


def test_fastgrasp_files_that_are_something_else(tmp_path):
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.08)
    open3d_ply(tmp_path / "3_0.ply", ball.vertices, ball.faces)
    (hands,) = read_hands(tmp_path)
    assert "first 778 vertices are no separate hand" in hands.problems[0]
    open3d_ply(tmp_path / "10_0.ply", ball.vertices, ball.faces)
    with pytest.raises(HandFileError, match=r"10_0\.ply names object 10, expected 0 to 9.*manifest\.json"):
        read_hands(tmp_path)


def test_hands_alone_are_not_taken_for_fastgrasps(tmp_path, grasps):
    wanted = grasps(count=2)
    for i, vertices in enumerate(wanted.vertices):
        open3d_ply(tmp_path / f"0_{i}.ply", vertices, wanted.faces)
    with pytest.raises(HandFileError, match="a folder of 2 meshes without a manifest"):
        read_hands(tmp_path)
    assert read_hands(tmp_path, object_name="mug")[0].problems == [None, None]


def grasptta(wanted, hand) -> dict:
    """GraspTTA's JSON of these grasps: the object moved at random, and the hands with it, as PCA coefficients."""
    rng = np.random.default_rng(3)
    content = {"recon_params": [], "R_list": [], "trans_list": [], "r_list": []}
    for i in range(len(wanted)):
        rotation, offset = Rotation.random(rng=rng).as_matrix(), rng.normal(size=3)
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = rotation, offset
        row = wanted[i].transform(matrix).parameters.astype(np.float64)
        row[:, 13:58] = row[:, 13:58] @ hand.hands_components.numpy().T
        content["recon_params"].append(row.tolist())
        content["R_list"].append(matrix[:3].tolist())
        content["trans_list"].append(offset[:, None].tolist())
        content["r_list"].append([0.0, 0.0, 0.0])
    return content


def test_grasptta_hands_go_back_into_the_objects_frame(tmp_path, grasps, layer, mano_file):
    wanted = grasps(path=mano_file)
    for number in (6, 35):
        (tmp_path / f"obj_id_{number}.json").write_text(json.dumps(grasptta(wanted, layer("right", mano_file))))

    def layer_for(side):
        return layer(side, mano_file)

    mustard, drill = read_hands(tmp_path, layer_for=layer_for)
    assert (mustard.object_name, drill.object_name) == ("006_mustard_bottle", "035_power_drill")
    np.testing.assert_allclose(drill.vertices, wanted.vertices, atol=2e-6)
    np.testing.assert_allclose(drill.keypoints, wanted.keypoints, atol=2e-6)
    np.testing.assert_allclose(drill.hand_pose, wanted.hand_pose, atol=1e-5)
    np.testing.assert_allclose(drill.betas, wanted.betas, atol=1e-6)
    (alone,) = read_hands(tmp_path / "obj_id_6.json", layer_for=layer_for)
    assert alone.object_name == "006_mustard_bottle"
    with pytest.raises(HandFileError, match="45 principal components, which the open hand does not share with MANO"):
        read_hands(tmp_path)
    with pytest.raises(HandFileError, match="GraspTTA's hand says side 'right', the caller says 'left'"):
        read_hands(tmp_path, side="left")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"R_list": None}, "it lacks 'R_list', found recon_params"),
        ({"recon_params": [[0.0] * 61]}, r"'recon_params' has shape \(1, 61\), expected \(N, 1, 61\)"),
        ({"recon_params": [[[0.0] * 61], [1.0]]}, "'recon_params' is no regular list of numbers"),
        ({"recon_params": [[[0.0] * 61]]}, "'recon_params' has 1 grasps but 'R_list' 3"),
    ],
)
def test_damaged_grasptta_files_are_refused(tmp_path, grasps, layer, mano_file, change, message):
    content = {**grasptta(grasps(path=mano_file), layer("right", mano_file)), **change}
    path = tmp_path / "obj_id_6.json"
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    with pytest.raises(HandFileError, match=rf"obj_id_6\.json: .*{message}"):
        read_hands(path, layer_for=lambda side: layer(side, mano_file))


def test_a_grasptta_matrix_that_is_no_rotation_is_a_problem(tmp_path, grasps, layer, mano_file):
    content = grasptta(grasps(path=mano_file), layer("right", mano_file))
    content["R_list"][1][0][0] += 0.1
    (tmp_path / "obj_id_6.json").write_text(json.dumps(content))
    (hands,) = read_hands(tmp_path, layer_for=lambda side: layer(side, mano_file))
    assert hands.problems == [None, "its R_list is no rotation", None]
