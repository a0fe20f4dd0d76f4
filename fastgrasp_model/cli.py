"""The `fastgrasp` command: finds the verb, runs it, and turns every error into one line that says what to do.

    fastgrasp check | generate | evaluate | view | study    (fastgrasp_model/commands/)
    fastgrasp train | synthesize | benchmark | ...          (entry points of the group "fastgrasp.commands")

A verb is a function main(argv) -> exit code. Nothing heavy is imported until a verb runs. Exit codes: 0 done,
1 failed, 2 the input or the request was wrong, 130 interrupted.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from importlib import import_module

VERBS = {
    "check": "what is installed, which hand, weights and device are in use",
    "generate": "grasps for a point cloud or a mesh",
    "view": "a picture of saved grasps; page through a grasp set",
}
GROUP = "fastgrasp.commands"


def main(argv: list[str] | None = None) -> int:
    """Run the command with `argv` (default: the process's own); returns the exit code and never raises for a
    user's mistake."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [word for word in arguments if word != "--debug"]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0
    if arguments[0] == "--version":
        from fastgrasp_model import __version__

        print(__version__)
        return 0
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        return _run(arguments[0], arguments[1:], debug)


def _run(verb: str, arguments: list[str], debug: bool) -> int:
    try:
        return int(_find(verb)(arguments) or 0)
    except SystemExit as leaving:  # argparse: --help, or a wrong option
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except KeyboardInterrupt:
        return _complain(verb, "interrupted", 130)
    except BrokenPipeError:  # `fastgrasp ... | head`
        sys.stderr.close()
        return 1
    except Exception as error:
        if debug:
            raise
        return _complain(verb, *_explain(error))


def _find(verb: str) -> Callable[[list[str]], int]:
    if verb in VERBS:
        return import_module(f"fastgrasp_model.commands.{verb}").main
    for point in _entry_points():
        if point.name == verb:
            return point.load()
    from fastgrasp_model.commands.shared import InputError

    raise InputError(
        f"unknown command '{verb}'; there are {', '.join([*VERBS, *(p.name for p in _entry_points())])}"
    )


def _explain(error: Exception) -> tuple[str, int]:
    """One line and an exit code. Our own ValueErrors speak for themselves; the rest gets its type and a way
    to learn more."""
    ours = type(error).__module__.split(".")[0].startswith("fastgrasp")
    if ours:
        return str(error), 2 if isinstance(error, ValueError) else 1
    if isinstance(error, ImportError):
        return f"{error}. `fastgrasp check` lists what is missing.", 1
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", 1
    return (
        f"{type(error).__name__}: {error} (this is a defect or a broken installation; --debug shows where)",
        1,
    )


def _complain(verb: str, message: str, code: int) -> int:
    line = " ".join(message.split())
    print(f"fastgrasp {verb}: {line}" if code == 130 else f"fastgrasp {verb}: error: {line}", file=sys.stderr)
    return code


def _show_warning(message, *_args, **_options) -> None:
    print(f"fastgrasp: warning: {' '.join(str(message).split())}", file=sys.stderr)


def _entry_points():
    from importlib.metadata import entry_points

    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def _usage() -> str:
    lines = [
        "usage: fastgrasp COMMAND [options]",
        "",
        "Human grasps for an object's point cloud.",
        "",
        "commands:",
    ]
    lines += [f"  {name:<12} {text}" for name, text in VERBS.items()]
    lines += [f"  {point.name:<12} see fastgrasp {point.name} --help" for point in _entry_points()]
    lines += ["", "fastgrasp COMMAND --help tells more; --debug shows where an error comes from; --version."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
