"""Parts common to both forms of GRAB: splits, source, and hands fitted to the rest meshes of its people."""

from __future__ import annotations

import numpy as np

from fastgrasp_evaluation.datasets.records import DatasetError, GraspRecords, ObjectMesh, RecordHand
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
    """Run `fit_template`. Raises DatasetError naming the file."""
    try:
        return fit_template(np.asarray(template, dtype=np.float64), hand)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{where}: {error}. {WHERE}") from error


def grab_records(
    parameters: np.ndarray, names: list[str], meshes: dict[str, ObjectMesh], fits: dict[str, TemplateFit],
    hand: RecordHand, split: str, frames: list[str],
) -> GraspRecords:
    """Return GRAB's records of hands (N, 61) in the frames of the mesh files."""
    centres = {name: mesh.centre() for name, mesh in meshes.items()}
    parameters[:, 58:] -= np.stack([centres[name] for name in names])
    return GraspRecords.of(
        parameters, names, meshes, source="GRAB", split=split, hand=hand.name, frames=tuple(frames),
        notes=(*hand.notes(), *_fit_notes(fits)),
    )  # fmt: skip


def _fit_notes(fits: dict[str, TemplateFit]) -> tuple[str, ...]:
    if not fits:
        return ()
    worst = max(fits, key=lambda person: fits[person].rms)
    betas = max(float(np.abs(fit.betas).max()) for fit in fits.values())
    return (
        f"betas fitted to the rest hands of {len(fits)} people, largest {betas:.1f}; farthest from its person's mesh "
        f"is that of {worst}: {fits[worst].error_text()}, in every frame",
    )
