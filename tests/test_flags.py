"""Every flag of every command given nonsense: one line that says what was wrong, and nothing written."""

import dataclasses
import types
import typing
from pathlib import Path

import pytest
from command_line import refused, run

from fastgrasp_evaluation.benchmark.options import BenchmarkOptions
from fastgrasp_evaluation.commands.evaluate import EvaluateOptions
from fastgrasp_evaluation.commands.study import StudyOptions
from fastgrasp_model.commands.check import CheckOptions
from fastgrasp_model.commands.export import ExportOptions
from fastgrasp_model.commands.generate import GenerateOptions
from fastgrasp_model.commands.view import ViewOptions

# Command -> its options, and words with which it would go on until it finds that its input is not there.
COMMANDS = {
    "check": (CheckOptions, ["--mano", "/nowhere/MANO_RIGHT.pkl"]),
    "generate": (GenerateOptions, ["/nowhere/mug.ply"]),
    "export": (ExportOptions, ["/nowhere/g.npz", "--to", "glb"]),
    "view": (ViewOptions, ["/nowhere/g.npz"]),
    "evaluate": (EvaluateOptions, ["/nowhere/g.npz", "--object", "/nowhere/mug.ply"]),
    "benchmark": (BenchmarkOptions, ["objects", "--objects", "/nowhere/meshes"]),
    "study": (StudyOptions, ["/nowhere/a.npz", "--objects", "/nowhere/meshes", "--out", "/nowhere/study"]),
}
try:
    from fastgrasp_synthesis.command import SynthesizeOptions
    from fastgrasp_training.cli import TrainOptions
except ImportError:  # the extra is not installed
    pass
else:
    COMMANDS["synthesize"] = (SynthesizeOptions, ["--out", "/nowhere/set", "--objects", "/nowhere/mug.obj"])
    COMMANDS["train"] = (TrainOptions, ["all", "--config", "/nowhere/default.yaml"])


def kinds(hint: object) -> set:
    """The plain types within a field's type."""
    if typing.get_origin(hint) is typing.Annotated:
        return kinds(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType, tuple):
        return set().union(*(kinds(part) for part in typing.get_args(hint)))
    return {hint}


def flags(wanted: type) -> list[tuple[str, str]]:
    """(command, flag) for all fields of a type."""
    found = []
    for command, (options, _) in COMMANDS.items():
        hints = typing.get_type_hints(options, include_extras=True)
        for field in dataclasses.fields(options):
            if wanted in kinds(hints[field.name]):
                found.append((command, f"--{field.name.replace('_', '-')}"))
    return found


def without(words: list[str], flag: str) -> list[str]:
    place = words.index(flag) if flag in words else None
    return words if place is None else words[:place] + words[place + 2 :]


NUMBERS = sorted({*flags(int), *flags(float)})


def test_the_walk_finds_the_flags():
    assert ("generate", "--num") in NUMBERS and ("view", "--port") in NUMBERS and len(NUMBERS) > 20
    assert ("evaluate", "--out") in flags(Path)


@pytest.mark.parametrize("word", ["nan", "abc", "", "-1", "1e400"])
@pytest.mark.parametrize(("command", "flag"), NUMBERS)
def test_a_number_that_is_none_names_its_flag(capsys, command, flag, word):
    line = refused(capsys, command, *without(COMMANDS[command][1], flag), flag, word)
    assert flag in line and "expected" in line, line


@pytest.mark.parametrize(("command", "flag"), flags(Path) + flags(str))
@pytest.mark.parametrize("word", ["", "/nowhere/at/all", "\x00", "x" * 5000, "."])
def test_a_path_or_text_that_is_none_is_one_line(capsys, tmp_path, monkeypatch, command, flag, word):
    monkeypatch.chdir(tmp_path)
    positional = flag in ("--cloud", "--grasps", "--methods", "--stage", "--kind")
    words = COMMANDS[command][1]
    words = [word, *words[1:]] if positional else [*without(words, flag), flag, word]
    code, out, err = run(capsys, command, *words)
    lines = [line for line in err.splitlines() if "warning" not in line]
    assert code in (1, 2) and "defect" not in err + out and "Traceback" not in err, (code, err)
    assert len(lines) == 1 or command == "check", err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--viewpoint", "1,2"], "--viewpoint: expected three numbers"),
        (["--viewpoint", "1,2,nan"], "--viewpoint: expected three numbers"),
        (["--seed", "-1"], "--seed: expected 0 to"),
        (["--seed", "99999999999999999999"], "--seed: expected 0 to"),
        (["--num", "1000000000"], "num_grasps: expected 1 to"),
        (["--candidates", "1000000000"], "candidates: expected 1 to"),
        (["--min-score", "1.5"], "--min-score: expected 0 to 1"),
        (["--unit", "furlong"], "--unit"),
        (["--device", "cudax"], "device"),
    ],
)
def test_requests_to_generate_that_cannot_be_meant(capsys, tmp_path, words, told):
    import trimesh

    trimesh.creation.box((0.05, 0.06, 0.1)).export(tmp_path / "box.ply")
    assert told in refused(capsys, "generate", tmp_path / "box.ply", *words)


def test_a_viewpoint_may_begin_with_a_minus_and_millimetres_are_read(capsys, tmp_path, weights_folder):
    import json

    import trimesh

    trimesh.creation.box((50, 60, 100)).export(tmp_path / "box.stl")
    words = ("--unit", "mm", "--viewpoint", "-0.1,0,0.6", "--num", "2", "--json", "--weights", weights_folder)
    code, out, err = run(capsys, "generate", tmp_path / "box.stl", *words)
    report = json.loads(out)
    assert code == 0 and err == "" and report["viewpoint_known"] and report["grasps"] == 2
    assert "--unit mm" in refused(capsys, "generate", tmp_path / "box.stl")


@pytest.mark.parametrize("words", [["view"], ["export", "--to", "glb"], ["evaluate", "--object", "box.ply"]])
def test_a_file_without_grasps_is_no_defect(capsys, tmp_path, monkeypatch, words):
    import numpy as np
    import trimesh

    from fastgrasp_model.grasps import Grasps
    from fastgrasp_model.hand import ManoLayer

    monkeypatch.chdir(tmp_path)
    trimesh.creation.box((0.05, 0.06, 0.1)).export("box.ply")
    Grasps.from_parameters(np.zeros((1, 61), np.float32), ManoLayer.from_file())[[]].save("none.npz")
    assert "no grasps" in refused(capsys, words[0], "none.npz", *words[1:])
