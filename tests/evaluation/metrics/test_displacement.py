"""What the displacement columns say of a set of hands: figures, hands left out, failures, order."""

import numpy as np
import pytest
import trimesh

pytest.importorskip("pybullet")
from fastgrasp_evaluation.metrics.displacement import Displacement, measure_displacement
from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_evaluation.metrics.simulation import GraspSimulator, SimulationError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("FASTGRASP_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


BOX = trimesh.creation.box((0.04, 0.06, 0.08))


def _plates(gap: float, shift: float = 0.0):
    plates = [
        trimesh.creation.box((0.02, 0.05, 0.05)).subdivide().apply_translation((side * (gap / 2 + 0.01) + shift, 0, 0))
        for side in (-1, 1)
    ]
    return trimesh.util.concatenate(plates)


def _hands(*meshes, problems=None):
    vertices = [np.asarray(mesh.vertices, np.float32) for mesh in meshes]
    faces = [np.asarray(mesh.faces, np.int32) for mesh in meshes]
    return HandSet("box", "right", vertices, faces, None, None, None, problems or [None] * len(meshes))


def _broken():
    """A hand with faces that pybullet cannot make a body of."""
    mesh = _plates(0.038)
    return trimesh.Trimesh(mesh.vertices, np.asarray(mesh.faces) + 40, process=False, validate=False)


def test_held_free_left_out_and_failed_hands_side_by_side():
    hands = _hands(
        _plates(0.038), _plates(0.04, shift=1.0), _broken(), _plates(0.038), problems=[None, None, None, "values NaN"]
    )
    found = measure_displacement(hands, BOX)
    assert found.problems[0] is found.problems[1] is found.problems[3] is None
    assert "name vertex" in found.problems[2]
    assert np.isnan(found.directions_cm[2:]).all() and np.isnan(found.six_directions_cm[2:]).all()
    assert found.legacy_cm[1] == pytest.approx(10.68, abs=0.01) and found.legacy_cm[2] == 10.0
    assert np.isnan(found.legacy_cm[3])
    assert found.six_directions_cm[1] == pytest.approx(10.68, abs=0.01)
    np.testing.assert_array_equal(found.kept_35_steps, [1.0, 0.0, np.nan, np.nan])
    np.testing.assert_array_equal(found.held_1s, [1.0, 0.0, np.nan, np.nan])


def test_the_legacy_figure_is_the_run_along_y():
    hand = _plates(0.0399)
    found = measure_displacement(_hands(hand), BOX, hold=False)
    vertices = np.asarray(hand.vertices, np.float32)
    alone = GraspSimulator(BOX).displacement(vertices, hand.faces, np.array([[0, 1.0, 0]]))
    assert found.legacy_cm[0] == 100 * alone[0] and np.isnan(found.held_1s[0])
    assert found.six_directions_cm[0] == pytest.approx(found.directions_cm[0].mean())


def test_the_order_of_hands_changes_nothing():
    meshes = [_plates(0.0399), _plates(0.037), _plates(0.0405)]
    there = measure_displacement(_hands(*meshes), BOX)
    back = measure_displacement(_hands(*meshes[::-1]), BOX)
    assert (there.directions_cm == back.directions_cm[::-1]).all() and (there.held_1s == back.held_1s[::-1]).all()


def test_a_failure_of_the_hold_alone_keeps_the_other_figures(monkeypatch):
    from fastgrasp_evaluation.metrics.hold import HoldTest

    monkeypatch.setattr(HoldTest, "held", lambda *_: 1 / 0)
    found = measure_displacement(_hands(_plates(0.038)), BOX)
    assert np.isfinite(found.legacy_cm[0]) and found.legacy_cm[0] != 10.0
    assert np.isnan(found.held_1s[0]) and "ZeroDivisionError" in found.problems[0]


def test_kept_needs_all_six():
    directions = np.full((2, 6), 0.5)
    directions[1, 4] = 2.0
    found = Displacement(directions, np.full(2, np.nan), [None, None])
    np.testing.assert_array_equal(found.kept_35_steps, [1.0, 0.0])


def test_an_object_that_is_no_solid_is_the_callers_problem():
    inverted = BOX.copy()
    inverted.invert()
    with pytest.raises(SimulationError, match="volume"):
        measure_displacement(_hands(_plates(0.038)), inverted)
