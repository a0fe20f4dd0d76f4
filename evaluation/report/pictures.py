"""Pictures of an object's best, median and worst grasp."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_evaluation.report.figures import known, shown, title, unit

if TYPE_CHECKING:
    from fastgrasp_evaluation.metrics.hand_set import HandSet

# What a grasp is judged by, with what stands in where only the legacy protocol was run.
_VOLUME = ("penetration_volume_cm3", "penetration_volume_surface_cm3")
_MOVED = ("displacement_six_directions_cm", "displacement_legacy_cm")


def badness(grasps: list[dict]) -> list[float | None]:
    """How bad each grasp of one object is, to choose among them: the sum of its ranks in displacement and volume.

    Ranks count from 1 (best), equal values share their mean rank. Without the simulator the volume decides alone.

    Args:
        grasps: rows of report["objects"][i]["grasps"].

    Returns:
        For each grasp its badness, or None where it has a problem or lacks one of the figures.
    """
    from scipy.stats import rankdata

    columns = [_values(grasps, _VOLUME), _values(grasps, _MOVED)]
    columns = [column for column in columns if np.isfinite(column).any()] or columns[:1]
    good = np.isfinite(columns).all(axis=0) & np.array([grasp.get("problem") is None for grasp in grasps], dtype=bool)
    total = np.full(len(grasps), np.nan)
    if good.any():
        total[good] = sum(rankdata(column[good]) for column in columns)
    return [float(value) if np.isfinite(value) else None for value in total]


def captions(grasps: list[dict], columns: dict[str, dict] | None = None) -> list[str]:
    """The main figures of each grasp in words, for `object_pictures`; columns: report["columns"], or the program's."""
    from fastgrasp_evaluation.metrics.protocols import COLUMNS, described

    columns = columns or described(COLUMNS)
    texts = []
    for grasp in grasps:
        names = [next((n for n in pair if known(grasp.get(n)) is not None), None) for pair in (_VOLUME, _MOVED)]
        parts = [f"{title(columns[n])} {shown(columns[n], grasp[n])} {unit(columns[n])}" for n in names if n]
        held = known(grasp.get("held_1s_share"))
        if held is not None:
            parts.append("held 1 s" if held else "not held")
        texts.append(", ".join(parts))
    return texts


def object_pictures(
    hands: HandSet,
    mesh,
    order: np.ndarray | Sequence[float | None],
    panel: int = 260,
    views: int = 2,
    texts: Sequence[str] | None = None,
) -> list[tuple[str, bytes]]:
    """The best, the median and the worst of the hands on one object.

    Args:
        mesh: `trimesh.Trimesh` in metres.
        order: badness of each hand, lower is better; None or NaN where it could not be measured. Such hands, and
            those with a problem, are not drawn, but the captions count them.
        panel: pixels of one view; the views stand side by side.
        texts: for each hand words for its caption, as from `captions`.

    Returns:
        Up to three (caption, PNG file); fewer where fewer than three hands could be measured.

    Raises:
        ValueError: order or texts do not have one entry for each hand.
    """
    from fastgrasp_model.render import hand_views
    from fastgrasp_model.render_scene import SceneObject

    for name, given in (("order", order), ("texts", texts)):
        if given is not None and len(given) != len(hands):
            raise ValueError(f"{name}: expected {len(hands)} entries, one for each hand, got {len(given)}")
    bad = np.array([np.nan if value is None else value for value in order], dtype=float)
    bad[[problem is not None for problem in hands.problems]] = np.nan
    scene, answer = SceneObject(mesh), []
    for word, index in chosen(bad):
        keypoints = None if hands.keypoints is None else hands.keypoints[index]
        pictures = hand_views(hands.vertices[index], hands.faces[index], scene, keypoints, views, panel)
        caption = f"{word} of {np.isfinite(bad).sum()}"
        if not np.isfinite(bad).all():
            caption += f" ({np.isnan(bad).sum()} more not measurable)"
        if texts is not None and texts[index]:
            caption += f": {texts[index]}"
        answer.append((caption, _png(np.concatenate(pictures, axis=1))))
    return answer


def chosen(bad: np.ndarray) -> list[tuple[str, int]]:
    """("best" | "median" | "worst", index) of badness (B,) with NaN for what is not known; the first of equals, and
    of an even number the better of the two in the middle."""
    order = np.argsort(bad, kind="stable")[: int(np.isfinite(bad).sum())]
    if len(order) == 0:
        return []
    places = {0: "best", (len(order) - 1) // 2: "median", len(order) - 1: "worst"} if len(order) > 2 else {0: "best"}
    if len(order) == 2:
        places[1] = "worst"
    return [(word, int(order[place])) for place, word in sorted(places.items())]


def _values(grasps: list[dict], names: tuple[str, str]) -> np.ndarray:
    """(B,) the first of the columns that any grasp knows, NaN where unknown."""
    for name in names:
        values = np.array([np.nan if (v := known(grasp.get(name))) is None else v for grasp in grasps], dtype=float)
        if np.isfinite(values).any():
            return values
    return np.full(len(grasps), np.nan)


def _png(picture: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()
