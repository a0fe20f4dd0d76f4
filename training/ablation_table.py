"""The generated tables of the ablations, like the paper's Tables 1 and 4, in Markdown and JSON.

Our rows carry the columns of the benchmark's two protocols; then come the paper's own columns with the published rows
of Tables 1 to 4 below ours, each marked as published: they were measured on other data, with another hand.
"""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

from fastgrasp_evaluation.report.published import published_rows
from fastgrasp_evaluation.report.tables import GENERATION, PAPER_COLUMNS, RECONSTRUCTION

NAME = "ablations"


def write_tables(rows: list[dict], out: Path, options: Namespace) -> Path:
    """Write `ablations.md` and `ablations.json` into `out`; returns the former. `rows`: of `ablations.run`."""
    out.mkdir(parents=True, exist_ok=True)
    told = ("budget", "configs", "base", "samples", "seeds", "seed", "split")
    settings = {key: getattr(options, key) for key in told}
    for name, text in (
        (f"{NAME}.json", json.dumps({"settings": settings, "rows": rows}, indent=1) + "\n"),
        (f"{NAME}.md", "\n".join(markdown(rows, settings))),
    ):
        part = out / f".{name}"
        part.write_text(text)
        part.replace(out / name)
    return out / f"{NAME}.md"


def markdown(rows: list[dict], settings: dict) -> list[str]:
    """The tables as lines."""
    base = f" on `{settings['base']}`" if settings["base"] else ""
    lines = [
        "# Ablations", "",
        f"The rows of `{settings['configs']}`{base}, each on the same data, seed {settings['seed']}, budget "
        f"`{settings['budget']}`. "
        f"{settings['samples']} grasps an object, {settings['seeds']} seed(s); mean ± deviation over seeds.", "",
        *_stage_lines(rows),
    ]  # fmt: skip
    sets = dict.fromkeys(name for row in rows for name in row["generated"])
    for name in sets:
        reports = [(row["label"], row["generated"][name]) for row in rows if name in row["generated"]]
        lines += _block(f"Generated grasps, {name}", reports)
        lines += _paper_block(reports, "HO-3D" if name.startswith("ho3d") else None, (1, 2, 3), GENERATION)
    reports = [(row["label"], row["reconstructed"]) for row in rows if row["reconstructed"]]
    if reports:
        lines += _block("Reconstruction of held-out grasps by the autoencoder", reports)
        lines += _reconstruction(reports)
        lines += _paper_block(reports, None, (4,), RECONSTRUCTION)
    return [*lines, ""]


def _stage_lines(rows: list[dict]) -> list[str]:
    """Which stages each row has, and which of them it shares."""
    owner: dict[tuple[str, str], str] = {}
    lines = ["| row | paper's table | steps | stages |", "|---|---|---|---|"]
    for row in rows:
        told = []
        for stage, key in row["stages"].items():
            first = owner.setdefault((stage, key), row["label"])
            told.append(stage if first == row["label"] else f"{stage} (that of: {first})")
        tables = ", ".join(map(str, row["tables"]))
        lines.append(f"| {row['label']} | {tables} | {row['steps']:,} | {', '.join(told)} |")
    return [*lines, ""]


def _block(title: str, reports: list[tuple[str, dict]]) -> list[str]:
    """One table for each protocol of the benchmark."""
    lines = []
    for protocol, names in reports[0][1]["protocols"].items():
        columns = reports[0][1]["columns"]
        heads = [f"{' '.join(columns[n]['title'].split())} {columns[n]['unit']}".strip() for n in names]
        lines += [f"## {title}: {protocol}", "", f"| row | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
        for label, report in reports:
            cells = [_cell(report, name) for name in names]
            lines.append(f"| {label} | {' | '.join(cells)} |")
        lines.append("")
    return lines


def _cell(report: dict, name: str) -> str:
    cell, column = report["table"].get(name) or {}, report["columns"].get(name)
    if column is None or cell.get("mean") is None:
        return "–"
    scale = 100 if column["unit"] == "%" else 1
    text = f"{scale * cell['mean']:.{column['digits']}f}"
    return text if cell.get("sd") is None else f"{text} ± {scale * cell['sd']:.{column['digits']}f}"


def _paper_block(reports, data_set: str | None, tables: tuple[int, ...], names) -> list[str]:
    """The paper's columns: our rows, then the published ones (of one data set, or of all)."""
    published = [p for p in published_rows() if p.table in tables and data_set in (None, p.data_set)]
    heads = [f"{' '.join(PAPER_COLUMNS[n][0].split())} {PAPER_COLUMNS[n][1]}".strip() for n in names]
    lines = ["### In the paper's columns (legacy protocol)", "", f"| row | {' | '.join(heads)} |"]
    lines.append("|---" * (len(heads) + 1) + "|")
    contact = published[0].contact
    for label, report in reports:
        ours = [contact if n == "contact_percent" else PAPER_COLUMNS[n][4] for n in names]
        lines.append(f"| {label} | {' | '.join(_cell(report, n) if n else '–' for n in ours)} |")
    for row in published:
        figures = [row.figures.get(n) for n in names]
        cells = ["–" if f is None else f"{f:.{PAPER_COLUMNS[n][2]}f}" for n, f in zip(names, figures, strict=True)]
        training = f", trained on {row.training_data}" if row.training_data else ""
        lines.append(
            f"| *published*: {row.method} (Table {row.table}, {row.data_set}{training}) | {' | '.join(cells)} |"
        )
    return [*lines, ""]


def _reconstruction(reports: list[tuple[str, dict]]) -> list[str]:
    lines = ["| row | mean vertex error mm | contact kept % | volume added cm3 |", "|---|---|---|---|"]
    for label, report in reports:
        found = report["reconstruction"]
        volumes = [table["penetration_volume_cm3"]["mean"] for table in (report["table"], found["true"])]
        added = "–" if None in volumes else f"{volumes[0] - volumes[1]:.2f}"
        kept = 100 * found["contact_kept_share"]
        lines.append(f"| {label} | {found['vertex_error_mm']:.2f} | {kept:.1f} | {added} |")
    return [*lines, ""]
