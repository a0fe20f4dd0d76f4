"""The viewer in the browser: a real viser server, driven through the handles of its panel."""

import urllib.request

import numpy as np
import pytest

pytest.importorskip("viser", reason="viser is not installed (pip install 'fastgrasp-ros2[viewer]')")

from fastgrasp_model.viewer.sets import GraspFile, ViewError
from fastgrasp_model.viewer.window import GraspViewer


@pytest.fixture
def viewer(few_grasps):
    viewer = GraspViewer(few_grasps)
    yield viewer
    viewer.stop()


def label_of(box, name: str) -> str:
    return next(label for label in box.options if label.startswith(name))


def press(group, name: str) -> None:
    group.value = name


def test_the_page_is_served_to_this_machine(viewer):
    assert viewer.address.startswith("http://127.0.0.1:") and viewer.server.get_host() == "127.0.0.1"
    with urllib.request.urlopen(viewer.address) as answer:
        page = answer.read().decode()
    assert "<html" in page and 'src="http' not in page and 'href="http' not in page
    assert viewer.server.request_share_url() is None
    with pytest.raises(ViewError, match="cannot listen on port .*; leave --port out"):
        GraspViewer(viewer._set, viewer.server.get_port())


def test_buttons_slider_and_number(viewer):
    assert viewer.row == 0 and "**mug:1**, 1 of 40" in viewer.summary.content
    press(viewer.grasp_buttons, "next")
    press(viewer.grasp_buttons, "next")
    assert viewer.row == 2 and viewer.place.value == 3 and viewer.number.value == 2
    press(viewer.grasp_buttons, "previous")
    press(viewer.object_buttons, "next")
    assert viewer.row == 14 and "can:2" in viewer.summary.content
    press(viewer.object_buttons, "previous")
    press(viewer.grasp_buttons, "previous")  # round the end, to an object that cannot be made
    assert viewer.row == 39 and "cannot be made: mug:7: the solid came out empty" in viewer.summary.content
    assert viewer._object is None and viewer._hand is not None
    viewer.place.value = 6
    assert viewer.row == 5
    viewer.number.value = 22
    assert viewer.row == 22 and viewer.place.value == 23
    press(viewer.grasp_buttons, "random")
    assert 0 <= viewer.row < 40 and viewer.place.value == viewer.row + 1


def test_filters(viewer):
    family, kind, split = (viewer.filters[name] for name in ("family", "grasp_type", "split"))
    assert family.options == ("all", "can (13)", "mug (27)") and len(kind.options) == 3
    kind.value = label_of(kind, "tripod")
    assert viewer.row == 1 and "1 of 20" in viewer.summary.content and viewer.place.max == 20
    family.value = label_of(family, "can")
    assert viewer.row == 15 and "1 of 6" in viewer.summary.content
    split.value = label_of(split, "train")
    assert viewer.row is None and "No grasp fits" in viewer.summary.content and viewer._hand is None
    press(viewer.grasp_buttons, "next")
    press(viewer.object_buttons, "next")
    press(viewer.grasp_buttons, "random")
    assert viewer.row is None
    for box in (split, family, kind):
        box.value = "all"
    assert len(viewer.rows) == 40


def test_facts(viewer):
    viewer.number.value = 15
    assert "tripod  \npenetration 2.1 mm, displacement 15.0 mm" in viewer.summary.content
    for text in ("| split | validation |", "| gravity -z | 15.0 mm |", "0.5 0.5"):
        assert text in viewer.facts.content


def test_hand_and_object_are_hidden_and_stay_so(viewer):
    assert viewer._hand.visible and viewer._object.visible
    viewer.hand_shown.value = False
    press(viewer.grasp_buttons, "next")
    assert not viewer._hand.visible and viewer._object.visible
    viewer.hand_shown.value, viewer.object_shown.value = True, False
    assert viewer._hand.visible and not viewer._object.visible


def test_the_page_to_share_leaves_the_viewer_as_it_was(viewer):
    page = viewer.page()
    assert "<title>0  mug:1  power</title>" in page and viewer.page() == page


def test_the_camera_frames_the_grasp(viewer):
    camera = viewer.server.initial_camera
    distance = np.linalg.norm(np.subtract(camera.position, camera.look_at))
    assert 0.2 < distance < 2 and np.linalg.norm(camera.look_at) < 0.2


def test_a_grasp_file_with_a_cloud(few_grasps):
    grasps = few_grasps.grasps(np.arange(3))
    grasps.score[:] = [0.9, 0.5, 0.25]
    viewer = GraspViewer(GraspFile(grasps, np.random.default_rng(0).normal(size=(50, 3)) * 0.03, "g", "mug.npy"), row=1)
    assert "**mug.npy**, 2 of 3  \nscore 0.50" == viewer.summary.content and viewer.filters == {}
    assert not viewer.object_buttons.visible and len(viewer._object.batched_positions) == 50
    viewer.stop()


@pytest.mark.slow
def test_keys_and_picture_in_chromium(viewer):
    import chromium

    with chromium.started("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader") as browser:
        with chromium.watched(browser) as pages:
            page = pages(viewer.address, {"viewport": {"width": 480, "height": 320}})
            page.get_by_text("1 of 40").wait_for()
            until(page, lambda skin: skin > 2000)
            for key, row in (("ArrowRight", 1), ("n", 2), ("ArrowDown", 14)):
                page.keyboard.press(key)
                page.get_by_text(f"{row + 1} of 40").wait_for()
                assert viewer.row == row
            page.keyboard.press("h")
            until(page, lambda skin: skin < 100)
            assert {url.split("/")[2] for url in pages.requests if url.startswith("http")} == {viewer.address[7:-1]}


def until(page, fits) -> None:
    """Wait until the number of pixels of the colour of skin fits."""
    for _ in range(20):
        skin = count_skin(page)
        if fits(skin):
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"{skin} pixels of skin")


def count_skin(page) -> int:
    """Return how many pixels of the page have the colour of skin."""
    from io import BytesIO

    from PIL import Image

    picture = np.asarray(Image.open(BytesIO(page.screenshot(timeout=30_000))).convert("RGB"), dtype=int)
    return int(((picture[..., 0] - picture[..., 2] > 25) & (picture[..., 0] - picture[..., 1] < 90)).sum())
