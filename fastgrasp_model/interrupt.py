"""Ctrl-C ends a command, also where a library swallows KeyboardInterrupt, and no file is left half-written.

    with watched("fastgrasp generate: interrupted"):
        ...   # SIGINT raises KeyboardInterrupt; if that ends nothing, the process is ended

`files.write_atomically` writes nothing after an interrupt. A command that ends in order by itself calls `forget`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CODE = 130  # exit code of an interrupted command, as shells have it
GRACE = 1.5  # seconds between an interrupt and the end of the process
PARTIAL_FILES: set[str] = set()
"""Temporary files being written, which a forced end removes."""
_noted, _forgotten = threading.Event(), threading.Event()


def noted() -> bool:
    """Return whether SIGINT came within `watched`."""
    return _noted.is_set()


def check() -> None:
    """Raise KeyboardInterrupt where one came before and something swallowed it."""
    if noted():
        raise KeyboardInterrupt


def forget() -> None:
    """Declare the interrupt as dealt with: this command is not ended by force any more."""
    _forgotten.set()
    _noted.clear()


@contextmanager
def watched(line: str) -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt, and `GRACE` seconds later print `line` and end the process with `CODE`.

    Does nothing outside the main thread, and where SIGINT has another handler than Python's or is ignored.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    # The signal's number arrives in a pipe at once, even while the main thread is inside a long call of a C library.
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(receiver, line, over), daemon=True, name="interrupt")
    watcher.start()
    before = signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.set_wakeup_fd(before)
        over.set()
        os.close(sender)  # ends the watcher
        watcher.join()
        os.close(receiver)
        _noted.clear()
        _forgotten.clear()


def _raise(_number: int, _frame: object) -> None:
    _noted.set()
    raise KeyboardInterrupt


def _watch(receiver: int, line: str, over: threading.Event) -> None:
    """End the process `GRACE` seconds after an interrupt, unless it is `over` or forgotten."""
    while number := os.read(receiver, 1):
        if number[0] != signal.SIGINT or signal.getsignal(signal.SIGINT) is not _raise:
            continue  # the command has a handler of its own
        if not over.wait(GRACE) and not _forgotten.is_set():
            _end(line)


def _end(line: str) -> None:
    """End the process and its workers. Imports nothing: the main thread may hold the lock of an import."""
    for path in list(PARTIAL_FILES):
        try:
            os.unlink(path)
        except OSError:
            pass
    if multiprocessing := sys.modules.get("multiprocessing"):
        for child in multiprocessing.active_children():
            child.terminate()
    os.write(2, f"{line}\n".encode())
    os._exit(CODE)
