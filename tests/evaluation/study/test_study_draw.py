"""The draw of the questions, and which objects and meshes the methods' files belong to."""

from pathlib import Path

import numpy as np
import pytest

from fastgrasp_evaluation.study.draw import StudyError, draw_questions
from fastgrasp_evaluation.study.sources import common_objects, labels_for, read_methods

OBJECTS = ["mug", "apple", "bowl"]


@pytest.fixture
def hands(labels, ball_hands):
    """A function (count, changes) -> the hands of all methods, by label and object."""

    def make(count: int = 10, **changes) -> dict:
        return {label: {name: ball_hands(name, count) for name in OBJECTS} for label in labels} | changes

    return make


def grasps_of(questions) -> list:
    """What was drawn, whatever the ids: sorted (object, ((method, grasp), ...))."""
    return sorted((q.object_name, tuple(sorted((c.method, c.grasp) for c in q.candidates))) for q in questions)


def test_every_question_has_one_grasp_of_each_method_and_no_grasp_comes_twice(hands, labels):
    questions, notes = draw_questions(hands(), OBJECTS, per_object=3)
    assert not notes
    assert len(questions) == 9
    for name in OBJECTS:
        of_object = [question for question in questions if question.object_name == name]
        assert len(of_object) == 3
        for label in labels:
            drawn = [c.grasp for question in of_object for c in question.candidates if c.method == label]
            assert len(drawn) == len(set(drawn)) == 3


def test_the_draw_repeats_with_its_seed_but_the_ids_do_not(hands):
    first, second = (draw_questions(hands(), OBJECTS, seed=4)[0] for _ in range(2))
    assert grasps_of(first) == grasps_of(second)
    assert not {q.id for q in first} & {q.id for q in second}
    assert grasps_of(first) != grasps_of(draw_questions(hands(), OBJECTS, seed=5)[0])


def test_another_object_does_not_change_the_draw_of_the_others(hands):
    fewer = grasps_of(draw_questions(hands(), OBJECTS[:2])[0])
    assert fewer == [entry for entry in grasps_of(draw_questions(hands(), OBJECTS)[0]) if entry[0] != "bowl"]


def test_the_draw_is_fair_to_every_grasp(hands, labels):
    counts = np.zeros(5)
    for seed in range(400):
        for question in draw_questions(hands(5), ["mug"], per_object=2, seed=seed)[0]:
            counts[[c.grasp for c in question.candidates if c.method == labels[0]]] += 1
    assert counts.sum() == 800
    assert np.abs(counts - 160).max() < 45  # sd 9.8


def test_neither_the_order_of_candidates_nor_of_questions_tells_anything(hands, labels):
    firsts, objects = [], []
    for seed in range(300):
        questions, _ = draw_questions(hands(3), OBJECTS, per_object=1, seed=seed)
        firsts += [question.candidates[0].method for question in questions]
        objects.append(questions[0].object_name)
    for label in labels:
        assert firsts.count(label) == pytest.approx(300, abs=70)  # sd 14
    for name in OBJECTS:
        assert objects.count(name) == pytest.approx(100, abs=40)  # sd 8


def test_unusable_grasps_are_never_drawn_and_are_told(hands, labels, ball_hands):
    bad = {name: ball_hands(name, 5, problems=(0, 2, 4)) for name in OBJECTS}
    questions, notes = draw_questions(hands(**{labels[1]: bad}), ["mug"], per_object=3)
    assert {c.grasp for q in questions for c in q.candidates if c.method == labels[1]} == {1, 3}
    assert len(questions) == 2
    assert notes == [
        f"mug: 3 unusable grasps of {labels[1]} are left out",
        f"mug: {labels[1]} has 2 usable grasps of the 3 asked for",
    ]


def test_no_usable_grasp_at_all_is_an_error(hands, labels, ball_hands):
    bad = {name: ball_hands(name, 1, problems=(0,)) for name in OBJECTS}
    with pytest.raises(StudyError, match="no object has a usable grasp from every method"):
        draw_questions(hands(**{labels[0]: bad}), OBJECTS)


def test_labels_come_from_the_files_or_the_option():
    paths = [Path("a/ours.npz"), Path("b/theirs")]
    assert labels_for(paths, None) == ["ours", "theirs"]
    assert labels_for(paths, "x, y") == ["x", "y"]


@pytest.mark.parametrize(
    ("paths", "given", "message"),
    [
        (["a.npz"], None, "2 to 4 methods, got 1"),
        (list("abcde"), None, "2 to 4 methods, got 5"),
        (["a/mug.npz", "b/mug.npz"], None, "--labels ours,theirs"),
        (["a.npz", "b.npz"], "x,x", "name each one differently"),
        (["a.npz", "b.npz"], "x,y,z", "names 3 methods, but 2"),
        (["a.npz", "b.npz"], "x,", "not distinct"),
    ],
)
def test_wrong_labels(paths, given, message):
    with pytest.raises(StudyError, match=message):
        labels_for([Path(path) for path in paths], given)


@pytest.mark.parametrize(
    ("told", "file", "meshes", "expected"),
    [
        ("mug", "ours.npz", ["mug", "apple"], "mug"),  # the file tells
        ("", "mug.npz", ["mug", "apple"], "mug"),  # its name tells
        ("ours", "mug.npz", ["mug", "apple"], "mug"),
        ("", "ours.npz", ["mug"], "mug"),  # there is only one mesh
        ("cup", "ours.npz", ["mug", "apple"], "cup"),  # nothing fits
    ],
)
def test_the_object_of_a_file_with_one_object(told, file, meshes, expected, ball_hands):
    found = read_methods([Path(file)], ["x"], dict.fromkeys(meshes, Path()), lambda _: [ball_hands(told, 2)])
    assert list(found["x"]) == [expected]


def test_right_and_left_hands_of_one_object_are_put_together(ball_hands):
    sets = [ball_hands("mug", 2), ball_hands("mug", 3, problems=(1,)), ball_hands("apple", 1)]
    hands = read_methods([Path("x.npz")], ["x"], {"mug": Path()}, lambda _: sets)["x"]
    assert {name: len(found) for name, found in hands.items()} == {"mug": 5, "apple": 1}
    assert hands["mug"].problems == [None, None, None, "NaN", None]
    assert np.array_equal(hands["mug"].vertices[3], sets[1].vertices[1])


def test_objects_that_not_all_have_are_left_out_and_told(ball_hands):
    given = {"a": ["mug", "apple", "cup"], "b": ["mug", "cup"]}
    methods = read_methods(
        [Path(label) for label in given],
        list(given),
        {"mug": Path(), "apple": Path()},
        lambda path: [ball_hands(name, 1) for name in given[path.name]],
    )
    objects, notes = common_objects(methods, {"mug": Path(), "apple": Path()})
    assert objects == ["mug"]
    assert notes == [
        "apple: left out, no grasps from b",
        "cup: left out, --objects has no mesh of this name",
    ]
    with pytest.raises(StudyError, match="no object in common"):
        common_objects(methods, {"apple": Path()})
