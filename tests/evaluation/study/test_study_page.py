"""The folder that is sent out: complete, blinded, written whole or not at all."""

import json
import re
import stat

import numpy as np
import pytest
from PIL import Image

from fastgrasp_evaluation.study import page
from fastgrasp_evaluation.study.answers import read_key
from fastgrasp_evaluation.study.draw import StudyError, draw_questions


def page_data(folder) -> dict:
    text = (folder / "questions.js").read_text(encoding="ascii")
    assert text.startswith("window.STUDY = ") and text.endswith(";\n")
    return json.loads(text[len("window.STUDY = ") : -2])


def test_the_folder_holds_the_page_and_two_pictures_of_each_candidate(small_study):
    folder, _ = small_study
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    pictures = {name for name in files if name.startswith("pictures/")}
    assert files - pictures == {"index.html", "study.css", "study.js", "record.js", "questions.js"}
    data = page_data(folder)
    named = [name for q in data["questions"] for c in q["candidates"] for name in c["pictures"]]
    assert sorted(named) == sorted(pictures) and len(named) == 4 * 3 * 2
    for name in named:
        with Image.open(folder / name) as picture:
            assert picture.size == (64, 64)
            assert np.asarray(picture).std() > 3  # something is drawn
    assert {q["object"] for q in data["questions"]} == {"mug", "apple"}
    assert (data["title"], data["contact"]) == ("Which grasp?", "someone@example.org")


def test_no_file_and_no_name_in_the_folder_tells_a_method(small_study, labels):
    folder, key = small_study
    assert key.parent == folder.parent and key.name == "sent_out_key.json"
    for path in [folder, *folder.rglob("*")]:
        content = path.read_bytes() if path.is_file() else b""
        for label in labels:
            assert label not in path.name.lower()
            assert label.encode() not in content.lower()
        assert path.stat().st_mtime == folder.stat().st_mtime
    words = json.dumps(page_data(folder))
    assert not re.search(r'"(grasp|method|seed|key)"', words)


def test_nothing_on_the_page_is_loaded_from_elsewhere(small_study):
    folder, _ = small_study
    for name in ("index.html", "study.css", "study.js", "record.js"):
        assert "//" not in re.sub(r"^\s*//.*|\s// .*$", "", (folder / name).read_text(), flags=re.MULTILINE)


def test_candidates_stand_in_the_order_of_their_ids(small_study):
    for question in page_data(small_study[0])["questions"]:
        ids = [candidate["id"] for candidate in question["candidates"]]
        assert ids == sorted(ids) and all(re.fullmatch("[0-9a-f]{12}", one) for one in ids)


def test_the_key_tells_what_the_page_hides(small_study, labels):
    folder, path = small_study
    key = read_key(path)
    assert key.methods == labels
    told = {q["id"]: [c["id"] for c in q["candidates"]] for q in page_data(folder)["questions"]}
    assert {q.id: [c.id for c in q.candidates] for q in key.questions} == told
    assert key.study == page_data(folder)["study"]
    for question in key.questions:
        assert sorted(c.method for c in question.candidates) == sorted(labels)
        assert question.object_name in ("025_mug", "013_apple")


def test_everybody_may_read_what_is_sent(small_study):
    folder, _ = small_study
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o644 for path in folder.rglob("*.*") if path.is_file())


def test_an_old_study_is_not_overwritten(tmp_path, build_small_study):
    build_small_study(tmp_path / "study")
    before = page_data(tmp_path / "study")
    with pytest.raises(StudyError, match="exists already"):
        build_small_study(tmp_path / "study")
    assert page_data(tmp_path / "study") == before
    (tmp_path / "other_key.json").touch()
    with pytest.raises(StudyError, match="other_key.json exists already"):
        build_small_study(tmp_path / "other")


def test_an_empty_folder_is_taken(tmp_path, build_small_study):
    (tmp_path / "study").mkdir()
    assert build_small_study(tmp_path / "study").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study", "study_key.json"]


def test_a_hand_that_cannot_be_drawn_leaves_nothing_behind(tmp_path, study_hands, study_meshes, ball_hands, labels):
    broken = ball_hands("025_mug", 1)
    broken.vertices[0][:] = np.nan  # though no problem is told
    hands = {**study_hands, labels[1]: {"025_mug": broken}}
    questions, _ = draw_questions(hands, ["025_mug"], per_object=1)
    with pytest.raises(StudyError, match=f"grasp 0 of {labels[1]} on 025_mug cannot be drawn"):
        page.build_study(tmp_path / "study", questions, hands, study_meshes, page.Page())
    assert not list(tmp_path.iterdir())


def test_a_title_that_names_a_method_is_refused(tmp_path):
    with pytest.raises(StudyError, match="names the method 'Ours'"):
        page.check_place(tmp_path / "study", ["Ours", "halo"], page.Page(title="How good is ours?"))
    page.check_place(tmp_path / "study", ["our", "halo"], page.Page(title="Hours of grasping"))


@pytest.mark.parametrize(
    ("name", "expected"), [("025_mug", "mug"), ("bleach_cleanser", "bleach cleanser"), ("12", "12"), ("s01-a", "s01-a")]
)
def test_objects_are_named_readably(name, expected):
    assert page.readable(name) == expected
