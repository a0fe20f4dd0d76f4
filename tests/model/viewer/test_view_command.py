"""`fastgrasp view`: pictures, pages, lists, the browser, and one clear line for wrong requests."""

import builtins
import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from PIL import Image

from fastgrasp_model.commands import view
from fastgrasp_model.commands.view import main


@pytest.fixture(autouse=True)
def reader(monkeypatch, tmp_path, few_grasps):
    """The set is found, and no test stands in a folder with something called open."""

    def opened(place):
        if str(place) != "open":
            raise ValueError(f"{place}: no set")
        return few_grasps

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(view, "open_set", opened)


def run(words, capsys) -> str:
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def test_sheets_hold_what_was_chosen(monkeypatch, capsys):
    drawn = []
    monkeypatch.setattr("fastgrasp_model.viewer.sheet.draw_sheet", lambda *words: drawn.append(words))
    words = ["open", "--out", "a.png", "--per-page", 12]
    assert "wrote a.png: 12 of 40 grasps" in run(words, capsys)
    assert "wrote a.png: 4 of 40 grasps" in run([*words, "--page", 4, "--columns", 2], capsys)
    run(["open", "--out", "a.jpg", "--family", "can", "--type", "tripod"], capsys)
    run([*words, "--seed", 1], capsys)
    run([*words, "--seed", 1], capsys)
    rows = [list(rows) for _, rows, *_ in drawn]
    assert rows[0] == list(range(12)) and rows[1] == [36, 37, 38, 39] and rows[3] == rows[4] != rows[0]
    assert drawn[1][3:] == ("few grasps, all grasps: page 4 of 4", 2)
    assert rows[2] == [15, 17, 19, 21, 23, 25]


def test_the_list(capsys):
    report = json.loads(run(["open", "--list", "--json"], capsys))
    assert report["types"] == {"power": 20, "tripod": 20, "never": 0}
    assert report["families"] == {"mug": 27, "can": 13} and report["objects"]["mug:7"] == 13
    text = run(["open", "--list", "--type", "tripod"], capsys)
    assert "few grasps: 20 grasps, open hand" in text and "tripod       20  100.0%" in text and "power" not in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["open", "--out", "a.png", "--type", "never"], "no grasp of few grasps fits type never"),
        (["open", "--family", "can", "--type", "never"], "--list shows what there is"),
        (["open", "--out", "a.png", "--page", "7"], "page 7 of 2: there are 40 grasps"),
        (["open", "--page", "2"], "add --out sheet.png"),
        (["open", "--seed", "2"], "add --out sheet.png"),
        (["open", "--out", "a.html", "--per-page", "2"], "add --out sheet.png"),
        (["open", "--out", "a.gif"], "ends in .png or .jpg or .html"),
        (["open", "--out", "a.png", "--per-page", "0"], "expected 1 or more"),
        (["open", "--hands", "2"], "for grasp files"),
        (["open", "--interactive"], "for grasp files"),
        (["open", "--port", "99999", "--no-browser"], "--port: expected 1 to 65535"),
        (["nowhere.npz", "--type", "tripod"], "No grasp file at nowhere.npz"),
        (["nowhere.npz", "--interactive", "--out", "a.png"], "--out is for pictures"),
        (["nowhere.npz", "--out", "a.html", "--hands", "2"], "--hands is for pictures"),
        (["nowhere.npz", "--out", "a.html", "--port", "8000"], "--port is for the browser"),
        (["nowhere.npz", "nowhere.npz", "--out", "a.png"], "--out is one file"),
        (["nowhere.npz", "open"], "open is a grasp set; give it alone"),
        (["open", "--cloud", "c.npy"], "for grasp files"),
        (["open", "--host", "192.0.2.1", "--no-browser"], "cannot listen on host '192.0.2.1'"),
        (["open", "--host", "", "--no-browser"], "cannot listen on host ''"),
        ([], "missing: GRASPS"),
        (["mug.obj"], "mug.obj is an object or a cloud, and no grasps; view g.npz --object mug.obj"),
        (["g.npz", "cloud.pcd"], "cloud.pcd is an object or a cloud"),
        ([".", "--list"], "no set"),
    ],
)
def test_wrong_requests_are_one_line(words, message, tmp_path):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match=message) as caught:
        main(words)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def test_a_grasp_file_is_drawn_beside_it(grasp_file, capsys):
    with pytest.raises(ValueError, match="--per-page is for grasp sets; g.npz is a grasp file"):
        main(["g.npz", "--per-page", "4"])
    assert "wrote g_view.png" in run(["g.npz", "--hands", 1, "--views", 1, "--object", "can.ply"], capsys)
    assert min(Image.open("g_view.png").size) > 300


@pytest.mark.parametrize(
    ("words", "message"), [(["--views", "19"], "from 1 to 18 sides, got 19"), (["--hands", "900"], "no grasps to draw")]
)
def test_what_cannot_be_drawn_is_no_defect(grasp_file, few_grasps, words, message, capsys):
    from fastgrasp_model import cli

    if "no grasps" in message:
        few_grasps.grasps(np.arange(0)).save(grasp_file)
    assert cli.main(["view", str(grasp_file), *words]) == 2
    assert message in (said := capsys.readouterr().err) and "defect" not in said


