"""YAML files checked against dataclasses by pydantic: a wrong key or value is named, with the nearest valid key."""

from __future__ import annotations

import difflib
import json
import warnings
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import pydantic
import yaml

RENAMED: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "renamed.json").read_text())
"""Names in files of earlier versions -> names today, for each kind of mapping."""

STRICT = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)
"""For `pydantic.dataclasses.dataclass(frozen=True, config=STRICT)`: no unknown keys, no numbers that are not finite."""

Kind = TypeVar("Kind")


class ConfigurationError(ValueError):
    """A configuration file or mapping that cannot be used; the message names the place and what was expected."""


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Return the mapping in a YAML file. Raises ConfigurationError."""
    try:
        content = yaml.safe_load(Path(path).read_text())
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: no such file; expected a YAML configuration") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; expected a YAML configuration") from error
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError(f"{path}: cannot be read as YAML ({error})") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: expected a mapping of keys to values, got {type(content).__name__}")
    return content


def validated(kind: type[Kind], content: Any, where: str = "") -> Kind:
    """Return `content`, a mapping, as a pydantic dataclass `kind`; `where` is the path of its key in the file.

    Raises ConfigurationError, which names the first wrong key, what was expected and, for an unknown key, the nearest
    valid one.
    """
    if not isinstance(content, dict):
        raise ConfigurationError(f"{where or 'configuration'}: expected a mapping, got {type(content).__name__}")
    try:
        return pydantic.TypeAdapter(kind).validate_python(content)
    except pydantic.ValidationError as error:
        raise ConfigurationError(_sentence(kind, error.errors()[0], where)) from error


def renamed(content: dict[str, Any], table: str, where: str = "", quiet: bool = True) -> dict[str, Any]:
    """Return `content` with the keys of earlier versions under today's names; warn of each unless `quiet`."""
    names = RENAMED[table]
    if not quiet:
        for key in sorted(set(content) & set(names)):
            warnings.warn(f"{where}{key} is now called {names[key]}", stacklevel=3)
    return {names.get(key, key): value for key, value in content.items()}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest of the `known` ones, and all of them."""
    near = difflib.get_close_matches(name, known := sorted(known), n=1, cutoff=0.5)
    return (f"did you mean {near[0]}? " if near else "") + f"known are {', '.join(known)}"


def _sentence(kind: type, problem: dict[str, Any], where: str) -> str:
    place = ".".join([where, *(str(part) for part in problem["loc"])]).strip(".")
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        known = _keys(kind, problem["loc"][:-1])
        return f"{place}: unknown key; {nearest(str(problem['loc'][-1]), known)}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":  # ours, which say what was expected and got
        return f"{place}: {message}" if place else message
    return f"{place}: {message[:1].lower()}{message[1:]}, got {problem['input']!r}"


def _keys(kind: Any, location: tuple) -> list[str]:
    """The names of the fields of the dataclass that lies at `location` within `kind`."""
    for part in location:
        hint = get_type_hints(kind).get(part)
        kind = next((option for option in (hint, *get_args(hint)) if is_dataclass(option)), None)
        if kind is None:
            return []
    return [field.name for field in fields(kind)]
