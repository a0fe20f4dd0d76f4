"""What can be wrong: with a file as a whole, or with one hand of it."""

from __future__ import annotations

from pathlib import Path


class HandFileError(ValueError):
    """Saved grasps cannot be read. One line: the path, what was found, what was expected, the remedy."""

    def __init__(self, path: str | Path, message: object) -> None:
        super().__init__(f"{path}: {' '.join(str(message).split())}")


class HandProblem(ValueError):
    """One hand cannot be measured; the message becomes its entry in `HandSet.problems`. Never leaves this folder."""
