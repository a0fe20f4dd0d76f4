"""The tables of the page as rows and cells: ours, other reports, and the published rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fastgrasp_evaluation.metrics.formatting import DASH, arrow, deviation, known, shown, title, unit
from fastgrasp_evaluation.report.comparable import Mark, marks_between, marks_of_published, spoilt
from fastgrasp_evaluation.report.published import PublishedRow, published_rows

# Columns of the published tables: title, unit, digits, which way is better, and our column (None: chosen in code).
PAPER_COLUMNS = {
    "volume_cm3": ("penetration\nvolume", "cm3", 2, "lower", "penetration_volume_surface_cm3"),
    "displacement_cm": ("moved\n+y", "cm", 2, "lower", "displacement_legacy_cm"),
    "depth_cm": ("penetration\ndistance", "cm", 2, "lower", "penetration_depth_cm"),
    "contact_percent": ("contact\n", "%", 0, "higher", None),
    "entropy": ("entropy\n", "", 2, "higher", "entropy_whitened_nats"),
    "cluster_size": ("cluster\nsize", "", 2, "higher", "cluster_size_whitened"),
    "seconds_per_grasp": ("time per\ngrasp", "s", 2, "lower", None),
}
GENERATION = ("volume_cm3", "displacement_cm", "contact_percent", "entropy", "cluster_size", "seconds_per_grasp")
RECONSTRUCTION = ("displacement_cm", "depth_cm", "volume_cm3", "contact_percent")


@dataclass
class Cell:
    """value: in the column's unit, or None; sd: its standard deviation over `sd_over`; alike: measured as ours; best:
    of those measured alike."""

    value: float | None
    text: str
    sd: str = ""
    sd_over: str = ""
    alike: bool = True
    best: bool = False


@dataclass
class Row:
    """kind: "ours", "compare" or "published"; cells: in the order of the table's columns."""

    kind: str
    label: str
    detail: str
    cells: list[Cell]
    marks: list[Mark] = field(default_factory=list)


@dataclass(frozen=True)
class Head:
    name: str
    title: str
    unit: str
    arrow: str
    explanation: str


@dataclass(frozen=True)
class Group:
    """Rows under one title; the marks shared by all its published rows are shown once."""

    title: str
    rows: list[Row]

    @property
    def shared(self) -> list[Mark]:
        marks = [row.marks for row in self.rows if row.kind == "published"]
        return [mark for mark in marks[0] if all(mark in others for others in marks)] if marks else []

    def own_marks(self, row: Row) -> list[Mark]:
        return [mark for mark in row.marks if row.kind != "published" or mark not in self.shared]


@dataclass(frozen=True)
class Table:
    heads: list[Head]
    groups: list[Group]

    @property
    def rows(self) -> list[Row]:
        return [row for group in self.groups for row in group.rows]

    @property
    def has_kmeans_sd(self) -> bool:
        return any(cell.sd and cell.sd_over == "k-means starts" for row in self.rows for cell in row.cells)


def protocol_table(report: dict, protocol: str, compare: Sequence[dict]) -> Table:
    """Return the table of a protocol: our row and those of other reports, the best of those measured alike marked."""
    names, columns = report["protocols"][protocol], report["columns"]
    rows = _measured_rows(report, compare, names, _cell)
    _mark_best(rows, [columns[name]["better"] for name in names])
    heads = [Head(name, c["title"], unit(c), arrow(c), c["explanation"]) for name in names for c in [columns[name]]]
    return Table(heads, [Group("", rows)])


def published_table(report: dict, compare: Sequence[dict]) -> Table:
    """Return Tables 1 to 3 of the paper in its columns, grouped by data set, with our row first in each group.

    Other reports are in the first group only.
    """
    groups = []
    for data_set, contact in (
        ("HO-3D", "contact: within 5 mm"), ("GRAB", "contact: legacy surface volume not zero"),
        ("OakInk", "contact: legacy surface volume not zero"),
    ):  # fmt: skip
        published = [row for row in published_rows() if row.data_set == data_set and row.table != 4]
        published.sort(key=lambda row: row.table == 1)  # the ablation after the comparison of methods
        others = () if groups else compare
        groups.append(Group(f"{data_set} · {contact}", _paper_rows(report, others, published, GENERATION)))
    return Table([_paper_head(name) for name in GENERATION], groups)


def autoencoder_table(report: dict) -> Table:
    """Return Table 4 of the paper, with our row in its columns."""
    published = [row for row in published_rows() if row.table == 4]
    rows = _paper_rows(report, (), published, RECONSTRUCTION)
    group = Group("OakInk · reconstruction of captured grasps", rows)
    return Table([_paper_head(name) for name in RECONSTRUCTION], [group])


