"""Sheets of grasps of a set."""

import numpy as np
import pytest
from PIL import Image

from fastgrasp_model.viewer.sets import ViewError
from fastgrasp_model.viewer.sheet import draw_sheet, page_of


def test_pages_follow_each_other_and_cover_everything():
    rows = np.arange(100, 160)
    pages = [page_of(rows, number, 25).tolist() for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [25, 25, 10]
    assert sum(pages, []) == rows.tolist()
    mixed = [page_of(rows, number, 25, seed=4).tolist() for number in (1, 2, 3)]
    assert sorted(sum(mixed, [])) == rows.tolist() and mixed[0] != pages[0]
    assert mixed[1] == page_of(rows, 2, 25, seed=4).tolist() != page_of(rows, 2, 25, seed=5).tolist()


def test_a_page_too_far():
    with pytest.raises(ViewError, match="page 4 of 3: there are 60 grasps, 25 on a page; give a smaller --page"):
        page_of(np.arange(60), 4, 25)


def test_hand_and_object_are_drawn_where_the_object_can_be_made(few_grasps, tmp_path):
    path = draw_sheet(few_grasps, np.array([3, 30]), tmp_path / "new" / "a.png", columns=1, panel=120)
    drawn = np.asarray(Image.open(path), dtype=int)
    both, alone = np.array_split(drawn, 2)
    for part, has_object in ((both, True), (alone, False)):
        red_over_blue = part[..., 0] - part[..., 2]
        assert (red_over_blue > 20).sum() > 500  # skin
        assert ((red_over_blue < -20).sum() > 200) == has_object
    assert list((tmp_path / "new").glob(".*")) == []


def test_captions(few_grasps, monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr("fastgrasp_model.pictures.render_sheet", lambda items, *words: drawn.extend(items))
    draw_sheet(few_grasps, np.array([3, 30]), tmp_path / "a.png")
    assert [item[-1] for item in drawn] == ["3  mug:1  tripod", "30  mug:7  (cannot be made)"]
    assert [item[1] for item in drawn] == [0, 1] and drawn[0][2] is not None and drawn[1][2] is None


def test_no_rows(few_grasps, tmp_path):
    with pytest.raises(ViewError, match="no grasps to draw"):
        draw_sheet(few_grasps, np.array([], dtype=int), tmp_path / "a.png")
