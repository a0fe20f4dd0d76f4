"""The viewer in the browser: a real viser server, driven through the handles of its panel."""

import urllib.request

import numpy as np
import pytest

pytest.importorskip("viser", reason="viser is not installed (pip install 'fastgrasp-ros2[viewer]')")

from fastgrasp_model.viewer.scene import LAYERS, PALE_SKIN, SKIN, score_colours
from fastgrasp_model.viewer.sets import GraspFile, GraspFiles, ViewError
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
    assert viewer.row == 0 and "**mug:1**, grasp 0 of 40" in viewer.summary.content
    press(viewer.grasp_buttons, "next")
    press(viewer.grasp_buttons, "next")
    assert viewer.row == 2 and viewer.place.value == 2 and viewer.number.value == 2
    press(viewer.grasp_buttons, "previous")
    press(viewer.object_buttons, "next")
    assert viewer.row == 14 and "can:2" in viewer.summary.content
    press(viewer.object_buttons, "previous")
    press(viewer.grasp_buttons, "previous")  # round the end, to an object that cannot be made
    assert viewer.row == 39 and "cannot be made: mug:7: the solid came out empty" in viewer.summary.content
    assert not viewer.layers.handles["object"] and viewer.layers.handles["hand"]
    viewer.place.value = 5
    assert viewer.row == 5
    viewer.number.value = 22
    assert viewer.row == 22 and viewer.place.value == 22
    press(viewer.grasp_buttons, "random")
    assert 0 <= viewer.row < 40 and viewer.place.value == viewer.row


def test_filters(viewer):
    family, kind, split = (viewer.filters[name] for name in ("family", "grasp_type", "split"))
    assert family.options == ("all", "can (13)", "mug (27)") and len(kind.options) == 3
    kind.value = label_of(kind, "tripod")
    assert viewer.row == 1 and "grasp 1 of 40, 0 of 20 that fit" in viewer.summary.content and viewer.place.max == 19
    family.value = label_of(family, "can")
    assert viewer.row == 15 and "0 of 6 that fit" in viewer.summary.content
    split.value = label_of(split, "train")
    assert viewer.row is None and "No grasp fits" in viewer.summary.content and not viewer.layers.handles["hand"]
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


def seen(viewer) -> set[str]:
    """The layers that are drawn and not hidden."""
    return {layer for layer, handles in viewer.layers.handles.items() if handles and all(h.visible for h in handles)}


def test_layers_are_hidden_and_stay_so(viewer):
    assert seen(viewer) == {"hand", "object"} and not viewer.shown["cloud"].visible
    viewer.shown["hand"].value = False
    press(viewer.grasp_buttons, "next")
    assert seen(viewer) == {"object"}
    viewer.shown["hand"].value, viewer.shown["object"].value = True, False
    viewer.shown["keypoints"].value = viewer.shown["wrist"].value = True
    assert seen(viewer) == {"hand", "keypoints", "wrist"}
    assert viewer.layers.handles["hand"][0].opacity == 0.5
    press(viewer.object_buttons, "next")
    assert seen(viewer) == {"hand", "keypoints", "wrist"} and viewer.layers.handles["hand"][0].opacity == 0.5
    viewer.shown["keypoints"].value = False
    assert viewer.layers.handles["hand"][0].opacity is None


def test_keypoints_and_wrist_frame_are_those_of_the_file(few_grasps):
    grasps = few_grasps.grasps(np.arange(2)).mirrored()
    viewer = GraspViewer(GraspFile(grasps, None, "left"), row=1)
    joints, bones = viewer.layers.handles["keypoints"]
    assert joints.points == pytest.approx(grasps.keypoints[1]) and bones.points.shape == (20, 2, 3)
    assert bones.points[0] == pytest.approx(grasps.keypoints[1, :2])
    assert bones.points[4] == pytest.approx(grasps.keypoints[1, [0, 5]])
    (frames,) = viewer.layers.handles["wrist"]
    assert frames.batched_positions[0] == pytest.approx(grasps.wrist_position[1])
    assert np.roll(frames.batched_wxyzs[0], -1) == pytest.approx(grasps.wrist_quaternion[1])
    assert "| hand | left |" in viewer.facts.content and viewer.summary.content.startswith("**grasp**, grasp 1 of 2")
    viewer.stop()


def test_all_hands_on_the_object_or_one(viewer):
    viewer.all_shown.value = True
    assert len(viewer.layers.handles["hand"]) == 14 and "14 hands drawn" in viewer.summary.content
    colours = [handle.color for handle in viewer.layers.handles["hand"]]
    assert colours[0] == SKIN and set(colours[1:]) == {PALE_SKIN}
    assert not viewer.by_score.visible  # a set has no scores
    kind = viewer.filters["grasp_type"]
    kind.value = label_of(kind, "tripod")
    assert len(viewer.layers.handles["hand"]) == 7
    viewer.all_shown.value = False
    assert len(viewer.layers.handles["hand"]) == 1


def test_so_many_hands_are_drawn_and_no_more(viewer, monkeypatch):
    monkeypatch.setattr("fastgrasp_model.viewer.window.MOST_HANDS", 4)
    for at, rows in ((0, [0, 1, 2, 3]), (6, [4, 5, 6, 7]), (13, [10, 11, 12, 13]), (14, [14, 15, 16, 17])):
        assert viewer._neighbours(at).tolist() == rows


