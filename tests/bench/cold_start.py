"""Prints the seconds from the start of this process to a warm session: python -m tests.bench.cold_start u2net."""

import subprocess
import sys
import time

import psutil

from processing.engine.sessions import SessionCache


def seconds(model: str) -> float:
    command = [sys.executable, "-m", "tests.bench.cold_start", model]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    SessionCache(pinned=sys.argv[1:]).warm()
    print(time.time() - psutil.Process().create_time())
