"""`fastgrasp study`: from grasp files to the page, from answers to the table, and one clear line for bad input."""

import json
import subprocess
import sys

import numpy as np
import pytest
import trimesh

from fastgrasp_evaluation.commands.study import main

CUP, BALL = "025_mug", "ball"


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects")
    trimesh.creation.cylinder(0.035, 0.09).export(folder / f"{CUP}.ply")
    trimesh.creation.icosphere(2, 0.035).export(folder / f"{BALL}.obj")
    return folder


@pytest.fixture(scope="module")
def batch():
    """A function (count, seed) -> open hands beside the objects."""
    from fastgrasp_model.grasps import Grasps
    from fastgrasp_model.hand import ManoLayer

    layer = ManoLayer.from_file()

    def make(count: int, seed: int = 0) -> Grasps:
        parameters = np.random.default_rng(seed).normal(scale=0.1, size=(count, 61)).astype(np.float32)
        return Grasps.from_parameters(parameters, layer)

    return make


@pytest.fixture(scope="module")
def methods(tmp_path_factory, batch):
    """One method as a folder of files, one as a collection, one as a file for one object."""
    from fastgrasp_evaluation.formats import save_collection

    folder = tmp_path_factory.mktemp("methods")
    for name in (CUP, BALL):
        batch(3, 1).save(folder / "zebrafish" / f"{name}.npz")
    save_collection(folder / "quokkanet.npz", {CUP: batch(2, 2), BALL: batch(4, 3)})
    batch(2, 4).save(folder / "ibexflow" / f"{CUP}.npz")
    return folder


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    from fastgrasp_evaluation.study import page

    monkeypatch.setattr(page, "PICTURE_SIZE", 64)


def run(words, capsys) -> tuple[int, str]:
    code = main([str(word) for word in words])
    return code, capsys.readouterr().out


def answer(folder, key: dict, name: str, method: str):
    """A file in which one participant always chose `method`."""
    answers = [
        {
            "question": question["id"],
            "shown": list(question["candidates"]),
            "choice": next(i for i, c in question["candidates"].items() if c["method"] == method),
            "seconds": 3,
        }
        for question in key["questions"]
    ]
    content = {"format": "fastgrasp-study-answers", "format_version": 1, "study": key["study"], "participant": name}
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content | {"saved": "2026-01-01T00:00:00Z", "answers": answers}))
    return path


def test_from_grasp_files_to_the_table(methods, objects, tmp_path, capsys):
    words = [methods / "zebrafish", methods / "quokkanet.npz", "--objects", objects, "--out", tmp_path / "study"]
    code, printed = run([*words, "--per-object", 3, "--json"], capsys)
    report = json.loads(printed)
    assert code == 0
    assert report["methods"] == ["zebrafish", "quokkanet"]
    assert (report["objects"], report["questions"], report["pictures"]) == ([CUP, BALL], 5, 20)
    assert report["notes"] == [f"{CUP}: quokkanet has 2 usable grasps of the 3 asked for"]
    assert (tmp_path / "study" / "index.html").is_file()

    key_path = tmp_path / "study_key.json"
    assert report["key"] == str(key_path)
    key = json.loads(key_path.read_text())
    (tmp_path / "back").mkdir()
    for name, method in (("ann", "zebrafish"), ("ben", "zebrafish"), ("cas", "quokkanet")):
        answer(tmp_path / "back", key, name, method)
    (tmp_path / "back" / "dot.json").write_text("{")
    code, printed = run(["--tally", tmp_path / "back", "--key", key_path, "--json"], capsys)
    report = json.loads(printed)
    assert code == 0
    assert {row["method"]: row["share"] for row in report["methods"]} == pytest.approx(
        {"zebrafish": 2 / 3, "quokkanet": 1 / 3}
    )
    code, printed = run(["--tally", tmp_path / "back", "--key", key_path], capsys)
    assert "3 participants, 5 questions, 15 choices" in printed
    assert "zebrafish over quokkanet: 2, the reverse: 1, even: 0   p = 1" in printed
    assert f"ignored {tmp_path / 'back' / 'dot.json'}: damaged" in printed
    assert max(len(line) for line in printed.splitlines() if "ignored" not in line) <= 120


def test_a_file_of_one_object_and_labels(methods, objects, tmp_path, capsys):
    words = [methods / "ibexflow" / f"{CUP}.npz", methods / "quokkanet.npz", "--labels", "a1,b2"]
    code, printed = run([*words, "--objects", objects, "--out", tmp_path / "study", "--per-object", 1], capsys)
    assert code == 0
    assert "1 question on 1 object, each with a grasp of a1, b2" in printed
    assert f"note: {BALL}: left out, no grasps from a1" in printed
    assert json.loads((tmp_path / "study_key.json").read_text())["methods"] == ["a1", "b2"]


def test_no_answer_that_counts_is_a_failure(methods, objects, tmp_path, capsys):
    words = [methods / "ibexflow", methods / "quokkanet.npz", "--per-object", 1, "--views", 1]
    run([*words, "--objects", objects, "--out", tmp_path / "study"], capsys)
    (tmp_path / "bad.json").write_text("[]")
    code, printed = run(["--tally", tmp_path / "bad.json", "--key", tmp_path / "study_key.json"], capsys)
    assert code == 1
    assert "0 participants" in printed and "no answers to a study" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.npz", "b.npz"], "--objects is missing; example"),
        (["a.npz", "b.npz", "--objects", "{objects}"], "--out is missing; example"),
        (["a.npz", "--objects", "{objects}", "--out", "{new}"], "2 to 4 methods, got 1"),
        (["a.npz", "b.npz", "--objects", "{new}", "--out", "{new}"], "does not exist"),
        (["a.npz", "b.npz", "--objects", "{objects}", "--out", "{objects}"], "exists already"),
        (["nowhere.npz", "b.npz", "--objects", "{objects}", "--out", "{new}"], "nowhere.npz"),
        (["a.npz", "--tally", "x.json"], "takes no methods"),
        (["--tally", "{objects}", "--key", "{new}"], "no key at"),
        (["--views", "9"], "invalid choice .*9"),
        (["--per-object", "0"], "expected 1 or more"),
        (["--seed", "-1"], "--seed: expected 0 to"),
        (["a.npz", "b.npz", "--objects", "{objects}", "--out", "{objects}/ball.obj/new"], "cannot write .* choose"),
    ],
)
def test_bad_input_is_one_line(words, message, objects, tmp_path):
    filled = [word.format(objects=objects, new=tmp_path / "new") for word in words]
    with pytest.raises(ValueError, match=message) as caught:
        main(filled)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_help_imports_nothing_slow():
    script = "import sys\nfrom fastgrasp_evaluation.commands.study import main\n"
    script += "try: main(['--help'])\nfinally: print(sys.modules)"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert not [name for name in ("torch", "trimesh", "scipy", "jinja2", "matplotlib") if f"'{name}'" in printed]
    assert "--tally" in printed and "--per-object" in printed
