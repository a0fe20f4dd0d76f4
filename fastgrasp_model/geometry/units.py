"""Units of length that files come in, and what a size says about the unit."""

from __future__ import annotations

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254}  # metres
_NAMES = {"mm": "millimetres", "cm": "centimetres", "inch": "inches"}
_GRASPABLE = (0.025, 0.6)  # metres, longest side of nearly every object that one hand holds


def likely_units(extent: float) -> list[str]:
    """Return the units other than metres in which an object of this longest side has the size of a graspable one."""
    low, high = _GRASPABLE
    return [unit for unit in _NAMES if low <= extent * UNITS[unit] <= high]


def unit_remedy(extent: float, otherwise: str = "", option: bool = True) -> str:
    """Return what to do about an object too long to be in metres, as the end of a sentence and one more.

    Such as "it looks like millimetres. Scale it to metres (times 0.001; on the command line --unit mm)."
    otherwise: what else it could be, such as ", or a whole scene"; option: whether to name --unit.
    """
    units = likely_units(extent)
    if not units:
        return f"no usual unit makes it an object for a hand{otherwise}. Scale it to metres."
    names = " or ".join(_NAMES[unit] for unit in units)
    factors = " or ".join(f"times {UNITS[unit]:g}" for unit in units)
    named = f"; on the command line {' or '.join(f'--unit {unit}' for unit in units)}" if option else ""
    return f"it looks like {names}{otherwise}. Scale it to metres ({factors}{named})."
