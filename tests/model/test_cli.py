"""The `fastgrasp` command: it finds its commands, reports every error in one line, and answers --help at once."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
from command_line import refused, run

from fastgrasp_model import cli
from fastgrasp_model.commands.extras import COMMANDS


def test_help_lists_every_installed_command(capsys, monkeypatch):
    code, text, _ = run(capsys, "--help")
    assert code == 0 and all(f"\n  {name} " in text for name in COMMANDS)
    monkeypatch.setattr(cli, "_entry_points", dict)
    text = run(capsys)[1]
    assert "\n  generate " in text and "\n  train " not in text


def test_an_unknown_command_names_the_nearest(capsys):
    assert "did you mean 'generate'?" in refused(capsys, "generat")
    assert "there are check, generate" in refused(capsys, "dance")


@pytest.mark.parametrize("name, extra", [("evaluate", "eval"), ("train", "training"), ("synthesize", "training")])
def test_a_command_that_is_not_installed_names_its_extra(capsys, monkeypatch, name, extra):
    monkeypatch.setattr(cli, "_entry_points", dict)
    assert f"pip install 'fastgrasp-ros2[{extra}]'" in refused(capsys, name)


def test_a_command_without_its_packages_names_its_extra(capsys, monkeypatch):
    point = EntryPoint("benchmark", "no_such_package:main", cli.GROUP)
    monkeypatch.setattr(cli, "_entry_points", lambda: {"benchmark": point})
    line = refused(capsys, "benchmark", code=1)
    assert "No module named 'no_such_package'" in line and "pip install 'fastgrasp-ros2[eval]'" in line

    def fail(argv):
        raise ModuleNotFoundError("No module named 'manifold3d'", name="manifold3d")

    monkeypatch.setattr(cli, "_find", lambda name: fail)
    assert "pip install 'fastgrasp-ros2[training]'" in refused(capsys, "view", code=1)


def test_a_defect_is_one_line_unless_debugged(capsys, monkeypatch):
    def fail(argv):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(cli, "_find", lambda name: fail)
    assert "RuntimeError: out of luck" in refused(capsys, "check", code=1)
    with pytest.raises(RuntimeError, match="out of luck"):
        cli.main(["check", "--debug"])


@pytest.mark.parametrize("name", COMMANDS)
def test_help_imports_nothing_heavy(name):
    code = f"import sys; from fastgrasp_model import cli; cli.main([{name!r}, '--help']); print(*sys.modules)"
    text = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout
    assert f"usage: fastgrasp {name}" in text
    assert not {"torch", "trimesh", "scipy", "rich", "pybullet", "lightning", "viser"} & set(text.split())
