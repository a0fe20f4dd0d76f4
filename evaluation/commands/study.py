"""A blinded user study: a page on which people choose between the grasps of several methods, and the count of answers.

    fastgrasp study ours/ theirs.npz --objects meshes/ --out study/
    fastgrasp study --tally answers/ --key study_key.json

The page asks which of the grasps of 2 to 4 methods is the most natural and stable. docs/user_study.md tells more.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from fastgrasp_model.commands.shared import AtLeastOne, InputError, Seed, check_output, parse

_EXAMPLE = "fastgrasp study ours/ theirs.npz --objects meshes/ --out study/"


@dataclass
class StudyOptions:
    methods: Annotated[Positional[tuple[Path, ...]], arg(metavar="GRASPS...")] = ()
    """one path for each method, as fastgrasp evaluate reads it"""
    objects: Annotated[Path | None, arg(metavar="DIR")] = None
    """the objects' meshes, named like the objects"""
    out: Annotated[Path | None, arg(metavar="DIR")] = None
    """the new folder; the key goes to DIR_key.json"""
    per_object: AtLeastOne = 3
    """questions for each object"""
    labels: Annotated[str | None, arg(metavar="A,B,C")] = None
    """the methods' names in the count (default: file names)"""
    title: str = "Grasp study"
    """heading of the page"""
    contact: str = ""
    """where participants send their answers, such as a mail address"""
    views: Literal[1, 2, 3] = 2
    """views of each grasp"""
    seed: Seed = 0
    """of the draw, or of the resampling"""
    tally: Annotated[tuple[Path, ...], arg(metavar="FILE...")] = ()
    """answers, or folders of them, to count"""
    key: Path = Path("study_key.json")
    """the study's key, for --tally"""
    json: bool = False
    """print a report as JSON"""


def main(argv: list[str]) -> int:
    """Write a study's page, or count its answers. The exit code is 1 if no answers count."""
    options = parse(StudyOptions, argv, "fastgrasp study", __doc__)
    if options.tally:
        if options.methods:
            raise InputError("--tally counts answers; it takes no methods. Make the page without --tally")
        return _count(options)
    for needed in ("objects", "out"):
        if getattr(options, needed) is None:
            raise InputError(f"--{needed} is missing; example: {_EXAMPLE}")
    return _make(options)


def _make(options: StudyOptions) -> int:
    from fastgrasp_evaluation.formats import read_hands
    from fastgrasp_evaluation.metrics.parallel import find_meshes
    from fastgrasp_evaluation.study import page, sources
    from fastgrasp_evaluation.study.draw import draw_questions

    labels = sources.labels_for(options.methods, options.labels)
    settings = page.Page(options.title, options.contact, options.views, options.seed)
    page.check_place(options.out, labels, settings)
    check_output(options.out / "index.html", (".html",))
    meshes = {mesh.name: mesh.path for mesh in find_meshes([options.objects])}
    hands = sources.read_methods(options.methods, labels, meshes, read_hands)
    objects, notes = sources.common_objects(hands, meshes)
    questions, more = draw_questions(hands, objects, options.per_object, options.seed)
    loaded = {name: sources.load_object_mesh(meshes[name]) for name in sorted({q.object_name for q in questions})}
    with _progress(len(questions) * len(labels)) as advance:
        key = page.build_study(options.out, questions, hands, loaded, settings, advance)
    report = {
        "page": str(options.out / "index.html"),
        "key": str(key),
        "methods": labels,
        "objects": list(loaded),
        "questions": len(questions),
        "pictures": len(questions) * len(labels) * options.views,
        "drawn": "at random",
        "seed": options.seed,
        "notes": notes + more,
    }
    print(json.dumps(report, indent=1) if options.json else _summary(report, options.out))
    return 0


def _count(options: StudyOptions) -> int:
    from fastgrasp_evaluation.study.answers import find_answers, read_answers, read_key
    from fastgrasp_evaluation.study.tally import tally

    key = read_key(options.key)
    files = [path for path in find_answers(options.tally) if path.resolve() != options.key.resolve()]
    if not files:
        raise InputError("--tally: no .json file in the folders given; give the files that people sent back")
    answers, ignored = read_answers(files, key)
    report = tally(key, answers, ignored, seed=options.seed)
    print(json.dumps(report, indent=1) if options.json else _table(report))
    return 0 if answers else 1


def _summary(report: dict, out: Path) -> str:
    objects = _counted(len(report["objects"]), "object")
    lines = [
        f"{_counted(report['questions'], 'question')} on {objects}, each with a grasp of "
        f"{', '.join(report['methods'])}; the grasps were drawn {report['drawn']} (seed {report['seed']})",
        *(f"note: {note}" for note in report["notes"]),
        f"wrote {report['page']}: open it to try it, then give the folder {out} to the participants",
        f"wrote {report['key']}: keep it to yourself, it tells which grasp is whose",
        f"count the answers: fastgrasp study --tally ANSWERS... --key {report['key']}",
    ]
    return "\n".join(lines)


def _table(report: dict) -> str:
    counts = [_counted(report[f"{word}s"], word) for word in ("participant", "question", "choice")]
    lines = [f"{report['title']}: {', '.join(counts)}"]
    wide = max(len(row["method"]) for row in report["methods"])
    if report["participants"]:
        lines += ["", f"{'method':<{wide}}  chosen   share   95 % interval   (chance {report['chance']:.1%})"]
        for row in sorted(report["methods"], key=lambda row: -row["share"]):
            interval = f"{row['low']:.1%} to {row['high']:.1%}"
            lines.append(f"{row['method']:<{wide}}  {row['chosen']:>6}  {row['share']:>6.1%}   {interval}")
        lines += [f"interval: {report['interval']}", "", *_pair_lines(report), "", *_object_lines(report), ""]
        lines.append(f"choices by position on the page: {', '.join(f'{share:.0%}' for share in report['positions'])}")
        if report["seconds_median"] is not None:
            lines.append(f"median time for a choice: {report['seconds_median']:.1f} s")
    lines += [f"note: {note}" for note in report["notes"]]
    lines += [f"ignored {entry['file']}: {entry['reason']}" for entry in report["ignored"]]
    return "\n".join(lines)


def _pair_lines(report: dict) -> list[str]:
    lines = [f"preferences, counted in {report['pairs_unit']} (exact sign test; p corrected for the pairs by Holm):"]
    for pair in report["pairs"]:
        p = "-" if pair["p_holm"] is None else f"{pair['p_holm']:.3g}"
        lines.append(
            f"  {pair['first']} over {pair['second']}: {pair['for_first']}, the reverse: {pair['for_second']}, "
            f"even: {pair['even']}   p = {p}"
        )
    return lines


def _object_lines(report: dict) -> list[str]:
    widths = {row["method"]: max(len(row["method"]), 6) for row in report["methods"]}
    name = max(len("object"), *(len(row["object"]) for row in report["objects"]))
    head = "  ".join(f"{label:>{width}}" for label, width in widths.items())
    lines = [f"{'object':<{name}}  questions  {head}"]
    for row in report["objects"]:
        cells = "  ".join(f"{row['shares'][label]:>{width}.1%}" for label, width in widths.items())
        lines.append(f"{row['object']:<{name}}  {row['questions']:>9}  {cells}")
    return lines


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


@contextmanager
def _progress(total: int):
    """Show a progress bar on a terminal's stderr; gives the function to call after each drawn grasp."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("drawing", total=total)
        yield lambda: bar.advance(task)
