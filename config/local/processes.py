"""Child processes that leave nothing behind: each leads a session and dies with its parent."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn, Protocol

POLL_INTERVAL_S = 0.1
LAUNCHER = Path(__file__).with_name("launch.py")
LOG_TAIL_LINES = 12
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class PlatformError(Exception):
    """Why the platform cannot start or go on, and what to do; it reaches the user as it is."""


class Service(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...


@contextlib.contextmanager
def running[S: Service](service: S) -> Iterator[S]:
    """Runs it inside the block; nothing of it is left after, not even of a start that failed."""
    try:
        service.start()
        yield service
    finally:
        service.stop()


@dataclass(kw_only=True, eq=False)
class ChildProcess:
    name: str
    command: Sequence[str | Path]
    log_path: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10
    shows_errors: bool = False  # what it writes to stderr, such as a progress bar, is for the user
    _popen: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _has_group: bool = field(default=False, init=False, repr=False)

    def start(self) -> None:
        self.kill()
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._popen = subprocess.Popen(  # noqa: S603  every command is our own
                [*self._launcher(), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=None if self.shows_errors else log,
                env=self.env,
                cwd=self.cwd,
                start_new_session=True,
            )
        self._has_group = True

    def request_stop(self) -> None:
        if self._popen is not None:
            self._popen.send_signal(self.stop_signal)

    def stop(self) -> None:
        self.request_stop()
        self.finish_stop()

    def finish_stop(self) -> None:
        """Waits for the process to end as it was asked to, then kills what is left of its group."""
        if self._popen is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(self.stop_timeout_s)
        self.kill()

    def kill(self) -> None:
        """Leaves nothing of the group: a leader that crashed may have children that did not."""
        if self._popen is None or not self._has_group:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        self._has_group = False  # from here on, another group may get this number

    def failure(self, what_happened: str) -> PlatformError:
        summary = f"{self.name} {what_happened} ({self.state})"
        return PlatformError("\n    ".join([summary, *self._log_tail()]))

    @property
    def pid(self) -> int:
        if self._popen is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._popen.pid

    @property
    def is_running(self) -> bool:
        return self._popen is not None and self.exit_code is None

    @property
    def exit_code(self) -> int | None:
        return None if self._popen is None else self._popen.poll()

    @property
    def state(self) -> str:
        match self.exit_code:
            case None:
                return "running"
            case code if code < 0:
                return signal.Signals(-code).name
            case code:
                return f"exit code {code}"

    def _launcher(self) -> Iterator[str]:
        yield from (sys.executable, "-I", "-S", str(LAUNCHER))
        yield from (str(os.getpid()), str(int(self.stop_signal)), self.user or "")

    def _log_tail(self) -> list[str]:
        return self.log_path.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]


def run(*commands: ChildProcess) -> None:
    """Runs commands side by side, to their ends. Raises PlatformError when one fails."""
    with contextlib.ExitStack() as stack:
        for command in commands:
            stack.enter_context(running(command))
        while any(command.is_running for command in commands):
            time.sleep(POLL_INTERVAL_S)
    for command in commands:
        if command.exit_code != 0:
            raise command.failure("failed")


def wait_until(is_ready: Callable[[], bool], *, children: Sequence[ChildProcess], timeout_s: float) -> None:
    """Raises PlatformError when one of the children ends first, or when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not is_ready():
        for child in children:
            if not child.is_running:
                raise child.failure("ended while starting")
        if time.monotonic() > deadline:
            failures = [child.failure(f"was not ready within {timeout_s:.0f} s") for child in children]
            raise PlatformError("\n".join(map(str, failures)))
        time.sleep(POLL_INTERVAL_S)


def interrupt_on_stop_signals() -> None:
    """Makes TERM and HUP end us as Ctrl-C does, once: make and the terminal may both send one."""
    for number in STOP_SIGNALS:
        is_under_nohup = number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN
        if not is_under_nohup:
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def free_port() -> int:
    """One below those that the system hands to outgoing connections, which could take it before it is used."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311  no secret
        with contextlib.suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            return port
