"""Shape parameters fitted to a person's own rest hand (GRAB's `rh_vtemp`).

GRAB poses a rest mesh of each person; our 61 parameters have ten betas instead. Betas and an offset are fitted by least
squares between the two rest meshes, both with the wrist joint, the centre of the global rotation, at the origin. The
fitted hand goes to the person's wrist plus the rotated offset. The residual rotates with the hand, so it has the same
size in every frame (bent fingers change it little); the reader reports it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear

from fastgrasp_evaluation.datasets.records import RecordHand
from fastgrasp_model.hand.conventions import rest_wrist

MOST = 5.0  # standard deviations; beyond them the shapes are implausible


@dataclass(frozen=True)
class TemplateFit:
    """Fitted betas (10,), J0 `wrist` (3,) of the person's hand, offset (3,), rms and largest distance; metres."""

    betas: np.ndarray
    wrist: np.ndarray
    offset: np.ndarray
    rms: float
    largest: float

    def transl(self, transl: np.ndarray, rotations: np.ndarray, hand: RecordHand) -> np.ndarray:
        """Return the fitted hand's translations (N, 3) from the person's (N, 3) and global rotations (N, 3, 3)."""
        return transl + self.wrist - rest_wrist(self.betas[None], hand.layer) + rotations @ self.offset

    def error_text(self) -> str:
        """Return rms and largest distance in millimetres."""
        return f"{1000 * self.rms:.2f} mm rms, {1000 * self.largest:.2f} mm at most"


def fit_template(template: np.ndarray, hand: RecordHand) -> TemplateFit:
    """Fit the betas of `hand`, within `MOST`, to a rest mesh (778, 3) in metres. Raises ValueError for another mesh."""
    template = np.asarray(template, dtype=np.float64)
    model = hand.model
    if template.shape != model["v_template"].shape or not np.isfinite(template).all():
        raise ValueError(f"expected a rest mesh (778, 3) of finite numbers, got {template.shape}")
    wrist_row = model["J_regressor"][0]
    wrist = wrist_row @ template
    shapes = model["shapedirs"] - np.einsum("v,vxk->xk", wrist_row, model["shapedirs"])
    columns = np.concatenate([shapes, np.tile(np.eye(3), (len(shapes), 1, 1))], axis=2)  # (778, 3, 10 + 3)
    target = (template - wrist) - (model["v_template"] - wrist_row @ model["v_template"])
    bounds = np.array([MOST] * (columns.shape[2] - 3) + [np.inf] * 3)
    solved = lsq_linear(columns.reshape(-1, columns.shape[2]), target.reshape(-1), (-bounds, bounds)).x
    distance = np.linalg.norm(target - columns @ solved, axis=1)
    return TemplateFit(solved[:-3], wrist, solved[-3:], float(np.sqrt((distance**2).mean())), float(distance.max()))
