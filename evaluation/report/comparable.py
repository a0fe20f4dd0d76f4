"""What makes a row comparable with ours, and what does not.

A mark is one word beside a row. Some marks tell methods apart (hand, training data) and are what a comparison is
about; others say that a figure was measured otherwise, and then the figure takes no part in a comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastgrasp_evaluation.report.published import PublishedRow

SET_COLUMNS = frozenset({
    "entropy_nats", "cluster_size_cm", "entropy_whitened_nats", "cluster_size_whitened", "entropy_whitened_raw_nats",
    "cluster_size_whitened_raw", "entropy", "cluster_size",
})  # fmt: skip

MEANINGS = {
    "objects": "The objects measured. Every figure depends on them.",
    "samples": "Grasps per object and seed. Entropy and cluster size depend on their number.",
    "candidates": "Hands drawn for each grasp. Of more than one the best by the score was kept, and every figure is "
    "one of chosen grasps.",
    "seeds": "Repetitions. Figures are means over seeds, each of the same kind; more of them only make it steadier.",
    "cloud": "What the method saw of the object: its whole surface, or one side as a depth camera sees it.",
    "displacement": "The published constants of the simulation, with gravity along +y.",
    "contact": "The definition of contact: on HO-3D a hand vertex within 5 mm, on GRAB and OakInk a legacy surface "
    "volume that is not zero.",
    "hand": "The hand model. Thicker or longer fingers change volume and contact by themselves; it tells methods "
    "apart and does not change how they are measured.",
    "training": "The training data. They tell methods apart and do not change how they are measured.",
    "volume": "The text of the paper counts solid cells of 1 mm, its published code 5 mm voxels of the object's "
    "surface; the table does not say which it shows. It stands beside our surface volume.",
    "diversity": "The published code divides each dimension by its deviation, prints a raw and a canonical variant, "
    "and does not say which is in the table. It stands beside our whitened canonical figures.",
    "seconds": "Published times were taken on another device; ours, if any, are named under Time.",
    "task": "Table 4 rebuilds captured grasps with the autoencoder; it generates nothing.",
    "version": "Measured by another version of this program.",
}


@dataclass(frozen=True)
class Mark:
    """A key of `MEANINGS` with what holds for this row. `spoils`: the columns that were measured otherwise for it;
    None for all of them, an empty set for none."""

    word: str
    text: str
    same: bool = False
    spoils: frozenset[str] | None = frozenset()


def spoilt(marks: list[Mark], column: str) -> bool:
    """Whether a figure of this column cannot be compared with ours."""
    return any(mark.spoils is None or column in mark.spoils for mark in marks)


def marks_between(report: dict, other: dict) -> list[Mark]:
    """Marks of another benchmark report beside ours."""
    ours, theirs = report["settings"], other["settings"]
    mine, other_objects = measured_objects(report), measured_objects(other)
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
    """Marks of a published row beside ours."""
    settings = report["settings"]
    objects = {name[:3] for name in measured_objects(report)}
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


def measured_objects(report: dict) -> frozenset[str]:
    """Names of the objects that figures of a report come from."""
    return frozenset(row["object"] for row in report["objects"] if row["refused"] is None and row["measured"])


def _mark(word: str, same: bool, text: str, spoils: frozenset[str] | None = frozenset()) -> Mark:
    return Mark(word, text, same, frozenset() if same else spoils)


def _cloud_mark(ours: str | None, theirs: str | None) -> Mark:
    if theirs is None or ours is None:  # grasps from elsewhere: measured alike, whatever their method saw
        return Mark("cloud", "not known for both rows; it tells methods apart")
    return _mark("cloud", ours == theirs, f"{theirs}; ours {ours}", None)


def _candidates_marks(ours: dict, theirs: dict) -> list[Mark]:
    """A mark where two settings chose each grasp among different numbers of hands. Grasps from elsewhere: not known."""
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
    """For every mark of these table rows (word, meaning, [(who, what differs)]), in the order of `MEANINGS`."""
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
