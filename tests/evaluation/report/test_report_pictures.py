"""Which grasps are drawn: the best, the median and the worst of those that could be measured."""

import io
import math

import numpy as np
import pytest
import trimesh

from fastgrasp_evaluation.metrics.hand_set import HandSet
from fastgrasp_evaluation.report.pictures import captions, object_pictures, rank_sums, selected


def row(volume, moved=None, problem=None, held=None) -> dict:
    return {
        "problem": problem, "penetration_volume_cm3": volume, "displacement_six_directions_cm": moved,
        "held_1s_share": held,
    }  # fmt: skip


def test_badness_is_the_sum_of_the_ranks():
    rows = [row(1.0, 5.0), row(9.0, 0.1), row(2.0, 0.1), row(3.0, 8.0)]
    assert rank_sums(rows) == [1 + 3, 4 + 1.5, 2 + 1.5, 3 + 4]


def test_what_could_not_be_measured_has_no_badness():
    rows = [row(1.0, 5.0), row(None, None, "NaN"), row(2.0, None), row(3.0, 8.0), row(math.nan, 1.0)]
    assert rank_sums(rows) == [2.0, None, None, 4.0, None]
    assert rank_sums([]) == []
    assert rank_sums([row(None, None, "NaN")]) == [None]


def test_the_volume_decides_alone_without_the_simulator():
    assert rank_sums([row(3.0), row(1.0), row(None, problem="NaN"), row(2.0)]) == [3.0, 1.0, None, 2.0]


def test_a_legacy_report_is_ranked_by_its_own_columns():
    rows = [{"problem": None, "penetration_volume_surface_cm3": v, "displacement_legacy_cm": d} for v, d in
            ((1.0, 2.0), (2.0, 1.0), (3.0, 3.0))]  # fmt: skip
    assert rank_sums(rows) == [3.0, 3.0, 6.0]


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ([5, 1, np.nan, 9, 4, 2], {"best": 1, "median": 4, "worst": 3}),
        ([3, 1, 2, 4], {"best": 1, "median": 2, "worst": 3}),  # the better of the two in the middle
        ([2, 2, 2], {"best": 0, "median": 1, "worst": 2}),
        ([7, np.nan, 3], {"best": 2, "worst": 0}),
        ([np.nan, 3], {"best": 1}),
        ([np.nan], {}),
        ([], {}),
    ],
)
def test_best_median_and_worst(bad, expected):
    assert dict(selected(np.array(bad, dtype=float))) == expected


def capsule_hands(problems) -> HandSet:
    """Hands of four fingers that are no MANO meshes, each further from the object than the last."""
    vertices, faces = [], []
    for number in range(len(problems)):
        places = [(0.02 * i, -0.04 - 0.01 * number, 0) for i in range(4)]
        fingers = [trimesh.creation.capsule(0.06, 0.008, count=[12, 12]).apply_translation(p) for p in places]
        mesh = trimesh.util.concatenate(fingers)
        vertices.append(mesh.vertices.astype(np.float32))
        faces.append(mesh.faces.astype(np.int32))
    return HandSet("box", "right", vertices, faces, None, None, None, list(problems))


def test_pictures_and_captions():
    from PIL import Image

    hands = capsule_hands([None, None, "NaN", None, None])
    hands.vertices[2][:] = np.nan  # would not draw
    box = trimesh.creation.box((0.06, 0.06, 0.06))
    rows = [row(1.0, 1.0, held=1.0), row(2.0, 2.0, held=0.0), row(None, None, "NaN"), row(3.0, 3.0), row(4.0, 4.0)]
    found = object_pictures(hands, box, [1, 2, 0, 3, None], panel=60, views=2, texts=captions(rows))
    assert [caption.split(":")[0] for caption, _ in found] == [
        f"{word} of 3 (2 more not measurable)" for word in ("best", "median", "worst")
    ]
    assert "1.00 cm³" in found[0][0] and "held 1 s" in found[0][0] and "not held" in found[1][0]
    pictures = [np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=float) for _, content in found]
    assert all(picture.shape == (60, 120, 3) for picture in pictures)
    assert all(((picture[..., 0] - picture[..., 2]) > 25).mean() > 0.02 for picture in pictures)  # skin
    assert not np.array_equal(pictures[0], pictures[2])


def test_nothing_measured_nothing_drawn():
    assert object_pictures(capsule_hands([None, "NaN"]), None, [None, 1.0]) == []


def test_lengths_must_fit():
    with pytest.raises(ValueError, match="order: expected 2 entries"):
        object_pictures(capsule_hands([None, None]), None, [1.0])
    with pytest.raises(ValueError, match="texts: expected 1 entries"):
        object_pictures(capsule_hands([None]), None, [1.0], texts=[])
