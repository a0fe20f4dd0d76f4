"""The `fastgrasp` command: finds the command named first, runs it, and reports every error in one line.

A command is a function main(argv) -> exit code: those of this package are modules of fastgrasp_model/commands, those of
other packages entry points of the group "fastgrasp.commands". Nothing heavy is imported before a command has read its
options. Exit codes: 0 done, 1 failed, 2 wrong input or request, 130 interrupted.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module

from fastgrasp_model import interrupt

GROUP = "fastgrasp.commands"
OWN = ("check", "generate", "export", "export-hand", "view")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's own) and return the exit code; never raises for a user's
    mistake."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0
    if words[0] == "--version":
        from fastgrasp_model import __version__

        print(__version__)
        return 0
    return run(f"fastgrasp {words[0]}", lambda argv: _find(words[0])(argv), words[1:], debug)


def run(prog: str, command: Callable[[list[str]], int | None], argv: Sequence[str], debug: bool = False) -> int:
    """Run one command and return its exit code; errors and warnings become one line each, which begins with `prog`.

    SIGINT ends the command with code 130 and one line, also where a library swallows KeyboardInterrupt.
    """
    line = f"{prog}: interrupted"
    try:
        with warnings.catch_warnings(), interrupt.watched(line):
            warnings.showwarning = _show_warning
            code = _run(prog, command, list(argv), debug)
            interrupt.check()
            return code
    except KeyboardInterrupt:
        print(line, file=sys.stderr)
        return interrupt.CODE


def _run(prog: str, command: Callable[[list[str]], int | None], argv: list[str], debug: bool) -> int:
    try:
        return int(command(argv) or 0)
    except SystemExit as leaving:  # --help
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BrokenPipeError:  # `fastgrasp ... | head`
        sys.stderr.close()
        return 1
    except Exception as error:
        interrupt.check()  # what followed a swallowed interrupt is no error of its own
        if debug:
            raise
        message, code = _explain(error, prog.split()[-1])
        print(f"{prog}: error: {' '.join(message.split())}", file=sys.stderr)
        return code


def _find(name: str) -> Callable[[list[str]], int]:
    """Return the function of a command. Raises InputError, with the nearest command or the extra to install."""
    if name in OWN:
        return import_module(f"fastgrasp_model.commands.{name.replace('-', '_')}").main
    points = _entry_points()
    if name in points:
        return points[name].load()

    from difflib import get_close_matches

    from fastgrasp_model.commands.extras import COMMANDS, remedy
    from fastgrasp_model.commands.shared import InputError

    if name in COMMANDS:
        raise InputError(f"this command is not installed: {remedy(COMMANDS[name][1])}")
    known = [*OWN, *points]
    near = get_close_matches(name, known, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
    raise InputError(f"unknown command '{name}'; {hint}")


def _explain(error: Exception, name: str) -> tuple[str, int]:
    """The message and exit code of an error. ValueErrors of our packages are the user's; others are named by type."""
    if type(error).__module__.split(".")[0].startswith("fastgrasp"):
        return str(error), 2 if isinstance(error, ValueError) else 1
    if isinstance(error, ImportError):
        from fastgrasp_model.commands.extras import COMMANDS, extra_of, remedy

        extra = extra_of(error.name) or COMMANDS.get(name, (None, None))[1]
        return f"{error}. {remedy(extra) if extra else '`fastgrasp check`'} {'brings' if extra else 'lists'} it", 1
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", 1
    return f"{type(error).__name__}: {error} (a defect, or a broken installation; --debug shows where)", 1


def _show_warning(message, *_args, **_options) -> None:
    print(f"fastgrasp: warning: {' '.join(str(message).split())}", file=sys.stderr)


def _entry_points() -> dict:
    from importlib.metadata import entry_points

    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def _usage() -> str:
    from fastgrasp_model.commands.extras import COMMANDS

    points = _entry_points()
    told = {name: text for name, (text, _) in COMMANDS.items() if name in OWN or name in points}
    told |= {name: f"see fastgrasp {name} --help" for name in points if name not in told}
    lines = ["usage: fastgrasp COMMAND [options]", "", "Human grasps for an object's point cloud.", "", "commands:"]
    lines += [f"  {name:<12} {text}" for name, text in told.items()]
    lines += ["", "fastgrasp COMMAND --help tells more; --debug shows where an error comes from; --version."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
