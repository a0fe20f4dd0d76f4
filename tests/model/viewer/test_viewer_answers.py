"""Facts, places and triangles that the viewer's page gets."""

import numpy as np
import pytest

from fastgrasp_model.viewer.answers import NothingThere


def corners(data: bytes) -> np.ndarray:
    return np.frombuffer(data, dtype="<f4").reshape(-1, 6)


def test_nothing_is_made_before_it_is_asked_for(answers, few_grasps):
    assert answers.about()["grasps"] == 40
    answers.grasp({}, at=20)
    assert few_grasps.made == []
    answers.object(1)
    answers.object(1)
    assert few_grasps.made == [1]


@pytest.mark.parametrize(
    ("wanted", "count", "rows"),
    [
        ({}, 40, [0, 1, 39]),
        ({"type": "tripod"}, 20, [1, 3, 39]),
        ({"family": "can"}, 13, [14, 15, 26]),
        ({"family": "mug", "split": "train", "type": "power"}, 13, [0, 2, 38]),
        ({"object": "mug:7"}, 13, [27, 28, 39]),
        ({"family": "", "type": ""}, 40, [0, 1, 39]),
    ],
)
def test_places_count_among_what_fits(answers, wanted, count, rows):
    shown = [answers.grasp(wanted, at=at) for at in (0, 1, count - 1)]
    assert [facts["row"] for facts in shown] == rows
    assert all(facts["count"] == count for facts in shown)
    with pytest.raises(NothingThere, match=f"among {count}"):
        answers.grasp(wanted, at=count)


def test_a_row_is_found_or_the_next_that_fits(answers):
    assert answers.grasp({}, row=17)["at"] == 17
    assert answers.grasp({"type": "tripod"}, row=4)["row"] == 5
    assert answers.grasp({"type": "power"}, row=39)["row"] == 38  # the last


def test_the_objects_before_and_after(answers):
    places = [
        (facts["previous_object"], facts["next_object"]) for facts in (answers.grasp({}, at=a) for a in (3, 14, 39))
    ]
    assert places == [(27, 14), (0, 27), (14, 0)]
    facts = answers.grasp({"type": "tripod"}, row=15)  # tripods: 0-6 on the first, 7-12 on the can
    assert (facts["at"], facts["previous_object"], facts["next_object"]) == (7, 0, 13)


def test_nothing_fits(answers):
    assert answers.grasp({"type": "never"}, row=0) == answers.grasp({"type": "never"}, at=3) == {"count": 0}


def test_the_hand_comes_with_the_side_to_look_from(answers, stage):
    data = answers.hand(3)
    side = np.frombuffer(data[:12], "<f4")
    hand = corners(data[12:])
    assert np.linalg.norm(side) == pytest.approx(1, abs=1e-5)
    assert side == pytest.approx(stage.side(3), abs=1e-6)
    assert len(hand) % 3 == 0 and hand[:, :3] == pytest.approx(stage.hand(3).corners.reshape(-1, 3), abs=1e-6)
    assert np.linalg.norm(hand[:, 3:], axis=1) == pytest.approx(1, abs=1e-3)


def test_the_object_is_where_it_was_made(answers):
    box = corners(answers.object(1))
    assert len(box) == 36
    assert np.abs(box[:, :3]).max(axis=0) == pytest.approx([0.025, 0.025, 0.04])


def test_an_object_that_cannot_be_made_is_said(answers, stage):
    with pytest.raises(NothingThere, match="cannot be made: mug:7: the solid came out empty"):
        answers.object(2)
    assert len(answers.hand(30)) > 1000  # the hand is there all the same


@pytest.mark.parametrize(("what", "number"), [("hand", 40), ("hand", -1), ("object", 3), ("picture", 40)])
def test_numbers_outside(answers, what, number):
    with pytest.raises(NothingThere, match="there are"):
        getattr(answers, what)(number)
