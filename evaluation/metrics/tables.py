"""A report as text for a terminal of 80 columns: one table for each protocol, and lines."""

from __future__ import annotations

from fastgrasp_evaluation.metrics.formatting import deviation, known, shown, unit

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
        if entropy in report["columns"] and known(report["table"][entropy]["mean"]) is not None:
            lines.append(f"{heading}: entropy {_cell(report, entropy)}, cluster size {_cell(report, size, True)}")
    distance = "pairwise_joint_distance_cm"
    if distance in report["columns"] and known(report["table"][distance]["mean"]) is not None:
        lines.append(f"mean pairwise joint distance {_cell(report, distance, True)}")
    return lines


def problems(report: dict) -> list[tuple[str, str, str, str]]:
    """Return (object, kind, reason, grasps) of everything that was not measured, grouped by reason."""
    found = []
    for row in report["objects"]:
        if row["refused"] is not None:
            found.append((row["object"], "object refused", row["refused"], f"all {row['count']} grasps"))
            continue
        grouped: dict[tuple[str, str], dict[int, list[str]]] = {}
        for grasp in row["grasps"]:
            for key, kind in (("problem", "not measured"), ("simulator_problem", "simulator failed")):
                if grasp.get(key) is not None:
                    seeds = grouped.setdefault((kind, grasp[key]), {})
                    seeds.setdefault(grasp["seed"], []).append(str(grasp["index"]))
        for (kind, reason), seeds in grouped.items():
            which = "; ".join(f"seed {seed}: grasp {', '.join(numbers)}" for seed, numbers in seeds.items())
            found.append((row["object"], kind, reason, which))
    return found


def problem_lines(report: dict) -> list[str]:
    """Describe repairs of objects and everything that was not measured."""
    lines = [f"{name}: {kind}: {reason} ({which})" for name, kind, reason, which in problems(report)]
    lines += [f"{row['object']}: {note}" for row in report["objects"] for note in row["notes"]]
    counts = report["counts"]
    if counts["unmeasured"] or counts["simulator_failures"] or counts["refused_objects"]:
        lines.append(
            f"{counts['measured']} of {counts['grasps']} grasps measured, {counts['refused_objects']} of "
            f"{counts['objects']} objects refused, {counts['simulator_failures']} simulator failures "
            "(legacy counts each as 10 cm, strict leaves it out)"
        )
    return lines


def _cell(report: dict, name: str, with_unit: bool = False) -> str:
    """Format the mean of a column with its standard deviation."""
    column, value = report["columns"][name], report["table"][name]
    text = shown(column, value["mean"])
    if deviation(value)[0] is not None:
        text += f" ± {shown(column, deviation(value)[0])}"
    return f"{text} {unit(column)}".strip() if with_unit else text


def _table(report: dict, protocol: str, title: str, rows: str):
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    columns = {name: report["columns"][name] for name in report["protocols"][protocol]}
    columns = {name: column for name, column in columns.items() if not column["of_set"]}
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("object" if rows == "objects" else "grasp", no_wrap=True)
    for column in columns.values():
        table.add_column(f"{column['title']}\n[dim]{unit(column)}[/dim]", justify="right", no_wrap=True)

    def add(head: str, values: dict, text=shown, **style) -> None:
        table.add_row(head, *(text(column, values.get(name)) for name, column in columns.items()), **style)

    for row in report["objects"] if len(report["objects"]) <= MOST_ROWS else ():
        if rows == "objects":
            add(row["object"], row["mean"])
        for grasp in row["grasps"] if rows == "grasps" else ():
            add(str(grasp["index"]), grasp, _yes_or_no)
    table.add_section()
    add("mean", {name: report["table"][name]["mean"] for name in columns}, style="bold")
    deviations = {name: report["table"][name]["sd"] for name in columns}
    if any(value is not None for value in deviations.values()):
        add("sd over seeds", deviations, style="dim")
    for other in report.get("beside", ()):
        add(other["settings"]["label"], {name: (other["table"].get(name) or {}).get("mean") for name in columns})
    return Group(Text(title, style="italic"), table)


def _yes_or_no(column: dict, value: float | None) -> str:
    if value is None or column["unit"] != "%":
        return shown(column, value)
    return "yes" if value else "no"
