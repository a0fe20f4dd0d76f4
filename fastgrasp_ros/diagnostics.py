"""What the node reports about itself on /diagnostics (diagnostic_msgs/DiagnosticArray)."""

import threading
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

WARNING_SECONDS = 5.0  # how long a problem sets the level and message of the status


class Health:
    """Counters of clouds and the last problem; safe to use from several threads."""

    def __init__(self):
        self.loaded: dict[str, str] = {}
        self.last_error = ""
        self._counts = dict.fromkeys(("received", "answered", "overtaken by newer ones", "refused"), 0)
        self._failures = 0
        self._last_seconds = 0.0
        self._level, self._when = DiagnosticStatus.OK, -1e9
        self._lock = threading.Lock()

    def count(self, name: str) -> None:
        """Add one to the clouds "received" or "overtaken by newer ones"."""
        with self._lock:
            self._counts[name] += 1

    def count_answer(self, seconds: float) -> None:
        """Count an answered cloud, which took `seconds`."""
        with self._lock:
            self._counts["answered"] += 1
            self._last_seconds = seconds

    def report_problem(self, message: str, level: bytes = DiagnosticStatus.WARN) -> None:
        """Record a refused cloud (WARN) or a failure (ERROR)."""
        with self._lock:
            if level == DiagnosticStatus.WARN:
                self._counts["refused"] += 1
            else:
                self._failures += 1
            self.last_error, self._level, self._when = message, level, time.monotonic()

    def message(self, node_name: str, state: str, stamp) -> DiagnosticArray:
        """Return the present state as a DiagnosticArray with one status."""
        with self._lock:
            recent = time.monotonic() - self._when < WARNING_SECONDS
            values = {
                "state": state,
                **self.loaded,
                **{f"clouds {name}": count for name, count in self._counts.items()},
                "failures": self._failures,
                "last answer (ms)": f"{1000 * self._last_seconds:.1f}",
                "last error": self.last_error,
            }
            status = DiagnosticStatus(
                level=self._level if recent else DiagnosticStatus.OK, name=f"{node_name}: grasp planner",
                message=self.last_error if recent else state, hardware_id=self.loaded.get("device", ""),
                values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
            )
        array = DiagnosticArray(status=[status])
        array.header.stamp = stamp
        return array
