"""Strip plots of the report: every grasp of every object as a dot, drawn by matplotlib as SVG for the page."""

from __future__ import annotations

import io
import re

import numpy as np

from fastgrasp_evaluation.metrics.formatting import known, scaled, shown, title, unit
from fastgrasp_model.commands.extras import require

# Colours of the light theme; in the SVG they become the page's variables, so that the dark theme and print apply.
_THEME = {"ink": "#1c2329", "soft": "#5b6670", "line": "#dfe4e8", "dot": "#2b6585", "lost": "#c2703d"}
_LANES = (0, -0.14, 0.14, -0.28, 0.28)  # vertical offsets of dots at nearly equal values
_CROWDED = 0.008  # share of the axis within which dots are offset
_KINDS = {"": "dot", "held": "dot", "lost": "lost"}
_STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "fastgrasp", "font.size": 10, "axes.edgecolor": _THEME["line"],
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False, "grid.color": _THEME["line"],
    "xtick.color": _THEME["soft"], "ytick.color": _THEME["ink"], "ytick.left": False, "xtick.bottom": False,
    "text.color": _THEME["ink"], "text.parse_math": False, "axes.axisbelow": True,
}  # fmt: skip


def main_columns(report: dict) -> list[str]:
    """Return the volume and the displacement of the first protocol that has them."""
    for pair in (
        ("penetration_volume_cm3", "displacement_six_directions_cm"),
        ("penetration_volume_surface_cm3", "displacement_legacy_cm"),
    ):
        if pair[0] in report["columns"]:
            return [name for name in pair if name in report["columns"]]
    return []


def strip_plot(report: dict, name: str) -> dict | None:
    """Draw a column; return "title", "unit", "scale", "has_held" and "svg", or None where no grasp has a value.

    The axis runs from zero to the greatest value, in square roots where a few values are far greater than the rest.
    Raises MissingExtraError.
    """
    column = report["columns"][name]
    grasps = [grasp for row in report["objects"] for grasp in row["grasps"]]
    values = [scaled(column, value) for grasp in grasps if (value := known(grasp.get(name))) is not None]
    if not values:
        return None
    top = max(values) or 1.0
    wide = top > 5 * float(np.quantile(values, 0.75, method="higher")) > 0
    return {
        "title": title(column),
        "unit": unit(column),
        "scale": "square-root scale" if wide else "",
        "has_held": any(_kind(grasp) for grasp in grasps),
        "svg": _svg(report["objects"], name, column, top, wide),
    }


def _svg(objects: list[dict], name: str, column: dict, top: float, wide: bool) -> str:
    matplotlib = require("matplotlib", "the page of a report")
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(12.5, 0.4 + 0.32 * len(objects)), layout="constrained")
        axes = figure.add_subplot()
        if wide:
            axes.set_xscale("function", functions=(np.sqrt, np.square))
        axes.set(xlim=(0, top), ylim=(len(objects) - 0.5, -0.5))
        axes.set_yticks(range(len(objects)), [row["object"] for row in objects])
        axes.grid(axis="x")
        tips = _draw(axes, objects, name, column, (lambda value: (value / top) ** (0.5 if wide else 1)))
        file = io.StringIO()
        no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=no_metadata)
    return _themed(file.getvalue(), tips)


def _draw(axes, objects: list[dict], name: str, column: dict, share) -> list[str]:
    """Draw dots, medians and notes; return the tooltips of the dots in the order of drawing."""
    drawn: dict[str, list[tuple[float, float, str]]] = {kind: [] for kind in _KINDS}
    for line, row in enumerate(objects):
        found = sorted(((v, g) for g in row["grasps"] if (v := known(g.get(name))) is not None), key=lambda p: p[0])
        last, crowd = -1.0, 0
        for value, grasp in found:
            place = share(scaled(column, value))
            crowd = crowd + 1 if place - last < _CROWDED else 0
            last = last if crowd else place
            tip = f"seed {grasp['seed']}, grasp {grasp['index']}: {shown(column, value)} {unit(column)}"
            drawn[_kind(grasp)].append((scaled(column, value), line + _LANES[crowd % len(_LANES)], tip))
        missing = row["count"] - len(found)
        note = "refused" if row["refused"] is not None else f"{missing} unknown" if missing else ""
        if found:
            median = float(np.median([value for value, _ in found]))
            axes.vlines(scaled(column, median), line - 0.4, line + 0.4, color=_THEME["ink"], linewidth=1.5)
            note = f"median {shown(column, median)}  {note}"
        axes.text(1.01, line, note, transform=axes.get_yaxis_transform(), va="center", color=_THEME["soft"])
    for kind, dots in drawn.items():
        colour = _THEME[_KINDS[kind]]
        face = "none" if kind == "lost" else colour
        axes.plot(
            [x for x, _, _ in dots], [y for _, y, _ in dots], "o", clip_on=False, markersize=5, color=colour,
            markerfacecolor=face, alpha=1.0 if kind == "lost" else 0.62,
        )  # fmt: skip
    return [tip for dots in drawn.values() for _, _, tip in dots]


def _kind(grasp: dict) -> str:
    held = known(grasp.get("held_1s_share"))
    return "" if held is None else "held" if held else "lost"


def _themed(svg: str, tips: list[str]) -> str:
    """Return the SVG element alone, with tooltips, the page's fonts and colours, and without references to the web."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    remaining = iter(tips)  # the dots are the only elements <use>
    svg = re.sub(r"(<use [^>]*?)/>", lambda match: f"{match[1]}><title>{next(remaining)}</title></use>", svg)
    svg = re.sub(r' (xmlns(:\w+)?|clip-path|width|height|id)="(?!m[0-9a-f]{10}")[^"]*"', "", svg)
    svg = re.sub(r"font-family: [^;\"]*; ", "", svg)
    for name, colour in _THEME.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg
