"""Sheets of many grasps of a set, to look at without a browser."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from fastgrasp_model.viewer.sets import BrowsableSet, ViewError

COLUMNS = 5


@dataclass(frozen=True)
class SheetPage:
    """Which grasps a sheet shows: page `number` (from 1) of pages of `size`; `seed` shuffles the grasps first."""

    number: int = 1
    size: int = 25
    seed: int | None = None

    def pages(self, count: int) -> int:
        """Return how many pages `count` grasps fill."""
        return math.ceil(count / self.size)

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows on this page. Raises ViewError where there are not so many pages."""
        if self.number > self.pages(len(rows)):
            pages = f"page {self.number} of {self.pages(len(rows))}"
            raise ViewError(f"{pages}: there are {len(rows)} grasps, {self.size} on a page; give a smaller --page")
        if self.seed is not None:
            rows = np.random.default_rng(self.seed).permutation(rows)
        return rows[(self.number - 1) * self.size : self.number * self.size]


def mesh_of(grasps: BrowsableSet, number: int) -> tuple[object, str]:
    """Return an object of a set and "", or None and why it cannot be made."""
    try:
        return grasps.mesh(number), ""
    except ValueError as error:
        return None, str(error)


def caption(grasps: BrowsableSet, row: int, missing: str = "") -> str:
    """Return number, object, type and score of a grasp, as far as they are known."""
    facts = grasps.facts(row)
    score = f"score {facts['score']:.2f}" if "score" in facts else ""
    kind = "(cannot be made)" if missing else facts.get("type", "").replace("_", " ")
    return "  ".join(filter(None, (str(row), facts["object"], kind, score)))


def draw_sheet(
    grasps: BrowsableSet, rows: np.ndarray, path: str | Path, title: str = "", columns: int = COLUMNS, panel: int = 260
) -> Path:
    """Write a picture of the grasps in `rows`, each with its number, object and type below.

    path: .png or .jpg; columns: grasps beside each other; panel: size of one in pixels. Where an object cannot be made
    the hand is drawn alone, and the caption says so. Raises ViewError: no rows; OSError: the path cannot be written.
    """
    from fastgrasp_model.pictures import render_sheet

    if not len(rows):
        raise ViewError("there are no grasps to draw")
    find = lru_cache(None)(lambda number: mesh_of(grasps, number))
    posed, items = grasps.grasps(rows), []
    for i, row in enumerate(rows.tolist()):
        mesh, missing = find(int(grasps.object_of[row]))
        items.append((posed, i, mesh, caption(grasps, row, missing)))
    return render_sheet(items, path, min(columns, len(items)), title or None, panel)
