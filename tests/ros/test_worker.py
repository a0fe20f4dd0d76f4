"""Only the newest item counts."""

import threading
import time

from fastgrasp_ros.processes import wait_until
from fastgrasp_ros.worker import NewestWorker


def test_what_waits_is_replaced_by_what_is_newer():
    done, gate, begun = [], threading.Event(), threading.Event()

    def work(item):
        begun.set()
        gate.wait(5)
        done.append(item)

    worker = NewestWorker(work)
    assert worker.put(0) is False
    assert begun.wait(5)
    assert [worker.put(i) for i in (1, 2, 3)] == [False, True, True]
    gate.set()
    assert wait_until(lambda: len(done) == 2, 5)
    worker.stop()
    assert done == [0, 3]


def test_the_rate_is_kept_and_still_the_newest_is_worked_on():
    done = []
    worker = NewestWorker(lambda item: done.append((time.monotonic(), item)), lambda: 10.0)
    end = time.monotonic() + 0.55
    count = 0
    while time.monotonic() < end:
        worker.put(count)
        count += 1
        time.sleep(0.005)
    assert wait_until(lambda: done[-1][1] == count - 1, 2)
    worker.stop()
    times = [when for when, _ in done]
    assert 3 <= len(done) <= 8
    assert min(b - a for a, b in zip(times, times[1:], strict=False)) > 0.08


def test_stop_drops_what_waits_and_ends_the_thread():
    done = []
    worker = NewestWorker(done.append, lambda: 0.1)
    worker.put(1)
    assert wait_until(lambda: done == [1], 5)
    worker.put(2)  # not due for ten seconds
    start = time.monotonic()
    worker.stop()
    assert time.monotonic() - start < 2 and done == [1]


def test_an_exception_is_told_and_the_next_item_is_worked_on():
    done, failed = [], []

    def work(item):
        if item == "bad":
            raise RuntimeError("a defect")
        done.append(item)

    worker = NewestWorker(work, failed=failed.append)
    worker.put("bad")
    assert wait_until(lambda: failed, 5) and str(failed[0]) == "a defect"
    worker.put("good")
    assert wait_until(lambda: done == ["good"], 5)
    worker.stop()
