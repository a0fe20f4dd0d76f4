"""Sheets of many grasps for looking at without a browser: hand and object from a side that shows both, with number,
object and type below."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastgrasp_model.render import caption_font, save_picture
from fastgrasp_model.render_scene import panel_picture
from fastgrasp_model.viewer.sets import BrowsableSet, ViewError
from fastgrasp_model.viewer.stage import ViewerScenes

CELL, COLUMNS = 260, 5
_CAPTION, _HEAD, _MARGIN, _GAP = 40, 34, 14, 8
_PAPER, _INK, _FAINT, _WARNING = (250, 251, 252), (52, 58, 66), (120, 128, 138), (170, 60, 40)


@dataclass(frozen=True)
class SheetPage:
    """Which grasps a sheet shows: page `number` (from 1) of pages of `size`; `seed` shuffles the grasps first."""

    number: int = 1
    size: int = 25
    seed: int | None = None

    def pages(self, count: int) -> int:
        """How many pages `count` grasps fill."""
        return math.ceil(count / self.size)

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The rows on this page. Raises ViewError where there are not so many pages."""
        if self.number > self.pages(len(rows)):
            pages = f"page {self.number} of {self.pages(len(rows))}"
            raise ViewError(f"{pages}: there are {len(rows)} grasps, {self.size} on a page; give a smaller --page")
        if self.seed is not None:
            rows = np.random.default_rng(self.seed).permutation(rows)
        return rows[(self.number - 1) * self.size : self.number * self.size]


def draw_sheet(
    grasps: BrowsableSet,
    rows: np.ndarray,
    path: str | Path,
    title: str = "",
    columns: int = COLUMNS,
    cell: int = CELL,
    stage: ViewerScenes | None = None,
) -> Path:
    """Write a picture of the grasps in `rows`, `columns` of them beside each other.

    Args:
        path: .png or .jpg, written in one step.
        title: a line above.
        cell: width and height of one picture in pixels.
        stage: what draws the set, if there is one already.

    Returns the path. Raises ViewError: no rows; OSError: the path cannot be written.
    """
    from PIL import Image, ImageDraw

    if not len(rows):
        raise ViewError("there are no grasps to draw")
    stage = stage or ViewerScenes(grasps)
    height, width = math.ceil(len(rows) / columns), min(columns, len(rows))
    head = _HEAD if title else 0
    size = (2 * _MARGIN + width * (cell + _GAP) - _GAP, 2 * _MARGIN + head + height * (cell + _CAPTION + _GAP) - _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((_MARGIN, _MARGIN + 8), title, fill=_INK, font=caption_font(16), anchor="lm")
    for i, row in enumerate(rows.tolist()):
        left = _MARGIN + (i % columns) * (cell + _GAP)
        top = _MARGIN + head + (i // columns) * (cell + _CAPTION + _GAP)
        sheet.paste(Image.fromarray(picture(grasps, stage, row, cell)), (left, top))
        _write_caption(draw, left + cell // 2, top + cell, cell, grasps, stage, row)
    return save_picture(sheet, path)


def picture(grasps: BrowsableSet, stage: ViewerScenes, row: int, size: int) -> np.ndarray:
    """One grasp, (size, size, 3) uint8 sRGB; the hand alone where its object cannot be made."""
    scene = stage.object(int(grasps.object_of[row]))
    drawn = panel_picture(scene, [stage.hand(row)], stage.side(row), size)
    paper = np.array(_PAPER) / 255
    flat = drawn[..., :3] + paper * (1 - drawn[..., 3:])
    return (flat * 255 + 0.5).clip(0, 255).astype(np.uint8)


def _write_caption(draw, middle: int, top: int, cell: int, grasps: BrowsableSet, stage: ViewerScenes, row: int) -> None:
    number = int(grasps.object_of[row])
    words = f"{row}  {grasps.objects[number]}"
    kind = grasps.grasp_types[grasps.type_of[row]]
    missing = " (object cannot be made)" if stage.why_missing(number) else ""
    for line, text, ink in ((11, words, _INK), (28, kind + missing, _WARNING if missing else _FAINT)):
        draw.text((middle, top + line), _fitting(draw, text, cell), fill=ink, font=caption_font(13), anchor="mm")


def _fitting(draw, text: str, width: int) -> str:
    """`text`, its end cut off where it is wider than `width` pixels."""
    while draw.textlength(text, font=caption_font(13)) > width and len(text) > 8:
        text = text[:-4].rstrip() + "..."
    return text
