"""A thread that processes only the newest item: an item that waits is replaced by a newer one."""

import threading
import time
from collections.abc import Callable
from typing import Any


class NewestWorker:
    """Calls `work(item)` in its own thread, at most `rate()` times a second (0: no limit)."""

    def __init__(
        self, work: Callable[[Any], None], rate: Callable[[], float] = lambda: 0.0,
        failed: Callable[[Exception], None] = lambda error: None,
    ) -> None:  # fmt: skip
        """Start the thread. `failed` is told of an exception of `work`, and the next item is taken."""
        self._work, self._rate, self._failed = work, rate, failed
        self._item: Any = None
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="newest-worker", daemon=True)
        self._thread.start()

    def put(self, item: Any) -> bool:
        """Hand over an item; True if it replaced one that waited."""
        with self._changed:
            replaced = self._item is not None
            self._item = item
            self._changed.notify()
        return replaced

    def stop(self) -> None:
        """Finish the item being processed, drop the one that waits, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        due = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._item is not None)
                while not self._stopping and (left := due - time.monotonic()) > 0:
                    self._changed.wait(left)  # a newer item may come meanwhile
                if self._stopping:
                    return
                item, self._item = self._item, None
            try:
                rate = self._rate()
                due = time.monotonic() + (1.0 / rate if rate else 0.0)
                self._work(item)
            except Exception as error:  # the thread must live on
                self._failed(error)
