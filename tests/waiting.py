"""Waiting for other processes, and putting them to sleep."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

from config.local.processes import ChildProcess


def wait_for(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


@contextmanager
def suspended(worker: ChildProcess) -> Iterator[None]:
    """The worker and all its children stand still, as after a pulled plug, and go on afterwards."""
    family = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
    for process in family:
        process.suspend()
    try:
        yield
    finally:
        for process in family:
            process.resume()
