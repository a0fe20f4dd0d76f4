"""Small plots as places in percent, which the page draws as SVG that keeps its letters readable on a phone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fastgrasp_evaluation.report.figures import known, scaled, shown, spread, title, unit

_LANES = (0, -5, 5, -9, 9)  # pixels by which dots at the same place move apart


@dataclass(frozen=True)
class Dot:
    x: float  # percent of the width
    lane: int  # pixels from the middle
    kind: str  # "held", "lost" or ""
    tip: str


@dataclass(frozen=True)
class Strip:
    """One line of dots. middle: of the median, percent, or None; note: what is not among the dots."""

    label: str
    dots: list[Dot]
    middle: float | None
    median: str
    note: str


@dataclass(frozen=True)
class StripPlot:
    """ticks: (percent, text)."""

    name: str
    title: str
    unit: str
    scale: str
    ticks: list[tuple[float, str]]
    strips: list[Strip]
    has_held: bool


def main_columns(report: dict) -> list[str]:
    """The volume and the displacement of the first protocol that has them."""
    for pair in (
        ("penetration_volume_cm3", "displacement_six_directions_cm"),
        ("penetration_volume_surface_cm3", "displacement_legacy_cm"),
    ):
        if pair[0] in report["columns"]:
            return [name for name in pair if name in report["columns"]]
    return []


def strip_plot(report: dict, name: str) -> StripPlot | None:
    """Every grasp of every object as a dot; None where no grasp knows the column."""
    column = report["columns"][name]
    values = [v for row in report["objects"] for g in row["grasps"] if (v := known(g.get(name))) is not None]
    if not values:
        return None
    place, ticks, scale = _axis([scaled(column, value) for value in values])
    strips = [_strip(row, name, column, place) for row in report["objects"]]
    held = any(known(g.get("held_1s_share")) is not None for row in report["objects"] for g in row["grasps"])
    return StripPlot(name, title(column), unit(column), scale, ticks, strips, held)


def _strip(row: dict, name: str, column: dict, place) -> Strip:
    found = [(known(grasp.get(name)), grasp) for grasp in row["grasps"]]
    found = sorted(((value, grasp) for value, grasp in found if value is not None), key=lambda pair: pair[0])
    dots, last, crowd = [], -1.0, 0
    for value, grasp in found:
        x = round(place(scaled(column, value)), 1)
        crowd = crowd + 1 if x - last < 0.8 and dots else 0
        last = last if crowd else x
        tip = f"seed {grasp['seed']}, grasp {grasp['index']}: {shown(column, value)} {unit(column)}"
        dots.append(Dot(x, _LANES[crowd % len(_LANES)], _kind(grasp), tip))
    missing = row["count"] - len(found)
    note = "refused" if row["refused"] is not None else f"{missing} unknown" if missing else ""
    if not found:
        return Strip(row["object"], [], None, "", note)
    values = [value for value, _ in found]
    half = len(values) // 2
    median = values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2
    return Strip(row["object"], dots, round(place(scaled(column, median)), 1), shown(column, median), note)


def _kind(grasp: dict) -> str:
    held = known(grasp.get("held_1s_share"))
    return "" if held is None else "held" if held else "lost"


def _axis(values: list[float]):
    """From zero to the greatest value; square roots where a few are far greater than the rest."""
    top = max(values) or 1.0
    if top > 5 * sorted(values)[(3 * len(values)) // 4] > 0:
        rounded = (_round_below(top * share) for share in (0.01, 0.05, 0.15, 0.35, 0.65, 1.0))
        steps = [0.0, *dict.fromkeys(rounded)]
        return (lambda value: 100 * math.sqrt(value / top)), _ticks(steps, top, math.sqrt), "square-root scale"
    step = _round_below(top / 4)
    steps = [step * i for i in range(int(top / step + 1e-9) + 1)]
    return (lambda value: 100 * value / top), _ticks(steps, top, float), ""


def _ticks(steps: list[float], top: float, scale) -> list[tuple[float, str]]:
    return [(round(100 * scale(value / top), 1), f"{value:g}") for value in steps]


def _round_below(value: float) -> float:
    """The greatest of 1, 2, 2.5 and 5 times a power of ten that is not above `value`."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(factor * power for factor in (1, 2, 2.5, 5) if factor * power <= value * (1 + 1e-9))


@dataclass(frozen=True)
class SeedStrip:
    """A column's figure of each seed: dots in percent of an axis from 0 to `top`."""

    name: str
    title: str
    unit: str
    dots: list[Dot]
    middle: float
    mean: str
    sd: str
    lowest: str
    highest: str
    top: str


def seed_strips(report: dict, names: list[str]) -> list[SeedStrip]:
    """A strip for each column that at least two seeds know."""
    strips = []
    for name in names:
        column, cell = report["columns"][name], report["table"][name]
        pairs = [(seed["seed"], known(seed["table"].get(name))) for seed in report["seeds"]]
        pairs = [(seed, value) for seed, value in pairs if value is not None]
        if len(pairs) < 2 or known(cell["mean"]) is None:
            continue
        values = [value for _, value in pairs]
        top = _top(column, max(values))
        dots = [
            Dot(round(100 * value / top, 1), 0, "", f"seed {seed}: {shown(column, value)} {unit(column)}")
            for seed, value in pairs
        ]
        strips.append(
            SeedStrip(
                name, title(column), unit(column), dots, round(100 * cell["mean"] / top, 1),
                shown(column, cell["mean"]), shown(column, spread(cell)[0]),
                shown(column, min(values)), shown(column, max(values)), shown(column, top),
            )
        )  # fmt: skip
    return strips


def _top(column: dict, greatest: float) -> float:
    """Where a seeds' axis ends: all of a share, ln 20 for an entropy of 20 clusters, or a quarter above the values."""
    if column["unit"] == "%":
        return 1.0
    if column["unit"] == "nats" and greatest <= math.log(20):
        return math.log(20)
    return 1.25 * greatest or 1.0
