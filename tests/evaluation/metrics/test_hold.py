"""The one-second hold against what paper and pencil say: pinches, plates, rings of fingers; a hand round a bar."""

import dataclasses

import numpy as np
import pytest
import trimesh

from fastgrasp_evaluation.metrics.hold import HoldSettings, HoldTest, skin_pieces
from fastgrasp_evaluation.metrics.simulation import SimulationError

SETTINGS = HoldSettings()
BOX = trimesh.creation.box((0.04, 0.06, 0.08))
PAD = 0.02  # metres, edge of a square pad
# 61 parameters of the open hand round a bar of radius 23.35 mm along z
GRIP = [
    0.939, -0.333, -0.187, -0.113, -0.751, 1.296, 1.816, -0.402, 0.228, -0.235, 1.183, -1.677, 1.088, 0.113,
    0.232, 0.357, 0.078, 0.039, 0.702, 0.039, 0.024, 0.227, -0.02, -0.199, 0.302, -0.106, 0.008, 0.663,
    -0.103, 0.035, 0.662, -0.74, -0.05, 0.834, -0.414, 0.056, 0.603, -0.151, 0.042, 0.269, -0.219, 0.053,
    0.629, -0.235, -0.023, 0.771, -0.129, -0.001, 0.407, 0.964, -0.034, 0.049, 0.101, -0.261, 0.285, 0.129,
    -0.21, 0.171, -0.177, -0.03, 0.08,
]  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("FASTGRASP_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def _pads(depth: float, half: float = 0.02):
    """Two pads on either side of the box along x, `depth` metres inside its faces."""
    pads = [
        trimesh.creation.box((PAD, PAD, PAD)).apply_translation((side * (half + PAD / 2 - depth), 0, 0))
        for side in (-1, 1)
    ]
    return trimesh.util.concatenate(pads)


def _depth_for(force: float) -> float:
    """Depth at which a pad presses with `force` newtons."""
    return force / (SETTINGS.stiffness * PAD**2) - SETTINGS.squeeze


def test_a_pinch_holds_from_half_the_weight_over_the_friction_on():
    least = 9.8 / (2 * 0.8)  # newtons on either pad
    test = HoldTest(BOX)
    for force, holds in ((0.95 * least, False), (1.05 * least, True)):
        pads = _pads(_depth_for(force))
        moved = test(pads.vertices, pads.faces)
        assert (moved[:2] < 0.001).all()  # along x the pads are in the way
        assert (moved[2:] < 0.02).all() == holds
        assert test.held(pads.vertices, pads.faces) == holds


@pytest.mark.parametrize("depth", [0.001, 0.002, 0.003])
def test_a_pinched_box_sinks_by_what_springs_give(depth):
    pads = _pads(depth)
    moved = HoldTest(BOX)(pads.vertices, pads.faces)
    assert moved == pytest.approx(9.8 / (2 * SETTINGS.stiffness * PAD**2), rel=0.05)  # k along and across alike


def test_friction_is_what_holds():
    pads = _pads(0.001)  # 120 N on either pad
    for friction, holds in ((0.038, False), (0.044, True)):
        settings = dataclasses.replace(SETTINGS, friction=friction)
        assert HoldTest(BOX, settings).held(pads.vertices, pads.faces) == holds


def test_a_box_on_one_plate_falls():
    plate = trimesh.creation.box((0.1, 0.1, 0.02)).apply_translation((0, 0, -0.05 + 0.001))
    test = HoldTest(BOX)
    down = test(plate.vertices, plate.faces, np.array([[0, 0, -1.0]]))
    up = test(plate.vertices, plate.faces, np.array([[0, 0, 1.0]]))
    assert down[0] < 0.02 <= up[0] and not test.held(plate.vertices, plate.faces)


def _ring(count: int, degrees: float, depth: float = 0.0):
    """Round fingertips about the z axis, spread over an arc, in touch with a cylinder of radius 25 mm."""
    angles = np.radians(degrees) * (np.arange(count) / count if degrees == 360 else np.linspace(-0.5, 0.5, count))
    tips = [
        trimesh.creation.icosphere(3, 0.008).apply_translation((0.033 - depth) * np.array([np.cos(a), np.sin(a), 0]))
        for a in angles
    ]
    return trimesh.util.concatenate(tips)


def test_a_cylinder_in_a_ring_of_fingers_holds_and_in_an_arc_escapes():
    test = HoldTest(trimesh.creation.cylinder(0.025, 0.12, sections=96))
    for count, degrees, holds in ((5, 360, True), (6, 220, True), (6, 90, False)):
        ring = _ring(count, degrees, depth=0.001)
        assert test.held(ring.vertices, ring.faces) == holds, degrees


def test_free_fall_takes_as_long_as_it_should():
    far = _pads(0).apply_translation((1.0, 0, 0))
    settings = dataclasses.replace(SETTINGS, duration=0.05)
    moved = HoldTest(BOX, settings)(far.vertices, far.faces)
    steps = round(0.05 / SETTINGS.step)
    assert np.allclose(moved, 9.8 * SETTINGS.step**2 * steps * (steps + 1) / 2)


def test_the_cut_into_triangles_and_the_step_do_not_matter():
    pads, fine = _pads(0.0), _pads(0.0).subdivide().subdivide().subdivide()
    test = HoldTest(BOX)
    coarse = test(pads.vertices, pads.faces)
    assert np.allclose(test(fine.vertices, fine.faces), coarse, rtol=0.05)
    halved = dataclasses.replace(SETTINGS, step=SETTINGS.step / 4)
    assert np.allclose(HoldTest(BOX, halved)(pads.vertices, pads.faces), coarse, rtol=0.05)


def test_an_object_at_rest_stays_at_rest():
    pads = _pads(0.0)
    moved = HoldTest(BOX)(pads.vertices, pads.faces)
    patient = dataclasses.replace(SETTINGS, rest=0.0)  # never ends before the second is over
    assert np.allclose(HoldTest(BOX, patient)(pads.vertices, pads.faces), moved, atol=1e-5)


def test_pieces_of_skin_cover_the_surface():
    ball = trimesh.creation.icosphere(2, 0.03)
    places, normals, areas = skin_pieces(ball.vertices, ball.faces, 0.004)
    assert areas.sum() == pytest.approx(ball.area, rel=0.02)
    assert ((places * normals).sum(1) / np.linalg.norm(places, axis=1) > 0.98).all()


def test_a_hand_closed_round_a_bar_holds_it_and_an_open_palm_does_not():
    torch = pytest.importorskip("torch")
    from fastgrasp_model.hand import ManoLayer

    layer = ManoLayer.from_file()
    faces = layer.closed_faces.numpy()
    closed = layer.from_parameters(torch.tensor([GRIP])).vertices[0].numpy()
    bar = trimesh.creation.cylinder(0.02335, 0.15, sections=64)
    moved = HoldTest(bar)(closed, faces)
    assert (moved < 0.005).all()
    away = trimesh.transformations.rotation_matrix(0.7, (1, 2, 3), (0.1, 0, 0))  # the frame does not matter
    turned = HoldTest(bar.copy().apply_transform(away))
    assert turned.held(trimesh.transform_points(closed, away), faces)

    flat = layer.v_template.numpy()
    palm = flat[(np.abs(flat[:, 0] - 0.02) < 0.012) & (np.abs(flat[:, 2]) < 0.03)]
    lying = bar.copy().apply_translation((0.02, palm[:, 1].min() - 0.02335 + 0.0005, 0))
    assert not HoldTest(lying).held(flat, faces)


def test_a_damaged_grid_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("FASTGRASP_CACHE", str(tmp_path))
    pads = _pads(0.0)
    first = HoldTest(BOX)(pads.vertices, pads.faces)
    (kept,) = (tmp_path / "distance").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    assert (HoldTest(BOX)(pads.vertices, pads.faces) == first).all() and kept.read_bytes() == whole
    stamp = kept.stat().st_mtime_ns
    HoldTest(BOX)
    assert kept.stat().st_mtime_ns == stamp


def test_what_is_no_solid_and_no_hand_is_refused():
    inverted = BOX.copy()
    inverted.invert()
    with pytest.raises(SimulationError, match="volume"):
        HoldTest(inverted)
    with pytest.raises(SimulationError, match="name vertex"):
        HoldTest(BOX)(_pads(0).vertices[:3], _pads(0).faces)
