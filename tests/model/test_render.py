"""The rasteriser against exact projections, and pictures that show what they should."""

import numpy as np
import pytest
import trimesh

from fastgrasp_model.rasteriser import Buffers, Camera, corner_normals, scan
from fastgrasp_model.render import hand_views, render_grasps, render_sheet
from fastgrasp_model.render_scene import SceneHand, SceneObject
from fastgrasp_model.shading import _shadow

SIZE = 200


def camera(points) -> Camera:
    return Camera.looking_at(
        np.zeros(3), np.array([0, -1.0, 0]), np.array([0, 0, 1.0]), np.asarray(points), SIZE, SIZE
    )


def test_a_ball_covers_its_disc_and_has_its_normals():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.05)
    corners = ball.vertices[ball.faces]
    buffers = Buffers(camera(ball.vertices))
    buffers.draw_mesh(corners, corner_normals(ball.vertices, ball.faces), (1, 0, 0), 3)
    seen = np.flatnonzero(np.isfinite(buffers.depth))
    distance = np.linalg.norm(buffers.camera.eye)
    radius = buffers.camera.focal * 0.05 / np.sqrt(distance**2 - 0.05**2)
    assert len(seen) == pytest.approx(np.pi * radius**2, rel=0.01)
    positions = buffers.positions(seen)
    assert np.linalg.norm(positions, axis=1) == pytest.approx(np.full(len(seen), 0.05), abs=2e-4)
    assert np.einsum("ni,ni->n", buffers.normal[seen], positions / 0.05).min() > 0.995
    assert (buffers.label[seen] == 3).all()


