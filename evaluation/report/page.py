"""`write_report`: the report of a benchmark as one self-contained HTML page."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from fastgrasp_evaluation.metrics import formatting
from fastgrasp_evaluation.metrics.tables import problems
from fastgrasp_evaluation.report import comparable, plots, tables
from fastgrasp_evaluation.report.published import published_rows
from fastgrasp_model.commands.extras import require
from fastgrasp_model.files import write_text

_TEMPLATES = Path(__file__).with_name("templates")
_PICTURE_BUDGET = 3_600_000  # bytes of all pictures before base64 adds a third: the page stays below 6 MB
_QUALITIES = ((85, 1.0), (75, 0.8), (65, 0.6), (50, 0.45))  # WebP quality and size, the first that fits the budget


class ReportError(ValueError):
    """The input is no benchmark report, or its page cannot be made. The message names the remedy."""


def write_report(
    report: dict, path: str | Path, pictures: Mapping[str, Sequence[tuple[str, bytes]]] | None = None,
    compare: Sequence[dict] = (),
) -> Path:
    """Write the page atomically; return its path.

    Args:
        report: the JSON of `fastgrasp benchmark` or `fastgrasp evaluate`, as `metrics.summary.build_report` makes it.
        path: .html; its folder is created.
        pictures: for an object's name (caption, PNG or JPEG file) of some grasps, from `object_pictures`.
        compare: other such JSONs, shown as rows beside ours.

    Raises:
        ReportError: no such JSON, another ending, a picture that cannot be read. OSError: the page cannot be written.
        MissingExtraError: jinja2 or matplotlib is missing.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ReportError(f"{path}: a report ends in .html, got {path.suffix!r}.")
    for number, given in enumerate((report, *compare)):
        _check(given, f"comparison {number}" if number else "the report")
    text = _environment().get_template("page.html.j2").render(**_context(report, _embedded(pictures or {}), compare))
    return write_text(path, text)


def _check(report: object, name: str) -> None:
    from fastgrasp_evaluation.metrics.summary import BenchmarkError, check_report

    try:
        check_report(report, name)
    except BenchmarkError as error:
        raise ReportError(str(error)) from None


def _environment():
    jinja2 = require("jinja2", "the page of a report")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals.update(shown=formatting.shown, unit=formatting.unit, short=formatting.title)
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
        "problems": problems(report),
        "protocols": protocols,
        "paper": paper,
        "source": published_rows()[0].source.rpartition(",")[0],
        "meanings": comparable.explained([row for table in found for row in table.rows]),
        "seed_rows": tables.seed_rows(report, list(dict.fromkeys(names))),
        "strips": [plot for plot in strips if plot],
        "pictures": pictures,
        "timing": report.get("timing"),
        "style": (_TEMPLATES / "style.css").read_text(encoding="utf-8"),
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }


def settings_facts(report: dict) -> list[tuple[str, str]]:
    """Return the known settings as (name, value)."""
    settings, counts = report["settings"], report["counts"]
    seeds = ", ".join(map(str, settings.get("seeds") or []))
    cloud = {"full": "whole surface", "partial": "one view, as a depth camera sees it"}.get(settings.get("cloud"))
    candidates = settings.get("candidates") or 1
    facts = [
        ("Command", settings.get("command")),
        ("Objects", f"{counts['objects']}: {', '.join(map(str, settings.get('objects') or []))}"),
        ("Grasps per object", settings.get("samples")),
        ("Selection", f"every grasp is the best of {candidates} by the score" if candidates > 1 else None),
        ("Seeds", seeds), ("Cloud", cloud or settings.get("cloud")), ("Hand", settings.get("hand")),
        ("Weights", settings.get("weights")), ("Grasps from", settings.get("source")),
        ("Simulated", "yes" if settings.get("simulated") else "no: the simulator's columns are left out"),
        ("Version", settings.get("version")),
    ]
    return [(name, str(value)) for name, value in facts if value not in (None, "")]


def _embedded(pictures: Mapping[str, Sequence[tuple[str, bytes]]]) -> dict[str, list[tuple[str, str]]]:
    """Return the pictures as data URIs, in the best quality that fits the budget of the page."""
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
