"""What the generator's score is worth: do the grasps that it prefers hold more often?

Nothing is chosen by it here. The measured grasps are set in thirds by their score, among the grasps of one cloud and
among all, beside the area under the curve of holding (0.5: the score knows nothing, 1: it knows all).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fastgrasp_evaluation.metrics.summary import mean_of

THIRDS = ("best third", "middle third", "last third")
SHOWN = ("held_1s_share", "displacement_six_directions_cm", "penetration_volume_cm3", "contact_thumb_and_two_share")


def add_scores(report: dict, scores: Mapping[tuple[str, int], np.ndarray]) -> None:
    """Give every grasp of a report its score, and the report its part "score".

    scores: of (object, seed), (B,) in the order of the grasps' numbers. The part holds "of_cloud" and "of_all", a list
    of three rows each (count, mean score, means of columns), and "held_auc", None where all or none hold.
    """
    groups = []
    for row in report["objects"]:
        for grasp in row["grasps"]:
            known = scores.get((row["object"], grasp["seed"]))
            grasp["score"] = None if known is None else float(known[grasp["index"]])
        for seed in sorted({grasp["seed"] for grasp in row["grasps"]}):
            groups.append(_measured([grasp for grasp in row["grasps"] if grasp["seed"] == seed]))
    everything = [grasp for group in groups for grasp in group]
    if not everything:
        return
    parted = [_in_thirds(group) for group in groups if len(group) > 2]
    report["score"] = {
        "of_cloud": [_row(name, [g for part in parted for g in part[i]]) for i, name in enumerate(THIRDS)],
        "of_all": [_row(name, part) for name, part in zip(THIRDS, _in_thirds(everything), strict=True)],
        "held_auc": _auc(everything, "held_1s_share"),
    }


def score_lines(part: dict) -> list[str]:
    """The part "score" of a report as lines of text."""
    lines = []
    for title, rows in (("among the grasps of a cloud", part["of_cloud"]), ("among all grasps", part["of_all"])):
        if all(row["held_1s_share"] is not None for row in rows):
            held = ", ".join(f"{row['name']} {100 * row['held_1s_share']:.0f} %" for row in rows)
            lines.append(f"held 1 s, by the score {title}: {held}")
    if part["held_auc"] is not None:
        lines.append(f"area under the curve of the score for holding: {part['held_auc']:.2f}")
    return lines


def _measured(grasps: list[dict]) -> list[dict]:
    return [grasp for grasp in grasps if grasp["problem"] is None and grasp["score"] is not None]


def _in_thirds(grasps: list[dict]) -> list[list[dict]]:
    """Best scores first; where three do not divide them, the first thirds get one more."""
    ranked = sorted(grasps, key=lambda grasp: -grasp["score"])
    return [[ranked[i] for i in part] for part in np.array_split(np.arange(len(ranked)), 3)]


def _row(name: str, grasps: list[dict]) -> dict:
    means = {column: mean_of(grasps, column) if grasps and column in grasps[0] else None for column in SHOWN}
    return {"name": name, "count": len(grasps), "score": mean_of(grasps, "score"), **means}


def _auc(grasps: list[dict], column: str) -> float | None:
    """Chance that a grasp of value 1 has a better score than one of value 0; ties count half."""
    from scipy.stats import rankdata

    known = [grasp for grasp in grasps if grasp.get(column) is not None]
    value = np.array([grasp[column] > 0.5 for grasp in known], dtype=bool)
    if not known or value.all() or not value.any():
        return None
    rank = rankdata([grasp["score"] for grasp in known])
    good = int(value.sum())
    return float((rank[value].sum() - good * (good + 1) / 2) / (good * (len(known) - good)))
