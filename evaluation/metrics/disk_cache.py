"""The folder of costly results about objects, kept between runs under a hash of what they were made from.

Files are written atomically, so several processes may share the folder. Readers make damaged files again.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np


def cached_file(kind: str, suffix: str, arrays: tuple[np.ndarray, ...], constants: object) -> Path:
    """Return the path, which need not exist, of what is made from arrays and constants: CACHE/kind/HASH.suffix.

    CACHE is the environment variable FASTGRASP_CACHE, else ~/.cache/fastgrasp.
    """
    key = hashlib.sha256()
    for array in arrays:
        key.update(f"{array.shape} {array.dtype}".encode())
        key.update(np.ascontiguousarray(array).tobytes())
    key.update(repr(constants).encode())
    cache = Path(os.environ.get("FASTGRASP_CACHE") or Path.home() / ".cache" / "fastgrasp")
    return cache / kind / f"{key.hexdigest()[:32]}.{suffix}"
