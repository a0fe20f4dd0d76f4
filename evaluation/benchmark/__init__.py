"""`fastgrasp benchmark`: generate grasps for objects, or take those of a grasp set, and measure them."""


def main(argv: list[str] | None = None) -> int:
    """Run the command; see `command.py`."""
    from fastgrasp_evaluation.benchmark.command import main as run

    return run(argv)
