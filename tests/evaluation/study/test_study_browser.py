"""The page in a real browser, opened from the disk: keys on a desktop, fingers on a phone, and the file that comes
out is counted."""

import json
import re

import chromium
import pytest

from fastgrasp_evaluation.study.answers import read_answers, read_key
from fastgrasp_evaluation.study.tally import tally

expect = chromium.sync_api.expect
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    with chromium.started("--disable-gpu") as browser:
        yield browser


@pytest.fixture
def visit(browser, small_study):
    """A function (device) -> the study's page in a fresh profile; afterwards nothing went wrong or to a network."""
    address = (small_study[0] / "index.html").as_uri()
    with chromium.watched(browser) as pages:
        yield lambda device: pages(address, device)
    assert not pages.complaints
    assert pages.requests
    assert not [url for url in pages.requests if not url.startswith(("file:", "blob:"))]


@pytest.fixture(scope="module")
def method_of(small_study):
    """The method of each candidate, from the key."""
    return {c.id: c.method for question in read_key(small_study[1]).questions for c in question.candidates}


def candidates(page) -> list[str]:
    """The ids on the page, from left to right, as the names of the pictures tell them."""
    sources = page.locator(".candidate img:first-child").evaluate_all("all => all.map(one => one.src)")
    return [re.search(r"pictures/([0-9a-f]+)_0", source)[1] for source in sources]


def start(page, name: str = "") -> None:
    page.get_by_label("Name or alias").fill(name)
    page.get_by_role("button", name="I agree, start").click()
    expect(page.locator("#where")).to_have_text("Question 1 of 4")


def saved(page, folder) -> dict:
    """Save the answers as people do, and read the file."""
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save answers").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    expect(page.locator("#saved")).to_contain_text(path.name)
    return {"path": path, **json.loads(path.read_text())}


def choices(file: dict) -> list[str]:
    return [answer["choice"] for answer in file["answers"]]


def counted(files, key_path, method_of) -> dict:
    """What the count gives for files; each method's number of choices is checked against the files."""
    key = read_key(key_path)
    answers, ignored = read_answers([file["path"] for file in files], key)
    assert not ignored
    report = tally(key, answers)
    expected = [method_of[choice] for file in files for choice in choices(file)]
    assert {row["method"]: row["chosen"] for row in report["methods"]} == {m: expected.count(m) for m in key.methods}
    return report


def expected_order(seed: int, key_path) -> list[tuple[str, list[str]]]:
    """The order that follows from the seed in a participant's file, worked out once more (mulberry32)."""
    word = 0xFFFFFFFF

    def random():
        nonlocal seed
        seed = (seed + 0x6D2B79F5) & word
        t = ((seed ^ (seed >> 15)) * (seed | 1)) & word
        t ^= (t + ((t ^ (t >> 7)) * (t | 61) & word)) & word
        return (t ^ (t >> 14)) / 2**32

    def shuffled(items):
        items = list(items)
        for i in range(len(items) - 1, 0, -1):
            j = int(random() * (i + 1))
            items[i], items[j] = items[j], items[i]
        return items

    questions = shuffled(sorted(read_key(key_path).questions, key=lambda question: question.id))
    return [(question.id, shuffled(sorted(c.id for c in question.candidates))) for question in questions]


def test_a_whole_study_by_keys(visit, small_study, tmp_path, method_of):
    page = visit(DESKTOP)
    page.get_by_label("Name or alias").focus()
    page.keyboard.type("Kim <b>")
    page.keyboard.press("Enter")
    made = []
    for number, key in enumerate("3121", start=1):
        expect(page.locator("#where")).to_have_text(f"Question {number} of 4")
        made.append(candidates(page)[int(key) - 1])
        page.keyboard.press("9")  # stands for no grasp
        page.keyboard.press(key)
    file = saved(page, tmp_path)
    assert choices(file) == made
    assert file["name"] == "Kim <b>"
    assert all(0 < answer["seconds"] < 60 and answer["changes"] == 0 for answer in file["answers"])
    assert file["started"] < file["finished"] <= file["saved"]
    assert counted([file], small_study[1], method_of)["participants"] == 1