def test_the_nearer_surface_hides_the_other_whatever_the_order():
    near = trimesh.creation.box((0.02, 0.02, 0.02)).apply_translation((0, -0.04, 0))
    far = trimesh.creation.box((0.06, 0.02, 0.06)).apply_translation((0, 0.04, 0))
    pictures = []
    for order in ((near, far), (far, near)):
        buffers = Buffers(camera(far.vertices))
        for mesh in order:
            buffers.draw_mesh(
                mesh.triangles, corner_normals(mesh.vertices, mesh.faces), (1, 1, 1), 1 if mesh is near else 2
            )
        pictures.append(buffers.label.reshape(SIZE, SIZE))
    assert np.array_equal(*pictures)
    assert pictures[0][SIZE // 2, SIZE // 2] == 1
    assert (pictures[0] == 2).sum() > (pictures[0] == 1).sum() > 1000


def test_neighbouring_triangles_leave_no_gap_and_do_not_overlap():
    plate = trimesh.creation.box((0.0937, 0.1, 0.0861)).subdivide().subdivide().subdivide()
    plate.apply_translation((0.00123, 0, 0.00077))  # no edge runs through the middle of a pixel
    front = plate.triangles[plate.triangles_center[:, 1] < -0.0499]
    pixel, _, weights, depth = scan(camera(1.2 * plate.vertices).project(front), SIZE, SIZE, two_sided=False)
    assert len(np.unique(pixel)) == len(pixel)
    rows, columns = np.unique(pixel // SIZE), np.unique(pixel % SIZE)
    assert len(pixel) == len(rows) * len(columns)
    assert weights.min() > -1e-3 and weights.sum(axis=1) == pytest.approx(np.ones(len(pixel)), abs=1e-4)
    assert np.ptp(depth) < 1e-5


@pytest.mark.parametrize("parallel", [True, False])
def test_depth_inside_a_long_triangle_is_exact(parallel):
    corners = np.array([[-0.04, -0.1, -0.03], [0.05, 0.1, -0.02], [0.01, 0.08, 0.05]])
    view = camera(corners)
    projected = view.project(corners[None])
    if parallel:
        projected[..., :2] = corners[:, [0, 2]] * 1500 + SIZE / 2
    pixel, _, weights, depth = scan(projected, SIZE, SIZE, two_sided=True, parallel=parallel)
    points = weights @ corners
    again = view.project(points)
    if parallel:
        again[:, :2] = points[:, [0, 2]] * 1500 + SIZE / 2
    assert len(pixel) > 1000
    assert again[:, 2] == pytest.approx(depth, abs=1e-5)
    assert again[:, 0] == pytest.approx(pixel % SIZE + 0.5, abs=0.02)
    assert again[:, 1] == pytest.approx(pixel // SIZE + 0.5, abs=0.02)


def test_creases_stay_sharp_and_round_surfaces_smooth():
    box = trimesh.creation.box((1, 1, 1))
    assert np.allclose(corner_normals(box.vertices, box.faces), box.face_normals[:, None])
    ball = trimesh.creation.icosphere(subdivisions=3)
    assert np.allclose(corner_normals(ball.vertices, ball.faces), ball.vertices[ball.faces], atol=0.02)


def test_beads_are_drawn_where_the_points_are():
    buffers = Buffers(camera([[-0.05, 0, -0.05], [0.05, 0, 0.05]]))
    buffers.draw_beads(np.array([[0.02, 0.0, 0.03]]), 0.004, (1, 1, 1), 0)
    rows, columns = np.nonzero(np.isfinite(buffers.depth).reshape(SIZE, SIZE))
    expected = buffers.camera.project(np.array([0.02, 0.0, 0.03]))
    assert columns.mean() + 0.5 == pytest.approx(expected[0], abs=0.3)
    assert rows.mean() + 0.5 == pytest.approx(expected[1], abs=0.3)


def test_shadows_fall_behind_what_casts_them():
    lid = trimesh.creation.box((0.04, 0.04, 0.002)).apply_translation((0, 0, 0.05))
    places = np.array([[0, 0, 0], [0.015, 0, 0], [0.04, 0, 0], [0, 0, 0.06]], dtype=np.float32)
    up = np.array([0, 0, 1], dtype=np.float32)
    lit = _shadow(places, np.tile(up, (4, 1)), [(lid.triangles, False)], up)
    assert lit == pytest.approx([0, 0, 1, 1])


@pytest.fixture(scope="module")
def grasps():
    import torch

    from fastgrasp_model.grasps import Grasps
    from fastgrasp_model.hand import ManoLayer

    layer = ManoLayer.from_file()
    parameters = torch.zeros(2, 61)
    parameters[:, 13:58:3] = 0.1
    parameters[1, 58] = 0.02
    return Grasps.from_parameters(parameters, layer, score=np.array([0.9, 0.5]))


def read(path) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(path).convert("RGB"), dtype=float)


def coloured(picture: np.ndarray) -> tuple[float, float]:
    """Shares of the picture that are skin (red over blue) and object (blue over red)."""
    lead = picture[..., 0] - picture[..., 2]
    return float((lead > 25).mean()), float((lead < -25).mean())


def test_a_picture_shows_hand_and_object(grasps, tmp_path):
    mesh = trimesh.creation.box((0.06, 0.06, 0.06)).apply_translation((0, -0.05, 0))
    path = render_grasps(grasps, mesh, tmp_path / "deep" / "g.png", max_hands=2, title="a box", panel=120)
    picture = read(path)
    assert picture.shape[1] > 240 and picture.shape[0] > 240
    skin, thing = coloured(picture)
    assert skin > 0.05 and thing > 0.03
    assert np.median(picture) > 230  # paper
    assert [p.name for p in path.parent.iterdir()] == ["g.png"]


def test_clouds_and_nothing_can_stand_for_the_object(grasps, tmp_path):
    points = np.random.default_rng(0).uniform(-0.03, 0.03, size=(500, 3)) - (0, 0.05, 0)
    points[0] = np.nan
    assert coloured(read(render_grasps(grasps[0], points, tmp_path / "c.png", panel=100)))[1] > 0.02
    assert coloured(read(render_grasps(grasps[0].mirrored(), None, tmp_path / "n.png", panel=100)))[0] > 0.05


def test_a_sheet_has_a_panel_for_each_item(grasps, tmp_path):
    mesh = trimesh.creation.icosphere(radius=0.03)
    items = [(grasps, i % 2, mesh, f"ball {i}") for i in range(5)]
    wide = read(render_sheet(items, tmp_path / "s.png", columns=3, panel=60))
    narrow = read(render_sheet(items[:1], tmp_path / "t.png", columns=3, panel=60))
    assert wide.shape[1] > 2.5 * narrow.shape[1] - 60 and wide.shape[0] > 1.5 * narrow.shape[0]


def test_no_grasps_no_picture(grasps, tmp_path):
    with pytest.raises(ValueError, match="no grasps"):
        render_grasps(grasps[[]], None, tmp_path / "x.png")


def capsules() -> trimesh.Trimesh:
    """Four fingers without a palm, on no hand model's mesh."""
    fingers = [trimesh.creation.capsule(0.06, 0.008).apply_translation((0.025 * i, -0.07, 0)) for i in range(4)]
    return trimesh.util.concatenate(fingers)


def test_a_hand_of_any_topology_is_seen_from_several_sides(grasps):
    box = trimesh.creation.box((0.06, 0.06, 0.06))
    foreign = capsules()
    for vertices, faces, keypoints in (
        (grasps.vertices[0], grasps.faces, grasps.keypoints[0]),
        (grasps.vertices[0], grasps.faces, None),
        (foreign.vertices, foreign.faces, None),
        (foreign.vertices, foreign.faces[:-40], None),  # with a hole
    ):
        pictures = hand_views(vertices, faces, box, keypoints, views=2, panel=100)
        assert len(pictures) == 2 and not np.array_equal(*pictures)
        for picture in pictures:
            assert picture.shape == (100, 100, 3) and picture.dtype == np.uint8
            assert coloured(picture.astype(float))[0] > 0.05
        assert max(coloured(picture.astype(float))[1] for picture in pictures) > 0.02


def test_a_hand_whose_faces_look_inwards_looks_the_same():
    foreign, box = capsules(), trimesh.creation.box((0.06, 0.06, 0.06))
    (usual,) = hand_views(foreign.vertices, foreign.faces, box, views=1, panel=100)
    (turned,) = hand_views(foreign.vertices, foreign.faces[:, ::-1], box, views=1, panel=100)
    assert np.abs(usual.astype(float) - turned).mean() < 1.0


def test_only_a_mano_hand_is_smoothed_and_closed_by_a_flat_wrist(grasps):
    vertices, faces = grasps.vertices[0], grasps.faces
    smooth = SceneHand(vertices, faces)
    assert len(smooth.corners) == 4 * 1538 + 32  # and a fan over the 32 edges around the wrist
    assert np.array_equal(smooth.corners, SceneHand(vertices, faces[:1538]).corners)
    other = faces.copy()
    other[[0, -1]] = other[[-1, 0]]  # the same hand with its faces in another order
    assert len(SceneHand(vertices, other).corners) == len(faces)
    foreign = capsules()
    assert np.array_equal(SceneHand(foreign.vertices, foreign.faces).corners, foreign.triangles)


def test_one_hand_looks_as_in_a_picture_of_grasps(grasps, tmp_path):
    box = trimesh.creation.box((0.06, 0.06, 0.06)).apply_translation((0, -0.05, 0))
    (view,) = hand_views(grasps.vertices[0], grasps.faces, box, grasps.keypoints[0], views=1, panel=100)
    sheet = read(render_sheet([(grasps, 0, box, "")], tmp_path / "s.png", panel=100))
    panel = sheet[10:110, 10:110]
    assert np.abs(panel - view).mean() < 1.0  # the paper's shade differs a little


def test_an_object_prepared_once_draws_the_same(grasps):
    box = trimesh.creation.box((0.06, 0.06, 0.06))
    arguments = (grasps.vertices[0], grasps.faces)
    prepared = hand_views(*arguments, SceneObject(box), views=1, panel=60)
    assert np.array_equal(prepared, hand_views(*arguments, box, views=1, panel=60))


def test_hands_that_cannot_be_drawn_are_refused(grasps):
    broken = grasps.vertices[0].copy()
    broken[3] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        hand_views(broken, grasps.faces, None)
    with pytest.raises(ValueError, match=r"got \(778, 3\), \(0, 3\)"):
        hand_views(grasps.vertices[0], grasps.faces[:0], None)
    with pytest.raises(ValueError, match=r"got \(778, 2\)"):
        hand_views(grasps.vertices[0][:, :2], grasps.faces, None)
