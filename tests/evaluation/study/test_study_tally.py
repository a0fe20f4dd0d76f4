"""The count: intervals and tests against known values and simulated people, and files that must not count."""

import json
import math
from itertools import product

import numpy as np
import pytest

from fastgrasp_evaluation.study.answers import find_answers, read_answers, read_key
from fastgrasp_evaluation.study.draw import StudyError
from fastgrasp_evaluation.study.tally import (
    holm,
    people_needed,
    preferences,
    share_interval,
    sign_test,
    tally,
    wilson_interval,
)

METHODS = ["ours", "theirs", "older"]
OBJECTS = ["mug", "mug", "apple", "apple"]


@pytest.fixture
def key_file(tmp_path):
    """The key of a study of 4 questions; candidate 'q1-ours' is what ours offers in question q1."""
    questions = [
        {"id": f"q{i}", "object": name, "candidates": {f"q{i}-{m}": {"method": m, "grasp": i} for m in METHODS}}
        for i, name in enumerate(OBJECTS)
    ]
    content = {"format": "fastgrasp-study-key", "format_version": 1, "study": "abc", "title": "A study", "seed": 0}
    path = tmp_path / "study_key.json"
    path.write_text(json.dumps(content | {"methods": METHODS, "questions": questions}))
    return path


@pytest.fixture
def write(tmp_path):
    """A function (file and participant, methods chosen, changes) that writes one participant's file."""

    def make(file: str, chosen: str, **changes):
        picked = [{"o": "ours", "t": "theirs", "l": "older"}[letter] for letter in chosen]
        answers = [
            {"question": f"q{i}", "shown": [f"q{i}-{m}" for m in METHODS], "choice": f"q{i}-{m}", "seconds": 2.0 + i}
            for i, m in enumerate(picked)
        ]
        content = {
            "format": "fastgrasp-study-answers", "format_version": 1, "study": "abc", "participant": file,
            "name": "", "saved": "2026-01-01T00:00:00Z", "answers": answers,
        }  # fmt: skip
        path = tmp_path / f"{file}.json"
        path.write_text(json.dumps(content | changes))
        return path

    return make


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17, 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_against_published_values(hits, trials, low, high):
    assert wilson_interval(hits, trials) == pytest.approx((low, high), abs=5e-5)


def test_no_trials_have_no_interval():
    assert wilson_interval(0, 0) == (None, None)
    assert share_interval(np.zeros((0, 4), bool)) == (None, None)


def test_one_participant_has_wilsons_interval():
    assert share_interval(np.array([[True, False, False, True]])) == wilson_interval(2, 4)


def test_the_interval_knows_that_one_persons_choices_belong_together():
    """Half of the people always take the method, half never: 20 independent choices, not 400."""
    hits = np.repeat(np.arange(20) < 10, 20).reshape(20, 20)
    low, high = share_interval(hits)
    spread = math.sqrt(0.25 / 20)  # of the mean of 20 people
    assert (low, high) == pytest.approx((0.5 - 1.96 * spread, 0.5 + 1.96 * spread), abs=0.03)
    assert share_interval(hits.T) == pytest.approx((low, high), abs=0.03)  # and questions likewise


def test_the_interval_is_repeatable_and_never_collapses():
    hits = np.ones((10, 30), bool)
    assert share_interval(hits) == pytest.approx(wilson_interval(300, 300))
    mixed = np.random.default_rng(0).random((8, 12)) < 0.4
    assert share_interval(mixed, seed=3) == share_interval(mixed, seed=3)
    assert share_interval(mixed, seed=3) != share_interval(mixed, seed=4)


@pytest.mark.slow
def test_the_interval_holds_the_truth_as_often_as_it_says():
    """People with tastes and questions with leanings of their own, both drawn anew each time: 12 of either."""
    random = np.random.default_rng(1)
    held, rounds = 0, 120
    grid = np.random.default_rng(2).normal(size=(2, 400_000))
    truth = (1 / (1 + np.exp(-(0.4 + 0.9 * grid[0] + 0.9 * grid[1])))).mean()
    for _ in range(rounds):
        people, questions = 0.9 * random.normal(size=(12, 1)), 0.9 * random.normal(size=(1, 12))
        hits = random.random((12, 12)) < 1 / (1 + np.exp(-(0.4 + people + questions)))
        low, high = share_interval(hits)
        held += low <= truth <= high
    assert held / rounds > 0.91  # sd 0.02; Wilson's alone holds it in about 70 %


