"""`fastgrasp benchmark`: generate grasps for objects, or take the open set's, and measure them."""


def main(argv: list[str] | None = None) -> int:
    """Entry point of the verb; see `command.py`."""
    from fastgrasp_evaluation.benchmark.command import main as run

    return run(argv)