def test_a_whole_study_by_touch_on_a_phone(visit, small_study, tmp_path, method_of):
    page = visit(PHONE)
    page.get_by_role("button", name="I agree, start").tap()
    made = []
    for number in range(1, 5):
        expect(page.locator("#where")).to_have_text(f"Question {number} of 4")
        shown = candidates(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width == 390  # nothing to scroll sideways
        if number == 2:  # by the larger view, one grasp further
            page.get_by_role("button", name="Enlarge grasp 1").tap()
            expect(page.get_by_role("dialog")).to_be_visible()
            page.get_by_role("button", name="Next grasp").tap()
            page.get_by_role("dialog").get_by_role("button", name="Choose grasp 2").tap()
            made.append(shown[1])
        else:
            page.get_by_role("button", name="Choose grasp 3").tap()
            made.append(shown[2])
    file = saved(page, tmp_path)
    assert choices(file) == made
    counted([file], small_study[1], method_of)


def test_going_back_and_changing_an_answer(visit, small_study, tmp_path, method_of):
    page = visit(DESKTOP)
    start(page)
    first = candidates(page)
    page.get_by_role("button", name="Choose grasp 1").click()
    expect(page.locator("#where")).to_have_text("Question 2 of 4")
    expect(page.get_by_role("button", name="Next", exact=True)).to_be_disabled()
    page.keyboard.press("Backspace")
    expect(page.locator("#where")).to_have_text("Question 1 of 4")
    assert candidates(page) == first
    expect(page.get_by_role("button", name="Choose grasp 1")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("2")
    for number in (2, 3, 4):
        expect(page.locator("#where")).to_have_text(f"Question {number} of 4")
        page.keyboard.press("3")
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    page.get_by_role("button", name="Look at my answers again").click()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.locator("#where")).to_have_text("Question 2 of 4")
    page.get_by_role("button", name="Finish").click()
    file = saved(page, tmp_path)
    assert choices(file)[0] == first[1]
    assert [answer["changes"] for answer in file["answers"]] == [1, 0, 0, 0]
    counted([file], small_study[1], method_of)


def test_a_reload_goes_on_where_it_stopped(visit, small_study, tmp_path, method_of):
    page = visit(DESKTOP)
    start(page, "ann")
    made = [candidates(page)[1]]
    page.keyboard.press("2")
    expect(page.locator("#where")).to_have_text("Question 2 of 4")
    second = candidates(page)
    page.reload()
    expect(page.locator("#where")).to_have_text("Question 2 of 4")
    assert candidates(page) == second
    for number in (2, 3, 4):
        expect(page.locator("#where")).to_have_text(f"Question {number} of 4")
        made.append(candidates(page)[0])
        page.keyboard.press("1")
    before = saved(page, tmp_path)
    page.reload()
    after = saved(page, tmp_path)
    assert choices(before) == choices(after) == made
    assert (after["participant"], after["name"]) == (before["participant"], "ann")
    counted([after], small_study[1], method_of)


def test_the_next_person_starts_afresh_in_another_order(visit, small_study, tmp_path, method_of):
    page = visit(DESKTOP)
    files = []
    for _ in range(3):
        start(page)
        for number in range(1, 5):
            expect(page.locator("#where")).to_have_text(f"Question {number} of 4")
            page.keyboard.press("1")
        files.append(saved(page, tmp_path))
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Next person on this device").click()
        page.reload()
        expect(page.get_by_role("button", name="I agree, start")).to_be_visible()
    assert len({file["participant"] for file in files}) == len({file["seed"] for file in files}) == 3
    questions = [[answer["question"] for answer in file["answers"]] for file in files]
    shown = [answer["shown"] for file in files for answer in file["answers"]]
    assert any(order != sorted(order) for order in questions)  # three in the same order: once in 13,824 runs
    assert any(order != sorted(order) for order in shown)
    for file in files:
        order = [(answer["question"], answer["shown"]) for answer in file["answers"]]
        assert order == expected_order(file["seed"], small_study[1])
    assert counted(files, small_study[1], method_of)["positions"] == [1, 0, 0]


def test_the_larger_view_by_keys(visit):
    page = visit(DESKTOP)
    start(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Enlarge grasp 2")).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Grasp 2 of 3")
    small = page.locator(".candidate img").first.bounding_box()["width"]
    assert dialog.locator("img").first.bounding_box()["width"] > 1.8 * small
    page.keyboard.press("ArrowRight")
    expect(dialog).to_contain_text("Grasp 3 of 3")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Enlarge grasp 3")).to_be_focused()
    third = candidates(page)[2]
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the button that chooses has the focus
    expect(page.locator("#where")).to_have_text("Question 2 of 4")
    kept = page.evaluate("Object.values(JSON.parse(localStorage['fastgrasp-study:' + STUDY.study]).answers)")
    assert [answer["choice"] for answer in kept] == [third]


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_whole_question_fits_on_the_screen(visit, device):
    page = visit(device)
    start(page)
    page.wait_for_function("Array.from(document.images).every(image => image.complete)")
    assert page.evaluate("document.documentElement.scrollHeight") <= device["viewport"]["height"]
    assert page.locator(".candidate img").first.bounding_box()["width"] > (110 if device is PHONE else 240)
    for button in page.get_by_role("button").all():
        assert button.bounding_box()["height"] >= 40  # a finger's width


def test_the_text_can_be_copied_where_saving_does_not_work(visit, tmp_path, small_study, method_of):
    page = visit(PHONE)
    start(page)
    for number in range(1, 5):
        expect(page.locator("#where")).to_have_text(f"Question {number} of 4")
        page.get_by_role("button", name="Choose grasp 2").tap()
    page.get_by_text("Saving does not work?").tap()
    path = tmp_path / "pasted.json"
    path.write_text(page.get_by_label("Your answers as text").input_value())
    counted([{"path": path, **json.loads(path.read_text())}], small_study[1], method_of)