def test_no_file_is_overwritten_unasked(grasp_file, tmp_path, capsys):
    """g.png is what `generate --render g.png` wrote; only --out replaces a file, and says so."""
    for name in ("g.png", "g_view.png"):
        (tmp_path / name).write_bytes(b"another command's")
    words = ["g.npz", "--hands", 1, "--views", 1]
    assert run(words, capsys) == "wrote g_view_2.png\n" and run(words, capsys) == "wrote g_view_3.png\n"
    for name in ("g.png", "g_view.png"):
        assert (tmp_path / name).read_bytes() == b"another command's"
    assert run([*words, "--out", "g.png"], capsys) == "replaced g.png\n"


def test_without_viser_pictures_are_drawn_and_the_rest_names_the_extra(grasp_file, monkeypatch, capsys):
    imported = builtins.__import__

    def without_viser(name, *words, **more):
        if name.partition(".")[0] == "viser":
            raise ImportError("No module named 'viser'")
        return imported(name, *words, **more)

    monkeypatch.setattr(builtins, "__import__", without_viser)
    monkeypatch.setattr("fastgrasp_model.commands.extras.import_module", without_viser)
    run(["g.npz", "--hands", 1, "--views", 1], capsys)
    for words in (["open"], ["g.npz", "--interactive"], ["g.npz", "--out", "a.html"]):
        with pytest.raises(ImportError, match=r"pip install 'fastgrasp-ros2\[viewer\]'"):
            main(words)


@pytest.mark.parametrize("words", [["open", "--family", "mug"], ["g.npz", "--object", "can.ply"]])
def test_a_page_to_share_holds_all_it_shows(grasp_file, words, capsys):
    pytest.importorskip("viser")
    assert "wrote a.html" in run([*words, "--out", "a.html"], capsys)
    page = open("a.html").read()
    assert len(page) > 500_000 and "<title>Viser" not in page
    assert not re.search(r"""(src|href) *= *["']?(https?:)?//""", page)


def test_the_browser_is_opened_until_ctrl_c(monkeypatch, grasp_file, capsys):
    pytest.importorskip("viser")
    from fastgrasp_model.viewer.window import GraspViewer

    opened, seen = [], []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")

    def wait(viewer):
        seen.append((viewer.row, len(viewer.rows)))
        raise KeyboardInterrupt

    monkeypatch.setattr(GraspViewer, "wait", wait)
    printed = run(["open", "--type", "tripod", "--object", "can:2"], capsys)
    assert seen == [(15, 20)] and len(opened) == 1 and opened[0] in printed
    assert opened[0].startswith("http://127.0.0.1:") and "Ctrl-C ends" in printed and printed.endswith("ended\n")
    run(["open", "--no-browser"], capsys)
    run(["g.npz", "--object", "can.ply", "--no-browser"], capsys)
    assert len(opened) == 1 and seen[1:] == [(0, 40), (0, 3)]


def test_several_files_are_drawn_each_beside_its_own(grasp_file, tmp_path, capsys):
    shutil.copy(grasp_file, tmp_path / "h.npz")
    assert run(["g.npz", "h.npz", "--hands", 1, "--views", 1], capsys) == "wrote g_view.png\nwrote h_view.png\n"


def test_several_files_and_a_cloud_in_the_browser(grasp_file, tmp_path, monkeypatch, capsys):
    pytest.importorskip("viser")
    from fastgrasp_model.viewer.window import GraspViewer

    (tmp_path / "other").mkdir()
    shutil.copy(grasp_file, tmp_path / "other" / "g.npz")
    np.save(tmp_path / "c.npy", np.random.default_rng(0).normal(size=(300, 3)) * 0.03)
    seen = []
    monkeypatch.setattr(GraspViewer, "wait", lambda viewer: seen.append(viewer))
    run(["g.npz", "other/g.npz", "--object", "can.ply", "--cloud", "c.npy", "--no-browser"], capsys)
    assert seen[0]._set.objects == ["g", "other/g"] and len(seen[0].layers.handles["cloud"][0].points) == 300


def test_ctrl_c_ends_the_served_page_and_its_process(grasp_file):
    """A process of its own, asked for its page and then interrupted as a terminal does."""
    pytest.importorskip("viser")
    words = [sys.executable, "-m", "fastgrasp_model.cli", "view", str(grasp_file), "--interactive", "--no-browser"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().split()[-1]
            assert process.stdout.readline() == "Ctrl-C ends\n"
            with urllib.request.urlopen(address) as page:
                assert page.status == 200
            taken = address.rstrip("/").rpartition(":")[2]
            with pytest.raises(ValueError, match=f"cannot listen on port {taken} .*; leave --port out"):
                main([str(grasp_file), "--no-browser", "--port", taken])
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "\nended\n", "")
