"""Figures as text: digits, units and dashes. A `column` is a value of report["columns"]."""

from __future__ import annotations

import math

DASH = "–"
_UNITS = {"cm3": "cm³", "deg": "°"}
_ARROWS = {"lower": "↓", "higher": "↑"}


def known(value: object) -> float | None:
    """Return a finite number as it is, and None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def shown(column: dict, value: object) -> str:
    """Format a value of a column: percent for shares, the column's digits, a dash for an unknown value."""
    value = known(value)
    if value is None:
        return DASH
    text = f"{scaled(column, value):.{column['digits']}f}"
    return text.lstrip("-") if float(text) == 0 else text


def scaled(column: dict, value: float) -> float:
    """Return a value in the unit of tables: a share in percent."""
    return 100.0 * value if column["unit"] == "%" else value


def unit(column: dict) -> str:
    return _UNITS.get(column["unit"], column["unit"])


def title(column: dict) -> str:
    """Return a column's title in one line."""
    return " ".join(column["title"].split())


def arrow(column: dict) -> str:
    return _ARROWS.get(column["better"], "")


def deviation(cell: dict) -> tuple[float | None, str]:
    """Return the standard deviation of a cell of report["table"], over "seeds", else over "k-means starts"."""
    over_seeds = known(cell.get("sd"))
    return (known(cell.get("kmeans_sd")), "k-means starts") if over_seeds is None else (over_seeds, "seeds")
