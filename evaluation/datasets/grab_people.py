"""What both forms of GRAB share: its splits, where to get it, and the hands fitted to its people's rest meshes."""

from __future__ import annotations

import numpy as np

from fastgrasp_evaluation.datasets.records import DatasetError, RecordHand
from fastgrasp_evaluation.datasets.template import TemplateFit, fit_template

# grab/grab_preprocessing.py; all other objects are for training
SPLIT_OBJECTS = {
    "test": ("mug", "wineglass", "camera", "binoculars", "fryingpan", "toothpaste"),
    "val": ("apple", "toothbrush", "elephant", "hand"),
}
WHERE = (
    "Register at https://grab.is.tue.mpg.de, accept GRAB's licence (non-commercial research), download the GrabNet "
    "data (or GRAB itself) and its object meshes, and unpack them as docs/datasets.md shows."
)


def fitted(template: object, hand: RecordHand, where: str) -> TemplateFit:
    """`fit_template` with an error that names the file."""
    try:
        return fit_template(np.asarray(template, dtype=np.float64), hand)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{where}: {error}. {WHERE}") from error


def fit_notes(fits: dict[str, TemplateFit]) -> tuple[str, ...]:
    """One sentence on what the betas of all people cost."""
    if not fits:
        return ()
    worst = max(fits, key=lambda person: fits[person].rms)
    betas = max(float(np.abs(fit.betas).max()) for fit in fits.values())
    return (
        f"betas fitted to the rest hands of {len(fits)} people, largest {betas:.1f}; farthest from its person's mesh "
        f"is that of {worst}: {fits[worst].said()}, in every frame",
    )
