"""The whole report on real hands: columns, means, problems, and the physics once."""

import dataclasses
import json

import numpy as np
import pytest
import trimesh

from fastgrasp_evaluation.metrics import HandSet, evaluate_grasps, measure_hands
from fastgrasp_evaluation.metrics.protocols import COLUMNS, PROTOCOLS, SIMULATED, columns_of
from fastgrasp_evaluation.metrics.summary import build_report
from fastgrasp_model.geometry.meshes import MeshError
from fastgrasp_model.grasps import GraspFileError, Grasps
from fastgrasp_model.hand.fingers import FINGERS, finger_vertices

PER_GRASP = [name for name in columns_of(PROTOCOLS, simulated=False) if not COLUMNS[name].of_set]


@pytest.fixture(scope="module")
def layer():
    from fastgrasp_model.hand import ManoLayer

    return ManoLayer.from_file()


@pytest.fixture(scope="module")
def grasps(layer) -> Grasps:
    """Three half-closed hands: one with its palm on the ball of `ball()`, one through it, one far away."""
    import torch

    parameters = torch.zeros(3, 61)
    parameters[:, 15:52:3] = 0.3
    parameters[:, 59] = torch.tensor([0.0, -0.03, 1.0])
    return Grasps.from_parameters(parameters, layer)


def ball(grasps: Grasps) -> trimesh.Trimesh:
    """A ball of 3 cm below the first hand, just touching its lowest vertex near the middle."""
    palm = grasps.vertices[0].mean(axis=0)
    under = grasps.vertices[0][np.linalg.norm((grasps.vertices[0] - palm)[:, [0, 2]], axis=1) < 0.02, 1].min()
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=0.03)
    return mesh.apply_translation((palm[0], under - 0.03 + 0.001, palm[2]))


def column(report: dict, name: str) -> list:
    return [grasp[name] for grasp in report["objects"][0]["grasps"]]


def test_report_has_every_column_for_every_grasp(grasps):
    report = evaluate_grasps(grasps, ball(grasps), simulate=False)
    for name in PER_GRASP:
        assert report["table"][name]["mean"] == pytest.approx(np.mean(column(report, name))), name
    assert not set(SIMULATED) & set(report["table"])
    volume, touch = column(report, "penetration_volume_cm3"), column(report, "contact_within_5mm_share")
    assert volume[1] > 10 > volume[0] >= 0 == volume[2]
    assert touch == [1.0, 1.0, 0.0]
    assert column(report, "penetration_depth_cm")[1] > 1.0
    excess = column(report, "joint_limit_violation_deg")  # the thumb does not bend about the fingers' axis
    assert excess == pytest.approx([excess[0]] * 3) and 0 < excess[0] < 17.2
    assert report["table"]["entropy_nats"]["mean"] is None  # three hands are too few for 20 clusters
    assert report["table"]["pairwise_joint_distance_cm"]["mean"] == pytest.approx((3 + 100 + 103) / 3, rel=1e-4)
    json.dumps(report, allow_nan=False)


def test_a_left_hand_measures_as_its_mirror_image(grasps):
    mesh = ball(grasps)
    mirrored = trimesh.Trimesh(mesh.vertices * (-1, 1, 1), mesh.faces[:, ::-1], process=False)
    right = evaluate_grasps(grasps, mesh, simulate=False)
    left = evaluate_grasps(grasps.mirrored(), mirrored, simulate=False)
    for name in PER_GRASP:
        near = pytest.approx(column(right, name), rel=0.02, abs=0.3 if "surface" in name else 0.02)
        assert column(left, name) == near, name


def test_a_small_hole_is_filled_and_said_and_an_inverted_mesh_turned(grasps):
    whole = ball(grasps)
    expected = column(evaluate_grasps(grasps, whole, simulate=False), "penetration_volume_cm3")
    opened = trimesh.Trimesh(whole.vertices, whole.faces[:-1], process=False)
    inverted = trimesh.Trimesh(whole.vertices, whole.faces[:, ::-1], process=False)
    for mesh in (opened, inverted):
        report = evaluate_grasps(grasps, mesh, simulate=False)
        assert report["objects"][0]["notes"]
        assert column(report, "penetration_volume_cm3") == pytest.approx(expected, rel=0.01)


def test_what_cannot_be_measured_is_refused(grasps):
    with pytest.raises(GraspFileError, match="no grasps"):
        evaluate_grasps(grasps[[]], ball(grasps), simulate=False)
    whole = ball(grasps)
    half = trimesh.Trimesh(whole.vertices, whole.faces[whole.triangles_center[:, 1] < whole.center_mass[1]])
    with pytest.raises(MeshError, match="hole"):
        evaluate_grasps(grasps, half, simulate=False)


