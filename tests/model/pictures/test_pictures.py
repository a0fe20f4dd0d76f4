"""Ray casts against exact projections, and pictures that show what they should."""

import numpy as np
import pytest
import trimesh

from fastgrasp_model.pictures import PictureError, camera, hand_views, render_grasps, render_sheet
from fastgrasp_model.pictures.camera import Camera, Caster
from fastgrasp_model.pictures.scene import MOST_VIEWS, UP, SceneHand, SceneObject, directions
from fastgrasp_model.pictures.shading import panel
from fastgrasp_model.pictures.sheets import compose, save_picture

SIZE = 120
BOX = trimesh.creation.box((0.06, 0.06, 0.06))


def test_a_ball_covers_its_disc_and_is_hit_on_its_surface():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.05)
    camera = Camera.framing(ball.vertices, (0, -1, 0), UP, SIZE, SIZE)
    hits = Caster(ball.triangles).first(camera.eye, camera.rays())
    distance = np.linalg.norm(camera.eye)
    radius = camera.focal * 0.05 / np.sqrt(distance**2 - 0.05**2)
    assert len(hits.ray) == pytest.approx(np.pi * radius**2, rel=0.02)
    assert np.linalg.norm(hits.position, axis=1) == pytest.approx(np.full(len(hits.ray), 0.05), abs=2e-4)
    corners = np.einsum("nk,nki->ni", hits.weights, ball.triangles[hits.face])
    assert np.abs(corners - hits.position).max() < 1e-5
    assert np.einsum("ni,ni->n", hits.facing, hits.position).min() > 0


def test_the_nearer_triangle_is_hit_and_blocks_light():
    lid = trimesh.creation.box((0.04, 0.04, 0.002)).apply_translation((0, 0, 0.05))
    places = np.array([[0, 0, 0], [0.015, 0, 0], [0.04, 0, 0], [0, 0, 0.06]])
    caster = Caster(np.concatenate([lid.triangles, BOX.triangles - [0, 0, 0.2]]))
    assert caster.blocked(places, np.array([[0.0, 0.0, 1.0]])).tolist() == [True, True, False, False]
    assert not caster.blocked(places, np.array([[0.0, 0.0, 1.0]]), within=0.02).any()
    down = caster.first(np.array([0.0, 0.0, 0.3]), np.array([[0.0, 0.0, -1.0]]))
    assert down.position[0, 2] == pytest.approx(0.051, abs=1e-6) and down.face[0] < len(lid.faces)


@pytest.mark.parametrize("direction", [(0, 0, 1), (0, 0, -1), (1, 0, 0), (0.3, -0.4, 0.8)])
def test_a_box_fills_the_frame_from_every_side_also_from_straight_above(direction):
    scene = SceneObject(BOX)
    picture = panel([scene], Camera.framing(scene.points, direction, UP, 60, 60), UP)
    assert np.isfinite(picture).all() and 0.4 < picture[..., 3].mean() < 0.95
    assert picture[1:-1, 1:-1].min() >= 0 and picture.max() <= 1 + 1e-6


@pytest.mark.parametrize("up", [(0, 0, 1), (0, 0, 5), (1, 1, 1), (-1, -1, -1), (1e-9, 0, 0)])
def test_looking_along_up_is_seen_as_from_any_side(up):
    """From straight above and below, whatever is up and however long it is."""
    scene = SceneObject(BOX)
    for direction in (up, np.negative(up)):
        camera = Camera.framing(scene.points, direction, up, 40, 40)
        assert camera.rotation @ camera.rotation.T == pytest.approx(np.eye(3), abs=1e-12)
        picture = panel([scene], camera, np.divide(up, np.linalg.norm(up)))
        assert np.isfinite(picture).all() and 0.3 < picture[..., 3].mean() < 0.95


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"direction": (0, 0, 0)}, "direction of a camera is three finite numbers"),
        ({"direction": (np.nan, 0, 1)}, "direction of a camera is three finite numbers"),
        ({"direction": (1, 0)}, "direction of a camera is three finite numbers"),
        ({"up": (0, 0, 0)}, "up of a camera is three finite numbers"),
        ({"up": (0, 0, np.inf)}, "up of a camera is three finite numbers"),
        ({"width": 0}, "1 pixel or more, got 0 x 20"),
        ({"height": -3}, "1 pixel or more, got 20 x -3"),
        ({"points": np.zeros((0, 3))}, "nothing to look at"),
        ({"points": np.full((2, 3), np.nan)}, "nothing to look at"),
    ],
)
def test_a_camera_that_cannot_be_says_why(changes, message):
    usual = {"points": BOX.vertices, "direction": (1, 0, 0), "up": UP, "width": 20, "height": 20}
    with pytest.raises(ValueError, match=message):
        Camera.framing(**{**usual, **changes})


