"""What `make up` says: a line for each step, with the time it took, and what goes wrong."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CLEAR_LINE = "\r\x1b[K"


def say(text: str = "", *, end: str = "\n") -> None:
    clear = CLEAR_LINE if sys.stdout.isatty() else ""
    with suppress(OSError):  # the terminal may be gone while there are still things to stop
        print(f"{clear}  {text}".rstrip(" "), end=end, flush=True)  # noqa: T201


def warn(text: str) -> None:
    say(f"! {text}")


@contextmanager
def step(title: str) -> Iterator[None]:
    started_at = time.monotonic()
    if sys.stdout.isatty():
        say(f"… {title}", end="\r")
    yield
    say(f"✓ {title:<48} {time.monotonic() - started_at:6.1f} s")
