"""The questions of a study: a random draw of each method's grasps, under opaque ids.

Grasps are drawn at random rather than by score, because methods score differently or not at all. The draw repeats with
its seed. The ids do not: from the code and the seed one could otherwise deduce which method is which.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastgrasp_evaluation.metrics.hand_set import HandSet


class StudyError(ValueError):
    """A study cannot be made or counted from the input. The message says what was wrong and the remedy."""


@dataclass(frozen=True)
class Candidate:
    """One grasp to choose: `grasp` is its index in the method's set for the object; `id` reveals neither."""

    id: str
    method: str
    grasp: int


@dataclass(frozen=True)
class Question:
    """One grasp of every method on the same object, sorted by their ids."""

    id: str
    object_name: str
    candidates: tuple[Candidate, ...]


def draw_questions(
    hands: dict[str, dict[str, HandSet]], objects: Sequence[str], per_object: int = 3, seed: int = 0
) -> tuple[list[Question], list[str]]:
    """Draw `per_object` questions for each object, without repetition, from grasps without a problem.

    The draw for an object depends on the seed, the object's name and the position of the method only.

    Args:
        hands: for each method's label its hands by object; all have all of `objects`.

    Returns:
        The questions, sorted by their ids, and notes about hands left out and objects with fewer questions.

    Raises:
        StudyError: some method has no usable grasp, for each of the objects.
    """
    questions, notes = [], []
    for name in objects:
        drawn, count = {}, per_object
        for place, (label, sets) in enumerate(hands.items()):
            usable = np.array([i for i, problem in enumerate(sets[name].problems) if problem is None], dtype=int)
            if len(usable) < len(sets[name]):
                notes.append(f"{name}: {len(sets[name]) - len(usable)} unusable grasps of {label} are left out")
            drawn[label] = np.random.default_rng([seed, place, zlib.crc32(name.encode())]).permutation(usable)
            if len(usable) < per_object:
                notes.append(f"{name}: {label} has {len(usable)} usable grasps of the {per_object} asked for")
            count = min(count, len(usable))
        for i in range(count):
            candidates = [Candidate(secrets.token_hex(6), label, int(order[i])) for label, order in drawn.items()]
            ordered = tuple(sorted(candidates, key=lambda c: c.id))
            questions.append(Question(secrets.token_hex(6), name, ordered))
    if not questions:
        raise StudyError("no object has a usable grasp from every method. " + "; ".join(notes))
    return sorted(questions, key=lambda question: question.id), notes
