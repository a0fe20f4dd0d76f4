"""Options declared as a dataclass: what is accepted, how errors read, and what --help shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from tyro.conf import Positional, arg, subcommand

from fastgrasp_model.commands.shared import AboveZero, AtLeastOne, InputError, NotNegative, parse


@dataclass
class Options:
    """Do something."""

    cloud: Annotated[Positional[Path], arg(metavar="CLOUD")]
    """an object"""
    config: Path
    """a file"""
    pages: AtLeastOne | None = None
    """how many pages"""
    seed: NotNegative = 0
    """a seed"""
    scale: AboveZero = 1.0
    """a scale"""
    side: Literal["right", "left"] = "right"
    """which hand"""
    data: tuple[Path, ...] = ()
    """folders"""
    quiet: bool = False
    """print nothing"""
    simulation: bool = True
    """leave out the simulator"""


SIDES = "Expected one of ('right', 'left')"


def read(*words: str, **more) -> Options:
    return parse(Options, words, "fastgrasp do", **more)


def test_defaults_and_values():
    assert read("a.ply", "--config", "c.yaml") == Options(Path("a.ply"), Path("c.yaml"))
    found = read("a", "--config=c", "--pages", "2", "--data", "a", "b", "--quiet", "--no-simulation", "--scale", "2")
    assert (found.pages, found.data, found.quiet, found.simulation) == (2, (Path("a"), Path("b")), True, False)
    assert found.scale == 2.0 and isinstance(found.scale, float)


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "missing: CLOUD, --config PATH"),
        (["a"], "missing: --config PATH"),
        (["a", "--config", "c", "--pages", "0"], "--pages: expected 1 or more, got 0"),
        (["a", "--config", "c", "--pages", "two"], "--pages: expected a whole number, got 'two'"),
        (["a", "--config", "c", "--seed", "-1"], "--seed: expected 0 or more, got -1"),
        (["a", "--config", "c", "--scale", "nan"], "--scale: expected a number greater than 0, got nan"),
        (["a", "--config", "c", "--side", "both"], "invalid choice 'both' for argument '--side'. " + SIDES),
        (["a", "--config", "c", "--page", "3"], "unrecognized options: --page, 3; perhaps you meant --pages"),
        (["a", "--config", "c", "--no-quiet"], "unrecognized options: --no-quiet; perhaps you meant --quiet"),
        (["a", "--config"], "missing value for argument '--config'"),
        (["a", "b" * 300, "--config", "c"], "unrecognized options: " + "b" * 300),
    ],
)
def test_an_error_is_one_line_that_names_the_option(words, message, capsys):
    with pytest.raises(InputError) as error:
        read(*words)
    assert str(error.value) == f"{message} (fastgrasp do --help lists the options)"
    assert capsys.readouterr() == ("", "")


def test_help_is_plain_and_tells_the_defaults_that_matter(capsys):
    with pytest.raises(SystemExit) as leaving:
        read("--help")
    text = capsys.readouterr().out
    assert leaving.value.code == 0 and text.startswith("usage: fastgrasp do [-h] [OPTIONS] CLOUD\n\nDo something.\n")
    assert "--seed N" in text and "(default: 0)" in text and "--no-simulation" in text
    assert "None" not in text and "False" not in text and "True" not in text and text.isascii()


@dataclass
class Other:
    """Do something else."""

    seed: NotNegative = 0
    """a seed"""


def test_subcommands():
    both = Annotated[Options, subcommand("first")] | Annotated[Other, subcommand("second")]
    assert parse(both, ["second", "--seed", "3"], "fastgrasp do") == Other(3)
    with pytest.raises(InputError, match="expected one of {first, second}"):
        parse(both, [], "fastgrasp do")
