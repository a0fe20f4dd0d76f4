"""How well the generator's score predicts which grasps hold.

The measured grasps are divided into thirds by their score, within each cloud and over all clouds, and the area under
the ROC curve of "held 1 s" is computed (0.5: the score says nothing, 1: it separates perfectly). No grasp is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fastgrasp_evaluation.metrics.summary import mean_of

THIRDS = ("best third", "middle third", "last third")
SHOWN = ("held_1s_share", "displacement_six_directions_cm", "penetration_volume_cm3", "contact_thumb_and_two_share")


def add_scores(report: dict, scores: Mapping[tuple[str, int], np.ndarray]) -> None:
    """Add its score to every grasp of a report, and the part "score" to the report.

    scores: (B,) in the order of the grasps' numbers, by (object, seed). The part holds "of_cloud" and "of_all", a list
    of three rows each (count, mean score, means of columns), and "held_auc", None where all or no grasps hold.
    """
    groups = []
    for row in report["objects"]:
        for grasp in row["grasps"]:
            found = scores.get((row["object"], grasp["seed"]))
            grasp["score"] = None if found is None else float(found[grasp["index"]])
        for seed in sorted({grasp["seed"] for grasp in row["grasps"]}):
            groups.append(_scored([grasp for grasp in row["grasps"] if grasp["seed"] == seed]))
    all_grasps = [grasp for group in groups for grasp in group]
    if not all_grasps:
        return
    parted = [_in_thirds(group) for group in groups if len(group) > 2]
    report["score"] = {
        "of_cloud": [_row(name, [g for part in parted for g in part[i]]) for i, name in enumerate(THIRDS)],
        "of_all": [_row(name, part) for name, part in zip(THIRDS, _in_thirds(all_grasps), strict=True)],
        "held_auc": _auc(all_grasps, "held_1s_share"),
    }


def score_lines(part: dict) -> list[str]:
    """Describe the part "score" of a report in lines of text."""
    lines = []
    for title, rows in (("among the grasps of a cloud", part["of_cloud"]), ("among all grasps", part["of_all"])):
        if all(row["held_1s_share"] is not None for row in rows):
            held = ", ".join(f"{row['name']} {100 * row['held_1s_share']:.0f} %" for row in rows)
            lines.append(f"held 1 s, by the score {title}: {held}")
    if part["held_auc"] is not None:
        lines.append(f"area under the ROC curve of the score for holding: {part['held_auc']:.2f}")
    return lines


def _scored(grasps: list[dict]) -> list[dict]:
    return [grasp for grasp in grasps if grasp["problem"] is None and grasp["score"] is not None]


def _in_thirds(grasps: list[dict]) -> list[list[dict]]:
    """Split by falling score; if the number is no multiple of three, the first thirds get one more."""
    ranked = sorted(grasps, key=lambda grasp: -grasp["score"])
    return [[ranked[i] for i in part] for part in np.array_split(np.arange(len(ranked)), 3)]


def _row(name: str, grasps: list[dict]) -> dict:
    means = {column: mean_of(grasps, column) if grasps and column in grasps[0] else None for column in SHOWN}
    return {"name": name, "count": len(grasps), "score": mean_of(grasps, "score"), **means}


def _auc(grasps: list[dict], column: str) -> float | None:
    """Return the probability that a grasp of value 1 scores above one of value 0; ties count half."""
    from scipy.stats import mannwhitneyu

    good = [grasp["score"] for grasp in grasps if grasp.get(column) is not None and grasp[column] > 0.5]
    bad = [grasp["score"] for grasp in grasps if grasp.get(column) is not None and grasp[column] <= 0.5]
    if not good or not bad:
        return None
    return float(mannwhitneyu(good, bad, method="asymptotic").statistic / (len(good) * len(bad)))
