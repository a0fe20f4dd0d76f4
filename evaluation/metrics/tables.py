"""Tables of a report for a terminal of 80 columns, one for each protocol."""

from __future__ import annotations

from fastgrasp_evaluation.metrics.protocols import COLUMNS, shown

MOST_ROWS = 40


def protocol_tables(report: dict, title: str, rows: str = "objects") -> list:
    """Return a title with its `rich.table.Table` for each protocol of a report.

    rows: "objects" for a line per object (none where there are more than `MOST_ROWS`), or "grasps" for a line per grasp
    of a report on one object.
    """
    return [_table(report, name, f"{title}, {name} protocol", rows) for name in report["protocols"]]


def diversity_lines(report: dict) -> list[str]:
    """Describe the diversity figures, one line for each known kind."""
    lines = []
    for heading, entropy, size in (
        ("canonical hands (HALO)", "entropy_nats", "cluster_size_cm"),
        ("whitened (FastGrasp)", "entropy_whitened_nats", "cluster_size_whitened"),
        ("whitened, not canonical", "entropy_whitened_raw_nats", "cluster_size_whitened_raw"),
    ):
        if report["table"].get(entropy, {}).get("mean") is not None:
            unit = COLUMNS[size].unit
            lines.append(
                f"{heading}: entropy {cell(report, entropy)}, cluster size {cell(report, size)}{unit and ' ' + unit}"
            )
    if report["table"].get("pairwise_joint_distance_cm", {}).get("mean") is not None:
        lines.append(f"mean pairwise joint distance {cell(report, 'pairwise_joint_distance_cm')} cm")
    return lines


def problem_lines(report: dict) -> list[str]:
    """Describe everything that was not measured."""
    lines = [f"{row['object']}: refused: {row['refused']}" for row in report["objects"] if row["refused"]]
    lines += [f"{row['object']}: {note}" for row in report["objects"] for note in row["notes"]]
    for row in report["objects"]:
        for grasp in row["grasps"]:
            if row["refused"] is None and grasp["problem"]:
                lines.append(f"{row['object']}, grasp {grasp['index']}: not measured: {grasp['problem']}")
            if grasp["simulator_problem"]:
                lines.append(f"{row['object']}, grasp {grasp['index']}: simulator: {grasp['simulator_problem']}")
    counts = report["counts"]
    if counts["unmeasured"] or counts["simulator_failures"] or counts["refused_objects"]:
        lines.append(
            f"{counts['measured']} of {counts['grasps']} grasps measured, {counts['refused_objects']} of "
            f"{counts['objects']} objects refused, {counts['simulator_failures']} simulator failures "
            "(legacy counts each as 10 cm, strict leaves it out)"
        )
    return lines


def cell(report: dict, name: str) -> str:
    """Format the mean of a column with its deviation over seeds, or over k-means starts of a single seed."""
    value = report["table"][name]
    spread = value["sd"] if value["sd"] is not None else value.get("kmeans_sd")
    return shown(name, value["mean"]) + ("" if spread is None else f" ± {shown(name, spread)}")


def _table(report: dict, protocol: str, title: str, rows: str):
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    names = [name for name in report["protocols"][protocol] if not COLUMNS[name].of_set]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("object" if rows == "objects" else "grasp", no_wrap=True)
    for name in names:
        column = COLUMNS[name]
        table.add_column(f"{column.title}\n[dim]{column.unit}[/dim]", justify="right", no_wrap=True)
    for row in report["objects"] if len(report["objects"]) <= MOST_ROWS else ():
        if rows == "objects":
            table.add_row(row["object"], *(shown(name, row["mean"].get(name)) for name in names))
            continue
        for grasp in row["grasps"]:
            table.add_row(str(grasp["index"]), *(_yes_or_no(name, grasp.get(name)) for name in names))
    table.add_section()
    table.add_row("mean", *(shown(name, report["table"][name]["mean"]) for name in names), style="bold")
    if any(report["table"][name]["sd"] is not None for name in names):
        table.add_row("sd over seeds", *(shown(name, report["table"][name]["sd"]) for name in names), style="dim")
    for other in report.get("beside", ()):
        values = ((other["table"].get(name) or {}).get("mean") for name in names)
        table.add_row(other["settings"]["label"], *map(shown, names, values))
    return Group(Text(title, style="italic"), table)


def _yes_or_no(name: str, value: float | None) -> str:
    if value is None or COLUMNS[name].unit != "%":
        return shown(name, value)
    return "yes" if value else "no"
