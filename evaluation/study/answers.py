"""The key of a study and the answers that participants send back; answers are checked, and ignored with a reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from fastgrasp_evaluation.study.draw import Candidate, Question, StudyError
from fastgrasp_evaluation.study.page import ANSWERS_FORMAT, FORMAT_VERSION, KEY_FORMAT

_LARGEST = 4_000_000  # bytes; a study of a thousand questions stays under 300 kB


@dataclass(frozen=True)
class Key:
    """The key: which candidate is whose grasp."""

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


class _Answer(BaseModel):
    question: str
    choice: str | None = None
    shown: list[str] = []
    seconds: float = float("nan")


class _AnswersFile(BaseModel):
    participant: str = Field(min_length=1)
    name: str = ""
    saved: str = ""
    answers: list[_Answer]


class _KeyCandidate(BaseModel):
    method: str
    grasp: int


class _KeyQuestion(BaseModel):
    id: str
    object: str
    candidates: dict[str, _KeyCandidate]


class _KeyFile(BaseModel):
    study: str
    title: str
    methods: tuple[str, ...]
    questions: list[_KeyQuestion] = Field(min_length=1)


class _IgnoredError(Exception):
    """Why a file of answers is ignored."""


def read_key(path: Path) -> Key:
    """Read a study's key. Raises StudyError: no such file, damaged, or another version."""
    if not path.is_file():
        raise StudyError(f"no key at {path}; `fastgrasp study` wrote it beside the study's folder, give it with --key")
    remedy = "give the study's own key"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if (content["format"], content["format_version"]) != (KEY_FORMAT, FORMAT_VERSION):
            raise StudyError(f"{path} is no study key of version {FORMAT_VERSION}, but {content['format']!r}; {remedy}")
        key = _KeyFile.model_validate(content)
    except StudyError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = type(error).__name__  # the text of some errors holds the whole file
        raise StudyError(f"{path} is damaged or no study key ({reason}); {remedy}") from error
    if any(sorted(c.method for c in q.candidates.values()) != sorted(key.methods) for q in key.questions):
        raise StudyError(f"{path} is damaged: not every question has one grasp of each method; {remedy}")
    questions = (
        Question(q.id, q.object, tuple(Candidate(i, c.method, c.grasp) for i, c in q.candidates.items()))
        for q in key.questions
    )
    return Key(key.study, key.title, key.methods, tuple(questions))


def find_answers(paths: Sequence[Path]) -> list[Path]:
    """Return the files given, and the .json files of the folders given, each once, sorted by name within a folder."""
    found: dict[Path, Path] = {}
    for path in paths:
        for file in sorted(p for p in path.glob("*.json") if p.is_file()) if path.is_dir() else [path]:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def read_answers(paths: Sequence[Path], key: Key) -> tuple[list[Answers], list[dict]]:
    """Return the answers that count, one for each participant, and [{"file", "reason"}] for the ignored files.

    Of several files of one participant the one saved last counts.
    """
    ignored = []
    newest: dict[str, Answers] = {}
    for path in paths:
        try:
            answers = _read_file(path, key)
        except _IgnoredError as reason:
            ignored.append({"file": str(path), "reason": str(reason)})
            continue
        other = newest.get(answers.participant)
        newest[answers.participant] = answers
        if other is not None:
            older, newer = (answers, other) if answers.saved <= other.saved else (other, answers)
            newest[answers.participant] = newer
            same = older.chosen == newer.chosen
            reason = f"the same answers as {newer.file}" if same else f"the same participant saved {newer.file} later"
            ignored.append({"file": older.file, "reason": reason})
    return list(newest.values()), ignored


def _read_file(path: Path, key: Key) -> Answers:
    """Read one file of answers. Raises _IgnoredError."""
    try:
        if path.stat().st_size > _LARGEST:
            raise _IgnoredError("too large to be answers")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise _IgnoredError(f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _IgnoredError(f"damaged: no JSON ({error})") from error
    if not isinstance(content, dict) or content.get("format") != ANSWERS_FORMAT:
        raise _IgnoredError("no answers to a study")
    if content.get("format_version") != FORMAT_VERSION:
        raise _IgnoredError(f"format version {content.get('format_version')!r}, expected {FORMAT_VERSION}")
    if content.get("study") != key.study:
        raise _IgnoredError("answers to another study")
    try:
        return _checked(path, _AnswersFile.model_validate(content), key)
    except ValidationError as error:
        first = error.errors()[0]
        raise _IgnoredError(f"damaged: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _checked(path: Path, content: _AnswersFile, key: Key) -> Answers:
    """Check that every question is answered once, with one of its own candidates that was shown."""
    candidates = {question.id: sorted(c.id for c in question.candidates) for question in key.questions}
    chosen: dict[str, tuple[str, int]] = {}
    seconds = []
    for answer in content.answers:
        question, choice = answer.question, answer.choice
        if question not in candidates:
            raise _IgnoredError(f"damaged: unknown question {question!r}")
        if question in chosen:
            raise _IgnoredError(f"damaged: question {question} is answered twice")
        if choice is None:
            continue
        if sorted(answer.shown) != candidates[question] or choice not in answer.shown:
            raise _IgnoredError(f"damaged: question {question} has a choice that was not offered")
        chosen[question] = (choice, answer.shown.index(choice))
        seconds.append(answer.seconds)
    if len(chosen) < len(candidates):
        raise _IgnoredError(f"unfinished: {len(chosen)} of {len(candidates)} questions answered")
    return Answers(str(path), content.participant, content.name, content.saved, chosen, tuple(seconds))
