"""One `--data`: KIND:PATH?OPTION=VALUE&..., a path alone, or `open`.

open                                          the grasp set of the package
grab:/path                                    GRAB, as processed for GrabNet, or raw
oakink:/path?category=mug&intent=use          OakInk-Shape
ho3d:/path?models=/path/YCB&every=10          HO-3D
own:/path/grasps.npz?objects=/path/meshes     your own grasps, as `fastgrasp generate` saves them
set:/path                                     a grasp set, as `fastgrasp synthesize` makes it
/path/to/file.npz                             own or set, told by what the file holds
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

_COUNT, _TEXT, _PLACE = "a number above 0", "a text", "a path"
OPTIONS = {
    "open": {"split": _TEXT},
    "set": {"split": _TEXT},
    "own": {"objects": _PLACE},
    "grab": {"split": _TEXT, "every": _COUNT},
    "oakink": {"split": _TEXT, "category": _TEXT, "intent": _TEXT, "centre": "a keypoint, 0 to 20"},
    "ho3d": {"split": _TEXT, "models": _PLACE, "every": _COUNT},
}
EVERYWHERE = {"limit": _COUNT}  # at most so many grasps, drawn at random
_FORM = "open, grab:/path, oakink:/path, ho3d:/path, own:/grasps.npz?objects=/meshes, set:/path, or a path"


class DataSourceError(ValueError):
    """`--data` names no usable source; the message says what was found and what was expected."""


@dataclass(frozen=True)
class Request:
    """One `--data`: a kind of `OPTIONS`, the path (None for open), the options as text or number."""

    text: str
    kind: str
    path: Path | None
    options: dict[str, str | int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Request:
        """Parse one `--data`. Raises DataSourceError: no such kind, path or option."""
        place, _, query = text.partition("?")
        kind, colon, path = place.partition(":")
        if place == "open":
            kind, path = "open", ""
        elif not colon or kind not in OPTIONS:
            kind, path = _kind_of(place, text), place
        elif not path or kind == "open":
            raise DataSourceError(f"--data {text}: expected {_FORM}")
        options = dict(_option(kind, key, value, text) for key, value in parse_qsl(query, keep_blank_values=True))
        return cls(text, kind, Path(path).expanduser() if path else None, options)


def _kind_of(place: str, text: str) -> str:
    """Return "own" or "set" for a path without a kind. Raises DataSourceError."""
    import zipfile

    path = Path(place).expanduser()
    if path.is_dir():
        if any(path.glob("shard_*.npz")):
            return "set"
        raise DataSourceError(f"--data {text}: a folder without shard_*.npz; a data set needs its kind: {_FORM}")
    if not path.is_file():
        raise DataSourceError(f"--data {text}: no such file or folder, expected {_FORM}")
    try:
        with zipfile.ZipFile(path) as archive:
            return "own" if "format_version.npy" in archive.namelist() else "set"
    except (zipfile.BadZipFile, OSError) as error:
        raise DataSourceError(f"--data {text}: no .npz ({error}), expected {_FORM}") from error


def _option(kind: str, key: str, value: str, text: str) -> tuple[str, str | int]:
    known = OPTIONS[kind] | EVERYWHERE
    if key not in known or not value:
        said = f"has no value for {key}" if key in known else f"has no option {key!r}"
        raise DataSourceError(f"--data {text}: {kind} {said}; it takes {', '.join(known)}")
    if known[key] in (_TEXT, _PLACE):
        return key, value
    least = 1 if known[key] == _COUNT else 0
    if not value.isdecimal() or int(value) < least or (least == 0 and int(value) > 20):
        raise DataSourceError(f"--data {text}: {key} is {value!r}, expected {known[key]}")
    return key, int(value)