def seed_rows(report: dict, names: Sequence[str]) -> list[dict]:
    """Return "title", "unit" and "cells" (of each seed, mean, sd) of each column that at least two seeds have."""
    rows = []
    for name in names:
        column, cell = report["columns"][name], report["table"][name]
        values = [seed["table"].get(name) for seed in report["seeds"]]
        if sum(known(value) is not None for value in values) > 1 and known(cell["mean"]) is not None:
            cells = [shown(column, value) for value in (*values, cell["mean"], deviation(cell)[0])]
            rows.append({"title": title(column), "unit": unit(column), "cells": cells})
    return rows


def label_of(report: dict) -> str:
    settings = report["settings"]
    return settings.get("label") or settings.get("source") or settings.get("command") or "this report"


def counts_text(report: dict) -> str:
    """Describe the numbers of grasps and objects of a report, and its failures."""
    counts = report["counts"]
    measured_on = counts["objects"] - counts["refused_objects"]
    text = f"{counts['measured']} of {counts['grasps']} grasps, {measured_on} of {counts['objects']} objects"
    failures = counts["simulator_failures"]
    if failures:
        text += f", {failures} simulator failure{'s' if failures > 1 else ''}"
    return text


def _measured_rows(report: dict, compare: Sequence[dict], names: Sequence[str], cell_of) -> list[Row]:
    """Return our row and those of other reports, with the cells cell_of(report, name)."""
    rows = []
    for other in (report, *compare):
        marks = [] if other is report else marks_between(report, other)
        cells = [cell_of(other, name) for name in names]
        for name, cell in zip(names, cells, strict=True):
            cell.alike = not spoilt(marks, name)
        kind = "ours" if other is report else "compare"
        rows.append(Row(kind, label_of(other), counts_text(other), cells, marks))
    return rows


def _cell(report: dict, name: str) -> Cell:
    cell, column = report["table"].get(name), report["columns"].get(name)
    if not cell or not column or known(cell["mean"]) is None:
        return Cell(None, DASH)
    sd, over = deviation(cell)
    return Cell(known(cell["mean"]), shown(column, cell["mean"]), "" if sd is None else shown(column, sd), over)


def _paper_rows(
    report: dict, compare: Sequence[dict], published: list[PublishedRow], names: Sequence[str]
) -> list[Row]:
    def cell_of(other: dict, name: str) -> Cell:
        if name == "seconds_per_grasp":
            seconds = seconds_per_grasp(other)
            return Cell(seconds, DASH if seconds is None else f"{seconds:.3f}")
        return _cell(other, published[0].contact if name == "contact_percent" else PAPER_COLUMNS[name][4])

    rows = _measured_rows(report, compare, names, cell_of)
    for row in published:
        marks = marks_of_published(report, row)
        cells = [_published_cell(name, row, not spoilt(marks, name)) for name in names]
        training = f", trained on {row.training_data}" if row.training_data else ""
        rows.append(Row("published", row.method, f"Table {row.table}{training}", cells, marks))
    _mark_best(rows, [PAPER_COLUMNS[name][3] for name in names])
    return rows


def _published_cell(name: str, row: PublishedRow, alike: bool) -> Cell:
    value = row.figures.get(name)
    if value is None:
        return Cell(None, DASH, alike=alike)
    text = f"{value:.{PAPER_COLUMNS[name][2]}f}"
    return Cell(value / 100 if name == "contact_percent" else float(value), text, alike=alike)


def seconds_per_grasp(report: dict) -> float | None:
    """Return the median seconds of a call for one grasp, if the report has times."""
    batch = ((report.get("timing") or {}).get("batches") or {}).get("1") or {}
    milliseconds = known(batch.get("p50_ms"))
    return None if milliseconds is None else milliseconds / 1000


def _paper_head(name: str) -> Head:
    text, kind, _, better, ours = PAPER_COLUMNS[name]
    column = {"unit": kind, "better": better}
    explanation = f"as published; ours: {ours}" if ours else "as published"
    return Head(ours or "", text, unit(column), arrow(column), explanation)


def _mark_best(rows: list[Row], better: list[str | None]) -> None:
    """Mark the best value of each column if at least two rows with different values were measured alike."""
    for place, way in enumerate(better):
        cells = [row.cells[place] for row in rows]
        cells = [cell for cell in cells if cell.alike and cell.value is not None]
        if way is None or len({cell.text for cell in cells}) < 2:
            continue
        best = (min if way == "lower" else max)(cells, key=lambda cell: cell.value)
        for cell in cells:
            cell.best = cell.text == best.text
