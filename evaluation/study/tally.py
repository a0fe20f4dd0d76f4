"""The figures of a study: each method's share of the choices with its interval, and pairwise preferences.

Choices of one participant, and choices on one question, are correlated. Intervals that assume independence are too
narrow, so participants and questions are both resampled (`share_interval`), and the tests count participants rather
than choices (`preferences`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from fastgrasp_evaluation.study.answers import Answers, Key

LEVEL = 0.95
RESAMPLES = 10_000
_BLOCK = 500  # resamples at a time, to keep the arrays small


def tally(key: Key, answers: Sequence[Answers], ignored: Sequence[dict] = (), seed: int = 0) -> dict:
    """Return the figures of a study for JSON; shares are 0..1, unknown figures None.

    answers, ignored: from `read_answers`; seed: of the resampling.
    """
    chosen = choice_matrix(key, answers)
    methods = []
    for number, label in enumerate(key.methods):
        low, high = share_interval(chosen == number, seed=seed)
        share = float((chosen == number).mean()) if chosen.size else None
        methods.append(
            {"method": label, "chosen": int((chosen == number).sum()), "share": share, "low": low, "high": high}
        )
    seconds = [value for one in answers for value in one.seconds if np.isfinite(value)]
    return {
        "format": "fastgrasp-study-tally",
        "format_version": 1,
        "study": key.study,
        "title": key.title,
        "participants": len(answers),
        "questions": len(key.questions),
        "choices": int(chosen.size),
        "chance": 1 / len(key.methods),
        "interval": _interval_text(len(answers)),
        "methods": methods,
        "pairs": preferences(chosen, key.methods),
        "pairs_unit": "participants" if len(answers) > 1 else "questions",
        "objects": _by_object(key, chosen),
        "positions": _positions(key, answers),
        "seconds_median": float(np.median(seconds)) if seconds else None,
        "ignored": list(ignored),
        "notes": _notes(answers, len(key.methods)),
    }


def choice_matrix(key: Key, answers: Sequence[Answers]) -> np.ndarray:
    """Return the index of the chosen method, int (participants, questions), in the order of `key`."""
    chosen = np.zeros((len(answers), len(key.questions)), dtype=int)
    for column, question in enumerate(key.questions):
        method = {candidate.id: key.methods.index(candidate.method) for candidate in question.candidates}
        for row, one in enumerate(answers):
            chosen[row, column] = method[one.chosen[question.id][0]]
    return chosen


def wilson_interval(hits: int, trials: int) -> tuple[float | None, float | None]:
    """Return the 95 % score interval of a share of independent trials (Wilson, JASA 22, 1927); None without trials."""
    if trials == 0:
        return None, None
    from scipy.stats import binomtest

    interval = binomtest(hits, trials).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def share_interval(hits: np.ndarray, seed: int = 0) -> tuple[float | None, float | None]:
    """Return a 95 % interval of the share of True in `hits`, bool (participants, questions).

    With two or more participants: percentiles of 10,000 resamples of participants and questions with replacement,
    independently of each other (the pigeonhole bootstrap: Owen, Annals of Applied Statistics 1, 2007, which shows that
    it is conservative). Few participants, or shares near 0 and 1, make a bootstrap too narrow, so the interval also
    covers Wilson's interval of independent choices. With one participant: Wilson's alone.
    """
    people, questions = hits.shape
    low, high = wilson_interval(int(hits.sum()), hits.size)
    if people < 2 or low is None:
        return low, high
    random = np.random.default_rng(seed)
    shares = []
    for _ in range(RESAMPLES // _BLOCK):
        of_people = random.multinomial(people, np.full(people, 1 / people), size=_BLOCK)
        of_questions = random.multinomial(questions, np.full(questions, 1 / questions), size=_BLOCK)
        shares.append(((of_people @ hits.astype(float)) * of_questions).sum(axis=1) / hits.size)
    edge = 50 * (1 - LEVEL)
    below, above = np.percentile(np.concatenate(shares), [edge, 100 - edge])
    return min(low, float(below)), max(high, float(above))


def preferences(chosen: np.ndarray, methods: Sequence[str]) -> list[dict]:
    """Return for each two methods an exact two-sided sign test, with its p-value corrected for all pairs by Holm.

    The unit is the participant: how many chose the first more often than the second, and how many the reverse; ties are
    left out. So correlated choices of one participant do not matter. With one participant the unit is the question,
    taken as independent.
    """
    rows = chosen if len(chosen) > 1 else chosen.T  # of one participant each question is a row
    pairs = []
    for first, second in combinations(range(len(methods)), 2):
        lead = (rows == first).sum(axis=1) - (rows == second).sum(axis=1)
        ahead, behind = int((lead > 0).sum()), int((lead < 0).sum())
        counts = {"for_first": ahead, "for_second": behind, "even": len(rows) - ahead - behind}
        names = {"first": methods[first], "second": methods[second]}
        pairs.append(names | counts | {"p": sign_test(ahead, behind)})
    for pair, corrected in zip(pairs, holm([pair["p"] for pair in pairs]), strict=True):
        pair["p_holm"] = corrected
    return pairs


def sign_test(ahead: int, behind: int) -> float | None:
    """Return the two-sided p of `ahead` against `behind` if both are equally likely; None if both are 0."""
    from scipy.stats import binomtest

    return float(binomtest(ahead, ahead + behind, 0.5).pvalue) if ahead + behind else None


def holm(values: Sequence[float | None]) -> list[float | None]:
    """Correct p-values for their number (Holm, Scandinavian Journal of Statistics 6, 1979); None stays None."""
    order = sorted((i for i, value in enumerate(values) if value is not None), key=lambda i: values[i])
    corrected: list[float | None] = [None] * len(values)
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * values[i]))
        corrected[i] = largest
    return corrected


def people_needed(pairs: int) -> int:
    """Return how many unanimous participants the sign test, corrected for `pairs`, needs to fall below 0.05."""
    return next(people for people in range(1, 100) if pairs * sign_test(people, 0) < 1 - LEVEL)


def _by_object(key: Key, chosen: np.ndarray) -> list[dict]:
    rows = []
    for name in sorted({question.object_name for question in key.questions}):
        columns = [i for i, question in enumerate(key.questions) if question.object_name == name]
        part = chosen[:, columns]
        shares = {m: float((part == i).mean()) if part.size else None for i, m in enumerate(key.methods)}
        rows.append({"object": name, "questions": len(columns), "choices": int(part.size), "shares": shares})
    return rows


def _positions(key: Key, answers: Sequence[Answers]) -> list[float | None]:
    """Return the share of choices by position on the page; far from even, people clicked without looking."""
    counts = Counter(position for one in answers for _, position in one.chosen.values())
    total = sum(counts.values())
    return [counts[i] / total if total else None for i in range(len(key.methods))]


def _interval_text(people: int) -> str:
    if people == 0:
        return "none: no answers"
    if people == 1:
        return "95 %, Wilson's: one participant, questions taken as independent; it says nothing about other people"
    return "95 %, bootstrap over participants and questions, at least as wide as Wilson's"


def _notes(answers: Sequence[Answers], methods: int) -> list[str]:
    names = Counter(one.name.strip().casefold() for one in answers if one.name.strip())
    shared = [(name, number) for name, number in names.items() if number > 1]
    notes = [f"{number} participants gave the name '{name}'; all are counted" for name, number in shared]
    needed = people_needed(methods * (methods - 1) // 2)
    if 2 <= len(answers) < needed:
        notes.append(f"with fewer than {needed} participants no corrected p can fall below 0.05")
    return notes
