"""Atomic file writes: a reader sees the old file or the whole new one, never a part of it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from fastgrasp_model import interrupt

PARTIAL = ".part"  # the ending of a temporary file; what an interrupted process leaves matches ".*.part"


def write_atomically(path: str | Path, write: Callable[[BinaryIO], Any]) -> Path:
    """Let `write` fill a temporary sibling of `path`, open for binary writing, then rename it to `path`.

    The parent folders are created and the file gets the permissions 0644. If `write` raises, the temporary file is
    removed and an existing `path` stays untouched. Returns `path`. Raises OSError; KeyboardInterrupt if the command was
    interrupted, also where the interrupt itself was swallowed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = str(path.parent / f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    interrupt.PARTIAL_FILES.add(temporary)  # before it exists: a forced end finds it
    try:
        with open(temporary, "xb") as file:
            write(file)
        os.chmod(temporary, 0o644)
        interrupt.check()
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    finally:
        interrupt.PARTIAL_FILES.discard(temporary)
    return path


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Write `content` to `path`, atomically."""
    return write_atomically(path, lambda file: file.write(content))


def write_text(path: str | Path, text: str) -> Path:
    """Write `text` to `path` in UTF-8, atomically."""
    return write_bytes(path, text.encode())


def write_json(path: str | Path, content: object, indent: int | None = 1, **options: Any) -> Path:
    """Write `content` to `path` as JSON with a final newline, atomically; `options` go to `json.dumps`."""
    return write_text(path, json.dumps(content, indent=indent, **options) + "\n")
