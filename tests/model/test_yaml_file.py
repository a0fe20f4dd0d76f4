"""Configuration files: a wrong key or value is named with its place, and a typo with the nearest valid key."""

from __future__ import annotations

from dataclasses import field

import pytest
from pydantic.dataclasses import dataclass

from fastgrasp_model.yaml_file import STRICT, ConfigurationError, read_yaml, renamed, validated


@dataclass(frozen=True, config=STRICT)
class Inner:
    steps: int = 1
    learning_rate: float = 1.0

    def __post_init__(self):
        if self.steps > 100:
            raise ValueError(f"steps: expected at most 100, got {self.steps}")


@dataclass(frozen=True, config=STRICT)
class Outer:
    inner: Inner = field(default_factory=Inner)
    other: Inner | None = None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"inner": {"steps": "many"}}, "inner.steps: .*integer.* got 'many'"),
        ({"inner": {"learning_rat": 1}}, "inner.learning_rat: unknown key; did you mean learning_rate"),
        ({"other": {"stps": 1}}, "other.stps: unknown key; did you mean steps"),
        ({"iner": {}}, "iner: unknown key; did you mean inner"),
        ({"inner": 3}, "inner: "),
        ({"inner": {"steps": 101}}, "steps: expected at most 100, got 101"),
        ({"inner": {"learning_rate": float("nan")}}, "inner.learning_rate: .*finite"),
        ([], "expected a mapping, got list"),
    ],
)
def test_says_what_is_wrong_and_where(content, message):
    with pytest.raises(ConfigurationError, match=message):
        validated(Outer, content)


def test_numbers_that_yaml_reads_as_text_are_numbers():
    assert validated(Outer, {"inner": {"learning_rate": "5e-4"}}).inner.learning_rate == 5e-4


@pytest.mark.parametrize("text", ["- 1", "a: [", "\x00"])
def test_refuses_what_is_no_mapping(tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="a.yaml"):
        read_yaml(path)
    with pytest.raises(ConfigurationError, match="no such file"):
        read_yaml(tmp_path / "b.yaml")


def test_old_names_are_read_and_answered_with_the_new_ones():
    with pytest.warns(UserWarning, match="model.back_view_width is now called completion_width"):
        assert renamed({"back_view_width": 3, "points": 1}, "model", "model.", quiet=False) == {
            "completion_width": 3, "points": 1,
        }  # fmt: skip