@pytest.mark.parametrize(("ahead", "behind"), [(8, 2), (2, 8), (5, 5), (10, 0), (1, 0), (7, 4)])
def test_the_sign_test_against_the_whole_list_of_outcomes(ahead, behind):
    number = ahead + behind
    outcomes = [sum(one) for one in product((0, 1), repeat=number)]
    as_far = [one for one in outcomes if abs(one - number / 2) >= abs(ahead - number / 2)]
    assert sign_test(ahead, behind) == pytest.approx(len(as_far) / len(outcomes))


def test_nothing_to_compare_has_no_p():
    assert sign_test(0, 0) is None


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, None, 0.9]) == [1.0, None, 1.0]


def test_how_many_people_it_takes():
    assert [people_needed(pairs) for pairs in (1, 3, 6)] == [6, 7, 8]  # 2 ** (1 - people) * pairs < 0.05


def test_preferences_count_people_not_choices():
    chosen = np.array([[0, 0, 0, 1], [0, 0, 1, 1], [2, 2, 2, 0]])
    pairs = {(p["first"], p["second"]): p for p in preferences(chosen, METHODS)}
    first = pairs["ours", "theirs"]
    assert (first["for_first"], first["for_second"], first["even"]) == (2, 0, 1)
    assert (pairs["ours", "older"]["for_first"], pairs["ours", "older"]["for_second"]) == (2, 1)
    alone = preferences(chosen[:1], METHODS)[0]  # of one person the questions are counted
    assert (alone["for_first"], alone["for_second"], alone["even"]) == (3, 1, 0)
    assert alone["p"] == pytest.approx(0.625)


def test_the_whole_count(key_file, write):
    files = [write("ann", "oooo"), write("ben", "ootl"), write("cas", "oltt")]
    key = read_key(key_file)
    answers, ignored = read_answers(files, key)
    report = tally(key, answers, ignored)
    assert (report["participants"], report["questions"], report["choices"]) == (3, 4, 12)
    assert [(row["method"], row["chosen"]) for row in report["methods"]] == [("ours", 7), ("theirs", 3), ("older", 2)]
    for row in report["methods"]:
        assert row["share"] == pytest.approx(row["chosen"] / 12)
        assert 0 <= row["low"] < row["share"] < row["high"] <= 1
    by_object = {row["object"]: row for row in report["objects"]}
    assert by_object["mug"]["shares"] == pytest.approx({"ours": 5 / 6, "theirs": 0, "older": 1 / 6})
    assert by_object["apple"]["shares"] == pytest.approx({"ours": 2 / 6, "theirs": 3 / 6, "older": 1 / 6})
    assert report["positions"] == pytest.approx([7 / 12, 3 / 12, 2 / 12])
    assert report["seconds_median"] == 3.5
    assert not report["ignored"]
    assert "NaN" not in json.dumps(report)
    assert report["notes"] == ["with fewer than 7 participants no corrected p can fall below 0.05"]


def test_no_answers_still_give_a_report(key_file):
    report = tally(read_key(key_file), [])
    assert report["participants"] == 0
    assert all(row["share"] is None and row["low"] is None for row in report["methods"])
    assert "NaN" not in json.dumps(report)


