"""Only the newest item counts."""

import threading

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


def test_of_a_flood_the_newest_is_worked_on():
    done = []
    worker = NewestWorker(done.append, lambda: 20.0)
    for number in range(1000):
        worker.put(number)
    assert wait_until(lambda: done and done[-1] == 999, 5)
    worker.stop()
    assert len(done) < 1000 and done == sorted(done)


def test_what_is_not_due_waits_and_stop_drops_it():
    done = []
    worker = NewestWorker(done.append, lambda: 0.001)
    worker.put(1)
    assert wait_until(lambda: done == [1], 5)
    worker.put(2)  # not due for a quarter of an hour
    worker.stop()
    assert done == [1]


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
