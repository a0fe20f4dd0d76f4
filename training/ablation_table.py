"""The tables of the ablations, like the paper's Tables 1 and 4, in Markdown and JSON.

Our rows in the columns of the benchmark's two protocols; then in the paper's columns, with the published rows of
Tables 1 to 4 below ours, each marked as published: they were measured on other data, with another hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from fastgrasp_evaluation.metrics.formatting import DASH, known, shown, title
from fastgrasp_evaluation.report.published import PublishedRow, published_rows
from fastgrasp_evaluation.report.tables import GENERATION, PAPER_COLUMNS, RECONSTRUCTION
from fastgrasp_model.files import write_json, write_text
from fastgrasp_training.ablation_rows import AblationOptions

Reports = Sequence[tuple[str, dict]]  # label of a row, report of the benchmark


def write_tables(rows: list[dict], options: AblationOptions) -> Path:
    """Write `ablations.md` and `ablations.json`; returns the former. `rows`: of `ablations.run`."""
    settings = {name: getattr(options, name) for name in ("budget", "samples", "seeds", "seed", "split")}
    settings |= {"configs": str(options.configs), "base": str(options.base)}
    write_json(options.out / "ablations.json", {"settings": settings, "rows": rows})
    return write_text(options.out / "ablations.md", "\n".join(markdown(rows, settings)))


def markdown(rows: list[dict], settings: dict) -> list[str]:
    """Return the tables as lines."""
    lines = [
        "# Ablations", "",
        f"The rows of `{settings['configs']}` on `{settings['base']}`, each on the same data, "
        f"seed {settings['seed']}, budget `{settings['budget']}`. "
        f"{settings['samples']} grasps an object, {settings['seeds']} seed(s); mean ± deviation over seeds.", "",
        *_stage_lines(rows),
    ]  # fmt: skip
    for name in dict.fromkeys(name for row in rows for name in row["generated"]):
        reports = [(row["label"], row["generated"][name]) for row in rows if name in row["generated"]]
        other = ("GRAB", "OakInk") if name.startswith("ho3d") else ()
        published = [row for row in published_rows() if row.table != 4 and row.data_set not in other]
        lines += _protocol_lines(f"Generated grasps, {name}", reports)
        lines += _paper_lines(reports, published, GENERATION)
    reports = [(row["label"], row["reconstructed"]) for row in rows if row["reconstructed"]]
    if reports:
        lines += _protocol_lines("Reconstruction of held-out grasps by the autoencoder", reports)
        lines += _reconstruction_lines(reports)
        lines += _paper_lines(reports, [p for p in published_rows() if p.table == 4], RECONSTRUCTION)
    return [*lines, ""]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, *rows)]
    return [lines[0], "|---" * len(heads) + "|", *lines[1:], ""]


def _stage_lines(rows: list[dict]) -> list[str]:
    """Which stages each row has, and with which row it shares them."""
    owner: dict[tuple[str, str], str] = {}
    cells = []
    for row in rows:
        stages = []
        for stage, key in row["stages"].items():
            first = owner.setdefault((stage, key), row["label"])
            stages.append(stage if first == row["label"] else f"{stage} (that of: {first})")
        cells.append((row["label"], ", ".join(map(str, row["tables"])), f"{row['steps']:,}", ", ".join(stages)))
    return _table(("row", "paper's table", "steps", "stages"), cells)


def _protocol_lines(heading: str, reports: Reports) -> list[str]:
    """One table for each protocol of the benchmark."""
    lines, columns = [], reports[0][1]["columns"]
    for protocol, names in reports[0][1]["protocols"].items():
        heads = [f"{title(columns[name])} {columns[name]['unit']}".strip() for name in names]
        rows = [[label, *(_cell(report, name) for name in names)] for label, report in reports]
        lines += [f"## {heading}: {protocol}", "", *_table(["row", *heads], rows)]
    return lines


def _cell(report: dict, name: str | None) -> str:
    """A figure of a report with its deviation over seeds; a dash where it is not known."""
    cell, column = report["table"].get(name) or {}, report["columns"].get(name)
    if column is None or known(cell.get("mean")) is None:
        return DASH
    spread = "" if cell.get("sd") is None else f" ± {shown(column, cell['sd'])}"
    return shown(column, cell["mean"]) + spread


def _paper_lines(reports: Reports, published: Sequence[PublishedRow], names: Sequence[str]) -> list[str]:
    """The paper's columns: our rows, then the published ones."""
    heads = [f"{' '.join(PAPER_COLUMNS[name][0].split())} {PAPER_COLUMNS[name][1]}".strip() for name in names]
    ours = [published[0].contact if name == "contact_percent" else PAPER_COLUMNS[name][4] for name in names]
    rows = [[label, *(_cell(report, name) for name in ours)] for label, report in reports]
    for row in published:
        figures = [(row.figures.get(name), PAPER_COLUMNS[name][2]) for name in names]
        trained = f", trained on {row.training_data}" if row.training_data else ""
        label = f"*published*: {row.method} (Table {row.table}, {row.data_set}{trained})"
        rows.append([label, *(DASH if value is None else f"{value:.{digits}f}" for value, digits in figures)])
    return ["### In the paper's columns (legacy protocol)", "", *_table(["row", *heads], rows)]


def _reconstruction_lines(reports: Reports) -> list[str]:
    rows = []
    for label, report in reports:
        found = report["reconstruction"]
        after, before = (table["penetration_volume_cm3"]["mean"] for table in (report["table"], found["true"]))
        added = DASH if after is None or before is None else f"{after - before:.2f}"
        rows.append((label, f"{found['vertex_error_mm']:.2f}", f"{100 * found['contact_kept_share']:.1f}", added))
    return _table(("row", "mean vertex error mm", "contact kept %", "volume added cm3"), rows)
