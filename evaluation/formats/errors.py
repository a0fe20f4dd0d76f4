"""Errors of a file as a whole, and of one hand of it."""

from __future__ import annotations

from pathlib import Path


class HandFileError(ValueError):
    """Saved grasps cannot be read; one line: path, what was found, what was expected, remedy."""

    def __init__(self, path: str | Path, message: object) -> None:
        super().__init__(f"{path}: {' '.join(str(message).split())}")


class HandProblem(ValueError):
    """One hand cannot be measured; the message becomes its entry in `HandSet.problems`."""
