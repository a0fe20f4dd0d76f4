"""Work in several processes: it ends at once when it is interrupted, and says so when a process is lost."""

import multiprocessing
import os
import signal
import time

import pytest

from fastgrasp_evaluation.metrics.parallel import WorkerError, run_jobs


def _slow(path) -> None:
    time.sleep(60)
    path.touch()


def test_an_interrupt_ends_the_processes_at_once(tmp_path):
    def interrupted(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupted)
    try:
        signal.setitimer(signal.ITIMER_REAL, 1.0)
        with pytest.raises(KeyboardInterrupt):
            run_jobs(_slow, [tmp_path / name for name in "abcd"], 2, "sleeping", quiet=True)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not list(tmp_path.iterdir()) and not multiprocessing.active_children()


def test_a_lost_process_is_an_error_with_a_remedy():
    with pytest.raises(WorkerError, match="fewer --workers"):
        run_jobs(os._exit, [3, 3], 2, "dying", quiet=True)
