"""The whole report on real hands: columns, means, refusals, and the physics once."""

import numpy as np
import pytest
import trimesh

from fastgrasp_model.geometry.meshes import MeshError
from fastgrasp_model.grasps import GraspFileError, Grasps
from fastgrasp_model.metrics import evaluate_grasps, evaluation_table
from fastgrasp_model.metrics.contact_ratio import FINGER_NAMES, finger_vertices
from fastgrasp_model.metrics.evaluate import COLUMNS


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


def test_report_has_every_column_for_every_grasp(grasps):
    report = evaluate_grasps(grasps, ball(grasps), simulate=False)
    expected = [name for name in COLUMNS if "displacement" not in name and "held" not in name]
    assert list(report["per_grasp"]) == expected == list(report["mean"])
    for name in expected:
        assert len(report["per_grasp"][name]) == 3
        assert report["mean"][name] == pytest.approx(np.mean(report["per_grasp"][name]))
    volume, touch = report["per_grasp"]["penetration_volume_cm3"], report["per_grasp"]["contact_within_5mm"]
    assert volume[1] > 10 > volume[0] >= 0 == volume[2]
    assert touch == [1.0, 1.0, 0.0]
    assert report["per_grasp"]["penetration_depth_cm"][1] > 1.0
    assert report["object_closed"] and report["count"] == 3
    assert report["diversity"]["entropy_nats"] is None
    assert report["diversity"]["mean_pairwise_joint_distance_cm"] == pytest.approx(
        (3 + 100 + 103) / 3, rel=1e-4
    )


def test_a_left_hand_measures_as_its_mirror_image(grasps):
    mesh = ball(grasps)
    mirrored = trimesh.Trimesh(mesh.vertices * (-1, 1, 1), mesh.faces[:, ::-1], process=False)
    right = evaluate_grasps(grasps, mesh, simulate=False)["per_grasp"]
    left = evaluate_grasps(grasps.mirrored(), mirrored, simulate=False)["per_grasp"]
    for name in right:
        assert left[name] == pytest.approx(right[name], rel=0.02, abs=0.3 if "legacy" in name else 0.02)


def test_an_open_object_is_measured_and_says_so(grasps):
    whole = ball(grasps)
    opened = trimesh.Trimesh(whole.vertices, whole.faces[:-1], process=False)
    closed_report = evaluate_grasps(grasps, whole, simulate=False)
    report = evaluate_grasps(grasps, opened, simulate=False)
    assert not report["object_closed"]
    assert report["mean"]["penetration_volume_cm3"] == pytest.approx(
        closed_report["mean"]["penetration_volume_cm3"], rel=0.02
    )
    assert "not watertight" in evaluation_table(report).caption


def test_what_cannot_be_measured_is_refused(grasps):
    with pytest.raises(GraspFileError, match="no grasps"):
        evaluate_grasps(grasps[[]], ball(grasps), simulate=False)
    broken = grasps[0]
    broken.vertices = np.full_like(broken.vertices, np.nan)
    with pytest.raises(GraspFileError, match="not finite"):
        evaluate_grasps(broken, ball(grasps), simulate=False)
    with pytest.raises(MeshError, match="no faces"):
        evaluate_grasps(
            grasps, trimesh.Trimesh(np.zeros((3, 3)), np.zeros((0, 3), int), process=False), simulate=False
        )


def test_finger_vertices_follow_the_skin_weights(layer, grasps):
    """In whatever pose, they are the vertices that the two outer joints of the finger move, and a little
    more."""
    weights = layer.weights.argmax(1).numpy()
    outer = {"thumb": (14, 15), "index": (2, 3), "middle": (5, 6), "pinky": (8, 9), "ring": (11, 12)}
    found = finger_vertices(grasps.vertices[0], grasps.faces, grasps.keypoints[0])
    assert tuple(found) == FINGER_NAMES
    everything = np.concatenate(list(found.values()))
    assert len(np.unique(everything)) == len(everything)
    for name, ids in found.items():
        skinned = np.flatnonzero(np.isin(weights, outer[name]))
        assert np.isin(skinned, ids).mean() > 0.8
        others = np.concatenate([outer[other] for other in FINGER_NAMES if other != name])
        assert not np.isin(weights[ids], others).any()


@pytest.mark.slow
def test_physics_columns_of_a_ball_that_nothing_holds(grasps):
    report = evaluate_grasps(grasps[2], ball(grasps))
    assert report["simulated"] and report["simulator_failures"] == 0
    assert report["mean"]["displacement_six_directions_cm"] == pytest.approx(10.68, abs=0.15)
    assert report["mean"]["displacement_legacy_cm"] == pytest.approx(10.68, abs=0.15)
    assert report["mean"]["held_in_six_directions"] == 0.0