@pytest.mark.parametrize("shown", [np.zeros((1, 3)), np.array([[0, 0, 0], [0.1, 0, 0]]), np.full((3, 3), 0.2)])
def test_few_points_are_seen_from_outside(shown):
    scene = SceneObject(shown)
    picture = panel([scene], Camera.framing(scene.points, (1, 1, 0), UP, 60, 60), UP)
    assert 0.001 < picture[..., 3].mean() < 0.95


def test_a_flat_object_is_drawn_from_its_edge_too():
    flat = SceneObject(trimesh.Trimesh([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0]], [[0, 1, 2]], process=False))
    for direction in ((0, 0, 1), (1, 0, 0)):
        assert np.isfinite(panel([flat], Camera.framing(flat.points, direction, UP, 40, 40), UP)).all()


def test_an_empty_scene_is_an_empty_picture():
    assert not panel([SceneObject(None)], Camera.framing(np.zeros((1, 3)), (1, 0, 0), UP, 20, 20), UP).any()


def test_what_is_not_finite_in_a_mesh_is_left_out():
    broken = BOX.copy()
    vertices = np.array(broken.vertices)
    vertices[0] = np.nan
    scene = SceneObject(trimesh.Trimesh(vertices, broken.faces, process=False))
    assert np.isfinite(scene.points).all() and 0 < len(scene.triangles) < len(broken.faces)


def test_triangles_prepared_apart_are_hit_as_together():
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.04).apply_translation((0.03, 0, 0))
    camera = Camera.framing(scene_mesh(BOX, ball).vertices, (1, 0.5, 0.4), UP, 50, 50)
    rays = camera.rays()
    apart = Caster.together([Caster(BOX.triangles), Caster(np.zeros((0, 3, 3))), Caster(ball.triangles)])
    together = Caster(np.concatenate([BOX.triangles, ball.triangles]))
    one, other = apart.first(camera.eye, rays), together.first(camera.eye, rays)
    assert np.array_equal(one.ray, other.ray) and np.array_equal(one.face, other.face)
    assert np.abs(one.position - other.position).max() < 1e-6 and np.abs(one.facing - other.facing).max() < 1e-9
    eyes = np.broadcast_to(camera.eye, rays.shape)
    assert np.array_equal(apart.blocked(eyes, rays), together.blocked(eyes, rays))


def test_shadow_darkens_what_lies_behind_the_light():
    """A plate lit from above the camera's shoulder is darker below a box than beside it."""
    plate = trimesh.creation.box((0.3, 0.3, 0.01))
    cover = trimesh.creation.box((0.06, 0.06, 0.01)).apply_translation((0, 0, 0.05))
    camera = Camera.framing(scene_mesh(plate, cover).vertices, (0, -0.6, 0.8), UP, SIZE, SIZE)
    meshes = scene_mesh(plate, cover), plate
    with_cover, alone = (panel([SceneObject(mesh)], camera, UP)[..., :3].sum(-1) for mesh in meshes)
    assert (alone - with_cover > 0.15 * alone.max()).mean() > 0.01


def scene_mesh(*meshes: trimesh.Trimesh) -> trimesh.Trimesh:
    return trimesh.util.concatenate(list(meshes))


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


@pytest.mark.parametrize("number", [0, -1])
def test_numbers_below_one_are_refused(grasps, tmp_path, number):
    path = tmp_path / "x.png"
    for name in ("views", "max_hands", "panel"):
        with pytest.raises(ValueError, match=f"{name} is 1 or more, got {number}"):
            render_grasps(grasps, BOX, path, **{name: number})
    for name in ("columns", "panel"):
        with pytest.raises(ValueError, match=f"{name} is 1 or more, got {number}"):
            render_sheet([(grasps, 0, BOX, "")], path, **{name: number})
    for name in ("views", "panel"):
        with pytest.raises(ValueError, match=f"{name} is 1 or more, got {number}"):
            hand_views(grasps.vertices[0], grasps.faces, BOX, **{name: number})
    assert not path.exists()


