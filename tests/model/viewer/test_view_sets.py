"""`fastgrasp view` on grasp sets: sheets, lists, the page, and one clear line for wrong requests."""

import json
import threading
import urllib.request

import numpy as np
import pytest
from PIL import Image

from fastgrasp_model.commands import view
from fastgrasp_model.commands.view import main


class Two:
    """A set of six grasps on two objects, as a reader of grasp sets gives it."""

    name, hand, objects, grasp_types = "two", "open hand", ["mug:1", "can:2"], ["power", "tripod"]
    families, splits = ["mug", "can"], ["train", "validation"]
    object_of, type_of = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 0, 0, 0])

    def __init__(self, place):
        if str(place) != "open":
            raise ValueError(f"{place}: no set")

    def __len__(self):
        return 6

    def select(self, family=None, grasp_type=None, split=None, spec=None):
        keep = np.ones(6, dtype=bool)
        for name, names in ((family, self.families), (split, self.splits), (spec, self.objects)):
            if name:
                keep &= np.array([other == name for other in names])[self.object_of]
        return np.flatnonzero(keep & (self.type_of == self.grasp_types.index(grasp_type) if grasp_type else True))

    def counts(self):
        return {"types": {"power": 5, "tripod": 1}, "families": {"can": 3, "mug": 3}, "splits": {}, "objects": {}}

    def parameters(self, rows):
        return 0.1 * np.random.default_rng(0).normal(size=(6, 61)).astype(np.float32)[rows]

    def layer(self):
        from fastgrasp_model.hand import ManoLayer

        return ManoLayer.from_file()

    def mesh(self, number):
        import trimesh

        return trimesh.creation.cylinder(0.03, 0.05 + 0.05 * number)

    def facts(self, row):
        return {"row": row}


@pytest.fixture(autouse=True)
def reader(monkeypatch, tmp_path):
    """The set is found, and no test stands in a folder with something called open."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(view, "open_set", Two)


def run(words, capsys) -> str:
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def test_a_sheet_of_each_page(tmp_path, capsys):
    from fastgrasp_model.viewer.sheet import CELL

    words = ["open", "--per-page", 4]
    assert "wrote a.png: 4 of 6 grasps" in run([*words, "--out", "a.png"], capsys)
    assert "wrote b.png: 2 of 6 grasps" in run([*words, "--out", "b.png", "--page", 2], capsys)
    first, second = Image.open("a.png"), Image.open("b.png")
    assert first.width > 4 * CELL > second.width > 2 * CELL and first.height == second.height > CELL
    run([*words, "--out", "c.png", "--columns", 2], capsys)
    assert Image.open("c.png").width == second.width and Image.open("c.png").height > 2 * CELL


def test_the_same_seed_draws_the_same(tmp_path, capsys):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(["open", "--per-page", 2, "--out", f"{name}.png", "--seed", seed], capsys)
    a, b, c = (np.asarray(Image.open(f"{name}.png")) for name in "abc")
    assert np.array_equal(a[60:], b[60:]) and not np.array_equal(a[60:], c[60:])


def test_the_filter_holds_for_sheets(capsys):
    words = ["open", "--out", "a.png", "--family", "mug", "--split", "train"]
    assert "3 of 3" in run(words, capsys)
    assert "1 of 1" in run([*words, "--type", "tripod"], capsys)


def test_the_list(capsys):
    report = json.loads(run(["open", "--list", "--json"], capsys))
    assert report["types"] == {"power": 5, "tripod": 1}
    assert report["families"] == {"mug": 3, "can": 3} and report["objects"] == {"mug:1": 3, "can:2": 3}
    text = run(["open", "--list", "--type", "tripod"], capsys)
    assert "two: 1 grasps, open hand" in text and "tripod        1  100.0%" in text and "mug:1" in text
    assert "can:2" not in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["open", "--out", "a.png", "--family", "can", "--type", "tripod"],
            "no grasp of two fits family can, type tripod",
        ),
        (["open", "--family", "can", "--type", "tripod"], "--list shows what there is"),
        (["open", "--out", "a.png", "--page", "7"], "page 7 of 1: there are 6 grasps"),
        (["open", "--page", "2"], "add --out sheet.png"),
        (["open", "--seed", "2"], "add --out sheet.png"),
        (["open", "--out", "a.gif"], "ends in .png or .jpg"),
        (["open", "--out", "a.png", "--per-page", "0"], "expected 1 or more"),
        (["open", "--hands", "2"], "for grasp files"),
        (["open", "--port", "99999", "--no-browser"], "cannot listen on port 99999"),
        (["nowhere.npz", "--type", "tripod"], "No grasp file at nowhere.npz"),
        ([".", "--list"], "no set"),
    ],
)
def test_wrong_requests_are_one_line(words, message, tmp_path):
    with pytest.raises(ValueError, match=message) as caught:
        main(words)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_options_of_sets_are_refused_for_files(tmp_path):
    from fastgrasp_model.grasps import Grasps
    from fastgrasp_model.hand import ManoLayer

    Grasps.from_parameters(np.zeros((1, 61), dtype=np.float32), ManoLayer.from_file()).save(tmp_path / "g.npz")
    with pytest.raises(ValueError, match="--per-page is for grasp sets; g.npz is a grasp file"):
        main(["g.npz", "--per-page", "4"])
    assert main(["g.npz", "--hands", "1", "--views", "1"]) == 0
    assert (tmp_path / "g.png").is_file()


def test_the_page_is_served_until_it_is_interrupted(monkeypatch, capsys):
    from fastgrasp_model.viewer import server

    opened, found = [], {}
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setenv("DISPLAY", ":0")

    def serve(self):
        thread = threading.Thread(target=self.handle_request)
        thread.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server_port}/set.json") as answer:
            found.update(json.load(answer))
        thread.join()
        raise KeyboardInterrupt

    monkeypatch.setattr(server._Server, "serve_forever", serve)
    printed = run(["open", "--type", "tripod", "--object", "can:2", "--type", "power"], capsys)
    assert found["grasps"] == 6
    assert (
        len(opened) == 1
        and opened[0].startswith("http://127.0.0.1:")
        and opened[0].endswith("#type=power&row=3")
        and opened[0] in printed
    )
    assert "Ctrl-C ends" in printed and printed.endswith("ended\n")
    run(["open", "--no-browser"], capsys)
    assert len(opened) == 1
