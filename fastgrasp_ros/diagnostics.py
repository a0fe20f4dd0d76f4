"""What the node tells about itself on /diagnostics (diagnostic_msgs/DiagnosticArray)."""

import threading
import time
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

WARNING_SECONDS = 5.0  # a refused cloud shows for that long


@dataclass
class Health:
    """Counters and the last trouble; safe to use from several threads."""

    received: int = 0
    answered: int = 0
    replaced: int = 0  # clouds that a newer one overtook while they waited
    refused: int = 0
    failed: int = 0
    last_seconds: float = 0.0
    last_error: str = ""
    loaded: dict[str, str] = field(default_factory=dict)
    _level: bytes = DiagnosticStatus.OK
    _when: float = -1e9
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, name: str) -> None:
        """One more `received` or `replaced`."""
        with self._lock:
            setattr(self, name, getattr(self, name) + 1)

    def answer(self, seconds: float) -> None:
        """A cloud was answered."""
        with self._lock:
            self.answered += 1
            self.last_seconds = seconds

    def trouble(self, message: str, level: bytes = DiagnosticStatus.WARN) -> None:
        """A cloud was refused (WARN) or something failed (ERROR)."""
        with self._lock:
            if level == DiagnosticStatus.WARN:
                self.refused += 1
            else:
                self.failed += 1
            self.last_error, self._level, self._when = message, level, time.monotonic()

    def message(self, node_name: str, state: str, stamp) -> DiagnosticArray:
        """The present health as a DiagnosticArray with one status."""
        with self._lock:
            recent = time.monotonic() - self._when < WARNING_SECONDS
            values = {
                "state": state,
                **self.loaded,
                "clouds received": self.received,
                "clouds answered": self.answered,
                "clouds overtaken by newer ones": self.replaced,
                "clouds refused": self.refused,
                "failures": self.failed,
                "last answer (ms)": f"{1000 * self.last_seconds:.1f}",
                "last error": self.last_error,
            }
            status = DiagnosticStatus(
                level=self._level if recent else DiagnosticStatus.OK,
                name=f"{node_name}: grasp planner",
                message=self.last_error if recent else state,
                hardware_id=self.loaded.get("device", ""),
                values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
            )
        array = DiagnosticArray(status=[status])
        array.header.stamp = stamp
        return array