def reason(path, key_file) -> str:
    answers, ignored = read_answers([path], read_key(key_file))
    assert not answers
    assert [entry["file"] for entry in ignored] == [str(path)]
    return ignored[0]["reason"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"study": "xyz"}, "answers to another study"),
        ({"format": "something"}, "no answers to a study"),
        ({"format_version": 2}, "format version 2, expected 1"),
        ({"answers": None}, "damaged: answers: Input should be a valid list"),
        ({"answers": [{"question": "q0"}]}, "unfinished: 0 of 4"),
        ({"answers": [{"question": ["q0"]}]}, "damaged: answers.0.question"),
        ({"answers": [{"question": "q9", "choice": "a", "shown": []}]}, "unknown question 'q9'"),
        ({"answers": [{"question": "q0", "choice": "a", "shown": ["a"]}]}, "q0 has a choice that was not offered"),
        ({"participant": ""}, "damaged: participant"),
        ({"participant": 3}, "damaged: participant"),
    ],
)
def test_what_does_not_count_and_why(changes, expected, key_file, write):
    assert expected in reason(write("ann", "oooo", **changes), key_file)


def test_unfinished_and_twice_answered(key_file, write):
    assert reason(write("ann", "ooo"), key_file) == "unfinished: 3 of 4 questions answered"
    content = json.loads(write("ben", "oooo").read_text())
    twice = write("ben", "oooo", answers=content["answers"] + content["answers"][:1])
    assert reason(twice, key_file) == "damaged: question q0 is answered twice"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "no JSON"),
        (b'{"study": ', "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b"[1]", "no answers"),
    ],
)
def test_damaged_files(content, expected, key_file, tmp_path):
    (tmp_path / "bad.json").write_bytes(content)
    assert expected in reason(tmp_path / "bad.json", key_file)


def test_missing_and_oversized_files(key_file, tmp_path):
    assert reason(tmp_path / "nothing.json", key_file).startswith("cannot be read")
    (tmp_path / "big.json").write_bytes(b" " * 4_000_001)
    assert reason(tmp_path / "big.json", key_file) == "too large to be answers"


def test_of_two_files_of_one_participant_the_later_counts(key_file, write, tmp_path):
    early, key = write("ann", "oooo"), read_key(key_file)
    copy = tmp_path / "copy.json"
    copy.write_bytes(early.read_bytes())
    answers, ignored = read_answers([early, copy], key)
    assert len(answers) == 1
    assert len(ignored) == 1 and "the same answers as" in ignored[0]["reason"]
    later = write("later", "tttt", participant="ann", saved="2026-01-02T00:00:00Z")
    for order in ([early, later], [later, early]):
        answers, ignored = read_answers(order, key)
        assert [one.file for one in answers] == [str(later)]
        assert ignored == [{"file": str(early), "reason": f"the same participant saved {later} later"}]


def test_one_name_of_two_people_is_told(key_file, write):
    answers, _ = read_answers([write("a", "oooo", name="Kim"), write("b", "tttt", name="kim ")], read_key(key_file))
    assert len(answers) == 2
    assert "2 participants gave the name 'kim'; all are counted" in tally(read_key(key_file), answers)["notes"]


def test_folders_are_searched_and_no_file_is_read_twice(tmp_path):
    for name in ("b.json", "a.json", "c.txt"):
        (tmp_path / name).touch()
    found = find_answers([tmp_path / "b.json", tmp_path])
    assert [path.name for path in found] == ["b.json", "a.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no key at"),
        ("{", "damaged or no study key"),
        ('{"format": "fastgrasp-study-answers", "format_version": 1}', "no study key of version 1"),
        ("[]", "damaged or no study key"),
    ],
)
def test_wrong_keys(content, message, tmp_path):
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StudyError, match=message):
        read_key(path)


def test_a_key_that_is_no_text_is_refused_without_its_bytes(tmp_path):
    (tmp_path / "study_key.json").write_bytes(b"PK" + bytes(range(128, 256)) * 50)
    with pytest.raises(StudyError, match="damaged or no study key") as caught:
        read_key(tmp_path / "study_key.json")
    assert len(str(caught.value)) < 300


def test_a_key_that_misses_a_method_is_refused(key_file):
    content = json.loads(key_file.read_text())
    del content["questions"][2]["candidates"]["q2-older"]
    key_file.write_text(json.dumps(content))
    with pytest.raises(StudyError, match="not every question has one grasp of each method"):
        read_key(key_file)
