"""Child processes that end with their parent, and whose output is kept for error messages."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable


def _die_with_parent() -> None:
    """Ask Linux for SIGKILL when the parent ends, for whatever reason."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class ChildProcess(subprocess.Popen):
    """A Python module run in a process of its own: `with ChildProcess("node", "fastgrasp_ros.node", [...]) as child:`.

    Leaving the block stops it.
    """

    def __init__(self, name: str, module: str, arguments: list[str], environment: dict[str, str] | None = None):
        self.name = name
        self._log = tempfile.TemporaryFile("w+")
        super().__init__(
            [sys.executable, "-m", module, *arguments], stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=subprocess.STDOUT, env=environment, preexec_fn=_die_with_parent,
        )  # fmt: skip

    def __exit__(self, *_) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        return self.poll() is None

    def output(self, lines: int = 0) -> str:
        """Return everything it has printed, or the last `lines` lines."""
        position = self._log.tell()
        self._log.seek(0)
        text = self._log.read()
        self._log.seek(position)
        return "\n".join(text.splitlines()[-lines:]) if lines else text

    def stop(self, patience: float = 5.0) -> int:
        """End it with SIGTERM, after `patience` seconds with SIGKILL; return its exit code."""
        self.terminate()
        try:
            return self.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.wait()


def wait_until(condition: Callable[[], object], seconds: float, step: Callable[[], None] | None = None) -> bool:
    """Call `step` (default: sleep 50 ms) until `condition` holds; False if it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        step() if step else time.sleep(0.05)
    return True