def test_colours_tell_the_score(few_grasps):
    grasps = few_grasps.grasps(np.arange(3))
    grasps.score[:] = [1.0, 0.5, 0.0]
    viewer = GraspViewer(GraspFile(grasps))
    viewer.all_shown.value = viewer.by_score.value = True
    assert [h.color for h in viewer.layers.handles["hand"]] == [(253, 231, 37), (33, 145, 140), (68, 1, 84)]
    viewer.stop()
    grasps.score[:] = [4.0, -1.0, 0.0]
    assert GraspFile(grasps).score_range == (-1.0, 4.0)
    assert score_colours([7.0, 7.0], 7.0, 7.0).shape == (2, 3)


def test_a_cloud_beside_the_object(few_grasps):
    cloud = np.random.default_rng(0).normal(size=(50, 3)) * 0.03
    cloud[0] = np.nan
    viewer = GraspViewer(GraspFile(few_grasps.grasps(np.arange(1)), few_grasps.mesh(0)), cloud=cloud)
    assert seen(viewer) == {"hand", "object", "cloud"} and len(viewer.layers.handles["cloud"][0].points) == 49
    viewer.shown["cloud"].value = False
    assert seen(viewer) == {"hand", "object"} and not viewer.place.visible
    viewer.stop()


def test_several_files_are_paged_through(few_grasps):
    right, left = few_grasps.grasps(np.arange(3)), few_grasps.grasps(np.arange(2)).mirrored()
    viewer = GraspViewer(GraspFiles([GraspFile(right, None, "a", "mug.obj"), GraspFile(left, None, "b", "mug.obj")]))
    assert viewer.summary.content.startswith("**a, mug.obj**, grasp 0 of 3") and viewer.place.max == 4
    press(viewer.object_buttons, "next")
    press(viewer.grasp_buttons, "next")
    assert viewer.summary.content.startswith("**b, mug.obj**, grasp 1 of 2")
    assert "| hand | left |" in viewer.facts.content
    viewer.all_shown.value = True
    assert len(viewer.layers.handles["hand"]) == 2 and "<title>1  b, mug.obj" in viewer.page()
    viewer.stop()


def test_a_host_that_is_not_this_machine_is_refused(few_grasps):
    for host in ("192.0.2.1", "no.such.host.invalid", "a" * 300):
        with pytest.raises(ViewError, match="cannot listen on host .*; give 127.0.0.1 or 0.0.0.0"):
            GraspViewer(few_grasps, host=host)
    viewer = GraspViewer(few_grasps, host="0.0.0.0")
    assert viewer.server.get_host() == "0.0.0.0" and viewer.address.startswith("http://127.0.0.1:")
    viewer.stop()


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
    assert "**mug.npy**, grasp 1 of 3  \nscore 0.50" == viewer.summary.content and viewer.filters == {}
    assert not viewer.object_buttons.visible and len(viewer.layers.handles["object"][0].batched_positions) == 50
    viewer.stop()


@pytest.mark.slow
def test_keys_and_picture_in_chromium(viewer):
    import chromium

    with chromium.started("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader") as browser:
        with chromium.watched(browser) as pages:
            page = pages(viewer.address, {"viewport": {"width": 480, "height": 320}})
            page.get_by_text("grasp 0 of 40").wait_for()
            until(page, lambda skin: skin > 2000)
            for key, row in (("ArrowRight", 1), ("n", 2), ("ArrowDown", 14)):
                page.keyboard.press(key)
                page.get_by_text(f"grasp {row} of 40").wait_for()
                assert viewer.row == row
            page.keyboard.press("h")
            until(page, lambda skin: skin < 100)
            assert {url.split("/")[2] for url in pages.requests if url.startswith("http")} == {viewer.address[7:-1]}


@pytest.mark.slow
def test_a_file_is_browsed_in_chromium(few_grasps):
    """By the panel itself: buttons, slider, boxes; hands go and come back."""
    import chromium

    grasps = few_grasps.grasps(np.arange(3))
    grasps.score[:] = [1.0, 0.5, 0.0]
    viewer = GraspViewer(GraspFile(grasps, few_grasps.mesh(0), "g", "mug.obj"), cloud=few_grasps.mesh(0).vertices)
    with chromium.started("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader") as browser:
        with chromium.watched(browser) as pages:
            page = pages(viewer.address, {"viewport": {"width": 900, "height": 600}})
            page.get_by_text("grasp 0 of 3").wait_for()
            until(page, lambda skin: skin > 2000)
            page.get_by_role("button", name="previous").first.click()
            page.get_by_text("grasp 2 of 3").wait_for()
            page.get_by_text("score 0.00").wait_for()
            page.get_by_role("slider").first.press("Home")
            page.get_by_text("grasp 0 of 3").wait_for()
            labels = ["all hands", "colour by score", *(f"show {layer}" for layer in LAYERS)]
            boxes = dict(zip(labels, page.get_by_role("checkbox").all(), strict=True))
            for label in labels:
                page.get_by_text(label, exact=True).wait_for()
            boxes["all hands"].click()
            page.get_by_text("3 hands drawn").wait_for()
            boxes["show keypoints"].click()
            boxes["show hand"].click()
            until(page, lambda skin: skin < 1000)
            assert seen(viewer) == {"object", "cloud", "keypoints"}
            boxes["show hand"].click()
            boxes["show keypoints"].click()
            until(page, lambda skin: skin > 2000)
    viewer.stop()


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
