"""The viewer's page in a real browser: keys, filter, turning, and nothing asked of any other machine."""

import chromium
import numpy as np
import pytest

expect = chromium.sync_api.expect
SCREEN = {"viewport": {"width": 800, "height": 480}}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    with chromium.started("--use-angle=swiftshader", "--enable-unsafe-swiftshader") as browser:
        yield browser


@pytest.fixture
def visit(browser, address):
    """A function (fragment, script) -> the page; afterwards nothing was complained of and nobody else was asked."""
    with chromium.watched(browser) as pages:

        def opened(fragment: str = "", script: str | None = None):
            return pages(f"{address}/{fragment}", SCREEN, script)

        opened.complaints, opened.requests = pages.complaints, pages.requests
        yield opened
    assert pages.complaints == []
    assert pages.requests and not [url for url in pages.requests if not url.startswith((f"{address}/", "data:"))]


def at(page, row: int, place: str) -> None:
    """The page shows this grasp, drawn."""
    expect(page.locator("#place")).to_have_text(place)
    expect(page.locator("body")).to_have_attribute("data-row", str(row))


def pixels(page) -> np.ndarray:
    """What the canvas shows, (H, W, 4)."""
    from io import BytesIO

    from PIL import Image

    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return np.asarray(Image.open(BytesIO(page.locator("#view").screenshot())).convert("RGB"), dtype=int)


def until(page, fits) -> None:
    """Wait until what the canvas shows fits: a wheel's turn arrives when the browser has time for it."""
    for _ in range(40):
        if fits(pixels(page)):
            return
        page.wait_for_timeout(100)
    raise AssertionError("the canvas does not show it after 4 s")


def skin(picture: np.ndarray) -> int:
    return int((picture[..., 0] - picture[..., 2] > 25).sum())


def blue(picture: np.ndarray) -> int:
    return int((picture[..., 2] - picture[..., 0] > 20).sum())


def test_paging_by_keys(visit):
    page = visit()
    at(page, 0, "1 of 40")
    for key, row in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("ArrowDown", 14), ("ArrowUp", 0)):
        page.keyboard.press(key)
        at(page, row, f"{row + 1} of 40")
    page.keyboard.press("ArrowLeft")  # round the end, to the object that cannot be made
    expect(page.locator("#message")).to_contain_text("the solid came out empty")
    at(page, 39, "40 of 40")
    page.keyboard.press("ArrowRight")
    at(page, 0, "1 of 40")
    expect(page.locator("#message")).to_be_hidden()
    visit.complaints[:] = [text for text in visit.complaints if "404" not in text]  # the browser's own, of that object


def test_facts_stand_beside_the_grasp(visit):
    page = visit("#row=15")
    at(page, 15, "16 of 40")
    expect(page.locator("h2")).to_have_text("can:2")
    facts = page.locator("#facts")
    for text in ("tripod", "validation", "2.1 mm", "+x", "-z", "1.50 cm", "0.5 0.5"):
        expect(facts).to_contain_text(text)


def test_the_filter(visit):
    page = visit()
    at(page, 0, "1 of 40")
    page.get_by_label("type").select_option("tripod")
    at(page, 1, "1 of 20")
    page.keyboard.press("ArrowRight")
    at(page, 3, "2 of 20")
    page.get_by_label("family").select_option("can")
    at(page, 15, "1 of 6")
    page.get_by_label("type").select_option("never")
    expect(page.locator("#message")).to_contain_text("No grasp fits this filter")
    expect(page.locator("h2")).to_be_empty()
    page.get_by_label("type").select_option("")
    at(page, 14, "1 of 13")
    page.get_by_label("family").select_option("")
    page.get_by_label("split").select_option("validation")
    at(page, 14, "1 of 13")


def test_jumping_to_a_number_and_to_a_random_one(visit):
    page = visit("#type=tripod")
    at(page, 1, "1 of 20")
    page.get_by_label("grasp", exact=True).fill("22")
    page.keyboard.press("Enter")
    at(page, 23, "12 of 20")
    page.evaluate("() => { Math.random = () => 0.31; }")
    page.keyboard.press("r")
    at(page, 13, "7 of 20")
    page.reload()
    at(page, 13, "7 of 20")  # filter and place stand in the address


def test_turning_zooming_and_hiding(visit):
    page = visit()
    at(page, 0, "1 of 40")
    first = pixels(page)
    assert skin(first) > 4000 and blue(first) > 1000
    box = page.locator("#view").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)
    page.mouse.wheel(0, 400)
    until(page, lambda now: skin(now) < 0.8 * skin(first))
    page.keyboard.press(" ")
    until(page, lambda now: np.array_equal(now, first))
    for dx, dy in ((150, 0), (0, 60)):
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] + dx, middle[1] + dy)
        page.mouse.up()
        until(page, lambda now: (np.abs(now - first).max(axis=2) > 30).sum() > 5000)
        page.keyboard.press(" ")
        until(page, lambda now: np.array_equal(now, first))
    page.keyboard.press("h")
    until(page, lambda now: skin(now) == 0)
    page.keyboard.press("o")
    until(page, lambda now: blue(now) == 0)


def test_without_webgl_there_is_a_picture(visit):
    page = visit("#row=2", "HTMLCanvasElement.prototype.getContext = () => null;")
    at(page, 2, "3 of 40")
    expect(page.locator("#message")).to_contain_text("no WebGL")
    page.wait_for_function("() => document.getElementById('picture').naturalWidth === 560")
    expect(page.locator("#picture")).to_be_visible()
    expect(page.locator("#view")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    at(page, 3, "4 of 40")
    assert page.locator("#picture").get_attribute("src") == "picture/3.png"
