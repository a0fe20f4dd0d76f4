"""`fastgrasp check`: the core, the extras with what brings them, and the hand and weights in use."""

import json

from command_line import run

from fastgrasp_model.commands import check


def test_missing_weights_are_a_problem(capsys, tmp_path):
    code, text, _ = run(capsys, "check", "--weights", tmp_path / "nowhere", "--json")
    report = json.loads(text)
    assert code == 1 and not report["ready"] and "nowhere" in report["weights"]["problem"]
    assert report["packages"]["torch"] and report["hand"]["name"]


def test_missing_extras_are_no_problem_and_name_their_remedy(capsys, weights, monkeypatch):
    found = check._version
    monkeypatch.setattr(check, "_version", lambda name: None if name == "lightning" else found(name))
    code, text, _ = run(capsys, "check", "--weights", weights)
    assert code == 0 and "ready to generate grasps" in text
    line = next(line for line in text.splitlines() if "[training]" in line)
    assert "without lightning" in line and "pip install 'fastgrasp-ros2[training]'" in line


def test_a_missing_core_package_is_a_problem(capsys, weights, monkeypatch):
    found = check._version
    monkeypatch.setattr(check, "_version", lambda name: None if name == "scipy" else found(name))
    code, text, _ = run(capsys, "check", "--weights", weights)
    assert code == 1 and "problem: scipy is missing: pip install scipy" in text
