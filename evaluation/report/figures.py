"""Figures as text: digits, units and dashes."""

from __future__ import annotations

import math

DASH = "–"
SEEDS, KMEANS = "seeds", "k-means starts"  # what a spread is over
_UNITS = {"cm3": "cm³", "deg": "°", "%": "%", "cm": "cm", "nats": "nats", "": ""}


def known(value: object) -> float | None:
    """A finite number, or None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def shown(column: dict, value: object) -> str:
    """A value of a column as text: percent for shares, the column's digits, a dash for what is not known."""
    value = known(value)
    if value is None:
        return DASH
    text = f"{scaled(column, value):.{column['digits']}f}"
    return text.lstrip("-") if float(text) == 0 else text


def scaled(column: dict, value: float) -> float:
    """A value in the unit of tables: a share in percent."""
    return 100.0 * value if column["unit"] == "%" else value


def unit(column: dict) -> str:
    return _UNITS.get(column["unit"], column["unit"])


def title(column: dict) -> str:
    """A column's title in one line."""
    return " ".join(column["title"].split())


def arrow(column: dict) -> str:
    return {"lower": "↓", "higher": "↑"}.get(column["better"], "")


def spread(cell: dict) -> tuple[float | None, str]:
    """The spread of a cell of report["table"] and what it is over: seeds, or k-means starts where there is one seed."""
    if known(cell.get("sd")) is not None:
        return known(cell["sd"]), SEEDS
    return known(cell.get("kmeans_sd")), KMEANS


def tenths(value: object) -> str:
    """A number with one digit, or a dash."""
    value = known(value)
    return DASH if value is None else f"{value:.1f}"
