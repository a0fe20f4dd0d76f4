"""Arguments of one `read_hands` call, and checks of a file's values against them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fastgrasp_evaluation.formats.errors import HandFileError
from fastgrasp_model.hand import SIDES

if TYPE_CHECKING:
    from fastgrasp_model.hand.mano_layer import ManoLayer

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}  # metres
_OPEN_HAND = "open hand"
_MANO_REMEDY = "Give the MANO file that the grasps were made with (--mano MANO_RIGHT.pkl, layer_for in Python)"


@dataclass(frozen=True)
class ReadRequest:
    """One call of `read_hands`; `layers` caches the results of `layer_for` by side."""

    path: Path
    layer_for: Callable[[str], ManoLayer] | None
    side: str | None
    unit: str
    object_name: str | None
    layers: dict[str, ManoLayer] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """Return the metres in one unit."""
        return UNITS[self.unit]

    def at(self, path: Path, unit: str | None = None) -> ReadRequest:
        """Return the same request for another file, and another unit if given."""
        return replace(self, path=path, unit=unit or self.unit)

    def error(self, message: object) -> HandFileError:
        """Return a HandFileError about this path."""
        return HandFileError(self.path, message)

    def numbers(self, content: dict[str, np.ndarray], key: str) -> np.ndarray:
        """Return an array of the file as float64. Raises HandFileError if it holds no numbers."""
        array = np.asarray(content[key])
        if array.dtype.kind not in "fiu":
            raise self.error(f"'{key}' has type {array.dtype}, expected numbers.")
        return array.astype(np.float64)

    def texts(self, content: dict[str, np.ndarray], key: str, count: int) -> list[str] | None:
        """Return one string for each of `count` hands from one or (count,), None without the key."""
        if key not in content:
            return None
        found = np.asarray(content[key])
        if found.dtype.kind != "U" or found.shape not in ((), (1,), (count,)):
            raise self.error(
                f"'{key}' has shape {found.shape} and type {found.dtype}, expected one string, or one for each hand."
            )
        return [str(text) for text in np.broadcast_to(found, (count,))]

    def layer(self, side: str) -> ManoLayer:
        """Return the hand layer of a side, loaded on first use. Raises HandModelError."""
        if side not in self.layers:
            if self.layer_for is None:
                from fastgrasp_model.hand.mano_layer import ManoLayer

                self.layers[side] = ManoLayer.from_file(side=side)
            else:
                self.layers[side] = self.layer_for(side)
        return self.layers[side]

    def mano_layer(self, side: str, what: str) -> ManoLayer:
        """Return the layer of a side for `what`, which needs a MANO file. Raises HandFileError for the open hand."""
        layer = self.layer(side)
        if layer.name == _OPEN_HAND:
            raise self.error(f"{what}, which the open hand does not share with MANO. {_MANO_REMEDY}.")
        return layer

    def hand_side(self, found: object, where: str = "the file") -> str:
        """Return the side that the source gives (`found`, or None), else the caller's, else "right".

        Raises HandFileError for another word, and if source and caller contradict each other.
        """
        if found is None:
            return self.side or "right"
        if str(found) not in SIDES:
            raise self.error(f"{where} gives side {str(found)!r}, expected 'right' or 'left'.")
        if self.side is not None and self.side != str(found):
            raise self.error(f"{where} says side {str(found)!r}, the caller says {self.side!r}. Leave out --side.")
        return str(found)
