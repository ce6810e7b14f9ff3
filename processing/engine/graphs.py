"""Optimised graphs, kept beside the weights so that a later start need not optimise again.

    <MODELS_DIR>/<model>/graphs/<version>-<provider>-<precision>-<key>/

The key stands for everything that the content depends on: the weights' hash, the runtime's version, the machine's
instructions. A folder comes into place complete, by a rename; where the weights lie read-only nothing is kept.
"""

import hashlib
import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

UNUSED_AFTER_S = 30 * 24 * 3600


@contextmanager
def folder_for(home: Path, *, name: str, depends_on: tuple[str, ...]) -> Iterator[Path | None]:
    """A folder for a runtime to read its graph from, or to write it to when it is empty; None where none can be."""
    key = hashlib.sha256("\n".join((*depends_on, machine())).encode()).hexdigest()[:16]
    complete = home / f"{name}-{key}"
    if complete.is_dir():
        _touch(complete)
        yield complete
        return
    fresh = _fresh(home, name)
    try:
        yield fresh
    except BaseException:
        if fresh is not None:
            shutil.rmtree(fresh, ignore_errors=True)
        raise
    if fresh is not None:
        _put_in_place(fresh, complete)
        _remove_unused(home)


@cache
def machine() -> str:
    """What this processor is and can do; graphs are optimised for its instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "Features", "CPU implementer", "CPU part")
    found = dict(line.split(":", 1) for line in reversed(lines) if line.startswith(wanted))
    return "\n".join(f"{name.strip()}:{found[name]}" for name in sorted(found))


@cache
def machine_key() -> str:
    return hashlib.sha256(machine().encode()).hexdigest()[:8]


def _fresh(home: Path, name: str) -> Path | None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        return Path(mkdtemp(prefix=f".{name}-", dir=home))
    except OSError:
        return None


def _put_in_place(fresh: Path, complete: Path) -> None:
    """Not where the runtime wrote nothing, or another process was faster."""
    with suppress(OSError):
        if any(fresh.iterdir()):
            fresh.chmod(0o755)
            fresh.rename(complete)
    shutil.rmtree(fresh, ignore_errors=True)


def _touch(folder: Path) -> None:
    with suppress(OSError):  # somebody else's, or read-only
        os.utime(folder)


def _remove_unused(home: Path) -> None:
    """Graphs of earlier runtimes and weights, and what a killed process left."""
    for folder in home.iterdir():
        with suppress(FileNotFoundError):  # another process does the same
            if time.time() - folder.stat().st_mtime > UNUSED_AFTER_S:
                shutil.rmtree(folder, ignore_errors=True)