def test_a_hand_with_a_problem_has_no_figures_and_does_not_touch_the_mean(grasps):
    mesh = ball(grasps)
    broken = Grasps.concatenate([grasps[0], grasps[1], grasps[0]])
    broken.vertices[1] = np.nan
    report = evaluate_grasps(broken, mesh, simulate=False)
    rows = report["objects"][0]["grasps"]
    assert "not finite" in rows[1]["problem"] and rows[0]["problem"] is rows[2]["problem"] is None
    assert all(rows[1][name] is None for name in PER_GRASP)
    assert report["counts"]["measured"] == 2 and report["counts"]["unmeasured"] == 1
    alone = evaluate_grasps(grasps[0], mesh, simulate=False)
    for name in PER_GRASP:
        assert report["table"][name]["mean"] == pytest.approx(alone["table"][name]["mean"]), name


def test_keypoints_that_are_no_hand_are_a_problem_of_that_grasp(grasps):
    flat = Grasps.concatenate([grasps[0], grasps[0]])
    flat.keypoints[1] = flat.keypoints[1, :1]
    report = evaluate_grasps(flat, ball(grasps), simulate=False)
    assert "no hand's" in report["objects"][0]["grasps"][1]["problem"] and report["counts"]["measured"] == 1


def test_without_parameters_and_keypoints_the_rest_is_measured(grasps):
    full = HandSet.from_grasps(grasps, "ball")
    bare = dataclasses.replace(full, keypoints=None, hand_pose=None, betas=None)
    mesh = ball(grasps)
    some, everything = measure_hands(bare, mesh, simulate=False), measure_hands(full, mesh, simulate=False)
    unknown = {"contact_thumb_and_two_share", "joint_limit_violation_deg"}
    for few, all_of_it in zip(some.rows, everything.rows, strict=True):
        for name in PER_GRASP:
            assert few[name] is None if name in unknown else few[name] == all_of_it[name], name
    assert some.keypoints is None


def test_a_hand_of_another_mesh_or_a_broken_one_does_not_cost_the_others_a_column(grasps):
    full = HandSet.from_grasps(grasps, "ball")
    other = trimesh.creation.icosphere(subdivisions=3, radius=0.05)
    vertices = [full.vertices[0], np.zeros((1, 3)), other.vertices.astype(np.float32)]
    faces = [full.faces[0], np.zeros((0, 3), int), other.faces]
    mixed = dataclasses.replace(full, vertices=vertices, faces=faces, problems=[None, "unreadable", None])
    rows = measure_hands(mixed, ball(grasps), simulate=False).rows
    alone = measure_hands(full, ball(grasps), simulate=False).rows
    name = "contact_thumb_and_two_share"
    assert [row[name] for row in rows] == [alone[0][name], None, None]


def test_right_and_left_hands_of_one_object_keep_their_numbers(grasps):
    right = dataclasses.replace(HandSet.from_grasps(grasps[[0, 1]], "ball"), numbers=[0, 2])
    left = dataclasses.replace(HandSet.from_grasps(grasps[[2]].mirrored(), "ball"), numbers=[1])
    parts = [measure_hands(hands, ball(grasps), simulate=False) for hands in (right, left)]
    rows = build_report(parts, ("strict",), {"simulated": False})["objects"][0]["grasps"]
    assert [row["index"] for row in rows] == [0, 1, 2] and rows[2]["penetration_volume_cm3"] > 10
    both = right.with_other_side(left)
    assert both.numbers == [0, 1, 2] and both.hand_pose is None and both.keypoints.shape == (3, 21, 3)
    assert both.vertices[1] is left.vertices[0] and both.vertices[2] is right.vertices[1]
    assert right[1:].numbers == [2] and HandSet.from_grasps(grasps).numbers == [0, 1, 2]


def test_finger_vertices_follow_the_skin_weights(layer, grasps):
    """In whatever pose, they are the vertices that the two outer joints of the finger move, and a little
    more."""
    weights = layer.weights.argmax(1).numpy()
    outer = {"thumb": (14, 15), "index": (2, 3), "middle": (5, 6), "pinky": (8, 9), "ring": (11, 12)}
    found = finger_vertices(grasps.vertices[0], grasps.faces, grasps.keypoints[0])
    assert tuple(found) == FINGERS
    everything = np.concatenate(list(found.values()))
    assert len(np.unique(everything)) == len(everything)
    for name, ids in found.items():
        skinned = np.flatnonzero(np.isin(weights, outer[name]))
        assert np.isin(skinned, ids).mean() > 0.8
        others = np.concatenate([outer[other] for other in FINGERS if other != name])
        assert not np.isin(weights[ids], others).any()


@pytest.mark.slow
def test_physics_columns_of_a_ball_that_nothing_holds(grasps):
    report = evaluate_grasps(grasps[2], ball(grasps))
    assert report["counts"]["simulator_failures"] == 0
    assert report["table"]["displacement_six_directions_cm"]["mean"] == pytest.approx(10.68, abs=0.15)
    assert report["table"]["displacement_legacy_cm"]["mean"] == pytest.approx(10.68, abs=0.15)
    assert report["table"]["held_1s_share"]["mean"] == report["table"]["kept_35_steps_share"]["mean"] == 0.0
