"""Keeps processes running: restarts one that ended, ever later, and gives up when it keeps ending."""

import time
from collections.abc import Sequence

from config.local.complaints import Complaints
from config.local.console import warn
from config.local.processes import POLL_INTERVAL_S, ChildProcess

MAX_DEATHS = 5
DEATHS_WINDOW_S = 60
FIRST_DELAY_S = 0.5


class Supervisor:
    def __init__(self, children: Sequence[ChildProcess]) -> None:
        self._children = children
        self._deaths_at: dict[str, list[float]] = {child.name: [] for child in children}
        self._complaints = [Complaints(child.name, child.log_path) for child in children]

    def watch(self) -> None:
        """Until interrupted. Raises PlatformError when one process ended too often."""
        while True:
            for child in self._children:
                if not child.is_running:
                    self._restart(child)
            for complaints in self._complaints:
                complaints.tell_new()
            time.sleep(POLL_INTERVAL_S)

    def _restart(self, child: ChildProcess) -> None:
        child.kill()
        now = time.monotonic()
        deaths_at = [at for at in self._deaths_at[child.name] if at > now - DEATHS_WINDOW_S]
        self._deaths_at[child.name] = [*deaths_at, now]
        if len(deaths_at) + 1 >= MAX_DEATHS:
            raise child.failure(f"ended {MAX_DEATHS} times within {DEATHS_WINDOW_S} s")
        delay_s = FIRST_DELAY_S * 2 ** len(deaths_at)
        warn(f"{child.name} ended ({child.state}); it starts again in {delay_s:.1f} s")
        time.sleep(delay_s)
        child.start()
