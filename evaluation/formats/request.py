"""What the caller said about the grasps, and the hand layers it takes to understand them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fastgrasp_evaluation.formats.errors import HandFileError
from fastgrasp_model.hand import SIDES

if TYPE_CHECKING:
    from fastgrasp_model.hand.mano_layer import ManoLayer

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}  # metres
_OPEN_HAND = "open hand"
_MANO_REMEDY = "Give the MANO file that the grasps were made with (--mano MANO_RIGHT.pkl, layer_for in Python)"


@dataclass(frozen=True)
class ReadRequest:
    """One call of `read_hands`; `layers` keeps what `layer_for` gave, by side."""

    path: Path
    layer_for: Callable[[str], ManoLayer] | None
    side: str | None
    unit: str
    object_name: str | None
    layers: dict[str, ManoLayer] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """Metres in one unit."""
        return UNITS[self.unit]

    def at(self, path: Path, unit: str | None = None) -> ReadRequest:
        """The same request for another file, and for another unit where that is given."""
        return replace(self, path=path, unit=unit or self.unit)

    def error(self, message: object) -> HandFileError:
        """A HandFileError about this path."""
        return HandFileError(self.path, message)

    def layer(self, side: str) -> ManoLayer:
        """The hand layer of a side, loaded on first use. Raises HandModelError where its file is wrong."""
        if side not in self.layers:
            if self.layer_for is None:
                from fastgrasp_model.hand.mano_layer import ManoLayer

                self.layers[side] = ManoLayer.from_file(side=side)
            else:
                self.layers[side] = self.layer_for(side)
        return self.layers[side]

    def mano_layer(self, side: str, what: str) -> ManoLayer:
        """The layer of a side if it comes from the user's MANO file. Raises HandFileError: `what` needs it."""
        layer = self.layer(side)
        if layer.name == _OPEN_HAND:
            raise self.error(f"{what}, which the open hand does not share with MANO. {_MANO_REMEDY}.")
        return layer

    def hand_side(self, found: object, where: str = "the file") -> str:
        """The side that the source names (None where it does not), else the caller's, else "right".

        Raises HandFileError for another word, and where source and caller contradict each other.
        """
        if found is None:
            return self.side or "right"
        if str(found) not in SIDES:
            raise self.error(f"{where} gives side {str(found)!r}, expected 'right' or 'left'.")
        if self.side is not None and self.side != str(found):
            raise self.error(f"{where} says side {str(found)!r}, the caller says {self.side!r}. Leave out --side.")
        return str(found)
