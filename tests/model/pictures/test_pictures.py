"""Ray casts against exact projections, and pictures that show what they should."""

import numpy as np
import pytest
import trimesh

from fastgrasp_model.pictures import hand_views, render_grasps, render_sheet
from fastgrasp_model.pictures.camera import Camera, Caster
from fastgrasp_model.pictures.scene import UP, SceneHand, SceneObject
from fastgrasp_model.pictures.shading import panel

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
