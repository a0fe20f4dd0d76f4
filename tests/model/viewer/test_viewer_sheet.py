"""Sheets of grasps, and the sides they are seen from."""

import numpy as np
import pytest
import trimesh
from PIL import Image

from fastgrasp_model.render_scene import SceneHand, SceneObject
from fastgrasp_model.viewer.sets import ViewError
from fastgrasp_model.viewer.sheet import SheetPage, draw_sheet, picture
from fastgrasp_model.viewer.sides import best_side

CELL = 64


def test_pages_follow_each_other_and_cover_everything():
    rows = np.arange(100, 160)
    pages = [SheetPage(number, 25).of(rows).tolist() for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [25, 25, 10]
    assert sum(pages, []) == rows.tolist()
    mixed = [SheetPage(number, 25, seed=4).of(rows).tolist() for number in (1, 2, 3)]
    assert sorted(sum(mixed, [])) == rows.tolist() and mixed[0] != pages[0]
    assert mixed[1] == SheetPage(2, 25, seed=4).of(rows).tolist() != SheetPage(2, 25, seed=5).of(rows).tolist()


def test_a_page_too_far():
    with pytest.raises(ViewError, match="page 4 of 3: there are 60 grasps, 25 on a page; give a smaller --page"):
        SheetPage(4, 25).of(np.arange(60))


def test_size_and_difference(few_grasps, stage, tmp_path):
    drawn = []
    for name, rows in (("a", [0, 1, 2, 3, 14, 15]), ("b", [4, 5, 6, 7, 16, 17])):
        path = draw_sheet(few_grasps, np.array(rows), tmp_path / "new" / f"{name}.png", "Few", cell=CELL, stage=stage)
        drawn.append(np.asarray(Image.open(path), dtype=int))
    assert drawn[0].shape == drawn[1].shape == (2 * 14 + 34 + 2 * (CELL + 48) - 8, 2 * 14 + 5 * (CELL + 8) - 8, 3)
    cells = [[sheet[48 : 48 + CELL, 14 + i * 72 : 14 + i * 72 + CELL] for i in range(5)] for sheet in drawn]
    assert all(np.abs(a - b).max() > 30 for a, b in zip(*cells, strict=True))
    assert list((tmp_path / "new").glob(".*")) == []


def test_hand_and_object_are_both_in_the_picture_and_whole(few_grasps, stage):
    drawn = picture(few_grasps, stage, 3, 120).astype(int)
    red_over_blue = drawn[..., 0] - drawn[..., 2]
    assert (red_over_blue > 20).sum() > 500  # skin
    assert (red_over_blue < -20).sum() > 200  # the object
    border = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
    assert np.abs(border - [250, 251, 252]).max() <= 2  # nothing is cut off


def test_an_object_that_cannot_be_made_leaves_the_hand(few_grasps, stage, tmp_path):
    path = draw_sheet(few_grasps, np.array([30]), tmp_path / "a.png", cell=200, stage=stage)
    drawn = np.asarray(Image.open(path), dtype=int)
    assert ((drawn[..., 0] - drawn[..., 2]) > 60).any()  # the words in red, and skin
    assert not ((drawn[..., 0] - drawn[..., 2]) < -20).any()
    assert stage.why_missing(30 * 0 + 2) and not stage.why_missing(0)


def test_no_rows(few_grasps, tmp_path):
    with pytest.raises(ViewError, match="no grasps to draw"):
        draw_sheet(few_grasps, np.array([], dtype=int), tmp_path / "a.png")


@pytest.mark.parametrize("axis", [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)])
def test_the_side_is_not_behind_a_large_object(layer, axis):
    """A board stands beside the hand: it is looked at from the other side."""
    from fastgrasp_model.grasps import Grasps

    posed = Grasps.from_parameters(np.zeros((1, 61), dtype=np.float32), layer)
    hand = SceneHand(posed.vertices[0], posed.faces, posed.keypoints[0])
    axis = np.array(axis, dtype=float)
    board = trimesh.creation.box(np.where(axis != 0, 0.01, 0.5))
    board.apply_translation(hand.points.mean(axis=0) + 0.13 * axis)
    assert best_side(SceneObject(board), hand, posed.keypoints[0]) @ axis < 0.3
