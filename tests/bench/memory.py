"""What a family of processes holds in memory, shared pages counted once (proportional set size)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import psutil

INTERVAL_S = 0.25


@dataclass(slots=True)
class Memory:
    """Samples in time: seconds since the first, megabytes."""

    samples: list[tuple[float, float]] = field(default_factory=list)

    @property
    def peak_mb(self) -> float:
        return max(megabytes for _, megabytes in self.samples)

    def growth(self, *, share: float) -> float:
        """The median of the last tenth over that of the first tenth, both of the last `share` of the time."""
        ends_at = self.samples[-1][0]
        late = [megabytes for moment, megabytes in self.samples if moment >= ends_at * (1 - share)]
        tenth = max(1, len(late) // 10)
        first, last = sorted(late[:tenth]), sorted(late[-tenth:])
        return last[len(last) // 2] / first[len(first) // 2]


@contextmanager
def watched(pid: int) -> Iterator[Memory]:
    memory, stop, started = Memory(), Event(), time.monotonic()

    def watch() -> None:
        while not stop.wait(INTERVAL_S):
            memory.samples.append((time.monotonic() - started, family_mb(pid)))

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        stop.set()
        thread.join()


def family_mb(pid: int) -> float:
    total = 0.0
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        try:
            total += process.memory_full_info().pss / 1e6
        except psutil.NoSuchProcess:
            continue
    return total


def listener(port: int) -> int:
    """The process that listens on a local port. Raises LookupError."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:] == (port,) and connection.pid:
            return connection.pid
    raise LookupError(f"nobody that this user can see listens on port {port}")
