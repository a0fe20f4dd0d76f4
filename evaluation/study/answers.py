"""The key of a study and the files that people send back: read, checked, and either counted or set aside with the
reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fastgrasp_evaluation.study.draw import Candidate, Question, StudyError
from fastgrasp_evaluation.study.page import ANSWERS_FORMAT, FORMAT_VERSION, KEY_FORMAT

_LARGEST = 4_000_000  # bytes; a study of a thousand questions stays under 300 kB


@dataclass(frozen=True)
class Key:
    """What the ids of a study mean."""

    study: str
    title: str
    methods: tuple[str, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Answers:
    """One participant's file. `chosen` maps each question to (candidate, its position on the page from 0)."""

    file: str
    participant: str
    name: str
    saved: str
    chosen: dict[str, tuple[str, int]]
    seconds: tuple[float, ...]


class _Rejected(Exception):
    """Why a file of answers does not count."""


def read_key(path: Path) -> Key:
    """Raises StudyError: no such file, damaged, or no key of this version."""
    if not path.is_file():
        raise StudyError(f"no key at {path}; `fastgrasp study` wrote it beside the study's folder, give it with --key")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != KEY_FORMAT or content["format_version"] != FORMAT_VERSION:
            raise StudyError(f"{path} is no study key of version {FORMAT_VERSION}, but {content['format']!r}")
        questions = tuple(
            Question(
                str(entry["id"]),
                str(entry["object"]),
                tuple(Candidate(str(i), str(c["method"]), int(c["grasp"])) for i, c in entry["candidates"].items()),
            )
            for entry in content["questions"]
        )
        key = Key(str(content["study"]), str(content["title"]), tuple(content["methods"]), questions)
    except StudyError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = type(error).__name__  # the text of some holds the whole file
        raise StudyError(f"{path} is damaged or no study key ({reason}); give the study's own key") from error
    methods = sorted(key.methods)
    if not questions or any(sorted(c.method for c in q.candidates) != methods for q in questions):
        raise StudyError(f"{path} is damaged: not every question has one grasp of each method")
    return key


def find_answers(paths: Sequence[Path]) -> list[Path]:
    """The files given, and the .json files of the folders given, each once, sorted by name within a folder."""
    found: dict[Path, Path] = {}
    for path in paths:
        inside = sorted(p for p in path.glob("*.json") if p.is_file()) if path.is_dir() else [path]
        for file in inside:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def read_answers(paths: Sequence[Path], key: Key) -> tuple[list[Answers], list[dict]]:
    """The files that count, one for each participant, and [{"file", "reason"}] for the others.

    Of several files of one participant the last one saved counts.
    """
    read, ignored = [], []
    for path in paths:
        try:
            read.append(_read_file(path, key))
        except _Rejected as reason:
            ignored.append({"file": str(path), "reason": str(reason)})
    newest: dict[str, Answers] = {}
    for answers in read:
        other = newest.get(answers.participant)
        if other is None:
            newest[answers.participant] = answers
            continue
        older, newer = (answers, other) if answers.saved <= other.saved else (other, answers)
        newest[answers.participant] = newer
        same = older.chosen == newer.chosen
        reason = f"the same answers as {newer.file}" if same else f"the same participant saved {newer.file} later"
        ignored.append({"file": older.file, "reason": reason})
    return list(newest.values()), ignored


def _read_file(path: Path, key: Key) -> Answers:
    content = _load(path)
    if content.get("format") != ANSWERS_FORMAT:
        raise _Rejected("no answers to a study")
    if content.get("format_version") != FORMAT_VERSION:
        raise _Rejected(f"format version {content.get('format_version')!r}, expected {FORMAT_VERSION}")
    if content.get("study") != key.study:
        raise _Rejected("answers to another study")
    try:
        return _checked(path, content, key)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _Rejected(f"damaged: {error!r}") from error


def _load(path: Path) -> dict:
    try:
        if path.stat().st_size > _LARGEST:
            raise _Rejected("too large to be answers")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise _Rejected(f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _Rejected(f"damaged: no JSON ({error})") from error
    if not isinstance(content, dict):
        raise _Rejected("no answers to a study")
    return content


def _checked(path: Path, content: dict, key: Key) -> Answers:
    """Every question answered once, with a candidate of its own that was on the page."""
    candidates = {question.id: sorted(c.id for c in question.candidates) for question in key.questions}
    chosen: dict[str, tuple[str, int]] = {}
    seconds = []
    for answer in content["answers"]:
        question, choice = answer["question"], answer.get("choice")
        if question not in candidates:
            raise _Rejected(f"damaged: unknown question {question!r}")
        if question in chosen:
            raise _Rejected(f"damaged: question {question} is answered twice")
        if choice is None:
            continue
        if sorted(answer["shown"]) != candidates[question] or choice not in answer["shown"]:
            raise _Rejected(f"damaged: question {question} has a choice that was not offered")
        chosen[question] = (choice, answer["shown"].index(choice))
        seconds.append(float(answer.get("seconds", "nan")))
    if len(chosen) < len(candidates):
        raise _Rejected(f"unfinished: {len(chosen)} of {len(candidates)} questions answered")
    participant = content["participant"]
    if not isinstance(participant, str) or not participant:
        raise _Rejected("damaged: no participant")
    name, saved = str(content.get("name", "")), str(content.get("saved", ""))
    return Answers(str(path), participant, name, saved, chosen, tuple(seconds))
