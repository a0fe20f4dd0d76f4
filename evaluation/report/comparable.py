"""Marks that say what makes a row comparable with ours.

A mark is one word beside a row. Some marks distinguish methods (hand, training data); others say that a figure was
measured differently, and then it takes no part in the comparison. `marks.yaml` holds their meanings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from fastgrasp_evaluation.metrics.summary import CLUSTER_COLUMNS
from fastgrasp_evaluation.report.published import PublishedRow

# Columns of the whole set, of our tables and of the published ones: they depend on the number of samples.
SET_COLUMNS = frozenset((*CLUSTER_COLUMNS, "entropy", "cluster_size"))

MEANINGS: dict[str, str] = yaml.safe_load(Path(__file__).with_name("marks.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Mark:
    """A key of `MEANINGS` with its text for this row. `spoils`: the columns that were measured differently, None for
    all of them."""

    word: str
    text: str
    same: bool = False
    spoils: frozenset[str] | None = frozenset()


def spoilt(marks: list[Mark], column: str) -> bool:
    """Return whether a figure of this column cannot be compared with ours."""
    return any(mark.spoils is None or column in mark.spoils for mark in marks)


def marks_between(report: dict, other: dict) -> list[Mark]:
    """Return the marks of another report beside ours."""
    ours, theirs = report["settings"], other["settings"]
    mine, other_objects = _object_names(report), _object_names(other)
    marks = [_mark("objects", mine == other_objects, _objects_text(mine, other_objects), None)]
    samples = [settings.get("samples") or "not stated" for settings in (theirs, ours)]
    marks.append(_mark("samples", samples[0] == samples[1], f"{samples[0]}; ours {samples[1]}", SET_COLUMNS))
    marks += _candidates_marks(ours, theirs)
    seeds = [len(settings.get("seeds") or [0]) for settings in (theirs, ours)]
    if seeds[0] != seeds[1]:
        marks.append(Mark("seeds", f"{seeds[0]}; ours {seeds[1]}"))
    marks.append(_cloud_mark(ours.get("cloud"), theirs.get("cloud")))
    if ours.get("hand") or theirs.get("hand"):
        hands = [settings.get("hand") or "not stated" for settings in (theirs, ours)]
        marks.append(_mark("hand", hands[0] == hands[1], f"{hands[0]}; ours {hands[1]}"))
    if ours.get("version") != theirs.get("version"):
        marks.append(Mark("version", f"version {theirs.get('version')}; ours {ours.get('version')}"))
    return marks


def marks_of_published(report: dict, row: PublishedRow) -> list[Mark]:
    """Return the marks of a published row beside ours."""
    settings = report["settings"]
    objects = {name[:3] for name in _object_names(report)}
    alike = row.objects is not None and objects == row.objects
    marks = [_mark("objects", alike, f"objects of {row.data_set}", None)]
    if row.table == 4:
        marks.append(Mark("task", MEANINGS["task"], spoils=None))
    else:
        same = settings.get("samples") == row.samples
        text = f"{row.samples} for each object; ours {settings.get('samples') or 'not stated'}"
        marks.append(_mark("samples", same, text, SET_COLUMNS))
    marks += _candidates_marks(settings, {"cloud": "full"})
    marks.append(_cloud_mark(settings.get("cloud"), "full"))
    marks.append(Mark("displacement", MEANINGS["displacement"], same=True))
    within = row.contact == "contact_within_5mm_share"
    text = "a hand vertex inside or within 5 mm" if within else "legacy surface volume not zero"
    marks.append(Mark("contact", f"{text}, for our row too", same=True))
    hand = settings.get("hand") or "not stated"
    marks.append(_mark("hand", _is_mano(hand), f"{row.hand}; ours {hand}"))
    known = f"captured grasps of {row.training_data}" if row.training_data else "captured grasps, not said which"
    marks.append(Mark("training", known))
    marks.append(Mark("volume", MEANINGS["volume"], spoils=frozenset({"volume_cm3"})))
    if row.table != 4:
        marks.append(Mark("diversity", MEANINGS["diversity"], spoils=SET_COLUMNS))
    if row.figures.get("seconds_per_grasp") is not None:
        marks.append(Mark("seconds", f"on an {row.device}", spoils=frozenset({"seconds_per_grasp"})))
    return marks


def _object_names(report: dict) -> frozenset[str]:
    """Return the names of the objects that the figures of a report come from."""
    return frozenset(row["object"] for row in report["objects"] if row["refused"] is None and row["measured"])


def _mark(word: str, same: bool, text: str, spoils: frozenset[str] | None = frozenset()) -> Mark:
    return Mark(word, text, same, frozenset() if same else spoils)


def _cloud_mark(ours: str | None, theirs: str | None) -> Mark:
    if theirs is None or ours is None:  # grasps of other methods: measured alike for any cloud
        return Mark("cloud", "not known for both rows; it distinguishes methods")
    return _mark("cloud", ours == theirs, f"{theirs}; ours {ours}", None)


def _candidates_marks(ours: dict, theirs: dict) -> list[Mark]:
    """Return a mark if each grasp was selected among different numbers of hands; not known for other methods."""
    counts = [settings.get("candidates") or 1 for settings in (theirs, ours)]
    if counts[0] == counts[1]:
        return []
    generated = theirs.get("cloud") is not None and ours.get("cloud") is not None
    text = f"{counts[0]}; ours {counts[1]}" if generated else "not known for both rows"
    return [Mark("candidates", text, spoils=None if generated else frozenset())]


def _objects_text(mine: frozenset[str], theirs: frozenset[str]) -> str:
    if mine == theirs:
        return f"the same {len(mine)}"
    return f"{len(theirs)} objects, {len(mine & theirs)} of them among our {len(mine)}"


def _is_mano(hand: str) -> bool:
    return "mano" in hand.lower() and "open" not in hand.lower()


def explained(rows: list) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return (word, meaning, [(row, difference)]) for every mark of table rows, in the order of `MEANINGS`."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        for mark in row.marks:
            who = "published" if row.kind == "published" else row.label
            texts = found.setdefault(mark.word, {}).setdefault(who, [])
            if not (mark.same or mark.text in texts or mark.text == MEANINGS[mark.word]):
                texts.append(mark.text)
    return [
        (word, meaning, [(who, " / ".join(texts)) for who, texts in found[word].items() if texts])
        for word, meaning in MEANINGS.items()
        if word in found
    ]
