"""Self-penetration: capsules that overlap by a known depth, and poses of the open hand."""

import numpy as np
import pytest
import torch
import trimesh

from fastgrasp_evaluation.metrics.self_penetration import self_penetration_cm
from fastgrasp_model.hand import ManoLayer
from fastgrasp_model.hand.anatomy import joint_axes
from fastgrasp_model.hand.joint_angles import JOINT_LIMITS, angles_to_matrices

RADIUS = 0.008


def finger(centre=(0.0, 0.0, 0.0), axis=(0, 0, 1), sections: int = 24) -> trimesh.Trimesh:
    """A capsule of 8 mm radius and 60 mm between the centres of its ends, with vertices all over."""
    bone = trimesh.creation.capsule(height=0.06, radius=RADIUS, count=(sections, sections))
    bone.apply_translation(-bone.bounds.mean(axis=0))
    vertices, faces = trimesh.remesh.subdivide_to_size(bone.vertices, bone.faces, 0.004)
    mesh = trimesh.Trimesh(vertices, faces).apply_transform(trimesh.geometry.align_vectors((0, 0, 1), axis))
    return mesh.apply_translation(centre)


def figure(*parts: trimesh.Trimesh) -> float:
    mesh = trimesh.util.concatenate(parts)
    return float(self_penetration_cm([mesh.vertices], [mesh.faces])[0])


@pytest.mark.parametrize("axis", [(0, 0, 1), (0, 1, 0), (0, 0.6, 0.8)])
@pytest.mark.parametrize("depth_mm", [1, 2, 4, 7])
def test_two_fingers_that_overlap(depth_mm, axis):
    found = figure(finger(), finger((2 * RADIUS - depth_mm / 1000, 0, 0), axis))
    assert found == pytest.approx(depth_mm / 10, rel=0.02, abs=0.01)


def test_fingers_that_only_touch_or_are_apart():
    assert figure(finger()) == 0.0
    assert figure(finger(), finger((2 * RADIUS + 0.0005, 0, 0))) == 0.0
    assert figure(finger(), finger((2 * RADIUS, 0, 0))) == pytest.approx(0.0, abs=0.01)


def test_depth_equals_a_slow_implementation(to_triangles):
    """Two crossing capsules: which vertices lie behind all faces of the other one, and how far from them."""
    first, second = finger(sections=12), finger((0.011, 0.002, 0.004), (0.3, 0.5, 0.8), sections=12)
    deepest = 0.0
    for one, other in ((first, second), (second, first)):
        within = one.vertices[inside_capsule(one.vertices, other)]
        deepest = max([deepest] + [to_triangles(p, np.asarray(other.triangles)) for p in within])
    assert figure(first, second) == pytest.approx(100 * deepest, rel=1e-9)


def inside_capsule(points: np.ndarray, mesh: trimesh.Trimesh) -> np.ndarray:
    """Which points lie behind all faces of a convex mesh."""
    return ((points[:, None] - mesh.triangles_center) * mesh.face_normals).sum(axis=2).max(axis=1) < 0


def bent(layer: ManoLayer, **degrees: tuple[float, float, float]) -> np.ndarray:
    """The open hand (778, 3) with fingers bent at their three joints, from the palm outwards."""
    first = {"index": 0, "middle": 3, "pinky": 6, "ring": 9, "thumb": 12}
    angles = torch.zeros(1, 15, 3)
    for name, bends in degrees.items():
        angles[0, first[name] : first[name] + 3, 2] = torch.tensor(bends).deg2rad()
    matrices = angles_to_matrices(angles, joint_axes(layer))
    rotations = torch.cat([torch.eye(3).expand(1, 1, 3, 3), matrices], dim=1)
    return layer.from_matrices(torch.zeros(1, 10), rotations, torch.zeros(1, 3)).vertices[0].numpy()


@pytest.fixture(scope="module", params=["right", "left"])
def layer(request) -> ManoLayer:
    return ManoLayer.from_file(side=request.param)


def of_hand(layer: ManoLayer, **degrees) -> float:
    return float(self_penetration_cm([bent(layer, **degrees)], [layer.closed_faces.numpy()])[0])


def test_folds_of_skin_at_one_bent_joint_do_not_count(layer):
    """Every joint alone at both ends of its bend: the skin folds, at the middle finger's PIP joint by 4 mm."""
    hands = []
    for name, start in (("index", 0), ("middle", 3), ("pinky", 6), ("ring", 9), ("thumb", 12)):
        for place in range(3):
            for bend in np.degrees(JOINT_LIMITS[start + place, 2]):
                bends = [0.0, 0.0, 0.0]
                bends[place] = float(bend)
                hands.append(bent(layer, **{name: tuple(bends)}))
    assert self_penetration_cm(hands, [layer.closed_faces.numpy()] * len(hands)).max() == 0.0


def test_a_hand_that_closes_on_itself(layer):
    long = ("index", "middle", "ring", "pinky")
    assert of_hand(layer) == 0.0
    assert of_hand(layer, **dict.fromkeys(long, (50.0, 50.0, 50.0))) == 0.0
    tight = of_hand(layer, **dict.fromkeys(long, (100.0, 100.0, 70.0)))  # beyond the limits of the knuckles
    assert 0.3 < tight < 2.0  # fingertips in the palm
    one = of_hand(layer, middle=(100.0, 100.0, 70.0))
    assert 0.2 < one < 2.0


def test_open_faces_are_refused(layer):
    with pytest.raises(ValueError, match="close the wrist"):
        self_penetration_cm([bent(layer)], [layer.faces.numpy()])