def test_a_picture_too_large_for_memory_is_refused_before_the_work(grasps, tmp_path):
    for draw in (
        lambda: render_grasps(grasps, BOX, tmp_path / "x.png", panel=6000),
        lambda: render_sheet([(grasps, 0, BOX, "")] * 2000, tmp_path / "x.png", columns=1, panel=40),
    ):
        with pytest.raises(PictureError, match="panels of .* pixels is too large"):
            draw()


def test_another_ending_is_refused(tmp_path):
    for name in ("x.gif", "x", "x.webp"):
        with pytest.raises(PictureError, match="ends in .png or .jpg or .jpeg"):
            save_picture(compose([[(np.zeros((9, 9, 4)), "")]], 9, None), tmp_path / name)
    assert save_picture(compose([[(np.zeros((9, 9, 4)), "")]], 9, None), tmp_path / "x.JPG").is_file()


def test_many_sides_are_all_different(grasps):
    scene, hand = SceneObject(BOX), SceneHand(grasps.vertices[0], grasps.faces)
    found = np.array(directions(scene, hand, MOST_VIEWS, size=20))
    assert len(np.unique(found.round(6), axis=0)) == MOST_VIEWS
    with pytest.raises(ValueError, match=f"from 1 to {MOST_VIEWS} sides, got {MOST_VIEWS + 1}"):
        directions(scene, hand, MOST_VIEWS + 1)


def test_grasps_count_from_0_as_in_the_arrays(grasps, tmp_path, monkeypatch):
    from fastgrasp_model.pictures import sheets

    captions = []
    monkeypatch.setattr(
        sheets, "compose", lambda rows, *more: captions.extend(words for _, words in rows[0]) or compose(rows, *more)
    )
    render_grasps(grasps, BOX, tmp_path / "g.png", views=1, panel=30)
    assert captions == ["grasp 0   score 0.90", "grasp 1   score 0.50"]


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
    assert np.abs(usual.astype(float) - turned).mean() < 2.0


def test_only_a_mano_hand_is_subdivided(grasps):
    vertices, faces = grasps.vertices[0], grasps.faces
    assert len(SceneHand(vertices, faces).triangles) == 4 * len(faces)
    assert len(SceneHand(vertices, faces[:1538]).triangles) == 4 * 1538
    foreign = capsules()
    assert len(SceneHand(foreign.vertices, foreign.faces).triangles) == len(foreign.faces)


def test_a_sheet_prepares_each_object_once(grasps, tmp_path, monkeypatch):
    from fastgrasp_model.pictures import sheets

    made = []
    monkeypatch.setattr(sheets, "SceneObject", lambda mesh: made.append(1) or SceneObject(mesh))
    render_sheet([(grasps, 0, BOX, ""), (grasps, 1, BOX, ""), (grasps, 0, BOX, "")], tmp_path / "s.png", panel=40)
    assert len(made) == 1


def test_triangles_are_handed_to_embree_once_for_each_object_and_hand(grasps, tmp_path, monkeypatch):
    made = []
    build = camera._Part.__init__
    monkeypatch.setattr(camera._Part, "__init__", lambda part, triangles: made.append(1) or build(part, triangles))
    render_sheet([(grasps, 0, BOX, ""), (grasps, 1, BOX, ""), (grasps, 0, BOX, "")], tmp_path / "s.png", panel=40)
    assert len(made) == 1 + 3
    made.clear()
    render_grasps(grasps, BOX, tmp_path / "g.png", views=2, panel=40)
    assert len(made) == 1 + 2


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
    with pytest.raises(ValueError, match="faces of vertices outside 0 to 777"):
        hand_views(grasps.vertices[0], grasps.faces + 1, None)
    with pytest.raises(ValueError, match=r"got \(778, 2\)"):
        hand_views(grasps.vertices[0][:, :2], grasps.faces, None)
