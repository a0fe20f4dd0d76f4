"""The pybullet protocol: free fall, a held box, the cache, and silence on stdout."""

import numpy as np
import pytest
import trimesh

pytest.importorskip("pybullet")
from fastgrasp_model.metrics.simulation import DIRECTIONS, GraspSimulator, decomposition

FREE_FALL = 0.1068


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTGRASP_CACHE", str(tmp_path))


@pytest.fixture
def box():
    return trimesh.creation.box((0.04, 0.06, 0.08))


def _hand(gap: float):
    """Two thick plates with `gap` between them, as one mesh; x is the direction they press in."""
    plates = [
        trimesh.creation.box((0.02, 0.05, 0.05)).subdivide().apply_translation((side * (gap / 2 + 0.01), 0, 0))
        for side in (-1, 1)
    ]
    return trimesh.util.concatenate(plates)


def test_free_fall_is_the_cap_of_the_protocol(box):
    far = _hand(0.04).apply_translation((1.0, 0, 0))
    with GraspSimulator(box, "legacy") as simulator:
        moved = simulator.displacement(far.vertices, far.faces)
    assert np.allclose(moved, FREE_FALL, atol=5e-4)


def test_a_clamped_box_moves_less_and_hands_are_replaced(box):
    tight, far = _hand(0.036), _hand(0.04).apply_translation((1.0, 0, 0))
    with GraspSimulator(box, "legacy") as simulator:
        held = simulator.displacement(tight.vertices, tight.faces, DIRECTIONS[:2])
        free = simulator.displacement(far.vertices, far.faces, DIRECTIONS[:1])
        again = simulator.displacement(tight.vertices, tight.faces, DIRECTIONS[:2])
    assert held.max() < 0.02 and free[0] > 0.1
    assert np.allclose(held, again, atol=2e-3)


def test_a_limit_ends_the_asking(box):
    far = _hand(0.04).apply_translation((1.0, 0, 0))
    with GraspSimulator(box, "legacy") as simulator:
        moved = simulator.displacement(far.vertices, far.faces, limit=0.02)
    assert moved[0] > 0.1 and np.isinf(moved[1:]).all()


def test_fast_agrees_on_the_plain_cases(box):
    tight, far = _hand(0.038), _hand(0.04).apply_translation((1.0, 0, 0))
    with GraspSimulator(box, "fast") as simulator:
        assert simulator.displacement(tight.vertices, tight.faces).max() < 0.02
        assert np.allclose(simulator.displacement(far.vertices, far.faces), FREE_FALL, atol=3e-3)


def test_the_decomposition_is_kept_by_content(box, tmp_path):
    with GraspSimulator(box, "legacy"):
        pass
    (kept,) = (tmp_path / "vhacd").glob("*.obj")
    stamp = kept.stat().st_mtime_ns
    from fastgrasp_model.metrics.simulation import VHACD

    assert decomposition(box.vertices - box.vertices.mean(0), box.faces, VHACD) == kept
    assert kept.stat().st_mtime_ns == stamp
    decomposition(box.vertices * 1.1, box.faces, VHACD)
    assert len(list((tmp_path / "vhacd").glob("*.obj"))) == 2


def test_nothing_is_printed(box, capfd):
    with GraspSimulator(box, "legacy") as simulator:
        hand = _hand(0.036)
        simulator.displacement(hand.vertices, hand.faces, DIRECTIONS[:1])
    assert capfd.readouterr().out == ""


def test_an_unknown_preset_is_refused(box):
    with pytest.raises(ValueError, match="legacy, fast"):
        GraspSimulator(box, "quick")
