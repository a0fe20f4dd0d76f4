"""Where costly things about an object are kept between runs, by the content they were made from.

Two processes at once are safe: a file appears whole or not at all. A reader who finds one damaged makes it again.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np


def cache_folder() -> Path:
    """FASTGRASP_CACHE, else ~/.cache/fastgrasp."""
    return Path(os.environ.get("FASTGRASP_CACHE") or Path.home() / ".cache" / "fastgrasp")


def cached_file(kind: str, suffix: str, arrays: tuple[np.ndarray, ...], constants: object) -> Path:
    """The place (which need not exist yet) of what is made from arrays and constants: cache/kind/HASH.suffix."""
    key = hashlib.sha256()
    for array in arrays:
        key.update(f"{array.shape} {array.dtype}".encode())
        key.update(np.ascontiguousarray(array).tobytes())
    key.update(repr(constants).encode())
    return cache_folder() / kind / f"{key.hexdigest()[:32]}.{suffix}"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically, its folder too. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as part:
        part.write(content)
    try:
        os.replace(part.name, path)
    except OSError:
        os.unlink(part.name)
        raise
