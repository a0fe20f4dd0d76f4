"""Sheets of many grasps of a set, to look at without a browser."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np

from fastgrasp_model.viewer.sets import BrowsableSet, ViewError

COLUMNS = 5


def page_of(rows: np.ndarray, page: int, size: int, seed: int | None = None) -> np.ndarray:
    """Return the rows on a page (from 1) of `size` grasps, shuffled first where there is a seed.

    Raises ViewError where there are not so many pages.
    """
    pages = math.ceil(len(rows) / size)
    if page > pages:
        many = f"there are {len(rows)} grasps, {size} on a page"
        raise ViewError(f"page {page} of {pages}: {many}; give a smaller --page")
    if seed is not None:
        rows = np.random.default_rng(seed).permutation(rows)
    return rows[(page - 1) * size : page * size]


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
    return "  ".join(filter(None, (str(facts.get("number", row)), facts["object"], kind, score)))


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
