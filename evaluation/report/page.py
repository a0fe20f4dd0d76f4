"""`write_report`: one self-contained HTML page of a benchmark's JSON."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from fastgrasp_evaluation.report import comparable, figures, plots, tables
from fastgrasp_evaluation.report.published import published_rows

_TEMPLATES = Path(__file__).with_name("templates")
_PICTURE_BUDGET = 3_600_000  # bytes of all pictures before base64 adds a third: the page stays below 6 MB
_QUALITIES = ((85, 1.0), (75, 0.8), (65, 0.6), (50, 0.45))  # WebP quality and size, the first that fits the budget


class ReportError(ValueError):
    """What was given is no benchmark report, or its page cannot be made of it. The message names the remedy."""


def write_report(
    report: dict,
    path: str | Path,
    pictures: Mapping[str, Sequence[tuple[str, bytes]]] | None = None,
    compare: Sequence[dict] = (),
) -> Path:
    """Write the page, whole or not at all.

    Args:
        report: the JSON of `fastgrasp benchmark` or `fastgrasp evaluate`, as `metrics.summary.build_report` makes it.
        path: .html; its folder is made.
        pictures: for an object's name (caption, PNG or JPEG file) of some grasps, as `object_pictures` gives them.
        compare: other such JSONs, shown as rows beside ours.

    Returns:
        The path.

    Raises:
        ReportError: no such JSON, another ending, a picture that cannot be read. OSError: cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ReportError(f"{path}: a report ends in .html, got {path.suffix!r}.")
    for number, given in enumerate((report, *compare)):
        _check(given, f"comparison {number}" if number else "the report")
    text = _environment().get_template("page.html.j2").render(**_context(report, _embedded(pictures or {}), compare))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _check(report: object, name: str) -> None:
    from fastgrasp_evaluation.metrics.summary import BenchmarkError, check_report

    try:
        check_report(report, name)
    except BenchmarkError as error:
        raise ReportError(str(error)) from None


def _environment():
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals.update(
        shown=figures.shown, unit=figures.unit, short=figures.title, tenths=figures.tenths
    )
    return environment


def _context(report: dict, pictures: dict[str, list[tuple[str, str]]], compare: Sequence[dict]) -> dict:
    script = (_TEMPLATES / "sort.js").read_text(encoding="utf-8")
    legacy = "legacy" in report["protocols"]
    protocols = [(name, tables.protocol_table(report, name, compare)) for name in report["protocols"]]
    paper = [tables.published_table(report, compare), tables.autoencoder_table(report)] if legacy else []
    found = [table for _, table in protocols] + paper
    strips = [plots.strip_plot(report, name) for name in plots.main_columns(report)]
    names = [name for columns in report["protocols"].values() for name in columns]
    return {
        "report": report,
        "label": tables.label_of(report),
        "facts": settings_facts(report),
        "problems": problem_lines(report),
        "protocols": protocols,
        "paper": paper,
        "source": published_rows()[0].source.rpartition(",")[0],
        "meanings": comparable.explained([row for table in found for row in table.rows]),
        "seed_strips": plots.seed_strips(report, list(dict.fromkeys(names))),
        "strips": [plot for plot in strips if plot],
        "pictures": pictures,
        "timing": report.get("timing"),
        "style": (_TEMPLATES / "style.css").read_text(encoding="utf-8"),
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }


def settings_facts(report: dict) -> list[tuple[str, str]]:
    """What was run, as (name, value); what the report does not say is left out, except whether it was simulated."""
    settings, counts = report["settings"], report["counts"]
    seeds = ", ".join(map(str, settings.get("seeds") or []))
    cloud = {"full": "whole surface", "partial": "one view, as a depth camera sees it"}.get(settings.get("cloud"))
    candidates = settings.get("candidates") or 1
    facts = [
        ("Command", settings.get("command")),
        ("Objects", f"{counts['objects']}: {', '.join(map(str, settings.get('objects') or []))}"),
        ("Grasps per object", settings.get("samples")),
        ("Ranked", f"every grasp is the best of {candidates} by the score" if candidates > 1 else None),
        ("Seeds", seeds),
        ("Cloud", cloud or settings.get("cloud")),
        ("Hand", settings.get("hand")),
        ("Weights", settings.get("weights")),
        ("Grasps from", settings.get("source")),
        ("Simulated", "yes" if settings.get("simulated") else "no: the simulator's columns are left out"),
        ("Version", settings.get("version")),
    ]
    return [(name, str(value)) for name, value in facts if value not in (None, "")]


def problem_lines(report: dict) -> list[tuple[str, str, str, str]]:
    """(object, kind, reason, which grasps) of everything that was not measured, grasps with one reason together."""
    lines = []
    for row in report["objects"]:
        if row["refused"] is not None:
            lines.append((row["object"], "object refused", row["refused"], f"all {row['count']} grasps"))
            continue
        grouped: dict[tuple[str, str], list[dict]] = {}
        for grasp in row["grasps"]:
            for key, kind in (("problem", "not measured"), ("simulator_problem", "simulator failed")):
                if grasp.get(key) is not None:
                    grouped.setdefault((kind, grasp[key]), []).append(grasp)
        for (kind, reason), grasps in grouped.items():
            lines.append((row["object"], kind, reason, _which(grasps)))
    return lines


def _which(grasps: list[dict]) -> str:
    by_seed: dict[int, list[str]] = {}
    for grasp in grasps:
        by_seed.setdefault(grasp["seed"], []).append(str(grasp["index"]))
    return "; ".join(f"seed {seed}: grasp {', '.join(indices)}" for seed, indices in by_seed.items())


def _embedded(pictures: Mapping[str, Sequence[tuple[str, bytes]]]) -> dict[str, list[tuple[str, str]]]:
    """The pictures as data URIs, as large and as fine as the budget of the page allows."""
    for quality, size in _QUALITIES:
        packed = {
            name: [(caption, _webp(content, quality, size, name)) for caption, content in given]
            for name, given in pictures.items()
        }
        if sum(len(content) for given in packed.values() for _, content in given) <= _PICTURE_BUDGET:
            break
    return {
        name: [(caption, f"data:image/webp;base64,{base64.b64encode(content).decode()}") for caption, content in given]
        for name, given in packed.items()
    }


def _webp(content: bytes, quality: int, size: float, name: str) -> bytes:
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(content)).convert("RGB")
    except OSError as error:
        raise ReportError(f"A picture of {name} cannot be read ({error}); give PNG or JPEG files.") from error
    if size < 1:
        image = image.resize((max(1, round(image.width * size)), max(1, round(image.height * size))))
    file = io.BytesIO()
    image.save(file, "WEBP", quality=quality, method=4)
    return file.getvalue()
