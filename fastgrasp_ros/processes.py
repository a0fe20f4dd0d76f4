"""Child processes that never outlive their parent, with their output kept for error messages."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable


def _die_with_parent() -> None:
    """Linux: ask for SIGKILL when the parent dies, however it dies."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Child:
    """A Python module run as a process of its own: `with Child("node", "fastgrasp_ros.node", [...]) as child:`."""

    def __init__(self, name: str, module: str, arguments: list[str], environment: dict[str, str] | None = None):
        self.name = name
        self._log = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            env=environment, preexec_fn=_die_with_parent,
        )  # fmt: skip

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def output(self, lines: int = 0) -> str:
        """Everything it printed so far, or the last `lines` lines."""
        position = self._log.tell()
        self._log.seek(0)
        text = self._log.read()
        self._log.seek(position)
        return "\n".join(text.splitlines()[-lines:]) if lines else text

    def wait(self, seconds: float) -> int | None:
        """Its exit code, or None if it still runs after that time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, patience: float = 5.0) -> int:
        """End it: politely, then by force; returns its exit code."""
        for send in (self._process.terminate, self._process.kill):
            if self.running:
                send()
            if self.wait(patience) is not None:
                break
        return self._process.wait()


def wait_until(condition: Callable[[], object], seconds: float, step: Callable[[], None] | None = None) -> bool:
    """Call `step` (by default a nap of 50 ms) until `condition` holds; False if it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        step() if step else time.sleep(0.05)
    return True
