"""The questions of a study: which grasps of which method stand beside each other, under names that tell nothing.

The grasps are drawn at random rather than taken from the top, because methods sort by scores of their own, or not
at all. The draw repeats with its seed. The names of questions and candidates do not: whoever knows this code and
the seed could otherwise work out from the page which method is which.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastgrasp_evaluation.metrics.hand_set import HandSet


class StudyError(ValueError):
    """A study cannot be made or counted from what was given. The message says what was wrong and the remedy."""


@dataclass(frozen=True)
class Candidate:
    """One grasp to choose: `grasp` is its number in the method's set for the object; `id` tells neither."""

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
    hands: dict[str, dict[str, HandSet]],
    objects: Sequence[str],
    per_object: int = 3,
    seed: int = 0,
    token: Callable[[], str] = lambda: secrets.token_hex(6),
) -> tuple[list[Question], list[str]]:
    """`per_object` questions for each object, question i with the i-th grasp drawn from each method.

    Each method's grasps are drawn without repetition, from those without a problem. The draw for an object depends
    on the seed, the object's name and the place of the method, not on the other objects.

    Args:
        hands: for each method's label its hands by object; all have all of `objects`.
        token: gives a new opaque id at each call.

    Returns:
        The questions, sorted by their ids, and notes about hands left out and objects with fewer questions.

    Raises:
        StudyError: a method has no usable grasp for any of the objects.
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
            candidates = [Candidate(token(), label, int(order[i])) for label, order in drawn.items()]
            questions.append(Question(token(), name, tuple(sorted(candidates, key=lambda c: c.id))))
    if not questions:
        raise StudyError("no object has a usable grasp from every method. " + "; ".join(notes))
    return sorted(questions, key=lambda question: question.id), notes
