"""How much memory something takes at its peak."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any


def peak_mb(work: Callable[..., object], *arguments: Any) -> float:
    """Of a new process that does this work and nothing else: all of its resident memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak_mb_after, work, *arguments).result()


def _peak_mb_after(work: Callable[..., object], *arguments: Any) -> float:
    work(*arguments)
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6
