"""What is exported (`ExportScene`) and what writes it (`Exporter`)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_model.geometry.clouds import MIN_EXTENT
from fastgrasp_model.geometry.meshes import LARGEST_OBJECT
from fastgrasp_model.geometry.units import unit_remedy
from fastgrasp_model.grasps import Grasps

if TYPE_CHECKING:
    import trimesh

SKIN, OBJECT = (230, 158, 122), (150, 160, 175)  # sRGB
# From a frame with this axis up to glTF's frame: x stays, z goes to y, y to -z.
TO_Y_UP = {"y": np.eye(4), "z": np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])}
FAR = 0.1  # metres between the object and the nearest hand, from which on they hardly belong together


class ExportError(ValueError):
    """Something cannot be written in a format; the message names the remedy."""


@dataclass(frozen=True)
class ExportScene:
    """Hands, and perhaps the object, in one frame; metres.

    `numbers` are those of the grasps in their file; `object` is a mesh, a cloud (N, 3), of which the finite points are
    kept, or None; `up` is the axis of the frame that points up, "z" or "y". Raises ExportError for no grasps, and for
    an object of a size that is no object's in metres; warns (UserWarning) where the object is far from all hands.
    """

    grasps: Grasps
    numbers: tuple[int, ...]
    object: trimesh.Trimesh | np.ndarray | None = None
    up: str = "z"

    def __post_init__(self) -> None:
        if not len(self.grasps):
            raise ExportError("there are no grasps to export; generate some, or choose others")
        if self.object_is_cloud:
            points = self.object_points.reshape(-1, 3)
            object.__setattr__(self, "object", points[np.isfinite(points).all(axis=1)])
        if self.object is not None:
            _check_object(self.object_points, self.grasps.vertices)

    @property
    def names(self) -> list[str]:
        """Return the name of each hand, such as grasp_0: its number in the grasp file."""
        return [f"grasp_{number}" for number in self.numbers]

    @property
    def object_points(self) -> np.ndarray:
        """Return the object's vertices or points (N, 3)."""
        return np.asarray(getattr(self.object, "vertices", self.object))

    @property
    def object_is_cloud(self) -> bool:
        """Return whether there is an object without faces."""
        return self.object is not None and not hasattr(self.object, "faces")

    def facts(self, row: int) -> dict[str, object]:
        """Return what is known of the hand in a row, as plain values for a file's metadata."""
        return {"number": self.numbers[row], "score": float(self.grasps.score[row]), "side": self.grasps.side}

    def singles(self) -> list[ExportScene]:
        """Return a scene for each hand, all with the object."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the whole scene has warned
            return [replace(self, grasps=self.grasps[i], numbers=(n,)) for i, n in enumerate(self.numbers)]


class Exporter:
    """Writes scenes as files of one format. `endings` are those of the files, the usual one first."""

    endings: tuple[str, ...]

    def write(self, path: Path, scene: ExportScene) -> None:
        """Write a scene to one file, atomically. Raises ExportError, MissingExtraError or OSError."""
        raise NotImplementedError

    def rigged(self, hand: Path | None) -> Exporter:
        """Return the exporter of the same format for hands with a skeleton; `hand`: their model, default the open hand.

        Raises ExportError where the format has none.
        """
        raise ExportError("a hand with a skeleton is written as .glb only; use --to glb with --rigged")


def linear(colour: tuple[int, int, int]) -> list[float]:
    """Return an sRGB colour as linear numbers from 0 to 1, as glTF and USD have them."""
    share = np.array(colour) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4).tolist()


def _check_object(points: np.ndarray, hands: np.ndarray) -> None:
    """Check size and place of the object's points (N, 3) beside hands (B, V, 3)."""
    if not len(points):
        raise ExportError("the object has no finite point; give its mesh, or a cloud with points")
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    if extent > LARGEST_OBJECT:
        raise ExportError(f"the object is {extent:.3g} m long, the hands 0.2 m; {unit_remedy(extent)}")
    if extent < MIN_EXTENT:
        wanted = "it looks scaled twice. Give it in metres, or its own --unit."
        raise ExportError(f"the object is {extent:.3g} m long, expected at least {MIN_EXTENT} m: {wanted}")
    outside = np.maximum(np.maximum(low - hands, hands - high), 0)
    gap = float(np.linalg.norm(outside, axis=-1).min())
    if gap > FAR:
        told = "is it in the frame of the cloud that the grasps were generated for?"
        warnings.warn(f"the object is {gap:.2g} m from the nearest hand; {told}", stacklevel=4)
