"""Turns at what holds a thread of the web server: so many at once in a process, and of them a share for one tenant, so
that nobody takes all threads from everybody else."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from uuid import UUID

SHARE = 2 / 3


class NoTurn(Exception):
    pass


class Turns:
    def __init__(self, total: int) -> None:
        self._total = total
        self._share = max(1, int(total * SHARE))
        self._taken: Counter[UUID] = Counter()
        self._lock = Lock()

    @contextmanager
    def taken_by(self, tenant_id: UUID) -> Iterator[None]:
        """Raises NoTurn at once where there is none."""
        self._take(tenant_id)
        try:
            yield
        finally:
            self._give_back(tenant_id)

    def _take(self, tenant_id: UUID) -> None:
        with self._lock:
            if self._taken[tenant_id] >= self._share or self._taken.total() >= self._total:
                raise NoTurn
            self._taken[tenant_id] += 1

    def _give_back(self, tenant_id: UUID) -> None:
        with self._lock:
            self._taken[tenant_id] -= 1
            if not self._taken[tenant_id]:
                del self._taken[tenant_id]
