"""Pictures of an object's best, median and worst grasp."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_evaluation.metrics.formatting import known, shown, title, unit

if TYPE_CHECKING:
    from fastgrasp_evaluation.metrics.hand_set import HandSet

# The columns that rank grasps; the second of each where only the legacy protocol was run.
_VOLUME = ("penetration_volume_cm3", "penetration_volume_surface_cm3")
_MOVED = ("displacement_six_directions_cm", "displacement_legacy_cm")


def rank_sums(grasps: list[dict]) -> list[float | None]:
    """Return the sum of each grasp's ranks in displacement and volume among the grasps of one object, lower is better.

    Ranks count from 1 (best), equal values share their mean rank. Without the simulator the volume alone counts. A
    grasp with a problem or without one of the figures has None. grasps: rows of report["objects"][i]["grasps"].
    """
    from scipy.stats import rankdata

    columns = [_values(grasps, _VOLUME), _values(grasps, _MOVED)]
    columns = [column for column in columns if np.isfinite(column).any()] or columns[:1]
    good = np.isfinite(columns).all(axis=0) & np.array([grasp.get("problem") is None for grasp in grasps], dtype=bool)
    total = np.full(len(grasps), np.nan)
    if good.any():
        total[good] = sum(rankdata(column[good]) for column in columns)
    return [float(value) if np.isfinite(value) else None for value in total]


def captions(grasps: list[dict]) -> list[str]:
    """Describe the main figures of each grasp, for `object_pictures`."""
    from fastgrasp_evaluation.metrics.protocols import COLUMNS, described

    columns = described(COLUMNS)
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
    hands: HandSet, mesh, order: np.ndarray | Sequence[float | None], panel: int = 260, views: int = 2,
    texts: Sequence[str] | None = None,
) -> list[tuple[str, bytes]]:
    """Draw the best, the median and the worst of the hands on one object.

    Args:
        mesh: `trimesh.Trimesh` in metres.
        order: for each hand a number, lower is better; None or NaN where it could not be measured. Such hands, and
            those with a problem, are not drawn, but the captions count them.
        panel: pixels of one view; the views are side by side.
        texts: for each hand words for its caption, from `captions`.

    Returns:
        Up to three (caption, PNG file); fewer where fewer than three hands could be measured.

    Raises:
        ValueError: order or texts do not have one entry for each hand.
    """
    from fastgrasp_model.pictures import hand_views
    from fastgrasp_model.pictures.scene import SceneObject

    for name, given in (("order", order), ("texts", texts)):
        if given is not None and len(given) != len(hands):
            raise ValueError(f"{name}: expected {len(hands)} entries, one for each hand, got {len(given)}")
    values = np.array([np.nan if value is None else value for value in order], dtype=float)
    values[[problem is not None for problem in hands.problems]] = np.nan
    measured = int(np.isfinite(values).sum())
    scene, answer = SceneObject(mesh), []
    for word, index in selected(values):
        keypoints = None if hands.keypoints is None else hands.keypoints[index]
        pictures = hand_views(hands.vertices[index], hands.faces[index], scene, keypoints, views, panel)
        caption = f"{word} of {measured}"
        if measured < len(values):
            caption += f" ({len(values) - measured} more not measurable)"
        if texts is not None and texts[index]:
            caption += f": {texts[index]}"
        answer.append((caption, _png(np.concatenate(pictures, axis=1))))
    return answer


def selected(values: np.ndarray) -> list[tuple[str, int]]:
    """Return ("best" | "median" | "worst", index) of values (B,), NaN where unknown; the first of equal values."""
    order = np.argsort(values, kind="stable")[: int(np.isfinite(values).sum())]
    words = {3: ("best", "median", "worst"), 2: ("best", "worst"), 1: ("best",), 0: ()}[min(len(order), 3)]
    places = {"best": 0, "median": (len(order) - 1) // 2, "worst": len(order) - 1}
    return [(word, int(order[places[word]])) for word in words]


def _values(grasps: list[dict], names: tuple[str, str]) -> np.ndarray:
    """Return the first of the columns that any grasp has, (B,), NaN where unknown."""
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
